//! A load that was changed by hand while it was measured is no load that anything can be said of.

use super::summarise::Window;
use crate::load::{HandLoad, Intervention};

/// Why a run is INVALID whose user changed the load within the measured window; nothing if nobody did.
pub(super) fn changed_by_hand(interventions: &[Intervention], window: &Window) -> Option<String> {
    let (start, end) = (window.measure_start.as_secs_f64(), window.measure_end.as_secs_f64());
    let within = |span: &Intervention| (span.end.min(end) - span.start.max(start)).max(0.0);
    let said: Vec<String> = interventions
        .iter()
        .filter(|span| within(span) > 0.0)
        .map(|span| format!("{} for {:.1} s", words(span.load), within(span)))
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "the load was changed by hand in the measured window ({}): the figures mix loads; leave the keys alone for \
             figures that count",
            said.join(", ")
        )
    })
}

fn words(load: HandLoad) -> String {
    match load {
        HandLoad::Paused => "paused".to_owned(),
        HandLoad::RateFactor(factor) => format!("{:.0} % of the rate", 100.0 * factor),
        HandLoad::Users(1) => "1 user".to_owned(),
        HandLoad::Users(users) => format!("{users} users"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Offset;

    #[test]
    fn only_what_was_measured_counts() {
        let at = Offset::from_secs_f64;
        let window =
            Window { ramp_end: at(0.0), measure_start: at(5.0), measure_end: at(20.0), end: at(21.0) };
        let span = |start, end, load| Intervention { start, end, load };
        let said = |spans: &[Intervention]| changed_by_hand(spans, &window);
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[span(1.0, 5.0, HandLoad::Paused), span(20.0, 21.0, HandLoad::Users(3))]), None);
        let reason = said(&[
            span(4.0, 6.0, HandLoad::Paused),
            span(6.0, 8.5, HandLoad::RateFactor(1.2)),
            span(18.0, 21.0, HandLoad::Users(1)),
        ]);
        let reason = reason.expect("changed while it was measured");
        assert!(
            reason.contains("(paused for 1.0 s, 120 % of the rate for 2.5 s, 1 user for 2.0 s)"),
            "{reason}"
        );
    }
}
