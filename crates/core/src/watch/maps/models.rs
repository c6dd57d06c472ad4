//! Servers of classic models: Triton, TorchServe, KServe, MLServer.
//!
//! Names: Triton 2.51, TorchServe 0.12 with `metrics_mode=prometheus`, KServe 0.21, MLServer 1.7. All of their times are
//! counters of what requests took together, so that what they gained is divided by the requests that they gained.

use super::rule::{Only, Reading, Rule, rule};
use crate::watch::canonical::{Canonical, Source};

const MODEL: &[&str] = &["model", "version"];
const GPU: &[&str] = &["gpu_uuid"];
const DEVICE: &[&str] = &["DeviceId"];
const NAMED: &[&str] = &["model_name"];
const MICRO: f64 = 1e-6;
const PERCENT: f64 = 1e-2;
/// What TorchServe calls a megabyte.
const MEBIBYTE: f64 = 1_048_576.0;

const fn triton(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Triton, name, metric, reading).by(MODEL)
}

const fn gpu(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Triton, name, metric, reading).by(GPU)
}

const fn torchserve(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Torchserve, name, metric, reading)
}

use Canonical as C;
use Reading::{Buckets, GainAbove, GainBelow, Gauge, GaugeAbove, GaugeBelow, Rate, Total};

pub(super) const RULES: &[Rule] = &[
    triton("nv_inference_pending_request_count", C::QueueDepth, Gauge),
    triton("nv_inference_queue_duration_us", C::QueueTime, GainAbove).times(MICRO),
    triton("nv_inference_request_success", C::QueueTime, GainBelow),
    triton("nv_inference_request_duration_us", C::ServerLatency, GainAbove).times(MICRO),
    triton("nv_inference_request_success", C::ServerLatency, GainBelow),
    triton("nv_inference_first_response_histogram_ms_sum", C::ServerTtft, GainAbove).times(1e-3),
    triton("nv_inference_first_response_histogram_ms_count", C::ServerTtft, GainBelow),
    triton("nv_inference_first_response_histogram_ms_bucket", C::ServerTtft, Buckets).times(1e-3),
    triton("nv_inference_count", C::BatchSize, GainAbove),
    triton("nv_inference_exec_count", C::BatchSize, GainBelow),
    triton("nv_inference_request_success", C::ServerRequestRate, Rate),
    gpu("nv_gpu_utilization", C::GpuUtilization, Gauge),
    gpu("nv_gpu_memory_used_bytes", C::GpuMemoryUsed, Gauge),
    gpu("nv_gpu_memory_used_bytes", C::GpuMemoryUsage, GaugeAbove),
    gpu("nv_gpu_memory_total_bytes", C::GpuMemoryUsage, GaugeBelow),
    gpu("nv_gpu_power_usage", C::GpuPower, Gauge),
    gpu("nv_energy_consumption", C::GpuEnergy, Total),
    rule(Source::Triton, "nv_cpu_utilization", C::HostCpu, Gauge),
    rule(Source::Triton, "nv_cpu_memory_used_bytes", C::HostMemoryUsed, Gauge),
    rule(Source::Triton, "nv_cpu_memory_used_bytes", C::HostMemoryUsage, GaugeAbove),
    rule(Source::Triton, "nv_cpu_memory_total_bytes", C::HostMemoryUsage, GaugeBelow),
    torchserve("ts_queue_latency_microseconds", C::QueueTime, GainAbove).times(MICRO).by(NAMED),
    torchserve("ts_inference_requests_total", C::QueueTime, GainBelow).by(NAMED),
    torchserve("ts_inference_latency_microseconds", C::ServerLatency, GainAbove).times(MICRO).by(NAMED),
    torchserve("ts_inference_requests_total", C::ServerLatency, GainBelow).by(NAMED),
    torchserve("ts_inference_requests_total", C::ServerRequestRate, Rate).by(NAMED),
    torchserve("CPUUtilization", C::HostCpu, Gauge).times(PERCENT),
    torchserve("MemoryUsed", C::HostMemoryUsed, Gauge).times(MEBIBYTE),
    torchserve("MemoryUtilization", C::HostMemoryUsage, Gauge).times(PERCENT),
    torchserve("GPUUtilization", C::GpuUtilization, Gauge).times(PERCENT).by(DEVICE),
    torchserve("GPUMemoryUsed", C::GpuMemoryUsed, Gauge).times(MEBIBYTE).by(DEVICE),
    torchserve("GPUMemoryUtilization", C::GpuMemoryUsage, Gauge).times(PERCENT).by(DEVICE),
    rule(Source::Kserve, "request_predict_seconds_sum", C::ServerLatency, GainAbove).by(NAMED),
    rule(Source::Kserve, "request_predict_seconds_count", C::ServerLatency, GainBelow).by(NAMED),
    rule(Source::Kserve, "request_predict_seconds_bucket", C::ServerLatency, Buckets).by(NAMED),
    rule(Source::Kserve, "request_predict_seconds_count", C::ServerRequestRate, Rate).by(NAMED),
    rule(Source::Mlserver, "model_infer_request_duration_sum", C::ServerLatency, GainAbove).by(&["model"]),
    rule(Source::Mlserver, "model_infer_request_duration_count", C::ServerLatency, GainBelow).by(&["model"]),
    rule(Source::Mlserver, "model_infer_request_success_total", C::ServerRequestRate, Rate).by(&["model"]),
    rule(Source::Mlserver, "rest_server_requests_in_progress", C::Running, Gauge)
        .only(Only::Is("method", "POST")),
];
