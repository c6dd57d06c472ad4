//! What to say when the simulated server could not keep its own schedule.

use plimsoll_serve::sim::Lateness;

/// The warning, if there is reason for one.
pub(crate) fn warning(lateness: Lateness) -> Option<String> {
    lateness.is_bottleneck().then(|| {
        format!(
            "the simulated server was late: p99 {:.3} ms, at most {:.3} ms, limit {:.0} ms; it was the bottleneck: give it \
             a core of its own (core=), or less load",
            lateness.p99.as_secs_f64() * 1e3,
            lateness.max.as_secs_f64() * 1e3,
            Lateness::LIMIT.as_secs_f64() * 1e3
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_server_that_was_late_is_warned_of() {
        let micros = Duration::from_micros;
        let punctual = Lateness { p99: micros(900), proven: micros(800), max: micros(50_000), writes: 1000 };
        assert_eq!(warning(punctual), None);
        let late = Lateness { p99: micros(1500), proven: micros(1200), ..punctual };
        assert_eq!(
            warning(late).as_deref(),
            Some(
                "the simulated server was late: p99 1.500 ms, at most 50.000 ms, limit 1 ms; it was the bottleneck: \
                 give it a core of its own (core=), or less load"
            )
        );
        assert_eq!(
            warning(Lateness { proven: micros(300), ..late }),
            None,
            "two stray writes of a short run"
        );
    }
}
