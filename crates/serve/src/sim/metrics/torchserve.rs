//! The names of TorchServe 0.12 with `metrics_mode=prometheus`.
//!
//! `ts_*` are cumulative; `QueueTime` and the like are of the last request, as there. Left out: disks, host CPU and
//! worker times, of which no engine here knows.

use std::time::Duration;

use super::scene::{HOST, Scene, share};
use super::text::{Dialect, Text};

/// What it calls a megabyte, bytes.
const MEBIBYTE: f64 = 1_048_576.0;

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Java);
    push_counters(&mut text, scene);
    push_last_request(&mut text, scene);
    push_memory(&mut text, scene);
    text.into_string()
}

fn push_counters(text: &mut Text, scene: &Scene<'_>) {
    let counted = scene.counted;
    let level = [("Level", "Host"), ("Hostname", HOST)];
    for (name, help, value) in [
        ("Requests2XX", "Requests answered with a status of 200 to 299.", counted.successes()),
        ("Requests4XX", "Requests answered with a status of 400 to 499.", counted.refused_4xx()),
        (
            "Requests5XX",
            "Requests answered with a status of 500 to 599.",
            counted.refused_5xx() + counted.failed,
        ),
    ] {
        text.counter(name, help, &level, value as f64);
    }
    let labels =
        [("model_name", scene.identity.model.as_str()), ("model_version", "default"), ("hostname", HOST)];
    for (name, help, value) in [
        ("ts_inference_requests_total", "Requests for inference.", counted.requests as f64),
        (
            "ts_inference_latency_microseconds",
            "Time of requests from arrival to the end, in microseconds.",
            counted.e2e.sum() * 1e6,
        ),
        (
            "ts_queue_latency_microseconds",
            "Time of requests in the queue, in microseconds.",
            counted.queue.sum() * 1e6,
        ),
    ] {
        text.counter(name, help, &labels, value);
    }
}

fn push_last_request(text: &mut Text, scene: &Scene<'_>) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (queue, inference) =
        (milliseconds(scene.counted.last_queue), milliseconds(scene.counted.last_inference));
    let host = [("Level", "Host"), ("Hostname", HOST)];
    let model = [("ModelName", scene.identity.model.as_str()), ("Level", "Model"), ("Hostname", HOST)];
    text.gauge("QueueTime", "Time in the queue of the last request, in milliseconds.", &host, queue);
    text.gauge("HandlerTime", "Time in the handler of the last request, in milliseconds.", &model, inference);
    text.gauge(
        "PredictionTime",
        "Time in the model of the last request, in milliseconds.",
        &model,
        inference,
    );
}

fn push_memory(text: &mut Text, scene: &Scene<'_>) {
    let state = scene.state;
    let mebibytes = |bytes: u64| bytes as f64 / MEBIBYTE;
    let host = [("Level", "Host"), ("Hostname", HOST)];
    let device = [("Level", "Host"), ("DeviceId", "0"), ("Hostname", HOST)];
    if state.resident_bytes > 0 {
        let resident = mebibytes(state.resident_bytes);
        text.gauge("MemoryUsed", "Main memory in use, in megabytes.", &host, resident);
    }
    text.gauge("GPUUtilization", "Share of time with work, in percent.", &device, scene.rates.busy * 1e2);
    if state.accelerator_bytes_total > 0 {
        let (used, total) = (state.accelerator_bytes, state.accelerator_bytes_total);
        text.gauge("GPUMemoryUsed", "Memory in use, in megabytes.", &device, mebibytes(used));
        let percent = share(used, total) * 1e2;
        text.gauge("GPUMemoryUtilization", "Share of memory in use, in percent.", &device, percent);
    }
}
