//! Latency against throughput as text: where the curve turns up is what a capacity is about.

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::TrialOutcome;

use super::numbers::{ms, short};
use super::style::Style;

const HEIGHT: usize = 12;
const WIDTH_MAX: usize = 72;
/// Columns for the scale on the left.
const MARGIN: usize = 11;

/// The chart; nothing with fewer than three trials to show. The scale of latency is logarithmic.
pub(crate) fn chart(certificate: &Certificate, style: Style) -> String {
    let shown: Vec<(&TrialOutcome, f64)> = certificate
        .trials
        .iter()
        .filter(|trial| trial.invalid.is_none() && trial.throughput > 0.0)
        .filter_map(|trial| Some((trial, trial.latency_p99.or(trial.latency)?)))
        .filter(|(_, latency)| *latency > 0.0)
        .collect();
    if shown.len() < 3 {
        return String::new();
    }
    let width = usize::from(style.width).saturating_sub(MARGIN + 2).min(WIDTH_MAX);
    let most = shown.iter().map(|(trial, _)| trial.throughput).fold(0.0, f64::max);
    let (low, high) = shown
        .iter()
        .fold((f64::MAX, 0.0_f64), |(low, high), (_, latency)| (low.min(*latency), high.max(*latency)));
    let span = (high / low).ln().max(1e-9);
    let row =
        |latency: f64| HEIGHT - 1 - ((latency / low).ln() / span * (HEIGHT - 1) as f64).round() as usize;
    let column = |throughput: f64| ((throughput / most) * (width - 1) as f64).round() as usize;
    let mut cells = vec![vec![' '; width]; HEIGHT];
    let certified = certificate.capacity.tiers.iter().filter_map(|tier| tier.low).map(|low| low.load);
    let certified: Vec<f64> = certified.collect();
    for (trial, latency) in &shown {
        let is_answer = certified.iter().any(|load| (trial.load / load - 1.0).abs() < 1e-9);
        let mark = if is_answer {
            '#'
        } else if trial.overloaded {
            'x'
        } else {
            'o'
        };
        let cell = &mut cells[row(*latency)][column(trial.throughput)];
        if *cell != '#' {
            *cell = mark;
        }
    }
    let mut text =
        "p99 latency, ms, against completed requests per second (# the answer, o steady, x overloaded)\n"
            .to_owned();
    for (index, line) in cells.iter().enumerate() {
        let label = match index {
            0 => ms(Some(high)),
            last if last == HEIGHT - 1 => ms(Some(low)),
            _ => String::new(),
        };
        text += &format!("{label:>MARGIN$}|{}\n", line.iter().collect::<String>().trim_end());
    }
    let scale = short(most);
    let rest = width.saturating_sub(1 + scale.len());
    text + &format!("{:MARGIN$}+{}\n{:MARGIN$} 0{:>rest$}{scale}\n", "", "-".repeat(width), "", "")
}
