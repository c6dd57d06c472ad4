//! Why a trace cannot be read, and what to do about it.

use std::time::Duration;

use thiserror::Error;

use super::columns::LAYOUTS;
use crate::load::ScheduleError;

/// Why a trace cannot be read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TraceError {
    /// No rows.
    #[error("{trace} holds no requests: give CSV with a header and rows, or JSON objects, one a line")]
    Empty {
        /// Where the trace was read from.
        trace: String,
    },
    /// A column that was asked for is not there.
    #[error("{trace}:{line}: there is no column `{column}`; {}", found(.columns, .nearest.as_deref()))]
    MissingColumn {
        /// Where the trace was read from.
        trace: String,
        /// Line, from 1.
        line: u64,
        /// The column asked for.
        column: String,
        /// The columns there are.
        columns: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// None of the layouts that are known.
    #[error(
        "{trace}:{line}: the columns {} are no layout known here ({}): name the time column and its unit \
         (--trace-time-column, --trace-time-unit)",
        .columns.join(", "),
        layouts()
    )]
    UnknownLayout {
        /// Where the trace was read from.
        trace: String,
        /// Line, from 1.
        line: u64,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// A number that could count anything.
    #[error(
        "{trace}:{line}: column `{column}` holds the bare number `{value}`: say what it counts \
         with --trace-time-unit (s, ms, us or ns)"
    )]
    NoUnit {
        /// Where the trace was read from.
        trace: String,
        /// Line, from 1.
        line: u64,
        /// The time column.
        column: String,
        /// Its value.
        value: String,
    },
    /// A value that is not what its column should hold.
    #[error(
        "{trace}:{line}: column `{column}` holds `{value}`, which is not {wanted}: correct or remove the line"
    )]
    Value {
        /// Where the trace was read from.
        trace: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// Its value, cut short.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A line that is not a row at all.
    #[error("{trace}:{line}: {problem}: correct or remove the line")]
    Malformed {
        /// Where the trace was read from.
        trace: String,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A window that ends before it begins.
    #[error("the window from {start:?} to {stop:?} of a trace is empty: give a stop after the start")]
    Window {
        /// Its start.
        start: Duration,
        /// Its stop.
        stop: Duration,
    },
    /// Nothing in the window.
    #[error(
        "{trace} has no request in the window: the whole trace lasts {span:?} from its first request to its last"
    )]
    EmptyWindow {
        /// Where the trace was read from.
        trace: String,
        /// How long the trace is.
        span: Duration,
    },
    /// A speed that time cannot run at.
    #[error(transparent)]
    Speed(#[from] ScheduleError),
}

fn found(columns: &[String], nearest: Option<&str>) -> String {
    let there = format!("the columns are {}", columns.join(", "));
    nearest.map_or_else(
        || format!("{there}: name one of them"),
        |name| format!("{there}: did you mean `{name}`?"),
    )
}

fn layouts() -> String {
    LAYOUTS
        .map(|layout| format!("{}: {}, {}, {}", layout.name, layout.time, layout.input, layout.output))
        .join("; ")
}
