//! Recorded traces: which requests a server really got, when, and how long they were.

mod columns;
mod error;
mod instant;
mod rows;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::TraceError;

use super::Replay;
use super::validate::validate_speed;
use crate::time::Offset;
use rows::RecordedRow;

/// How a trace is read. The default reads all of a trace whose columns are known, at its own speed.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceOptions {
    /// Time runs this many times as fast; above 0. It compresses bursts too: to have more of the same traffic, overlay
    /// traces instead.
    pub speed: f64,
    /// Leave out what comes earlier than this after the trace's first request (in the trace's own time).
    pub start: Option<Duration>,
    /// Leave out this time after the trace's first request, and everything later.
    pub stop: Option<Duration>,
    /// The column that holds the time, for a trace whose columns are not known.
    pub time_column: Option<String>,
    /// What a number in `time_column` counts. Dates need no unit.
    pub time_unit: Option<TimeUnit>,
    /// The column that holds the input tokens, where it is not known.
    pub input_column: Option<String>,
    /// The column that holds the output tokens, where it is not known.
    pub output_column: Option<String>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        TraceOptions {
            speed: 1.0,
            start: None,
            stop: None,
            time_column: None,
            time_unit: None,
            input_column: None,
            output_column: None,
        }
    }
}

/// What a time in a trace counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Microseconds.
    #[serde(rename = "us")]
    Micros,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanos,
    /// Not a count: a date and time of day.
    #[serde(rename = "date")]
    Date,
}

impl TimeUnit {
    /// The unit called `s`, `ms`, `us`, `ns` or `date`.
    pub fn from_name(name: &str) -> Option<TimeUnit> {
        Some(match name {
            "s" => TimeUnit::Seconds,
            "ms" => TimeUnit::Millis,
            "us" => TimeUnit::Micros,
            "ns" => TimeUnit::Nanos,
            "date" => TimeUnit::Date,
            _ => return None,
        })
    }
}

/// A trace, cut to its window, in order of time and rescaled.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Where it was read from.
    pub source: String,
    /// The layout its columns have (`Azure`, `Mooncake`, `BurstGPT`, `Vidur`), or `custom`.
    pub layout: &'static str,
    /// The requests in the window, ascending in time.
    pub rows: Vec<TraceRow>,
    /// Time runs this many times as fast.
    pub speed: f64,
    /// Requests in the whole trace.
    pub recorded: usize,
    /// From the first to the last request of the whole trace, in its own time.
    pub span: Duration,
    /// Requests whose time was earlier than that of the one ahead of them; they have been sorted in.
    pub out_of_order: usize,
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// When it is due, rescaled. The start of the window is 0, so the first request of a whole trace is at 0.
    pub at: Offset,
    /// Its input tokens, if recorded.
    pub input_tokens: Option<u32>,
    /// Its output tokens, if recorded.
    pub output_tokens: Option<u32>,
}

impl Trace {
    /// Reads the trace in `text`: CSV with a header, or one JSON object a line. `source` names it in errors.
    ///
    /// # Errors
    /// Names the line, what is wrong with it and what to do.
    pub fn parse(source: &str, text: &str, options: &TraceOptions) -> Result<Trace, TraceError> {
        check(options)?;
        let (columns, mut rows) = rows::read(source, text.trim_start_matches('\u{feff}'), options)?;
        let out_of_order = rows.windows(2).filter(|pair| pair[1].nanos < pair[0].nanos).count();
        rows.sort_by_key(|row| row.nanos); // stable: requests of one instant keep their order
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Err(TraceError::Empty { trace: source.to_owned() });
        };
        let span = Duration::from_nanos(last.nanos.abs_diff(first.nanos));
        let trace = Trace {
            source: source.to_owned(),
            layout: columns.layout,
            rows: window(&rows, first.nanos, options),
            speed: options.speed,
            recorded: rows.len(),
            span,
            out_of_order,
        };
        if trace.rows.is_empty() {
            Err(TraceError::EmptyWindow { trace: trace.source, span })
        } else {
            Ok(trace)
        }
    }

    /// Its due instants, as a load model takes them.
    pub fn replay(&self) -> Replay {
        Replay {
            source: self.source.clone(),
            speed: self.speed,
            due: self.rows.iter().map(|row| row.at).collect(),
        }
    }
}

fn check(options: &TraceOptions) -> Result<(), TraceError> {
    validate_speed(options.speed)?;
    match (options.start.unwrap_or_default(), options.stop) {
        (start, Some(stop)) if start >= stop => Err(TraceError::Window { start, stop }),
        _ => Ok(()),
    }
}

/// The rows of the window, rescaled; `rows` are sorted and `first` is the time of the first.
fn window(rows: &[RecordedRow], first: i64, options: &TraceOptions) -> Vec<TraceRow> {
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let start = options.start.map_or(0, nanos);
    let stop = options.stop.map_or(u64::MAX, nanos);
    rows.iter()
        .map(|row| (row, row.nanos.abs_diff(first)))
        .filter(|(_, since)| (start..stop).contains(since))
        .map(|(row, since)| TraceRow {
            at: rescaled(since - start, options.speed),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
        })
        .collect()
}

fn rescaled(nanos: u64, speed: f64) -> Offset {
    if speed == 1.0 {
        Offset::from_nanos(nanos)
    } else {
        Offset::from_nanos((nanos as f64 / speed).round() as u64)
    }
}

#[cfg(test)]
mod tests;
