//! Requests of the user's own making, as far as they can be said before their files are read.

use plimsoll_core::spec::{
    BodySource, Expect, HttpSpec, Interface, PromptSource, Provider, Secret, VarsSpec,
};
use plimsoll_drive::protocol::check_patterns;
use url::Url;

use super::{Context, TargetDraft, groups, images, in_folder};
use crate::args::RunArgs;
use crate::args::http::{HttpArgs, StreamName};
use crate::exit::{UsageError, refuse};

/// Options that nothing else has.
const OWN: [&str; 9] = [
    "path",
    "method",
    "body",
    "vars",
    "vars-order",
    "expect-status",
    "expect-json",
    "expect-regex",
    "stream-by",
];

/// Requests that wait for what other options say of the target.
#[derive(Clone, Debug)]
pub(crate) struct HttpDraft {
    /// All of it but for headers and prompts.
    rest: HttpSpec,
    given_of_own: Option<&'static str>,
    given_of_models: Option<&'static str>,
    stream: Option<bool>,
}

/// The option that asks for requests of the user's own, if there is one.
pub(super) fn asked_by(given: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    OWN.into_iter().find(|option| given(option))
}

/// Reads the options.
///
/// # Errors
/// A method, path, type or pattern that is none, or two options that say different things.
pub(super) fn resolve(
    args: &RunArgs,
    context: &Context,
    given: &dyn Fn(&str) -> bool,
) -> Result<HttpDraft, UsageError> {
    let typed = &args.http;
    let body = match (body(typed, context)?, images::resolve(&args.images, given)?) {
        (BodySource::None, Some(images)) => BodySource::Images(images),
        (_, Some(_)) => refuse!("--body and --image-bytes both say what is sent: give one of them"),
        (body, None) => body,
    };
    let mut expect =
        Expect { json: typed.expect_json.clone(), regexes: typed.expect_regex.clone(), ..Expect::default() };
    if let Some(statuses) = &typed.expect_status {
        expect.statuses.clone_from(&statuses.0);
    }
    check_patterns(&expect).map_err(|error| UsageError(error.to_string()))?;
    if given("vars-order") && typed.vars.is_none() {
        refuse!("--vars-order is for rows of a file: add --vars FILE, or leave it out");
    }
    Ok(HttpDraft {
        rest: HttpSpec {
            method: method(typed.method.as_deref(), &body)?,
            path: path(typed.path.as_deref(), args.target.endpoint.as_deref())?,
            headers: Vec::new(),
            body,
            content_type: args.payload.content_type.clone(),
            multipart_field: args.payload.multipart_field.clone(),
            vars: typed.vars.as_deref().map(|file| vars(file, typed, context)),
            prompts: Box::new(PromptSource::Text(String::new())),
            shaped_by: groups::of_prompts().find(|option| given(option)),
            expect,
            stream_by: typed.stream_by.and_then(StreamName::stream_by),
        },
        given_of_own: asked_by(given),
        given_of_models: groups::MODELS.into_iter().find(|option| given(option)),
        stream: match (args.api.stream, args.api.no_stream) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
    })
}

fn method(typed: Option<&str>, body: &BodySource) -> Result<String, UsageError> {
    let usual = if *body == BodySource::None { "GET" } else { "POST" };
    let method = typed.unwrap_or(usual).trim().to_ascii_uppercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if method.is_empty() || !method.chars().all(is_token) {
        refuse!("--method `{}` is no method: write it as GET, PUT, DELETE …", method.escape_debug());
    }
    if method == "CONNECT" {
        refuse!("--method CONNECT opens a tunnel, which is no request: use another method");
    }
    Ok(method)
}

fn path(path: Option<&str>, endpoint: Option<&str>) -> Result<String, UsageError> {
    let path = match (path, endpoint) {
        (Some(_), Some(_)) => refuse!("--path and --endpoint both say the path: give one of them"),
        (path, endpoint) => path.or(endpoint).unwrap_or_default(),
    };
    if !path.is_empty() && !path.starts_with(['/', '?']) && !path.starts_with("{{") {
        refuse!("--path `{}` is no path: begin it with a slash, such as /predict", path.escape_debug());
    }
    Ok(path.to_owned())
}

