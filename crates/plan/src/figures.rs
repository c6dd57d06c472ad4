//! How numbers are written in the sentences of a plan.

/// A number with three to four digits that count: `500`, `65.3`, `0.012`.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "no number".to_owned();
    }
    let decimals = match size {
        _ if (value - value.round()).abs() < 1e-9 * size.max(1.0) => 0,
        _ if size >= 1000.0 => 0,
        _ if size >= 100.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A share in percent: `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", figure((share * 1e4).round() / 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_but_not_lost() {
        for (value, text) in [
            (500.0, "500"),
            (65.25, "65.25"),
            (123.456, "123.5"),
            (12_345.6, "12346"),
            (0.0123, "0.0123"),
            (0.0, "0"),
            (2.0 / 3.0, "0.6667"),
            (f64::INFINITY, "no number"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!((percent(0.125).as_str(), percent(1.0).as_str()), ("12.5 %", "100 %"));
    }
}
