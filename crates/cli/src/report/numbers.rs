//! Numbers as reports write them.

/// Seconds as milliseconds, with about three significant digits; `-` where there is no value.
pub(crate) fn ms(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| short(seconds * 1e3))
}

/// A number with about three significant digits, never in exponents.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        small if small < 0.000_5 => "0".to_owned(),
        small if small < 0.1 => format!("{value:.3}"),
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 1000.0 => format!("{value:.1}"),
        _ => grouped(value.round()),
    }
}

/// A whole number with its thousands apart: `1 234 567`.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A count with its thousands apart.
pub(crate) fn count(value: u64) -> String {
    grouped(value as f64)
}

/// A share as percent, with a figure even when it is small.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", short(share * 100.0))
}

/// A part of a whole, or 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A float as Python prints it, after rounding to thousandths: `128.0`, `51.235`.
pub(crate) fn python_float(value: f64) -> String {
    format!("{:?}", (value * 1e3).round() / 1e3)
}

/// Bytes in decimal units: `512 B`, `1.50 kB`, `32.0 MB`.
pub(crate) fn bytes(number: u64) -> String {
    if number < 1000 {
        return format!("{number} B");
    }
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = number as f64 / 1e3;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < units.len() {
        (size, unit) = (size / 1e3, unit + 1);
    }
    let decimals = if size < 10.0 { 2 } else { usize::from(size < 100.0) };
    format!("{size:.decimals$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_but_not_lost() {
        for (value, text) in [
            (0.0, "0"),
            (0.0123, "0.012"),
            (5.0, "5.00"),
            (51.26, "51.3"),
            (999.96, "1000.0"),
            (1234.4, "1 234"),
            (1_234_567.0, "1 234 567"),
            (-42.0, "-42.0"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(ms(None), "-");
        assert_eq!(ms(Some(0.0512)), "51.2");
        assert_eq!((python_float(128.0), python_float(51.234_56)), ("128.0".to_owned(), "51.235".to_owned()));
        assert_eq!(percent(share(1, 600)), "0.17 %");
    }

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.50 kB"),
            (32_044, "32.0 kB"),
            (999_600, "1.00 MB"),
            (12_345_678_901, "12.3 GB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}
