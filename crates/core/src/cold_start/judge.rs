//! From single starts to what they have in common.

use super::report::{
    Attempt, COLD_START_SCHEMA, ColdStartReport, Controller, Headroom, Lag, Moment, Position, WarmUp,
};
use super::words;
use crate::metrics::interval;
use crate::stats::{larger_p_value, median};

/// A request is slow if it takes at least so many times the median of warm ones …
const SLOW: f64 = 1.2;
/// … and so rarely would by chance.
const ALPHA: f64 = 0.05;
/// Growth of traffic for which the headroom is told, per minute.
const GROWTHS: [f64; 3] = [0.01, 0.1, 1.0];

/// What the `attempts` have in common.
pub fn judge(attempts: Vec<Attempt>) -> ColdStartReport {
    let moment = |of: fn(&Attempt) -> Option<f64>| moment(attempts.iter().filter_map(of).collect());
    let first_success = moment(|attempt| attempt.first_success);
    let lags: Vec<Lag> =
        first_success.map_or_else(Vec::new, |first| Controller::ALL.map(|c| lag(c, &first)).into());
    let mut report = ColdStartReport {
        schema: COLD_START_SCHEMA.to_owned(),
        findings: Vec::new(),
        port: moment(|attempt| attempt.port),
        ready: moment(|attempt| attempt.ready),
        first_success,
        warm_up: warm_up(&attempts),
        headroom: lags.first().map_or_else(Vec::new, headroom),
        lags,
        attempts,
    };
    report.findings = words::findings(&report);
    report
}

fn moment(mut times: Vec<f64>) -> Option<Moment> {
    times.sort_by(f64::total_cmp);
    let n = times.len() as u64;
    let (low, high) = interval(n, 50.0);
    let at = |rank: Option<u64>| rank.and_then(|rank| times.get(rank as usize - 1)).copied();
    Some(Moment {
        n,
        median: median(&times)?,
        low: at(low),
        high: at(high),
        min: *times.first()?,
        max: *times.last()?,
    })
}

fn lag(controller: Controller, first: &Moment) -> Lag {
    Lag {
        controller,
        typical: first.median + controller.period() / 2.0,
        worst: first.max + controller.period(),
    }
}

fn headroom(lag: &Lag) -> Vec<Headroom> {
    GROWTHS.map(|growth| Headroom { growth_per_minute: growth, free: growth * lag.worst / 60.0 }).into()
}

/// The first requests of all attempts beside the warm ones.
fn warm_up(attempts: &[Attempt]) -> Option<WarmUp> {
    let warm: Vec<f64> = attempts.iter().flat_map(|attempt| &attempt.warm).copied().collect();
    let usual = median(&warm).filter(|&usual| usual > 0.0)?;
    let longest = attempts.iter().map(|attempt| attempt.first.len()).max().unwrap_or(0);
    let positions: Vec<Position> = (0..longest)
        .filter_map(|place| {
            let here: Vec<f64> =
                attempts.iter().filter_map(|attempt| attempt.first.get(place)).copied().collect();
            let median = median(&here)?;
            Some(Position {
                position: place as u64 + 1,
                median,
                ratio: median / usual,
                p_value: larger_p_value(&here, &warm),
            })
        })
        .collect();
    let slow = positions.iter().take_while(|position| is_slow(position)).count();
    let extra = positions[..slow].iter().map(|position| position.median - usual).sum();
    Some(WarmUp {
        warm: usual,
        warm_requests: warm.len() as u64,
        positions,
        slow_requests: slow as u64,
        extra,
    })
}

fn is_slow(position: &Position) -> bool {
    position.ratio >= SLOW && position.p_value.is_some_and(|p_value| p_value < ALPHA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32) -> Attempt {
        let wobble = f64::from(number) * 0.01;
        Attempt {
            port: Some(1.0 + wobble),
            ready: Some(8.0 + wobble),
            first_success: Some(10.0 + f64::from(number)),
            failed_before: u64::from(number % 2),
            first: vec![2.0 + wobble, 0.5 + wobble, 0.101, 0.1, 0.3],
            warm: (0..20).map(|place| 0.095 + 0.001 * f64::from((place + number) % 10)).collect(),
            error: None,
        }
    }

    #[test]
    fn moments_have_medians_and_intervals() {
        let seven = judge((0..7).map(attempt).collect());
        let first = seven.first_success.unwrap();
        // Tables of the sign test: of 7 the 1st and the 7th.
        assert_eq!((first.n, first.median, first.low, first.high), (7, 13.0, Some(10.0), Some(16.0)));
        let five = judge((0..5).map(attempt).collect()).first_success.unwrap();
        assert_eq!((five.median, five.low, five.min, five.max), (12.0, None, 10.0, 14.0));
    }

    #[test]
    fn first_requests_that_are_slow_are_counted_to_the_first_that_is_not() {
        let report = judge((0..5).map(attempt).collect());
        let warm_up = report.warm_up.unwrap();
        assert_eq!((warm_up.slow_requests, warm_up.warm_requests, warm_up.positions.len()), (2, 100, 5));
        assert!((warm_up.extra - (2.02 + 0.52 - 2.0 * warm_up.warm)).abs() < 1e-9, "{warm_up:?}");
        assert!(warm_up.positions[0].ratio > 20.0 && warm_up.positions[0].p_value.unwrap() < 1e-3);
        insta::assert_debug_snapshot!(report.findings);
    }

    #[test]
    fn lags_add_the_looks_of_the_controller() {
        let report = judge((0..3).map(attempt).collect());
        assert_eq!(report.lags[0], Lag { controller: Controller::Hpa, typical: 18.5, worst: 27.0 });
        // Traffic that grows by a tenth in a minute grows by 4.5 % in 27 s.
        assert!((report.headroom[1].free - 0.045).abs() < 1e-12);
    }

    #[test]
    fn starts_that_came_to_nothing_are_told() {
        let failed = Attempt { error: Some("not ready after 60 s".to_owned()), ..Attempt::default() };
        let none = judge(vec![failed.clone()]);
        assert_eq!((none.first_success, none.lags.len(), none.warm_up.is_none()), (None, 0, true));
        insta::assert_debug_snapshot!((none.findings, judge(vec![attempt(0), failed]).findings));
        assert!(judge(Vec::new()).findings.len() == 1);
    }
}
