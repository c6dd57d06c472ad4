//! How requests are asked, as far as it can be said before the provider is known.

use std::sync::Arc;

use plimsoll_core::spec::{Api, Provider, WorkloadSpec};
use serde_json::Value;

use super::{Context, in_folder};
use crate::args::RunArgs;
use crate::exit::{UsageError, refuse};

/// An [`Api`] whose form may still depend on the provider.
#[derive(Clone, Debug)]
pub(crate) struct ApiDraft {
    /// Chat or not, if somebody said so.
    pub(crate) chat: Option<bool>,
    /// Streamed or not, if somebody said so.
    pub(crate) stream: Option<bool>,
    /// The rest; its `chat`, `stream`, `ignore_eos` and `keep_text` are set with the provider.
    rest: Api,
    forced_from_dataset: bool,
    show_response: bool,
}

/// Reads the options; a file of forced texts is read here.
pub(super) fn resolve(args: &RunArgs, context: &Context) -> Result<ApiDraft, UsageError> {
    let api = &args.api;
    let rest = Api {
        chat: true,
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
    };
    Ok(ApiDraft {
        chat: said(api.chat, api.no_chat),
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
    /// The form that this provider gets.
    ///
    /// # Errors
    /// Something was asked for that this provider does not have.
    pub(crate) fn for_provider(self, provider: Provider, workload: &WorkloadSpec) -> Result<Api, UsageError> {
        let name = provider.name();
        let native = matches!(provider, Provider::Tgi | Provider::TritonInfer | Provider::TritonGenerate);
        if native && self.chat == Some(true) {
            refuse!("{name} has no chat API: leave out --chat");
        }
        if provider == Provider::TritonInfer && self.stream == Some(true) {
            refuse!("triton-infer does not stream: leave out --stream, or use --provider triton-generate");
        }
        let chat = self.chat.unwrap_or(!native && provider != Provider::Together);
        let stream = self.stream.unwrap_or(provider != Provider::TritonInfer);
        self.check(provider, chat, stream, workload)?;
        if native {
            self.check_native(provider, workload)?;
        }
        // Triton reports no token counts, so answers are counted here.
        let counted_here = matches!(provider, Provider::TritonInfer | Provider::TritonGenerate);
        Ok(Api {
            chat,
            stream,
            ignore_eos: matches!(provider, Provider::Vllm | Provider::Sglang),
            keep_text: self.show_response || workload.tokenizer.is_some() || counted_here,
            ..self.rest
        })
    }

    fn check(
        &self,
        provider: Provider,
        chat: bool,
        stream: bool,
        workload: &WorkloadSpec,
    ) -> Result<(), UsageError> {
        if self.rest.first_visible_token && !(chat && stream) {
            refuse!(
                "--first-visible-token needs reasoning to be told from text as it streams: add --chat and --stream"
            );
        }
        if !workload.images.is_empty() && !chat {
            refuse!("--prompt-images-with-resolutions needs the chat API: add --chat");
        }
        let only_fireworks = [
            ("--acceptance-probs-override", self.rest.acceptance_probs_override.is_some()),
            ("--forced-generation-file", !self.rest.forced_generation.is_empty()),
            ("--forced-generation-from-dataset", self.forced_from_dataset),
            ("--force-min-tokens", self.rest.force_min_tokens),
        ];
        match only_fireworks.iter().find(|(_, given)| *given && provider != Provider::Fireworks) {
            Some((option, _)) => refuse!(
                "{option} exists at Fireworks only, and the provider is {}: leave it out, or add --provider fireworks",
                provider.name()
            ),
            None => Ok(()),
        }
    }

    /// What the servers with APIs of their own do not take.
    fn check_native(&self, provider: Provider, workload: &WorkloadSpec) -> Result<(), UsageError> {
        let name = provider.name();
        if self.rest.n != 1 {
            refuse!("{name} generates one sequence per request: leave out -n");
        }
        if self.rest.logprobs.is_some() && provider != Provider::Tgi {
            refuse!("{name} has no log probabilities: leave out --logprobs");
        }
        if !workload.images.is_empty() {
            refuse!("{name} takes no images: leave out --prompt-images-with-resolutions");
        }
        Ok(())
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
