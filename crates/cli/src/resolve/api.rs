//! How requests are asked, as far as it can be said before the provider is known.

use std::sync::Arc;

use plimsoll_core::spec::{Api, Interface, Provider, WorkloadSpec};
use plimsoll_drive::protocol::{self, ProtocolError, supports};
use serde_json::Value;

use super::{Context, family, in_folder};
use crate::args::RunArgs;
use crate::exit::{UsageError, refuse};

/// An [`Api`] whose form may still depend on the provider.
#[derive(Clone, Debug)]
pub(crate) struct ApiDraft {
    /// What is asked, if somebody said so.
    pub(crate) interface: Option<Interface>,
    /// Streamed or not, if somebody said so.
    pub(crate) stream: Option<bool>,
    /// The rest; its `interface`, `stream`, `ignore_eos` and `keep_text` are set with the provider.
    rest: Api,
    forced_from_dataset: bool,
    show_response: bool,
}

/// Reads the options; a file of forced texts is read here.
pub(super) fn resolve(
    args: &RunArgs,
    context: &Context,
    given: &dyn Fn(&str) -> bool,
    warnings: &mut Vec<String>,
) -> Result<ApiDraft, UsageError> {
    let api = &args.api;
    let interface = family::interface(args)?;
    let rest = Api {
        interface: Interface::Chat,
        stream: true,
        logprobs: api.logprobs,
        temperature: api.temperature,
        top_k: api.top_k,
        n: api.n.get(),
        reasoning_effort: api.reasoning_effort.clone(),
        clear_assistant: api.clear_assistant,
        first_visible_token: api.first_visible_token,
        ignore_eos: false,
        prompt_cache_max_len: args.workload.prompt_cache_max_len,
        force_min_tokens: api.force_min_tokens,
        acceptance_probs_override: api.acceptance_probs_override.clone().map(|all| all.0),
        forced_generation: forced_texts(args, context)?,
        extra_body: api.extra_body.clone().map(|object| object.0),
        keep_text: false,
        family: family::resolve(args, interface, given, warnings)?,
    };
    Ok(ApiDraft {
        interface,
        stream: said(api.stream, api.no_stream),
        rest,
        forced_from_dataset: args.workload.forced_generation_from_dataset,
        show_response: args.output.show_response,
    })
}

fn said(yes: bool, no: bool) -> Option<bool> {
    (yes || no).then_some(yes)
}

impl ApiDraft {
    /// What is asked of a server that has `interfaces`. `--no-chat` is the text interface, whatever its name there.
    fn interface(&self, interfaces: &[Interface]) -> Interface {
        match self.interface {
            Some(Interface::Completions) if interfaces.contains(&Interface::Generate) => Interface::Generate,
            Some(interface) => interface,
            None => interfaces.first().copied().unwrap_or(Interface::Chat),
        }
    }

    /// The form that this provider gets.
    ///
    /// # Errors
    /// Something was asked for that this provider does not have.
    pub(crate) fn for_provider(self, provider: Provider, workload: &WorkloadSpec) -> Result<Api, UsageError> {
        let can = supports(provider);
        let interface = self.interface(can.interfaces);
        // Predictions are streamed by handlers and models that are written to do so, and only then.
        let by_itself = can.stream && interface.streams() && !interface.takes_payloads();
        let stream = self.stream.unwrap_or(by_itself);
        if self.rest.first_visible_token && !(interface.is_chat() && stream) {
            refuse!(
                "--first-visible-token needs reasoning to be told from text as it streams: add --chat and --stream"
            );
        }
        if self.forced_from_dataset && provider != Provider::Fireworks {
            let (provider, option) = (provider.name(), "--forced-generation-from-dataset");
            refuse!("{}", ProtocolError::FireworksOnly { provider, option });
        }
        let api = Api {
            interface,
            stream,
            ignore_eos: matches!(provider, Provider::Vllm | Provider::Sglang | Provider::LlamaCpp),
            // What reports no token counts is counted here.
            keep_text: self.show_response
                || workload.tokenizer.is_some() && !interface.takes_payloads()
                || !can.token_counts,
            ..self.rest
        };
        // Where requests carry payloads, images of a size are those.
        let images = match interface.takes_payloads() {
            true => workload.images.len(),
            false => workload.images_per_prompt(),
        };
        protocol::check(provider, &api, images > 0).map_err(|error| UsageError(error.to_string()))?;
        Ok(api)
    }
}

/// Texts to force: one per line, or JSONL with `text`.
fn forced_texts(args: &RunArgs, context: &Context) -> Result<Arc<[String]>, UsageError> {
    let Some(path) = &args.workload.forced_generation_file else {
        return Ok(Arc::from([]));
    };
    if args.workload.forced_generation_from_dataset {
        refuse!(
            "--forced-generation-file and --forced-generation-from-dataset exclude each other: give one of them"
        );
    }
    let path = in_folder(&context.folder, path);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        UsageError(format!(
            "cannot read --forced-generation-file {} ({error}): check its path",
            path.display()
        ))
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let texts: Arc<[String]> = lines.map(forced_text).collect();
    if texts.is_empty() {
        refuse!("--forced-generation-file {} has no texts: write one per line", path.display());
    }
    Ok(texts)
}

fn forced_text(line: &str) -> String {
    let object: Option<Value> = serde_json::from_str(line).ok();
    let text = object.as_ref().and_then(|object| object.get("text")).and_then(Value::as_str);
    text.unwrap_or(line).to_owned()
}
