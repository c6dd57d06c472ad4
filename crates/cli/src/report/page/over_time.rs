//! The run second by second: what was sent and answered, how long it took, what was in flight.

use plimsoll_drive::recorder::StoredTable;

use super::{Axis, Chart, Heat, Hue, Line, Look, Mark, Scale, Side, Tone};
use crate::report::numbers::short;

/// Places on the axis at most: more cannot be told apart.
const PLACES_MAX: usize = 480;

/// Charts of one run follow each other's cursor.
const GROUP: &str = "time";

/// The unit of an axis of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeUnit {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
}

impl TimeUnit {
    /// The unit in which `seconds` is a number of few digits.
    pub(crate) fn of(seconds: f64) -> Self {
        match seconds {
            ..900.0 => TimeUnit { name: "s", seconds: 1.0 },
            900.0..=14_400.0 => TimeUnit { name: "min", seconds: 60.0 },
            _ => TimeUnit { name: "h", seconds: 3600.0 },
        }
    }

    pub(super) fn axis(self) -> Axis {
        Axis::new(format!("{} since the start", self.name), Scale::Linear)
    }
}

/// How several seconds become one place.
#[derive(Clone, Copy)]
enum Fold {
    Mean,
    Greatest,
}

/// The seconds of a run, few enough to be drawn.
pub(super) struct Seconds<'a> {
    table: &'a StoredTable,
    /// Seconds that one place stands for.
    each: usize,
    pub(super) unit: TimeUnit,
    /// Beginnings of the places, in `unit`.
    xs: Vec<f64>,
    marks: Vec<Mark>,
}

impl<'a> Seconds<'a> {
    /// The seconds in `table`; `measured` is the measured window, in seconds from the start of the run.
    pub(super) fn of(table: &'a StoredTable, measured: Option<(f64, f64)>) -> Option<Self> {
        let starts = table.numbers("start_ns").filter(|starts| !starts.is_empty())?;
        let length = starts.len();
        let unit = TimeUnit::of(length as f64);
        let each = length.div_ceil(PLACES_MAX);
        let xs = starts.chunks(each).map(|part| part[0].unwrap_or(0.0) / 1e9 / unit.seconds).collect();
        let marks = measured.map_or_else(Vec::new, |(start, end)| edges(start, end, length as f64, unit));
        Some(Seconds { table, each, unit, xs, marks })
    }

    /// The same with a stretch of the run marked, in seconds from its start.
    pub(super) fn marking(mut self, label: &str, from: f64, to: f64) -> Self {
        let mark = Mark::upright(label, from / self.unit.seconds, Tone::Doubt).until(to / self.unit.seconds);
        self.marks.push(mark);
        self
    }

    /// What one place stands for, in words; nothing where it is a second.
    pub(super) fn note(&self) -> Option<String> {
        (self.each > 1).then(|| {
            format!(
                "Each place stands for {} s: rates are means, percentiles the highest of a second.",
                self.each
            )
        })
    }

    /// A column, times `factor`.
    fn line(&self, label: &str, hue: Hue, column: &str, factor: f64, fold: Fold) -> Option<Line> {
        let values = self.table.numbers(column)?;
        let place = |part: &[Option<f64>]| {
            let present = part.iter().flatten();
            let n = present.clone().count();
            (n > 0).then(|| match fold {
                Fold::Mean => present.sum::<f64>() / n as f64 * factor,
                Fold::Greatest => present.fold(f64::MIN, |most, value| most.max(*value)) * factor,
            })
        };
        let values: Vec<Option<f64>> = values.chunks(self.each).map(place).collect();
        values.iter().any(Option::is_some).then(|| Line::new(label, hue, values))
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.xs.len()
    }

    /// From when to when each place is, in seconds from the start of the run.
    pub(super) fn spans(&self) -> impl Iterator<Item = (f64, f64)> {
        let each = self.each as f64;
        self.xs.iter().map(move |x| (x * self.unit.seconds, x * self.unit.seconds + each))
    }

