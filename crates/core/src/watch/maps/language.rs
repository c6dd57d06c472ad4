//! Servers of language models, and the gateway before them.
//!
//! Names: vLLM 0.33 with those of 0.10 and before beside them, SGLang 0.5.10, text-generation-inference 3, llama.cpp of 2026
//! with its older gauge of the KV cache, the endpoint picker of llm-d, TensorRT-LLM's backend for Triton.

use super::rule::{Only, Reading, Rule, rule};
use crate::watch::canonical::{Canonical, Source};

const VLLM: &[&str] = &["engine"];
const SGLANG: &[&str] = &["dp_rank"];
const TRT: &[&str] = &["model", "version"];

const fn vllm(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Vllm, name, metric, reading).by(VLLM)
}

/// Every rank of a replica may say what the first one says.
const fn sglang(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Sglang, name, metric, reading).by(SGLANG).only(Only::AbsentOr("tp_rank", "0"))
}

const fn tgi(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Tgi, name, metric, reading)
}

const fn llamacpp(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Llamacpp, name, metric, reading)
}

const fn trt(name: &'static str, kind: (&'static str, &'static str), metric: Canonical) -> Rule {
    rule(Source::Triton, name, metric, Reading::Gauge).by(TRT).only(Only::Is(kind.0, kind.1))
}

use Canonical as C;
use Reading::{Buckets, GainAbove, GainBelow, Gauge, Rate};

pub(super) const RULES: &[Rule] = &[
    vllm("vllm:num_requests_waiting", C::QueueDepth, Gauge),
    vllm("vllm:num_requests_running", C::Running, Gauge),
    vllm("vllm:kv_cache_usage_perc", C::KvUsage, Gauge),
    vllm("vllm:gpu_cache_usage_perc", C::KvUsage, Gauge), // to 0.10, which has both
    vllm("vllm:num_preemptions_total", C::PreemptionRate, Rate),
    vllm("vllm:request_queue_time_seconds_sum", C::QueueTime, GainAbove),
    vllm("vllm:request_queue_time_seconds_count", C::QueueTime, GainBelow),
    vllm("vllm:request_queue_time_seconds_bucket", C::QueueTime, Buckets),
    vllm("vllm:time_to_first_token_seconds_sum", C::ServerTtft, GainAbove),
    vllm("vllm:time_to_first_token_seconds_count", C::ServerTtft, GainBelow),
    vllm("vllm:time_to_first_token_seconds_bucket", C::ServerTtft, Buckets),
    vllm("vllm:e2e_request_latency_seconds_sum", C::ServerLatency, GainAbove),
    vllm("vllm:e2e_request_latency_seconds_count", C::ServerLatency, GainBelow),
    vllm("vllm:e2e_request_latency_seconds_bucket", C::ServerLatency, Buckets),
    vllm("vllm:prompt_tokens_total", C::ServerInputTokenRate, Rate),
    vllm("vllm:generation_tokens_total", C::ServerOutputTokenRate, Rate),
    vllm("vllm:request_success_total", C::ServerRequestRate, Rate),
    vllm("vllm:prefix_cache_hits_total", C::PrefixHitRate, GainAbove),
    vllm("vllm:prefix_cache_queries_total", C::PrefixHitRate, GainBelow),
    vllm("vllm:gpu_prefix_cache_hits_total", C::PrefixHitRate, GainAbove), // to 0.9
    vllm("vllm:gpu_prefix_cache_queries_total", C::PrefixHitRate, GainBelow),
    sglang("sglang:num_queue_reqs", C::QueueDepth, Gauge),
    sglang("sglang:num_prefill_prealloc_queue_reqs", C::QueueDepth, Gauge), // prefill and decode apart
    sglang("sglang:num_decode_prealloc_queue_reqs", C::QueueDepth, Gauge),
    sglang("sglang:num_decode_transfer_queue_reqs", C::QueueDepth, Gauge),
    sglang("sglang:num_running_reqs", C::Running, Gauge),
    sglang("sglang:token_usage", C::KvUsage, Gauge),
    sglang("sglang:num_retracted_requests_total", C::PreemptionRate, Rate),
    sglang("sglang:queue_time_seconds_sum", C::QueueTime, GainAbove),
    sglang("sglang:queue_time_seconds_count", C::QueueTime, GainBelow),
    sglang("sglang:queue_time_seconds_bucket", C::QueueTime, Buckets),
    sglang("sglang:time_to_first_token_seconds_sum", C::ServerTtft, GainAbove),
    sglang("sglang:time_to_first_token_seconds_count", C::ServerTtft, GainBelow),
    sglang("sglang:time_to_first_token_seconds_bucket", C::ServerTtft, Buckets),
    sglang("sglang:e2e_request_latency_seconds_sum", C::ServerLatency, GainAbove),
    sglang("sglang:e2e_request_latency_seconds_count", C::ServerLatency, GainBelow),
    sglang("sglang:e2e_request_latency_seconds_bucket", C::ServerLatency, Buckets),
    sglang("sglang:prompt_tokens_total", C::ServerInputTokenRate, Rate),
    sglang("sglang:generation_tokens_total", C::ServerOutputTokenRate, Rate),
    sglang("sglang:num_requests_total", C::ServerRequestRate, Rate),
    sglang("sglang:cache_hit_rate", C::PrefixHitRate, Gauge),
    tgi("tgi_queue_size", C::QueueDepth, Gauge),
    tgi("tgi_batch_current_size", C::Running, Gauge),
    tgi("tgi_batch_current_size", C::BatchSize, Gauge),
    tgi("tgi_request_queue_duration_sum", C::QueueTime, GainAbove),
    tgi("tgi_request_queue_duration_count", C::QueueTime, GainBelow),
    tgi("tgi_request_queue_duration_bucket", C::QueueTime, Buckets),
    tgi("tgi_request_duration_sum", C::ServerLatency, GainAbove),
    tgi("tgi_request_duration_count", C::ServerLatency, GainBelow),
    tgi("tgi_request_duration_bucket", C::ServerLatency, Buckets),
    tgi("tgi_request_input_length_sum", C::ServerInputTokenRate, Rate),
    tgi("tgi_request_generated_tokens_sum", C::ServerOutputTokenRate, Rate),
    tgi("tgi_request_success", C::ServerRequestRate, Rate),
    llamacpp("llamacpp:requests_deferred", C::QueueDepth, Gauge),
    llamacpp("llamacpp:requests_processing", C::Running, Gauge),
    llamacpp("llamacpp:kv_cache_usage_ratio", C::KvUsage, Gauge), // to mid-2025
    llamacpp("llamacpp:tokens_predicted_total", C::BatchSize, GainAbove),
    llamacpp("llamacpp:n_decode_total", C::BatchSize, GainBelow),
    llamacpp("llamacpp:prompt_tokens_total", C::ServerInputTokenRate, Rate),
    llamacpp("llamacpp:tokens_predicted_total", C::ServerOutputTokenRate, Rate),
    rule(Source::Gateway, "inference_extension_flow_control_queue_size", C::GatewayQueueDepth, Gauge),
    rule(Source::Gateway, "llm_d_epp_flow_control_queue_size", C::GatewayQueueDepth, Gauge),
    trt("nv_trt_llm_request_metrics", ("request_type", "waiting"), C::QueueDepth),
    trt("nv_trt_llm_request_metrics", ("request_type", "scheduled"), C::Running),
    trt("nv_trt_llm_kv_cache_block_metrics", ("kv_cache_block_type", "fraction"), C::KvUsage),
];
