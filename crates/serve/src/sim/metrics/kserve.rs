//! The names of KServe's Python model server: one histogram for each part of a request.
//!
//! All of a request's time here is in `predict`: what goes before and after takes none, and nothing is explained.

use super::counted::Bounds;
use super::histogram::Histogram;
use super::scene::Scene;
use super::text::{Dialect, Text};

/// The default bounds of Python's `prometheus_client`, seconds.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

pub(super) fn bounds() -> Bounds {
    Bounds { e2e: BOUNDS.into(), ..Bounds::default() }
}

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Python);
    let labels = [("model_name", scene.identity.model.as_str())];
    let predict = &scene.counted.e2e;
    let mut nothing = Histogram::new(BOUNDS);
    nothing.observe_many(0.0, predict.count());
    text.histogram("request_preprocess_seconds", "Time before prediction, in seconds.", &labels, &nothing);
    text.histogram("request_predict_seconds", "Time of prediction, in seconds.", &labels, predict);
    text.histogram("request_postprocess_seconds", "Time after prediction, in seconds.", &labels, &nothing);
    text.family("request_explain_seconds", "histogram", "Time of explanation, in seconds.");
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
