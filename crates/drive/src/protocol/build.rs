//! Which protocol a run speaks, and what each provider can be asked.

use std::sync::Arc;

use plimsoll_core::spec::{Api, Interface, Provider, RunSpec};
use thiserror::Error;

use super::Protocol;
use super::embeddings::embeddings;
use super::http::{Http, PatternError};
use super::images::images;
use super::infer_grpc::InferGrpc;
use super::messages::messages;
use super::openai_chat::chat;
use super::openai_completions::completions;
use super::predict::Predict;
use super::rerank::rerank;
use super::responses::responses;
use super::tgi::Tgi;
use super::torchserve::TorchServe;
use super::transcriptions::Transcriptions;
use super::triton::Triton;
use super::v2::V2;

/// What OpenAI and the servers that speak its API have.
const OPENAI: [Interface; 8] = [
    Interface::Chat,
    Interface::Completions,
    Interface::Embeddings,
    Interface::Rerank,
    Interface::Responses,
    Interface::Messages,
    Interface::Transcriptions,
    Interface::Images,
];

/// What can be asked of a provider. All of them complete text without streaming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supports {
    /// The interfaces it has; the first is the default.
    pub interfaces: &'static [Interface],
    /// Streamed answers.
    pub stream: bool,
    /// Several sequences per request.
    pub many: bool,
    /// Images (in chat).
    pub images: bool,
    /// Log probabilities.
    pub logprobs: bool,
    /// Sampling among the k likeliest tokens.
    pub top_k: bool,
    /// A reasoning effort.
    pub reasoning_effort: bool,
    /// Answers tell how many tokens they have; otherwise they must be counted from the text.
    pub token_counts: bool,
}

/// What can be asked of `provider`.
pub fn supports(provider: Provider) -> Supports {
    let all = Supports {
        interfaces: &OPENAI,
        stream: true,
        many: true,
        images: true,
        logprobs: true,
        top_k: true,
        reasoning_effort: true,
        token_counts: true,
    };
    let text_only =
        Supports { interfaces: &[Interface::Completions], images: false, reasoning_effort: false, ..all };
    let tgi = Supports { interfaces: &[Interface::Generate], many: false, ..text_only };
    let triton = Supports { logprobs: false, top_k: false, token_counts: false, ..tgi };
    // Nothing in these is counted in tokens, so there is nothing to count here either.
    let payloads =
        Supports { interfaces: &[Interface::Predict], stream: false, token_counts: true, ..triton };
    match provider {
        Provider::Openai => all,
        Provider::Fireworks | Provider::Vllm => Supports { interfaces: &OPENAI[..7], ..all },
        Provider::Sglang => Supports { interfaces: &OPENAI[..5], ..all },
        Provider::Anyscale => Supports { interfaces: &OPENAI[..3], ..all },
        Provider::Together => Supports {
            interfaces: &[
                Interface::Completions,
                Interface::Embeddings,
                Interface::Rerank,
                Interface::Transcriptions,
                Interface::Images,
            ],
            ..text_only
        },
        Provider::Tgi => tgi,
        Provider::TritonInfer => Supports { stream: false, ..triton },
        Provider::TritonGenerate => triton,
        Provider::Triton | Provider::Kserve | Provider::Mlserver => {
            Supports { interfaces: &[Interface::Infer], ..payloads }
        }
        Provider::KserveV1 => payloads,
        Provider::Torchserve => Supports { stream: true, ..payloads },
        Provider::Transformers => Supports {
            interfaces: &[
                Interface::Chat,
                Interface::Completions,
                Interface::Responses,
                Interface::Transcriptions,
            ],
            many: false,
            logprobs: false,
            ..all
        },
        Provider::LlamaCpp => Supports { interfaces: &OPENAI[..6], ..all },
        Provider::Anthropic => Supports { interfaces: &[Interface::Messages], many: false, ..all },
        Provider::TritonGrpc => Supports { interfaces: &[Interface::Infer], stream: true, ..payloads },
        Provider::Http => Supports { interfaces: &[Interface::Http], stream: true, ..payloads },
    }
}

/// A run that asks a provider for what it does not have.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// Not in the provider's API.
    #[error("{provider} {lacks}: {instead}")]
    Unsupported {
        /// The provider's name.
        provider: &'static str,
        /// What it lacks, or does in its place.
        lacks: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// An interface that the provider does not have.
    #[error("{provider} has no interface `{interface}`: use --api {instead}, or leave it out")]
    NoInterface {
        /// The provider's name.
        provider: &'static str,
        /// The interface's name.
        interface: &'static str,
        /// Those that it has.
        instead: String,
    },
    /// Not in the interface, whoever provides it.
    #[error("the interface `{interface}` has no {what}: {instead}")]
    NotInInterface {
        /// The interface's name.
        interface: &'static str,
        /// What it lacks.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A pattern that is no regular expression.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A run of the user's own requests without any.
    #[error("there are no requests to send: give their --path, --method or --body")]
    NoRequests,
    /// An option that only Fireworks understands.
    #[error(
        "{option} exists at Fireworks only, and the provider is {provider}: leave it out, or add --provider fireworks"
    )]
    FireworksOnly {
        /// The provider's name.
        provider: &'static str,
        /// The option.
        option: &'static str,
    },
}

