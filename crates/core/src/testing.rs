//! An ordinary run for tests, here and in other crates (the feature `testing`). A test changes what it is about.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::load::{ClosedLoop, ClosedShape, LoadModel, ThinkTime};
use crate::search::{Effort, TrialOutcome};
use crate::seed::Seed;
use crate::slo::{Slo, SloVerdict, Verdict};
use crate::spec::{
    Api, BodySource, ConnectionReuse, Expect, Family, HttpChoice, HttpSpec, ImagePosition, Interface,
    LengthShape, Objectives, OutputLength, Phases, PromptSource, Provider, RunSpec, SPEC_FORMAT, Target,
    TransportSpec, WorkloadSpec,
};

/// One user asks for one streamed chat of six tokens, at a server that is not there, and waits a second for everything.
pub fn run() -> RunSpec {
    RunSpec {
        format: SPEC_FORMAT,
        name: "test".to_owned(),
        seed: Seed(7),
        threads: 1,
        target: Target {
            url: "http://127.0.0.1:1".to_owned(),
            provider: Provider::Openai,
            model: "tiny".to_owned(),
            headers: Vec::new(),
            api_key: None,
            endpoint: None,
        },
        api: chat(),
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
            image_bytes: None,
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
        transport: transport(Duration::from_secs(1)),
        max_fail_ratio: 0.0,
        strict_length: false,
        spin: false,
        record_chunks: false,
        objectives: Objectives::default(),
    }
}

/// A streamed chat with nothing out of the ordinary.
pub fn chat() -> Api {
    Api {
        interface: Interface::Chat,
        stream: true,
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
        keep_text: false,
        family: Family::default(),
    }
}

/// Requests of the user's own: a GET of `/` without a body.
pub fn own_requests() -> HttpSpec {
    HttpSpec {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        body: BodySource::None,
        content_type: None,
        multipart_field: None,
        vars: None,
        prompts: Box::new(PromptSource::Text("bako dine".to_owned())),
        shaped_by: None,
        expect: Expect::default(),
        stream_by: None,
    }
}

/// Connections that are kept, and the same time limit for everything but the whole request, which has none.
pub fn transport(limit: Duration) -> TransportSpec {
    TransportSpec {
        reuse: ConnectionReuse::Keep,
        connect_timeout: limit,
        tls_timeout: limit,
        first_byte_timeout: limit,
        idle_timeout: limit,
        request_timeout: None,
        cacert: None,
        cert: None,
        key: None,
        insecure: false,
        http: HttpChoice::Auto,
        http2_streams: None,
    }
}

/// What `n` independent requests, of which so many miss, say of an objective, before anybody has judged them.
pub fn evidence(slo: &Slo, n: u64, misses: u64) -> SloVerdict {
    SloVerdict {
        slo: slo.clone(),
        verdict: Verdict::Undecided,
        estimate: None,
        low: None,
        high: None,
        n,
        misses,
        allowed: slo.allowed(),
        failed: 0,
        effective_n: n as f64,
        more_requests: None,
        more_seconds: None,
        reason: None,
    }
}

/// A look of ten seconds at a load that a server without objectives bears.
pub fn trial(load: f64) -> TrialOutcome {
    TrialOutcome {
        load,
        effort: Effort::Look,
        seconds: 10.0,
        steady_after: None,
        spent: 12.0,
        tiers: Vec::new(),
        overloaded: false,
        invalid: None,
        stopped_by: None,
        gone: false,
        rate_limited: 0,
        throughput: load,
        latency: None,
        latency_p99: None,
        latency_p99_low: None,
        latency_p99_high: None,
        concurrency: 1.0,
        server: None,
    }
}
