//! Traffic as in published tables: Poisson arrivals, log-normal lengths.

use std::sync::Arc;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::Ask;
use rand_distr::{Distribution, Exp, LogNormal};

/// Requests at `rate` per second for `seconds`, of 512 prompt tokens and 256 generated on average, both log-normal with
/// a coefficient of variation of 0.6.
pub fn poisson(rate: f64, seconds: f64, seed: u64) -> impl Iterator<Item = (Offset, Ask)> {
    let mut rng = Seed(seed).stream("traffic");
    let gaps = Exp::new(rate).expect("a positive rate");
    let (prompts, answers) = (log_normal(512.0, 0.6), log_normal(256.0, 0.6));
    let mut now = 0.0;
    std::iter::from_fn(move || {
        now += gaps.sample(&mut rng);
        let mut length = |law: &LogNormal<f64>| law.sample(&mut rng).round().clamp(1.0, 4096.0) as u32;
        let (prompt_tokens, output_tokens) = (length(&prompts), length(&answers));
        let ask = Ask { prompt_tokens, output_tokens, items: 1, prefix: Arc::default() };
        (now < seconds).then(|| (Offset::from_secs_f64(now), ask))
    })
}

fn log_normal(mean: f64, cv: f64) -> LogNormal<f64> {
    let variance = (1.0 + cv * cv).ln();
    LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).expect("a positive spread")
}
