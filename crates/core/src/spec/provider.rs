//! Who is asked, and through which of its interfaces.

use serde::{Deserialize, Serialize};

/// A flavour of server, as the seed's load test names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Fireworks.
    Fireworks,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// OpenAI, and whatever speaks its API.
    Openai,
    /// Anyscale.
    Anyscale,
    /// Together.
    Together,
    /// Hugging Face text-generation-inference, its native API.
    Tgi,
    /// Triton `infer` with tensors of text.
    TritonInfer,
    /// Triton `generate` and `generate_stream`.
    TritonGenerate,
    /// Triton, its tensors by the Open Inference Protocol (V2).
    Triton,
    /// KServe, the same.
    Kserve,
    /// MLServer, the same.
    Mlserver,
    /// KServe and TensorFlow Serving, the older protocol with instances (V1).
    KserveV1,
    /// TorchServe.
    Torchserve,
    /// `transformers serve`.
    Transformers,
    /// llama.cpp's server.
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    /// Anthropic.
    Anthropic,
    /// Triton, KServe and MLServer, their tensors by gRPC.
    TritonGrpc,
    /// Any REST API: method, path, headers and body are the user's own.
    Http,
}

impl Provider {
    /// All of them, in the order of the seed's load test.
    pub const ALL: [Provider; 19] = [
        Provider::Fireworks,
        Provider::Vllm,
        Provider::Sglang,
        Provider::Openai,
        Provider::Anyscale,
        Provider::Together,
        Provider::Tgi,
        Provider::TritonInfer,
        Provider::TritonGenerate,
        Provider::Triton,
        Provider::Kserve,
        Provider::Mlserver,
        Provider::KserveV1,
        Provider::Torchserve,
        Provider::Transformers,
        Provider::LlamaCpp,
        Provider::Anthropic,
        Provider::TritonGrpc,
        Provider::Http,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::Fireworks => "fireworks",
            Provider::Vllm => "vllm",
            Provider::Sglang => "sglang",
            Provider::Openai => "openai",
            Provider::Anyscale => "anyscale",
            Provider::Together => "together",
            Provider::Tgi => "tgi",
            Provider::TritonInfer => "triton-infer",
            Provider::TritonGenerate => "triton-generate",
            Provider::Triton => "triton",
            Provider::Kserve => "kserve",
            Provider::Mlserver => "mlserver",
            Provider::KserveV1 => "kserve-v1",
            Provider::Torchserve => "torchserve",
            Provider::Transformers => "transformers",
            Provider::LlamaCpp => "llama.cpp",
            Provider::Anthropic => "anthropic",
            Provider::TritonGrpc => "triton-grpc",
            Provider::Http => "http",
        }
    }

    /// Whether it is spoken to by gRPC, and so over HTTP/2.
    pub const fn speaks_grpc(self) -> bool {
        matches!(self, Provider::TritonGrpc)
    }

    /// Other names that people try.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Provider::Http => &["rest", "generic", "generic-http"],
            _ => &[],
        }
    }

    /// The provider called `name`.
    pub fn from_name(name: &str) -> Option<Provider> {
        let called = |provider: &Provider| provider.name() == name || provider.aliases().contains(&name);
        Provider::ALL.into_iter().find(called)
    }

    /// The model to ask for when the user names none and the server need not be asked.
    pub const fn default_model(self) -> Option<&'static str> {
        match self {
            Provider::TritonInfer | Provider::TritonGenerate => Some("ensemble"),
            Provider::Tgi => Some("<unused>"),
            // No model is asked for: the requests are all there is.
            Provider::Http => Some(""),
            _ => None,
        }
    }
}

/// What is asked of a server: one of its interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's text completions.
    Completions,
    /// Text through a server's own API: that of text-generation-inference, Triton's `infer` and `generate`.
    Generate,
    /// Tensors in, tensors out: `infer` of the Open Inference Protocol (V2).
    Infer,
    /// A prediction for a payload: `:predict` of KServe's V1, TorchServe's `predictions`.
    Predict,
    /// OpenAI's embeddings.
    Embeddings,
    /// Documents ranked by a query, as Jina, Cohere, vLLM and llama.cpp do it.
    Rerank,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// OpenAI's transcription of audio.
    Transcriptions,
    /// OpenAI's generation of images.
    Images,
    /// Whatever the user sends.
    Http,
}

impl Interface {
    /// All of them.
    pub const ALL: [Interface; 12] = [
        Interface::Chat,
        Interface::Completions,
        Interface::Generate,
        Interface::Infer,
        Interface::Predict,
        Interface::Embeddings,
        Interface::Rerank,
        Interface::Responses,
        Interface::Messages,
        Interface::Transcriptions,
        Interface::Images,
        Interface::Http,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Interface::Chat => "chat",
            Interface::Completions => "completions",
            Interface::Generate => "generate",
            Interface::Infer => "infer",
            Interface::Predict => "predict",
            Interface::Embeddings => "embeddings",
            Interface::Rerank => "rerank",
            Interface::Responses => "responses",
            Interface::Messages => "messages",
            Interface::Transcriptions => "transcriptions",
            Interface::Images => "images",
            Interface::Http => "http",
        }
    }

    /// The interface called `name`.
    pub fn from_name(name: &str) -> Option<Interface> {
        Interface::ALL.into_iter().find(|interface| interface.name() == name)
    }

    /// Whether prompts are messages, around which the server puts its chat template.
    pub const fn is_chat(self) -> bool {
        matches!(self, Interface::Chat | Interface::Responses | Interface::Messages)
    }

    /// Whether its answers can arrive in pieces.
    pub const fn streams(self) -> bool {
        !matches!(self, Interface::Embeddings | Interface::Rerank | Interface::Images)
    }

    /// Whether requests say how many tokens to generate.
    pub const fn has_length(self) -> bool {
        self.streams() && !self.takes_payloads() && !matches!(self, Interface::Transcriptions)
    }

    /// Whether requests carry tensors or other payloads in place of prompts, so that nothing is counted in tokens.
    pub const fn takes_payloads(self) -> bool {
        matches!(self, Interface::Infer | Interface::Predict | Interface::Http)
    }
}
