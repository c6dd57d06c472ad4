//! The names of Hugging Face text-generation-inference 3: `tgi_*`, without labels but for the cause of a failure.
//!
//! It has no gauge of the KV cache and no time to first token. Left out: what it counts per prefill and per decode of a
//! batch, since the engine's steps mix both.

use super::counted::{Bounds, PerToken};
use super::scene::Scene;
use super::text::{Dialect, Text};

/// Bounds of its durations: so many, each half as much again as the one before, seconds.
const DURATIONS: usize = 35;
/// The first bound of its durations is half as much again as this, seconds.
const LEAST: f64 = 0.0001;
/// Bounds of its token counts: so many, evenly spaced up to the limit.
const TOKENS: u32 = 100;

pub(super) fn bounds(context: u32) -> Bounds {
    let durations: Vec<f64> =
        std::iter::successors(Some(LEAST * 1.5), |bound| Some(bound * 1.5)).take(DURATIONS).collect();
    Bounds {
        tpot: durations.clone(),
        e2e: durations.clone(),
        queue: durations.clone(),
        inference: durations,
        // A prompt leaves room for one token of the answer.
        prompt_tokens: evenly(context.saturating_sub(1)),
        generated_tokens: evenly(context),
        asked_tokens: evenly(context),
        per_token: PerToken::Inference,
        ..Bounds::default()
    }
}

fn evenly(most: u32) -> Vec<f64> {
    (1..=TOKENS).map(|place| f64::from(most) / f64::from(TOKENS) * f64::from(place)).collect()
}

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Plain);
    let (state, counted) = (scene.state, scene.counted);
    for (name, help, value) in [
        ("tgi_queue_size", "Requests that wait to be computed.", f64::from(state.waiting)),
        ("tgi_batch_current_size", "Requests in the batch that is being computed.", f64::from(state.running)),
        (
            "tgi_batch_current_max_tokens",
            "Tokens that the batch has at most, prompts and answers.",
            counted.promised_tokens as f64,
        ),
    ] {
        text.gauge(name, help, &[], value);
    }
    text.counter("tgi_request_count", "Requests.", &[], counted.requests as f64);
    text.counter("tgi_request_success", "Requests answered in full.", &[], counted.successes() as f64);
    let failure = "tgi_request_failure";
    text.family(failure, "counter", "Requests that failed, by cause.");
    for (cause, value) in [
        ("overloaded", counted.overloaded()),
        ("validation", counted.invalid),
        ("dropped", counted.cancelled),
        ("generation", counted.failed + counted.broken),
    ] {
        text.sample(failure, &[("err", cause)], value as f64);
    }
    for (name, help, values) in [
        ("tgi_request_duration", "From arrival to the end, in seconds.", &counted.e2e),
        ("tgi_request_queue_duration", "Time in the queue, in seconds.", &counted.queue),
        ("tgi_request_inference_duration", "Time in the batch, in seconds.", &counted.inference),
        (
            "tgi_request_mean_time_per_token_duration",
            "Time in the batch per token, in seconds.",
            &counted.tpot,
        ),
        ("tgi_request_input_length", "Prompt tokens of a request.", &counted.prompt_tokens),
        ("tgi_request_generated_tokens", "Tokens generated for a request.", &counted.generated_tokens),
        ("tgi_request_max_new_tokens", "Tokens that a request asked for at most.", &counted.asked_tokens),
    ] {
        text.histogram(name, help, &[], values);
    }
    text.into_string()
}
