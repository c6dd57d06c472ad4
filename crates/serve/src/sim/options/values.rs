//! Single values of a query.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use plimsoll_core::time::parse_duration;

use super::error::SimOptionError;
use super::{SlowClient, UsageForm, WhenFull};

/// The longest time that any option may ask for: the longest answer still ends before nanoseconds overflow.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// A key of the query and its value.
pub(super) type Pair = (String, String);

/// The value of `key`, if it was given.
pub(super) fn given<'a>(pairs: &'a [Pair], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

pub(super) fn bad(key: &str, value: &str, expected: &'static str) -> SimOptionError {
    SimOptionError::Value { key: key.to_owned(), value: value.to_owned(), expected }
}

pub(super) fn time(key: &str, value: &str) -> Result<Duration, SimOptionError> {
    let time =
        parse_duration(value).map_err(|source| SimOptionError::Time { key: key.to_owned(), source })?;
    if time > TIME_MAX { Err(bad(key, value, "at most 1h")) } else { Ok(time) }
}

pub(super) fn number<T: FromStr>(
    key: &str,
    value: &str,
    expected: &'static str,
) -> Result<T, SimOptionError> {
    value.parse().map_err(|_| bad(key, value, expected))
}

pub(super) fn from_one(key: &str, value: &str) -> Result<NonZeroU32, SimOptionError> {
    number(key, value, "a whole number from 1")
}

pub(super) fn truth(key: &str, value: &str) -> Result<bool, SimOptionError> {
    number(key, value, "true or false")
}

pub(super) fn share(key: &str, value: &str) -> Result<f64, SimOptionError> {
    within(key, value, 0.0, 1.0, "a share from 0 to 1")
}

pub(super) fn factor(key: &str, value: &str) -> Result<f64, SimOptionError> {
    within(key, value, 1.0, 1e6, "a factor from 1 to 1000000")
}

/// Seconds as a plain number: constants of a step are too small for durations.
pub(super) fn seconds(key: &str, value: &str) -> Result<f64, SimOptionError> {
    within(key, value, 0.0, TIME_MAX.as_secs_f64(), "seconds as a number, such as 1.3e-7")
}

pub(super) fn within(
    key: &str,
    value: &str,
    least: f64,
    most: f64,
    expected: &'static str,
) -> Result<f64, SimOptionError> {
    let number: f64 = number(key, value, expected)?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(bad(key, value, expected)) }
}

pub(super) fn group(key: &str, value: &str) -> Result<NonZeroU32, SimOptionError> {
    let expected = "a whole number from 1 to 1024";
    let size: NonZeroU32 = number(key, value, expected)?;
    if size.get() <= super::GROUP_MAX { Ok(size) } else { Err(bad(key, value, expected)) }
}

/// Bytes: a whole number, or a number with KiB, MiB or GiB.
pub(super) fn bytes(key: &str, value: &str) -> Result<u64, SimOptionError> {
    let expected = "a number of bytes, such as 65536, 64KiB, 10MiB or 2GiB";
    let units = [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    match units.into_iter().find_map(|(unit, size)| Some((value.strip_suffix(unit)?, size))) {
        None => number(key, value, expected),
        Some((digits, size)) => {
            let number: f64 = digits.parse().map_err(|_| bad(key, value, expected))?;
            let whole = (0.0..1e9).contains(&number);
            if whole { Ok((number * size as f64) as u64) } else { Err(bad(key, value, expected)) }
        }
    }
}

pub(super) fn name(key: &str, value: &str) -> Result<String, SimOptionError> {
    if value.is_empty() { Err(bad(key, value, "a name")) } else { Ok(value.to_owned()) }
}

pub(super) fn when_full(key: &str, value: &str) -> Result<WhenFull, SimOptionError> {
    match value {
        "429" => Ok(WhenFull::TooManyRequests),
        "503" => Ok(WhenFull::Unavailable),
        _ => Err(bad(key, value, "429 or 503")),
    }
}

pub(super) fn slow_client(key: &str, value: &str) -> Result<SlowClient, SimOptionError> {
    match value {
        "wait" => Ok(SlowClient::Wait),
        "drop" => Ok(SlowClient::Drop),
        _ => Err(bad(key, value, "wait or drop")),
    }
}

pub(super) fn usage_form(key: &str, value: &str) -> Result<UsageForm, SimOptionError> {
    match value {
        "own" => Ok(UsageForm::Own),
        "finish" => Ok(UsageForm::Finish),
        "none" => Ok(UsageForm::None),
        _ => Err(bad(key, value, "own, finish or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_and_without_units() {
        for (text, expected) in
            [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("1.5MiB", 1_572_864), ("2GiB", 2 << 30)]
        {
            assert_eq!(bytes("x", text), Ok(expected), "{text}");
        }
        for text in ["", "1.5", "MiB", "-1", "-1KiB", "1MB", "NaNKiB", "1e12GiB"] {
            assert!(bytes("x", text).is_err(), "{text}");
        }
    }
}
