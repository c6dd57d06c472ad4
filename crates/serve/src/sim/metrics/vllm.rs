//! The names of vLLM 0.33, V1 engine: `vllm:*`.
//!
//! Left out, because no engine here knows them: tokens per iteration, preemptions per request, LoRA, multi-modal cache,
//! KV transfer. The `_created` series, which tell when a counter began, are left out too.

use super::counted::{Bounds, Gap, PerToken};
use super::scene::Scene;
use super::text::{Dialect, Label, Text};

const TTFT: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
    80.0, 160.0, 640.0, 2560.0,
];
const ITL: [f64; 19] = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
];
const REQUEST: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0,
    960.0, 1920.0, 7680.0,
];

pub(super) fn bounds(context: u32) -> Bounds {
    let tokens = one_two_five(context);
    Bounds {
        ttft: TTFT.into(),
        itl: ITL.into(),
        tpot: ITL.into(),
        e2e: REQUEST.into(),
        queue: REQUEST.into(),
        inference: REQUEST.into(),
        prompt_tokens: tokens.clone(),
        generated_tokens: tokens.clone(),
        asked_tokens: tokens,
        gap: Gap::Step,
        per_token: PerToken::Decode,
    }
}

/// 1, 2, 5, 10, 20, 50 and so on, up to `max`.
fn one_two_five(max: u32) -> Vec<f64> {
    let decades = (0..).map(|power| 10_f64.powi(power));
    let bounds = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * decade));
    bounds.take_while(|bound| *bound <= f64::from(max)).collect()
}

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Python);
    let labels = [("engine", "0"), ("model_name", scene.identity.model.as_str())];
    push_scheduler(&mut text, scene, &labels);
    push_counters(&mut text, scene, &labels);
    push_histograms(&mut text, scene, &labels);
    if scene.state.resident_bytes > 0 {
        let resident = scene.state.resident_bytes as f64;
        text.gauge(
            "process_resident_memory_bytes",
            "Resident memory of the process in bytes.",
            &[],
            resident,
        );
    }
    text.into_string()
}

fn push_scheduler(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let state = scene.state;
    let (running, waiting) = (f64::from(state.running), f64::from(state.waiting));
    text.gauge("vllm:num_requests_running", "Requests in the batch that is being computed.", labels, running);
    text.gauge("vllm:num_requests_waiting", "Requests that wait to be computed.", labels, waiting);
    let by_reason = "vllm:num_requests_waiting_by_reason";
    text.family(by_reason, "gauge", "Requests that wait, by what they wait for.");
    for (reason, value) in [("capacity", waiting), ("deferred", 0.0)] {
        text.sample(by_reason, &[labels, &[("reason", reason)]].concat(), value);
    }
    let sleep = "vllm:engine_sleep_state";
    text.family(sleep, "gauge", "Whether the engine is awake, or how deep it sleeps.");
    for (name, value) in [("awake", 1.0), ("weights_offloaded", 0.0), ("discard_all", 0.0)] {
        text.sample(sleep, &[labels, &[("sleep_state", name)]].concat(), value);
    }
    text.gauge("vllm:kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1.", labels, scene.kv_usage());
    if state.kv_blocks_total > 0 {
        let (block, blocks) = (scene.identity.block_tokens.to_string(), state.kv_blocks_total.to_string());
        let labels = [("block_size", block.as_str()), ("engine", "0"), ("num_gpu_blocks", blocks.as_str())];
        text.gauge("vllm:cache_config_info", "How the KV cache is set up.", &labels, 1.0);
    }
}

fn push_counters(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let (state, counted) = (scene.state, scene.counted);
    for (name, help, value) in [
        (
            "vllm:prefix_cache_queries_total",
            "Prompt tokens looked up in the prefix cache.",
            state.prefix_queries,
        ),
        ("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", state.prefix_hits),
        ("vllm:num_preemptions_total", "Times that a running request was put back.", state.preemptions),
        ("vllm:prompt_tokens_total", "Prompt tokens of the requests begun.", state.prompt_tokens),
        ("vllm:prompt_tokens_cached_total", "Prompt tokens that were not computed again.", state.prefix_hits),
        ("vllm:generation_tokens_total", "Tokens generated.", state.generated_tokens),
    ] {
        text.counter(name, help, labels, value as f64);
    }
    let success = "vllm:request_success_total";
    text.family(success, "counter", "Requests that are over, by how they ended.");
    for (reason, value) in [
        ("stop", counted.stopped),
        ("length", counted.reached_length),
        ("abort", counted.cancelled),
        ("error", counted.failed),
        ("repetition", 0),
    ] {
        text.sample(success, &[labels, &[("finished_reason", reason)]].concat(), value as f64);
    }
    let rejections = "vllm:admission_rejections_total";
    text.family(rejections, "counter", "Requests refused because the queue was full, by the limit.");
    for (reason, value) in [("max_num_queued_reqs", counted.overloaded()), ("max_num_queued_tokens", 0)] {
        let labels = [("model_name", scene.identity.model.as_str()), ("reason", reason)];
        text.sample(rejections, &labels, value as f64);
    }
}

fn push_histograms(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let counted = scene.counted;
    for (name, help, values) in [
        ("vllm:request_prompt_tokens", "Prompt tokens of a request.", &counted.prompt_tokens),
        ("vllm:request_generation_tokens", "Tokens generated for a request.", &counted.generated_tokens),
        ("vllm:request_params_max_tokens", "Tokens that a request asked for at most.", &counted.asked_tokens),
        ("vllm:time_to_first_token_seconds", "From arrival to the first token, in seconds.", &counted.ttft),
        ("vllm:inter_token_latency_seconds", "From tokens to the next tokens, in seconds.", &counted.itl),
        (
            "vllm:request_time_per_output_token_seconds",
            "Mean time per token after the first of a request, in seconds.",
            &counted.tpot,
        ),
        ("vllm:e2e_request_latency_seconds", "From arrival to the end, in seconds.", &counted.e2e),
        ("vllm:request_queue_time_seconds", "Time in the queue, in seconds.", &counted.queue),
        ("vllm:request_inference_time_seconds", "Time in the batch, in seconds.", &counted.inference),
        (
            "vllm:request_prefill_time_seconds",
            "From the batch to the first token, in seconds.",
            &counted.prefill,
        ),
        (
            "vllm:request_decode_time_seconds",
            "From the first token to the last, in seconds.",
            &counted.decode,
        ),
    ] {
        text.histogram(name, help, labels, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_buckets_end_at_the_context() {
        assert_eq!(one_two_five(100), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(one_two_five(8192).last(), Some(&5000.0));
    }
}