fn body(typed: &HttpArgs, context: &Context) -> Result<BodySource, UsageError> {
    let Some(text) = typed.body.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(BodySource::None);
    };
    let Some(name) = text.strip_prefix('@') else { return Ok(BodySource::Inline(text.to_owned())) };
    let path = in_folder(&context.folder, std::path::Path::new(name));
    if !path.exists() {
        refuse!("--body {} is not there: check the path after @", path.display());
    }
    Ok(BodySource::Path(path.display().to_string()))
}

fn vars(file: &str, typed: &HttpArgs, context: &Context) -> VarsSpec {
    let path = in_folder(&context.folder, std::path::Path::new(file.trim_start_matches('@')));
    VarsSpec { path: path.display().to_string(), order: typed.vars_order.pick() }
}

impl HttpDraft {
    /// Whether events of a streamed answer were asked for.
    pub(super) fn streams(&self) -> bool {
        self.rest.stream_by.is_some()
    }

    /// What the user should know before the run.
    pub(super) fn warning(&self) -> Option<String> {
        let bare = matches!(self.rest.method.as_str(), "GET" | "HEAD" | "DELETE" | "TRACE");
        (bare && self.rest.body != BodySource::None).then(|| {
            format!(
                "{} has no use for a body (--body): it is sent, and the server may ignore it",
                self.rest.method
            )
        })
    }

    /// The requests of a run that asks `target` for an interface of its provider; nothing if they are not the user's own.
    /// Takes the header fields that are part of them out of the target.
    ///
    /// # Errors
    /// An option was given that means nothing there.
    pub(crate) fn for_interface(
        &self,
        (provider, interface): (Provider, Interface),
        prompts: &PromptSource,
        target: &mut TargetDraft,
    ) -> Result<Option<HttpSpec>, UsageError> {
        if interface != Interface::Http {
            return match self.given_of_own {
                Some(option) => refuse!(
                    "--{option} is for requests of your own, and {} has its own: leave it out, or use --provider http",
                    provider.name()
                ),
                None => Ok(None),
            };
        }
        if let Some(option) = self.given_of_models {
            refuse!(
                "--{option} means nothing to requests of your own: write what the server wants into --body"
            );
        }
        match (self.stream, self.rest.stream_by) {
            (Some(true), None) => {
                refuse!("--stream does not say what an event is: write --stream-by line, sse or chunk")
            }
            (Some(false), Some(_)) => {
                refuse!("--no-stream and --stream-by exclude each other: give one of them")
            }
            _ => {}
        }
        if matches!(prompts, PromptSource::Jsonl { .. }) {
            refuse!(
                "a data set has whole requests for language models: read its lines with --vars FILE.jsonl"
            );
        }
        let of_body =
            [("content-type", &self.rest.content_type), ("multipart-field", &self.rest.multipart_field)];
        if let Some((option, _)) = of_body.iter().find(|(_, given)| given.is_some())
            && self.rest.body == BodySource::None
        {
            refuse!("--{option} says how a body is sent, and there is none: add --body, or leave it out");
        }
        let mut spec = HttpSpec { prompts: Box::new(prompts.clone()), ..self.rest.clone() };
        spec.path = whole_path(&spec.path, &target.url);
        spec.content_type = content_type(spec.content_type, &mut target.headers)?;
        let headers = std::mem::take(&mut target.headers).into_iter();
        (spec.headers, target.headers) = headers.partition(|(_, value)| value.reveal().contains("{{"));
        let sets_key = |(name, _): &(String, Secret)| name.eq_ignore_ascii_case("authorization");
        if target.api_key.is_some() && spec.headers.iter().any(sets_key) {
            refuse!("--api-key and --header both set the header Authorization: give one of them");
        }
        Ok(Some(spec))
    }
}

/// The path after that of the URL, which may be all of it.
fn whole_path(path: &str, url: &str) -> String {
    let has_path = Url::parse(url).is_ok_and(|url| url.has_host() && url.path().len() > 1);
    if (path.is_empty() || path.starts_with('?')) && !has_path { format!("/{path}") } else { path.to_owned() }
}

/// The type of the body, which a header may say as well.
fn content_type(
    option: Option<String>,
    headers: &mut Vec<(String, Secret)>,
) -> Result<Option<String>, UsageError> {
    let Some(at) = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type")) else {
        return Ok(option);
    };
    let (_, value) = headers.remove(at);
    if option.is_some() {
        refuse!("--content-type and --header both set the header Content-Type: give one of them");
    }
    if value.reveal().contains("{{") {
        refuse!(
            "--header Content-Type says how values are written in the body, and so cannot have variables itself"
        );
    }
    Ok(Some(value.reveal().to_owned()))
}
