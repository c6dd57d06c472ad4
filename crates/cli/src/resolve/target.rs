//! Where requests go: URL, credentials, headers, provider, connections.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use plimsoll_core::spec::{ConnectionReuse, HttpChoice, Provider, Secret, TransportSpec};
use plimsoll_drive::protocol::probe::provider_of_host;
use plimsoll_serve::sim::SimOptions;
use url::Url;

use super::{Context, Derived, proxy};
use crate::args::RunArgs;
use crate::args::request::TransportArgs;
use crate::args::values::{HttpName, ReuseName};
use crate::exit::{UsageError, refuse};

/// Where requests go when nobody says: as the load test's own settings had it.
const DEFAULT_HOST: &str = "http://localhost:80";

/// What kind of server the target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// A server reached by HTTP or HTTPS.
    Http,
    /// The simulated server, with what follows `sim://`: a preset, a question mark, options.
    Sim(String),
    /// The same within this process and in simulated time (`time=virtual`).
    InProcess(String),
}

/// A target whose provider and model the server may still have to tell.
#[derive(Clone, Debug)]
pub(crate) struct TargetDraft {
    pub(crate) kind: TargetKind,
    /// Without user, password, query and trailing slash; for the simulated server as typed.
    pub(crate) url: String,
    /// As asked for, or as the host name tells.
    pub(crate) provider: Option<Provider>,
    /// As asked for, or the provider's own.
    pub(crate) model: Option<String>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) endpoint: Option<String>,
}

/// Reads the target's options.
pub(super) fn resolve(
    args: &RunArgs,
    context: &Context,
    own_requests: Option<&'static str>,
    warnings: &mut Vec<String>,
    derived: &mut Vec<Derived>,
) -> Result<TargetDraft, UsageError> {
    let typed = &args.target;
    let own_requests = own_requests.filter(|_| typed.provider.is_none_or(|named| named == Provider::Http));
    let generic = own_requests.is_some() || typed.provider == Some(Provider::Http);
    derived.push(("host", DEFAULT_HOST.to_owned(), "default"));
    let host = typed.host.as_deref().unwrap_or(DEFAULT_HOST);
    let mut headers =
        typed.header.iter().map(|text| header("--header", text)).collect::<Result<Vec<_>, _>>()?;
    let api_key = typed.api_key.as_deref().map(api_key).transpose()?;
    let (kind, url, guess) = match host.strip_prefix("sim:") {
        Some(rest) => (simulated(rest)?, host.to_owned(), None),
        None => {
            let mut url = parse_url(host)?;
            if !typed.no_proxy {
                proxy::check(&url, &context.env)?;
            }
            headers.extend(take_credentials(&mut url, api_key.is_some())?);
            let guess = provider_of_host(url.host_str().unwrap_or_default());
            let base = if generic { bare_url(&url) } else { base_url(&url, warnings)? };
            (TargetKind::Http, base, guess)
        }
    };
    if own_requests.is_some() && typed.provider.is_none() {
        derived.push(("provider", Provider::Http.name().to_owned(), "told by the options of own requests"));
    } else if let Some(guess) = guess {
        derived.push(("provider", guess.name().to_owned(), "told by the host name"));
    }
    let provider = typed.provider.or(own_requests.map(|_| Provider::Http)).or(guess);
    let own_model = provider.and_then(Provider::default_model);
    if let Some(model) = own_model {
        derived.push(("model", model.to_owned(), "default of the provider"));
    }
    let model = typed.model.clone().or_else(|| own_model.map(str::to_owned));
    Ok(TargetDraft {
        kind,
        url,
        provider,
        model,
        headers,
        api_key,
        endpoint: if generic { None } else { endpoint(typed.endpoint.as_deref())? },
    })
}

/// What follows `sim:` and `sim://`: a preset, options, both or nothing. It is read here once, so that a mistake is told
/// before anything is done.
fn simulated(rest: &str) -> Result<TargetKind, UsageError> {
    let (text, time) = take_time(rest.trim_start_matches('/'))?;
    SimOptions::parse(&text).map_err(|error| UsageError(error.to_string()))?;
    match time.as_deref() {
        None | Some("real") => Ok(TargetKind::Sim(text)),
        Some("virtual") => Ok(TargetKind::InProcess(text)),
        Some(other) => {
            refuse!("time={other} in the sim:// target is no time: write time=virtual, or time=real")
        }
    }
}

/// Takes `time=…` out of the options of a simulated server: it says where that runs, not how.
fn take_time(text: &str) -> Result<(String, Option<String>), UsageError> {
    let (preset, query) = text.split_once('?').unwrap_or(("", text));
    let (times, others): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|pair| pair.starts_with("time="));
    match times[..] {
        [] => Ok((text.to_owned(), None)),
        [time] => {
            Ok((format!("{preset}?{}", others.join("&")), time.strip_prefix("time=").map(str::to_owned)))
        }
        _ => refuse!("option `time` is given twice in the sim:// target: give it once"),
    }
}

