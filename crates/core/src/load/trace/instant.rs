//! Times of day and counts of time as traces write them, in nanoseconds, exact to the last digit.

use super::TimeUnit;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A time in nanoseconds from some origin (for dates, 1970). `None` if `text` is not in that unit.
pub(super) fn parse(text: &str, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Date => date(text),
        TimeUnit::Seconds => count(text, 9),
        TimeUnit::Millis => count(text, 6),
        TimeUnit::Micros => count(text, 3),
        TimeUnit::Nanos => count(text, 0),
    }
}

/// A decimal number of units of `10^places` nanoseconds, rounded down to nanoseconds.
fn count(text: &str, places: u8) -> Option<i64> {
    let text = text.trim();
    if text.contains(['e', 'E']) {
        // 1e-05, as some writers put small numbers. `as` would saturate, so the range is checked.
        let nanos = text.parse::<f64>().ok()? * 10_f64.powi(i32::from(places));
        return (nanos.abs() < i64::MAX as f64).then_some(nanos.round() as i64);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = unsigned(whole)?.checked_mul(10_i64.pow(u32::from(places)))?;
    let nanos = whole.checked_add(fraction_of(fraction, places)?)?;
    Some(if negative { -nanos } else { nanos })
}

/// The digits after a point as a number of `10^-places`; further digits are cut off.
fn fraction_of(digits: &str, places: u8) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = digits.get(..usize::from(places)).unwrap_or(digits);
    let missing = u32::from(places) - kept.len() as u32;
    Some(unsigned(kept)? * 10_i64.pow(missing))
}

/// Digits only, none at all being 0.
fn unsigned(digits: &str) -> Option<i64> {
    match digits {
        "" => Some(0),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    }
}

/// `2023-11-16 18:17:03.9799600`, with `T` for the space and with `Z` or `+00:00` behind, if need be.
fn date(text: &str) -> Option<i64> {
    let (day, time) = text.trim().split_once([' ', 'T'])?;
    let (time, ahead) = split_zone(time)?;
    let [year, month, day] = parts(day, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = parts(time, ':')?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60; // a leap second
    if !in_range {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - ahead;
    seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction_of(fraction, 9)?)
}

/// Splits `18:17:03+01:00` into the time and how many seconds its zone is ahead of UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, 0));
    };
    let (hours, minutes) = time[at + 1..].split_once(':').unwrap_or((&time[at + 1..], ""));
    let ahead = unsigned(hours)? * 3600 + unsigned(minutes)? * 60;
    if ahead > 86_400 {
        return None;
    }
    Some((&time[..at], if time[at..].starts_with('-') { -ahead } else { ahead }))
}

/// Three numbers of at most four digits.
fn parts(text: &str, between: char) -> Option<[i64; 3]> {
    let mut numbers = text.split(between).map(|part| {
        let sensible = (1..=4).contains(&part.len());
        unsigned(part).filter(|_| sensible)
    });
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms,
/// `days_from_civil`): years begin in March, so that the leap day is their last, in eras of 400 years.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_to_the_last_digit() {
        for (text, nanos) in [
            ("1970-01-01 00:00:00", 0),
            ("2023-11-16 18:17:03.9799600", 1_700_158_623_979_960_000),
            ("2000-02-29T23:59:59Z", 951_868_799_000_000_000),
            ("2024-05-10 00:00:00.009930+00:00", 1_715_299_200_009_930_000),
            ("2024-05-10 02:00:00+02:00", 1_715_299_200_000_000_000),
            ("2024-05-09T19:30:00-04:30", 1_715_299_200_000_000_000),
            ("1969-12-31 23:59:59.5", -500_000_000),
        ] {
            let expected = if text.ends_with("-0430") { None } else { Some(nanos) };
            assert_eq!(parse(text, TimeUnit::Date), expected, "{text}");
        }
        for text in [
            "",
            "2023-11-16",
            "2023-13-01 00:00:00",
            "2023-02-29 00:00:00",
            "2023-11-16 24:00:00",
            "2023-11-16 18:17",
            "2023-11-16 18:17:03.x",
            "23-11-16-1 18:17:03",
            "5.0",
            "9999-01-01 00:00:00",
            "2023-11-16 +8:17:03",
            "2023-11-16 18:17:03+99:00",
            "2023-11-16 18:17:03-0430",
        ] {
            assert_eq!(parse(text, TimeUnit::Date), None, "{text}");
        }
    }

    #[test]
    fn counts_are_read_to_the_last_digit() {
        for (text, unit, nanos) in [
            ("0", TimeUnit::Millis, 0),
            ("27482", TimeUnit::Millis, 27_482_000_000),
            ("5", TimeUnit::Seconds, 5_000_000_000),
            ("45.0", TimeUnit::Seconds, 45_000_000_000),
            ("1700158623.979960001", TimeUnit::Seconds, 1_700_158_623_979_960_001),
            ("0.1234567899", TimeUnit::Seconds, 123_456_789),
            ("0.00012345678901234567890", TimeUnit::Seconds, 123_456),
            (".5", TimeUnit::Micros, 500),
            ("-1.5", TimeUnit::Seconds, -1_500_000_000),
            ("1e-05", TimeUnit::Seconds, 10_000),
            ("1.5E3", TimeUnit::Nanos, 1_500),
            ("12.9", TimeUnit::Nanos, 12),
        ] {
            assert_eq!(parse(text, unit), Some(nanos), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "abc",
            "1.2.3",
            "1.-5",
            "+5",
            "NaN",
            "inf",
            "1e400",
            "99999999999999999999",
            "0x10",
        ] {
            assert_eq!(parse(text, TimeUnit::Seconds), None, "{text}");
        }
    }
}
