//! The names of NVIDIA Triton: `nv_inference_*` and `nv_gpu_*`, durations as counters of microseconds.
//!
//! `nv_inference_first_response_histogram_ms` is there as after `--metrics-config histogram_latencies=true`. Input and
//! output of a batch take no time here. Left out: response cache, pinned memory, CPU utilization, power limit.

use super::counted::Bounds;
use super::scene::{Scene, UUID};
use super::text::{Dialect, Label, Text};

/// The default bounds of its histogram of first responses, ms.
const FIRST_RESPONSE: [f64; 4] = [100.0, 500.0, 2000.0, 5000.0];

pub(super) fn bounds() -> Bounds {
    Bounds { ttft: FIRST_RESPONSE.map(|ms| ms / 1e3).into(), ..Bounds::default() }
}

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Plain);
    let labels = [("model", scene.identity.model.as_str()), ("version", "1")];
    push_requests(&mut text, scene, &labels);
    push_durations(&mut text, scene, &labels);
    let first = scene.counted.ttft.scaled(1e3);
    let help = "From arrival to the first response of a model that may send several, in milliseconds.";
    text.histogram("nv_inference_first_response_histogram_ms", help, &labels, &first);
    push_accelerator(&mut text, scene);
    if scene.state.resident_bytes > 0 {
        let resident = scene.state.resident_bytes as f64;
        text.gauge("nv_cpu_memory_used_bytes", "Main memory in use, in bytes.", &[], resident);
    }
    text.into_string()
}

fn push_requests(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let (state, counted) = (scene.state, scene.counted);
    let successes = counted.successes() as f64;
    text.counter("nv_inference_request_success", "Requests answered in full.", labels, successes);
    let failure = "nv_inference_request_failure";
    text.family(failure, "counter", "Requests that failed, by cause.");
    for (reason, value) in [
        ("REJECTED", counted.overloaded()),
        ("CANCELED", counted.cancelled),
        ("BACKEND", counted.failed + counted.broken),
        ("OTHER", counted.invalid),
    ] {
        let labels = [("model", scene.identity.model.as_str()), ("reason", reason), ("version", "1")];
        text.sample(failure, &labels, value as f64);
    }
    text.counter("nv_inference_count", "Items computed.", labels, state.items as f64);
    text.counter("nv_inference_exec_count", "Batches executed.", labels, state.steps as f64);
    let pending = "nv_inference_pending_request_count";
    text.gauge(pending, "Requests that wait to be executed.", labels, state.waiting.into());
}

fn push_durations(text: &mut Text, scene: &Scene<'_>, labels: &[Label<'_>]) {
    let counted = scene.counted;
    for (name, help, seconds) in [
        ("nv_inference_request_duration_us", "Time of requests, in microseconds.", counted.e2e.sum()),
        (
            "nv_inference_queue_duration_us",
            "Time of requests in the queue, in microseconds.",
            counted.queue.sum(),
        ),
        ("nv_inference_compute_input_duration_us", "Time to prepare inputs, in microseconds.", 0.0),
        (
            "nv_inference_compute_infer_duration_us",
            "Time of requests in the model, in microseconds.",
            counted.inference.sum(),
        ),
        ("nv_inference_compute_output_duration_us", "Time to take outputs, in microseconds.", 0.0),
    ] {
        text.counter(name, help, labels, (seconds * 1e6).round());
    }
}

fn push_accelerator(text: &mut Text, scene: &Scene<'_>) {
    let state = scene.state;
    let labels = [("gpu_uuid", UUID)];
    text.gauge("nv_gpu_utilization", "Share of time with work, 0 to 1.", &labels, scene.rates.busy);
    if state.accelerator_bytes_total > 0 {
        let (used, total) = (state.accelerator_bytes as f64, state.accelerator_bytes_total as f64);
        text.gauge("nv_gpu_memory_total_bytes", "Memory of the accelerator, in bytes.", &labels, total);
        text.gauge("nv_gpu_memory_used_bytes", "Memory in use, in bytes.", &labels, used);
    }
    if state.power_watts > 0.0 {
        text.gauge("nv_gpu_power_usage", "Power drawn, in watts.", &labels, state.power_watts);
        text.counter("nv_energy_consumption", "Energy drawn, in joules.", &labels, scene.joules);
    }
}