/// The protocol of a run.
///
/// # Errors
/// The run asks the provider for what it does not have.
pub fn build(spec: &RunSpec) -> Result<Arc<dyn Protocol>, ProtocolError> {
    check(spec.target.provider, &spec.api, spec.workload.images_per_prompt() > 0)?;
    Ok(match spec.api.interface {
        Interface::Chat => Arc::new(chat(spec)),
        Interface::Completions => Arc::new(completions(spec)),
        Interface::Generate => match spec.target.provider {
            Provider::TritonInfer => Arc::new(Triton::infer(spec)),
            Provider::TritonGenerate => Arc::new(Triton::generate(spec)),
            _ => Arc::new(Tgi::new(spec)),
        },
        Interface::Infer => match spec.target.provider {
            Provider::TritonGrpc => Arc::new(InferGrpc::new(spec)),
            _ => Arc::new(V2::new(spec)),
        },
        Interface::Predict => match spec.target.provider {
            Provider::Torchserve => Arc::new(TorchServe::new(spec)),
            _ => Arc::new(Predict::new(spec)),
        },
        Interface::Embeddings => Arc::new(embeddings(spec)),
        Interface::Rerank => Arc::new(rerank(spec)),
        Interface::Responses => Arc::new(responses(spec)),
        Interface::Messages => Arc::new(messages(spec)),
        Interface::Transcriptions => Arc::new(Transcriptions::new(spec)),
        Interface::Images => Arc::new(images(spec)),
        Interface::Http => Arc::new(Http::new(spec)?),
    })
}

/// Whether `provider` has all that `api` asks for; `images` says whether prompts have any.
///
/// # Errors
/// What it lacks, and what to do.
pub fn check(provider: Provider, api: &Api, images: bool) -> Result<(), ProtocolError> {
    let can = supports(provider);
    if !can.interfaces.contains(&api.interface) {
        let names: Vec<&str> = can.interfaces.iter().map(|interface| interface.name()).collect();
        let (provider, interface) = (provider.name(), api.interface.name());
        return Err(ProtocolError::NoInterface { provider, interface, instead: names.join(" or ") });
    }
    check_interface(api)?;
    let not_streaming = match provider {
        Provider::TritonInfer => "leave out --stream, or use --provider triton-generate",
        _ => "leave out --stream",
    };
    let in_chats = can.images && can.interfaces.contains(&Interface::Chat);
    for (asked, supported, lacks, instead) in [
        (api.stream, can.stream, "does not stream", not_streaming),
        (api.n != 1, can.many, "generates one sequence per request", "leave out -n"),
        (images, in_chats, "takes no images", "leave out --prompt-images-with-resolutions and --image-bytes"),
        (
            images,
            api.interface == Interface::Chat,
            "takes images in chats only",
            "add --chat, or leave out --prompt-images-with-resolutions",
        ),
        (api.logprobs.is_some(), can.logprobs, "has no log probabilities", "leave out --logprobs"),
        (api.top_k.is_some(), can.top_k, "has no top-k sampling", "leave out --top-k"),
        (
            api.reasoning_effort.is_some(),
            can.reasoning_effort,
            "has no reasoning effort",
            "leave out --reasoning-effort",
        ),
    ] {
        if asked && !supported {
            return Err(ProtocolError::Unsupported { provider: provider.name(), lacks, instead });
        }
    }
    check_fireworks(provider, api)
}

/// What an interface lacks, whoever provides it.
fn check_interface(api: &Api) -> Result<(), ProtocolError> {
    let interface = api.interface;
    let of_text = matches!(interface, Interface::Chat | Interface::Completions | Interface::Generate);
    let newer = matches!(interface, Interface::Responses | Interface::Messages);
    for (asked, supported, what, instead) in [
        (api.stream, interface.streams(), "streaming", "leave out --stream"),
        (
            api.n != 1,
            of_text || interface == Interface::Images,
            "several answers per request",
            "leave out -n",
        ),
        (api.logprobs.is_some(), of_text, "log probabilities", "leave out --logprobs"),
        (api.top_k.is_some(), of_text || newer, "top-k sampling", "leave out --top-k"),
        (
            api.reasoning_effort.is_some(),
            of_text || interface == Interface::Responses,
            "reasoning effort",
            "leave out --reasoning-effort (messages: --extra-body '{\"thinking\": …}')",
        ),
    ] {
        if asked && !supported {
            return Err(ProtocolError::NotInInterface { interface: interface.name(), what, instead });
        }
    }
    Ok(())
}

fn check_fireworks(provider: Provider, api: &Api) -> Result<(), ProtocolError> {
    if provider == Provider::Fireworks {
        return Ok(());
    }
    for (asked, option) in [
        (api.force_min_tokens, "--force-min-tokens"),
        (api.acceptance_probs_override.is_some(), "--acceptance-probs-override"),
        (!api.forced_generation.is_empty(), "--forced-generation-file"),
    ] {
        if asked {
            return Err(ProtocolError::FireworksOnly { provider: provider.name(), option });
        }
    }
    Ok(())
}
