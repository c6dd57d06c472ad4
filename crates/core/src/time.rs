//! Moments, durations and rates of a run, and how people write them.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A moment inside a run: nanoseconds since the run began on the process's one monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(u64);

impl Offset {
    /// The start of the run.
    pub const ZERO: Offset = Offset(0);
    /// Later than every moment of any run.
    pub const MAX: Offset = Offset(u64::MAX);

    /// The moment `nanos` nanoseconds after the run began.
    pub const fn from_nanos(nanos: u64) -> Self {
        Offset(nanos)
    }

    /// The moment `seconds` after the run began; negative and non-finite values become the start.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Offset((seconds * 1e9).round() as u64) // `as` saturates, and maps NaN to 0
    }

    /// Nanoseconds since the run began.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the run began.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`, or zero if `self` is the earlier one.
    pub const fn since(self, earlier: Offset) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Offset {
    type Output = Offset;

    fn add(self, span: Duration) -> Offset {
        Offset(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A rate of events per second, finite and within [`Rate::MIN`]..=[`Rate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

impl Rate {
    /// The slowest rate accepted: one event in a thousand seconds.
    pub const MIN: f64 = 0.001;
    /// The fastest rate accepted.
    pub const MAX: f64 = 100_000.0;
    /// One per second.
    pub const ONE: Rate = Rate(1.0);

    /// Events per second.
    pub fn per_second(self) -> f64 {
        self.0
    }

    /// The mean gap between events, in seconds.
    pub fn mean_gap(self) -> f64 {
        1.0 / self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(per_second: f64) -> Result<Self, RateError> {
        if !per_second.is_finite() {
            Err(RateError::NotANumber(per_second.to_string()))
        } else if !(Self::MIN..=Self::MAX).contains(&per_second) {
            Err(RateError::OutOfRange(per_second))
        } else {
            Ok(Rate(per_second))
        }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> f64 {
        rate.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// Accepts `50`, `0.1`, `50/s`, `3000/m`, `100/h`.
impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (number, seconds) = match text.trim().split_once('/') {
            None => (text.trim(), 1.0),
            Some((number, "s")) => (number, 1.0),
            Some((number, "m" | "min")) => (number, 60.0),
            Some((number, "h")) => (number, 3600.0),
            Some(_) => return Err(RateError::Unit(text.to_owned())),
        };
        let number: f64 = number.trim().parse().map_err(|_| RateError::NotANumber(text.to_owned()))?;
        Rate::try_from(number / seconds)
    }
}

/// Why a text or a number is not a [`Rate`].
#[derive(Debug, Error, PartialEq)]
pub enum RateError {
    /// Not a finite number.
    #[error("`{0}` is not a number: write a rate as 50, 0.5, 50/s or 3000/m")]
    NotANumber(String),
    /// Zero, negative, or beyond what can be paced.
    #[error("a rate of {0}/s is out of range: give one from 0.001/s to 100000/s")]
    OutOfRange(f64),
    /// An unknown unit after the slash.
    #[error("unknown unit in `{0}`: a rate is per second (/s), minute (/m) or hour (/h)")]
    Unit(String),
}

/// Reads a duration: `300`, `0.5`, `300s`, `50ms`, `5m`, `5min`, `1h30m`, `1h20m10s`. A bare number means seconds.
///
/// # Errors
/// Says what is wrong with `text` and how durations are written.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let bad = || DurationError(text.to_owned());
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    if let Ok(seconds) = rest.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| bad());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" | "hr" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(bad()),
        };
        seconds += number * unit;
        rest = rest[letters..].trim_start();
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

/// A text that is not a duration.
#[derive(Debug, Error, PartialEq)]
#[error("`{0}` is not a duration: write 30, 30s, 500ms, 5m, 5min or 1h30m")]
pub struct DurationError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("300", 300_000),
            ("0.5", 500),
            ("300s", 300_000),
            ("5m", 300_000),
            ("5min", 300_000),
            ("1h30m", 5_400_000),
            ("1h20m10s", 4_810_000),
            ("50ms", 50),
            ("1.5s", 1_500),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "abc", "5 parsecs", "-3", "-3s", "NaN", "inf", "1h30", "s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_read_or_refused_never_rounded() {
        for (text, rate) in [("50", 50.0), ("0.1", 0.1), ("50/s", 50.0), ("3000/m", 50.0), ("600", 600.0)] {
            assert_eq!(text.parse::<Rate>().map(Rate::per_second), Ok(rate), "{text}");
        }
        for text in ["0", "-1", "NaN", "inf", "1e9", "0.0001", "", "ten", "5/fortnight"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_never_wrap() {
        assert_eq!(Offset::from_nanos(5).since(Offset::from_nanos(9)), Duration::ZERO);
        assert_eq!(Offset::MAX + Duration::from_secs(1), Offset::MAX);
        assert_eq!(Offset::from_secs_f64(-1.0), Offset::ZERO);
        assert_eq!(Offset::from_secs_f64(1.5).as_nanos(), 1_500_000_000);
    }
}