    /// The place of a moment, in seconds from the start of the run.
    pub(super) fn place(&self, moment: f64) -> usize {
        ((moment.max(0.0) / self.each as f64) as usize).min(self.xs.len().saturating_sub(1))
    }

    /// A chart over the time of the run; nothing without lines.
    pub(super) fn chart(
        &self,
        id: &str,
        title: &str,
        says: &str,
        y: &str,
        lines: Vec<Option<Line>>,
    ) -> Option<Chart> {
        let lines: Vec<Line> = lines.into_iter().flatten().collect();
        (!lines.is_empty()).then(|| Chart {
            id: id.to_owned(),
            title: title.to_owned(),
            says: says.to_owned(),
            x: self.unit.axis(),
            y: Axis::new(y, Scale::Linear),
            xs: self.xs.clone(),
            lines,
            marks: self.marks.clone(),
            group: GROUP,
            ..Chart::default()
        })
    }

    /// Requests per second: due, sent, answered, failed.
    pub(super) fn throughput(&self) -> Option<Chart> {
        let rate = |label, hue, column| self.line(label, hue, column, 1.0, Fold::Mean);
        let failed = rate("failed", Hue::Red, "failed_rate");
        let none = |line: &Line| line.values.iter().flatten().all(|&value| value == 0.0);
        let lines = vec![
            rate("due", Hue::Grey, "offered_rate").map(|line| line.looking(Look::Dashed)),
            rate("sent", Hue::Orange, "sent_rate"),
            rate("answered", Hue::Blue, "completed_rate"),
            failed.filter(|line| !none(line)),
        ];
        let says = "Requests per second that were due, sent, answered and failed.";
        self.chart("throughput", "Throughput", says, "requests/s", lines)
            .map(|chart| Chart { main: true, ..chart })
    }

    /// Requests in flight.
    pub(super) fn concurrency(&self) -> Option<Chart> {
        let lines = vec![
            self.line("mean", Hue::Blue, "concurrency_mean", 1.0, Fold::Mean),
            self.line("most", Hue::Grey, "concurrency_max", 1.0, Fold::Greatest)
                .map(|line| line.looking(Look::Dashed)),
            self.line("connections", Hue::Cyan, "connections", 1.0, Fold::Mean),
        ];
        self.chart(
            "concurrency",
            "In flight",
            "Requests in flight in each second, their mean and the most, and open connections.",
            "requests",
            lines,
        )
    }

    /// Output tokens per second; nothing of answers without tokens.
    pub(super) fn tokens(&self) -> Option<Chart> {
        let line = self.line("output tokens", Hue::Purple, "output_token_rate", 1.0, Fold::Mean)?;
        if line.values.iter().flatten().all(|&value| value == 0.0) {
            return None;
        }
        self.chart(
            "tokens",
            "Output tokens",
            "Output tokens received per second.",
            "tokens/s",
            vec![Some(line)],
        )
    }

    /// Latency over time: percentiles of each second over a map of all requests.
    pub(super) fn latency(&self, heat: Option<Heat>) -> Option<Chart> {
        let ms = |label, hue, column| self.line(label, hue, column, 1e3, Fold::Greatest);
        let lines = vec![
            ms("p50", Hue::Green, "latency_p50"),
            ms("p90", Hue::Purple, "latency_p90"),
            ms("p99", Hue::Orange, "latency_p99"),
        ];
        let shades = if heat.is_some() {
            " Behind them a map of all answered requests: the stronger its colour, the more ended then with that latency."
        } else {
            ""
        };
        let says = format!("Percentiles of latency over the requests that ended in each second.{shades}");
        let chart = self.chart("latency", "Latency over time", &says, "ms", lines)?;
        Some(Chart { y: Axis::new("ms", Scale::Log), heat, main: true, wide: true, ..chart })
    }

    /// The time to the first token; nothing without streaming.
    pub(super) fn first_tokens(&self) -> Option<Chart> {
        let ms = |label, hue, column| self.line(label, hue, column, 1e3, Fold::Greatest);
        let lines = vec![
            ms("p50", Hue::Green, "ttft_p50"),
            ms("p90", Hue::Purple, "ttft_p90"),
            ms("p99", Hue::Orange, "ttft_p99"),
        ];
        let says = "Percentiles of the time to the first token, over the requests that ended in each second.";
        let chart = self.chart("ttft", "Time to the first token", says, "ms", lines)?;
        Some(Chart { y: Axis::new("ms", Scale::Log), ..chart })
    }

