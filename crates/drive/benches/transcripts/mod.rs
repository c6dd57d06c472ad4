//! Runs, requests and recorded answers with which the hot path is measured.

use std::sync::Arc;

use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{Interface, Provider, RunSpec};
use plimsoll_core::testing;
use plimsoll_core::workload::{Prompt, RequestSpec};

/// Tokens of a stream.
const TOKENS: usize = 128;

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A chat that is streamed.
    Stream,
    /// A text completion of one token.
    Post,
}

impl Kind {
    /// A run of such requests.
    pub(crate) fn run(self) -> RunSpec {
        let mut spec = testing::run();
        spec.target.provider = Provider::Vllm;
        spec.target.url = "http://127.0.0.1:8000".to_owned();
        spec.api.keep_text = false;
        (spec.api.stream, spec.api.interface) = match self {
            Kind::Stream => (true, Interface::Chat),
            Kind::Post => (false, Interface::Completions),
        };
        spec
    }

    /// One of them.
    pub(crate) fn request(self) -> RequestSpec {
        RequestSpec {
            id: RequestId(0),
            prompt: Prompt::Text("The quick brown fox jumps over the lazy dog".into()),
            images: Arc::from([]),
            max_tokens: match self {
                Kind::Stream => TOKENS as u32,
                Kind::Post => 1,
            },
            prompt_tokens: None,
            cancel: false,
        }
    }

    /// What answers it, read by read.
    pub(crate) fn reads(self) -> Vec<Vec<u8>> {
        match self {
            Kind::Stream => streamed(),
            Kind::Post => vec![whole()],
        }
    }
}

/// A stream as vLLM writes it, each event in a read of its own.
fn streamed() -> Vec<Vec<u8>> {
    let event = |delta: &str, reason: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1795376590,\
             \"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let chunk = |body: String| format!("{:x}\r\n{body}\r\n", body.len());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut reads = vec![head.to_owned(), chunk(event("{\"role\":\"assistant\",\"content\":\"\"}", "null"))];
    for place in 0..TOKENS {
        let word = [" time", " work", " word", " line"][place % 4];
        reads.push(chunk(event(&format!("{{\"content\":\"{word}\"}}"), "null")));
    }
    reads.push(chunk(event("{}", "\"length\"")));
    let usage = "data: {\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1795376590,\
                 \"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":137,\"completion_tokens\":128}}\n\n";
    reads.push(chunk(usage.to_owned()));
    reads.push(chunk("data: [DONE]\n\n".to_owned()) + "0\r\n\r\n");
    reads.into_iter().map(String::into_bytes).collect()
}

/// A completion of one token in one read.
fn whole() -> Vec<u8> {
    let body = "{\"id\":\"cmpl-0123456789abcdef\",\"object\":\"text_completion\",\"created\":1795376590,\"model\":\"m\",\
                \"choices\":[{\"index\":0,\"text\":\" time\",\"logprobs\":null,\"finish_reason\":\"length\"}],\
                \"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}
