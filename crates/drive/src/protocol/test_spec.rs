//! Runs and requests for the tests of protocols.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::load::{ClosedLoop, ClosedShape, LoadModel, ThinkTime};
use plimsoll_core::record::RequestId;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{
    Api, ConnectionReuse, HttpChoice, ImagePosition, Interface, LengthShape, OutputLength, Phases,
    PromptSource, Provider, RunSpec, SPEC_FORMAT, Target, TransportSpec, WorkloadSpec,
};
use plimsoll_core::workload::{Members, Prompt, RequestSpec};

use super::supports;

/// A run against `provider`, chat (else its interface for text) and streaming as asked, nothing else out of the
/// ordinary.
pub(super) fn spec(provider: Provider, chat: bool, stream: bool) -> RunSpec {
    RunSpec {
        format: SPEC_FORMAT,
        name: "test".to_owned(),
        seed: Seed(0),
        threads: 1,
        target: Target {
            url: "http://127.0.0.1:1".to_owned(),
            provider,
            model: provider.default_model().unwrap_or("tiny").to_owned(),
            headers: Vec::new(),
            api_key: None,
            endpoint: None,
        },
        api: Api {
            interface: match supports(provider).interfaces {
                _ if chat => Interface::Chat,
                all if all.contains(&Interface::Completions) => Interface::Completions,
                all => all[0],
            },
            stream,
            logprobs: None,
            temperature: 0.0,
            top_k: None,
            n: 1,
            reasoning_effort: None,
            clear_assistant: false,
            first_visible_token: false,
            ignore_eos: false,
            prompt_cache_max_len: 0,
            force_min_tokens: false,
            acceptance_probs_override: None,
            forced_generation: Arc::from([]),
            extra_body: None,
            keep_text: true,
            family: plimsoll_core::spec::Family::default(),
        },
        load: LoadModel::Closed(ClosedLoop {
            users: NonZeroU32::MIN,
            shape: ClosedShape::Steady { spawn_rate: None },
            think: ThinkTime::Zero,
        }),
        workload: WorkloadSpec {
            prompts: PromptSource::Text("bako dine".to_owned()),
            randomize: false,
            shared_prefix_tokens: 0,
            output: OutputLength { mean: 6, shape: LengthShape::Constant, range: 0.0, cap: None },
            images: Vec::new(),
            image_position: ImagePosition::End,
            tokenizer: None,
            cancel_rate: 0.0,
        },
        phases: Phases {
            warmup: Duration::ZERO,
            measure: None,
            max_requests: Some(1),
            drain_timeout: Duration::ZERO,
        },
        transport: TransportSpec {
            reuse: ConnectionReuse::Keep,
            connect_timeout: Duration::from_secs(1),
            tls_timeout: Duration::from_secs(1),
            first_byte_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            request_timeout: None,
            cacert: None,
            cert: None,
            key: None,
            insecure: false,
            http: HttpChoice::Auto,
            http2_streams: None,
        },
        max_fail_ratio: 0.0,
        strict_length: false,
        spin: false,
        record_chunks: false,
        objectives: Default::default(),
    }
}

/// A request for `max_tokens` after a text.
pub(super) fn request(text: &str, max_tokens: u32) -> RequestSpec {
    RequestSpec {
        id: RequestId(0),
        prompt: Prompt::Text(text.into()),
        images: Arc::from([]),
        max_tokens,
        prompt_tokens: None,
        cancel: false,
    }
}

/// A request for 6 tokens with the members of a data set's line, a JSON object.
pub(super) fn line(object: &str) -> RequestSpec {
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    let inner = object.trim().strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let members =
        Members { keys: json.keys().cloned().collect(), json: Bytes::copy_from_slice(inner.as_bytes()) };
    RequestSpec { prompt: Prompt::Members(members), ..request("", 6) }
}