/// Reads a URL of http or https without a query; `host:port` is one of http.
pub(super) fn parse_url(host: &str) -> Result<Url, UsageError> {
    let shown = without_credentials(host);
    let text = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    let url = Url::parse(&text)
        .map_err(|error| UsageError(format!("`{shown}` is no URL ({error}): write http://host:port")))?;
    match url.scheme() {
        "http" | "https" => {}
        scheme => refuse!("`{shown}` has the scheme {scheme}: a target is http://, https:// or sim://"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        refuse!(
            "`{shown}` has a query or fragment: give the URL up to /v1, and a query with --endpoint '/path?query'"
        );
    }
    Ok(url)
}

/// A URL as typed, without user and password, for error texts.
pub(super) fn without_credentials(host: &str) -> String {
    let start = host.find("://").map_or(0, |scheme| scheme + 3);
    let end = host[start..].find(['/', '?', '#']).map_or(host.len(), |end| start + end);
    match host[start..end].rfind('@') {
        Some(at) => format!("{}{}", &host[..start], &host[start + at + 1..]),
        None => host.to_owned(),
    }
}

/// Turns user and password of the URL into a header.
pub(super) fn take_credentials(url: &mut Url, has_key: bool) -> Result<Option<(String, Secret)>, UsageError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    if has_key {
        refuse!(
            "the URL has a user and there is an API key: both set the header Authorization, give one of them"
        );
    }
    let mut login: Vec<u8> = percent_decode_str(url.username()).collect();
    login.push(b':');
    login.extend(percent_decode_str(url.password().unwrap_or_default()));
    // Neither call can fail on a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Some(("Authorization".to_owned(), Secret::new(format!("Basic {}", STANDARD.encode(login))))))
}

/// Scheme, host, port and base path, without the slash at the end.
fn base_url(url: &Url, warnings: &mut Vec<String>) -> Result<String, UsageError> {
    let base = bare_url(url);
    match base.strip_suffix("/v1") {
        Some(before) => {
            warnings.push(format!("the /v1 at the end of the target is added to every path: using {before}"));
            Ok(before.to_owned())
        }
        None => Ok(base),
    }
}

/// Without the slash at the end, but with whatever else is there.
fn bare_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// `Name: value`. The value appears in no error text.
pub(super) fn header(option: &str, text: &str) -> Result<(String, Secret), UsageError> {
    let Some((name, value)) = text.split_once(':') else {
        // What stands before a missing colon may be a secret: its beginning up to a space is the likely name.
        let length = text.chars().count();
        refuse!("{option} has no colon in its {length} characters: write it as 'Name: value'");
    };
    let (name, value) = (name.trim(), value.trim());
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        refuse!("{option} `{name}` is no header name: use letters, digits and dashes before the colon");
    }
    check_header_value(value, &format!("the value of {option} {name}"))?;
    let ours = ["host", "content-length", "transfer-encoding", "connection"];
    if ours.contains(&name.to_ascii_lowercase().as_str()) {
        refuse!("{option} {name} is set by every request itself: leave it out");
    }
    Ok((name.to_owned(), Secret::new(value)))
}

fn api_key(key: &str) -> Result<Secret, UsageError> {
    let key = key.trim();
    if key.is_empty() {
        refuse!("--api-key is empty: give the key, or leave the option out");
    }
    check_header_value(key, "the API key")?;
    Ok(Secret::new(key))
}

/// Refuses what would end a header.
pub(super) fn check_header_value(value: &str, what: &str) -> Result<(), UsageError> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        refuse!("{what} has a line break or control character in it: remove it");
    }
    Ok(())
}

fn endpoint(path: Option<&str>) -> Result<Option<String>, UsageError> {
    match path {
        Some(path)
            if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) =>
        {
            refuse!("--endpoint `{path}` is no path: begin it with a slash, such as /v1/chat/completions")
        }
        path => Ok(path.map(str::to_owned)),
    }
}

/// Connections and time limits.
pub(super) fn transport(args: &TransportArgs) -> Result<TransportSpec, UsageError> {
    match (&args.cert, &args.key) {
        (Some(_), None) => refuse!("--cert needs its key: add --key FILE"),
        (None, Some(_)) => refuse!("--key needs its certificate: add --cert FILE"),
        _ => {}
    }
    if args.insecure && args.cacert.is_some() {
        refuse!("--insecure accepts any certificate, so --cacert checks nothing: give one of them");
    }
    if args.http2_streams.is_some() && args.http == HttpName::One {
        refuse!("--http2-streams is of HTTP/2, and --http 1.1 speaks HTTP/1.1: leave one of them out");
    }
    for (option, file) in [("--cacert", &args.cacert), ("--cert", &args.cert), ("--key", &args.key)] {
        if let Some(path) = file.as_deref().filter(|path| !std::path::Path::new(path).is_file()) {
            refuse!("{option} {path} is not there: give the path of a PEM file");
        }
    }
    Ok(TransportSpec {
        reuse: match args.connection_reuse {
            ReuseName::Keep => ConnectionReuse::Keep,
            ReuseName::Fresh => ConnectionReuse::Fresh,
        },
        connect_timeout: args.connect_timeout,
        tls_timeout: args.tls_timeout,
        first_byte_timeout: args.first_byte_timeout,
        idle_timeout: args.idle_timeout,
        request_timeout: Some(args.request_timeout).filter(|limit| !limit.is_zero()),
        cacert: args.cacert.clone(),
        cert: args.cert.clone(),
        key: args.key.clone(),
        insecure: args.insecure,
        http: match args.http {
            HttpName::Auto => HttpChoice::Auto,
            HttpName::One => HttpChoice::Http1,
            HttpName::Two => HttpChoice::Http2,
        },
        http2_streams: args.http2_streams,
    })
}
