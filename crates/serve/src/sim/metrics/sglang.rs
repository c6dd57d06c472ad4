//! The names of SGLang 0.5.10 with `--enable-metrics`: `sglang:*`.
//!
//! The scheduler's gauges carry the labels of its rank, what the front counts only the model's name. Left out:
//! disaggregation, LoRA, grammars, hierarchical cache and per-step costs, of which no engine here knows.

use super::counted::{Bounds, Gap};
use super::scene::Scene;
use super::text::{Dialect, Label, Text};

const TTFT: [f64; 18] =
    [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0, 400.0];
const E2E: [f64; 22] = [
    0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0, 400.0,
    600.0, 1200.0, 1800.0, 2400.0,
];
const ITL: [f64; 23] = [
    0.002, 0.004, 0.006, 0.008, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.060, 0.080, 0.100, 0.200,
    0.400, 0.600, 0.800, 1.0, 2.0, 4.0, 6.0, 8.0,
];
const QUEUE: [f64; 36] = [
    0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0,
    100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1000.0, 1200.0, 1400.0, 1600.0, 1800.0,
    2000.0, 2500.0, 3000.0,
];

pub(super) fn bounds() -> Bounds {
    Bounds {
        ttft: TTFT.into(),
        itl: ITL.into(),
        e2e: E2E.into(),
        queue: QUEUE.into(),
        gap: Gap::Token,
        ..Bounds::default()
    }
}

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Python);
    let model = scene.identity.model.as_str();
    let rank = [
        ("engine_type", "unified"),
        ("model_name", model),
        ("moe_ep_rank", "0"),
        ("pp_rank", "0"),
        ("tp_rank", "0"),
    ];
    push_scheduler(&mut text, scene, &rank);
    text.histogram(
        "sglang:queue_time_seconds",
        "Time in the queue, in seconds.",
        &rank,
        &scene.counted.queue,
    );
    push_front(&mut text, scene, &[("model_name", model)]);
    text.into_string()
}

fn push_scheduler(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let state = scene.state;
    let tokens = |blocks: u64| blocks as f64 * f64::from(scene.identity.block_tokens);
    let (used, most) = (tokens(state.kv_blocks_used), tokens(state.kv_blocks_total));
    for (name, help, value) in [
        ("sglang:num_running_reqs", "Requests in the batch that is being computed.", state.running.into()),
        ("sglang:num_queue_reqs", "Requests that wait to be computed.", state.waiting.into()),
        ("sglang:num_used_tokens", "Tokens in the KV cache.", used),
        ("sglang:max_total_num_tokens", "Tokens for which the KV cache has room.", most),
        ("sglang:token_usage", "Share of the KV cache in use, 0 to 1.", scene.kv_usage()),
        ("sglang:gen_throughput", "Tokens generated per second.", scene.rates.generated),
        ("sglang:cache_hit_rate", "Share of prompt tokens found in the prefix cache.", scene.rates.hit_rate),
    ] {
        text.gauge(name, help, labels, value);
    }
    let retracted = "sglang:num_retracted_requests_total";
    text.counter(retracted, "Times that a running request was put back.", labels, state.preemptions as f64);
}

fn push_front(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let (state, counted) = (scene.state, scene.counted);
    for (name, help, value) in [
        ("sglang:prompt_tokens_total", "Prompt tokens of the requests begun.", state.prompt_tokens),
        ("sglang:generation_tokens_total", "Tokens generated.", state.generated_tokens),
        ("sglang:num_requests_total", "Requests that got their whole answer.", counted.successes()),
        (
            "sglang:num_aborted_requests_total",
            "Requests that were broken off.",
            counted.cancelled + counted.failed,
        ),
    ] {
        text.counter(name, help, labels, value as f64);
    }
    let cached = "sglang:cached_tokens_total";
    let source = [labels, &[("cache_source", "total")]].concat();
    text.counter(cached, "Prompt tokens found in the prefix cache.", &source, state.prefix_hits as f64);
    for (name, help, values) in [
        ("sglang:time_to_first_token_seconds", "From arrival to the first token, in seconds.", &counted.ttft),
        ("sglang:inter_token_latency_seconds", "From token to token, in seconds.", &counted.itl),
        ("sglang:e2e_request_latency_seconds", "From arrival to the end, in seconds.", &counted.e2e),
    ] {
        text.histogram(name, help, labels, values);
    }
}
