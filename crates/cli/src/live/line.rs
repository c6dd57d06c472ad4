//! A moment in one line.

use std::time::Duration;

use plimsoll_core::load::HandLoad;

use super::moment::Moment;
use crate::report::numbers::{count, ms, short};
use crate::report::plan::duration;

/// The moment in one line.
pub(super) fn line(moment: &Moment) -> String {
    let mut parts = vec![
        format!("{} {}", clock(moment.elapsed), moment.phase),
        format!("sent {}/s of {}/s", short(moment.sent_rate), short(moment.offered_rate)),
        format!("ok {}/s", short(moment.completed_rate)),
        format!("in flight {}", moment.in_flight),
    ];
    parts.extend(moment.ttft.map(|pair| format!("ttft {}", pair_ms(pair))));
    parts.extend(moment.latency.map(|pair| format!("latency {}", pair_ms(pair))));
    parts.push(errors(moment));
    parts.extend(moment.left.map(|left| format!("{} left", clock(left))));
    parts.join(", ")
}

/// Whole seconds: a clock that shows more flickers.
pub(super) fn clock(time: Duration) -> String {
    duration(Duration::from_secs(time.as_secs()))
}

/// What the user did to the load, in words.
pub(super) fn hand_load(load: HandLoad) -> String {
    match load {
        HandLoad::Paused => "PAUSED".to_owned(),
        HandLoad::RateFactor(factor) => format!("{:.0} % of the plan", 100.0 * factor),
        HandLoad::Users(1) => "1 user".to_owned(),
        HandLoad::Users(users) => format!("{users} users"),
    }
}

fn pair_ms((median, p99): (f64, f64)) -> String {
    format!("p50 {} p99 {} ms", ms(Some(median)), ms(Some(p99)))
}

fn errors(moment: &Moment) -> String {
    if moment.errors.is_empty() {
        return "no errors".to_owned();
    }
    let classes: Vec<String> =
        moment.errors.iter().map(|(class, n)| format!("{class} {}", count(*n))).collect();
    format!("errors: {}", classes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_one_line() {
        let moment = Moment {
            elapsed: Duration::from_millis(15_400),
            left: Some(Duration::from_millis(44_600)),
            phase: "measuring",
            offered_rate: 20.0,
            sent_rate: 19.96,
            completed_rate: 19.9,
            in_flight: 26,
            ttft: Some((0.0512, 0.0893)),
            latency: Some((1.321, 1.75)),
            errors: vec![("http_429".to_owned(), 3), ("timeout".to_owned(), 1)],
            ..Moment::default()
        };
        let open_end = Moment { left: None, ttft: None, errors: Vec::new(), ..moment.clone() };
        insta::assert_snapshot!([line(&moment), line(&open_end)].join("\n\n"));
    }
}