    /// How busy this client was.
    pub(super) fn client(&self) -> Option<Chart> {
        let share = |label, hue, column| self.line(label, hue, column, 100.0, Fold::Greatest);
        let lines = vec![
            share("busy", Hue::Blue, "busy"),
            share("waiting for a core", Hue::Orange, "waiting"),
            self.line("longest timer delay", Hue::Grey, "timer_lag_max", 1e3, Fold::Greatest)
                .map(|line| line.looking(Look::Dashed).on(Side::Right)),
        ];
        let says = "The busiest I/O thread of this client, and the longest delay of a timer, in each second.";
        let chart = self.chart("client", "Client", says, "% of a core", lines)?;
        let limit = Mark::level(format!("limit {} %", short(80.0)), 80.0, Tone::Bad);
        let marks = chart.marks.iter().cloned().chain([limit]).collect();
        Some(Chart { right: Some(Axis::new("ms", Scale::Linear)), marks, ..chart })
    }
}

/// What was not measured, at both ends of the run.
fn edges(start: f64, end: f64, length: f64, unit: TimeUnit) -> Vec<Mark> {
    let stretch = |label, from: f64, to: f64| {
        (to - from > 0.005 * length)
            .then(|| Mark::upright(label, from / unit.seconds, Tone::Plain).until(to / unit.seconds))
    };
    [stretch("before measuring", 0.0, start.min(length)), stretch("after", end, length)]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use plimsoll_drive::recorder::ColumnValues;

    use super::*;

    fn table(seconds: usize) -> StoredTable {
        let whole = |of: &dyn Fn(usize) -> i64| {
            ColumnValues::Int((0..seconds).map(|second| Some(of(second))).collect())
        };
        let real = |of: &dyn Fn(usize) -> Option<f64>| ColumnValues::Real((0..seconds).map(of).collect());
        StoredTable {
            columns: vec![
                ("start_ns".to_owned(), whole(&|second| second as i64 * 1_000_000_000)),
                ("completed_rate".to_owned(), real(&|second| Some((second % 2) as f64))),
                ("failed_rate".to_owned(), real(&|_| Some(0.0))),
                ("latency_p99".to_owned(), real(&|second| (second > 0).then_some(second as f64))),
            ],
        }
    }

    #[test]
    fn a_long_run_has_few_places_and_says_what_they_are() {
        let table = table(1_000);
        let seconds = Seconds::of(&table, Some((100.0, 990.0))).unwrap();
        assert_eq!((seconds.each, seconds.unit.name, seconds.xs.len()), (3, "min", 334));
        assert!(seconds.note().unwrap().contains("stands for 3 s"));
        let chart = seconds.throughput().unwrap();
        assert_eq!(chart.lines.len(), 1, "no failures and nothing else: {chart:?}");
        assert_eq!(chart.lines[0].values[0], Some(1.0 / 3.0));
        let marks: Vec<_> = chart
            .marks
            .iter()
            .map(|mark| ((mark.at * 60.0).round(), (mark.to.unwrap() * 60.0).round()))
            .collect();
        assert_eq!(marks, [(0.0, 100.0), (990.0, 1000.0)]);
        let latency = seconds.latency(None).unwrap();
        assert_eq!(latency.lines[0].values[..2], [Some(2_000.0), Some(5_000.0)]);
    }

    #[test]
    fn a_short_run_is_shown_as_it_was() {
        let table = table(3);
        let seconds = Seconds::of(&table, Some((0.0, 3.0))).unwrap();
        assert_eq!((seconds.note(), seconds.latency(None).unwrap().lines[0].values[0]), (None, None));
        assert!(seconds.throughput().unwrap().marks.is_empty());
        assert!(Seconds::of(&StoredTable::default(), None).is_none());
    }
}
