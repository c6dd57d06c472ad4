//! Percentile curves: a time against the share of requests that take longer, on an axis of nines.

use plimsoll_core::metrics::{Samples, min_samples};

use super::{Axis, Chart, Hue, Line, Scale, Seen};
use crate::report::numbers::count;

/// Places for each factor of ten of what is left above a percentile.
const PER_NINE: i32 = 12;

/// The chart; nothing without a single curve.
pub(super) fn chart(seen: &Seen) -> Option<Chart> {
    let hue = |name: &str| match name {
        "ttft" => Hue::Green,
        "tpot" => Hue::Purple,
        "latency" => Hue::Blue,
        _ => Hue::Orange,
    };
    let shown: Vec<&(&str, Samples)> = seen
        .times
        .iter()
        .filter(|(name, times)| times.n() > 1 && !repeats_latency(seen, name, times))
        .collect();
    let places = (0..shown.iter().map(|(_, times)| places(times.n())).max()?).collect::<Vec<i32>>();
    let place = |index: &i32| 10_f64.powf(f64::from(*index) / f64::from(PER_NINE));
    let line = |(name, times): &&(&'static str, Samples)| {
        let value = |index: &i32| (*index < self::places(times.n())).then(|| at(times, place(index)));
        Line::new(*name, hue(name), places.iter().map(value).collect())
    };
    let (part, total) = seen.part;
    let of = if part < total {
        format!(" ({} of {} requests were read)", count(part), count(total))
    } else {
        String::new()
    };
    Some(Chart {
        id: "percentiles".to_owned(),
        title: "Percentiles".to_owned(),
        says: format!(
            "Each time against the share of requests that took no longer, from the least on the left to the tail on \
             the right. A curve ends where there are too few samples for a percentile{of}."
        ),
        x: Axis::new("percentile", Scale::Nines),
        y: Axis::new("ms", Scale::Log),
        xs: places.iter().map(place).collect(),
        lines: shown.iter().map(line).collect(),
        main: true,
        wide: true,
        ..Chart::default()
    })
}

/// The time at the percentile above which one in `place` lies, milliseconds.
fn at(times: &Samples, place: f64) -> f64 {
    times.percentile(percentile(place)).map_or(0.0, |nanos| nanos as f64 / 1e6)
}

fn percentile(place: f64) -> f64 {
    100.0 * (1.0 - 1.0 / place)
}

/// Places on the axis for which `n` samples are enough.
fn places(n: u64) -> i32 {
    let enough =
        |index: &i32| n >= min_samples(percentile(10_f64.powf(f64::from(*index) / f64::from(PER_NINE))));
    // The 0th percentile is the least and needs no more than one.
    1 + (1..8 * PER_NINE).take_while(enough).count() as i32
}

/// Where requests start when they are due, or nearly so, both are one line.
fn repeats_latency(seen: &Seen, name: &str, times: &Samples) -> bool {
    let alike = |latency: &Samples| {
        [50.0, 90.0, 99.0].iter().all(|&p| {
            let of = |times: &Samples| times.percentile(p).unwrap_or(0) as f64;
            (of(times) - of(latency)).abs() <= 0.01 * of(latency)
        })
    };
    name == "response_time" && seen.times.iter().any(|(other, latency)| *other == "latency" && alike(latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_where_samples_do() {
        let mut seen = Seen::new(1_000, 3_000);
        for nanos in 1..=1_000_u64 {
            seen.times.iter_mut().for_each(|(_, times)| times.record(nanos * 1_000_000));
        }
        let chart = chart(&seen).unwrap();
        assert_eq!(
            chart.lines.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(),
            ["ttft", "tpot", "latency"]
        );
        assert!(chart.says.contains("1 000 of 3 000"), "{}", chart.says);
        let last = chart.xs.last().copied().unwrap();
        assert!(
            min_samples(percentile(last)) <= 1_000 && min_samples(percentile(last * 1.3)) > 1_000,
            "{last}"
        );
        let index = chart.xs.iter().position(|x| (x - 10.0).abs() < 1e-9).unwrap();
        let p90 = chart.lines[2].values[index].unwrap();
        assert!((p90 - 900.0).abs() < 1.0, "{p90}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(chart(&Seen::new(0, 0)), None);
    }
}
