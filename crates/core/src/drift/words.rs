//! What a soak found, in words.

use super::report::{Exhaustion, Finding, Shape, SoakReport, SoakVerdict};

/// What the verdict rests on: a sentence for each series that speaks for it.
pub(super) fn reasons(report: &SoakReport) -> Vec<String> {
    let with = |verdict| report.findings.iter().filter(move |finding| finding.verdict == verdict);
    match report.verdict {
        SoakVerdict::Drifting => {
            with(SoakVerdict::Drifting).map(|finding| drifting(finding, report)).collect()
        }
        SoakVerdict::Undecided if report.findings.is_empty() => {
            vec!["no window is complete: let it run for longer".to_owned()]
        }
        SoakVerdict::Undecided => with(SoakVerdict::Undecided).map(undecided).collect(),
        SoakVerdict::Steady => vec![steady(report)],
    }
}

fn drifting(finding: &Finding, report: &SoakReport) -> String {
    let name = &finding.series;
    if finding.shape == Shape::Stepped
        && let Some(change) = finding.changes.last()
    {
        return format!(
            "{name} stepped from {} to {} after {} and stayed there (p = {:.3})",
            quantity(name, change.before),
            quantity(name, change.after),
            time_span(change.at),
            change.p_value,
        );
    }
    let growth = &finding.growth;
    let verb = if growth.per_minute >= 0.0 { "grows" } else { "falls" };
    let (low, high) = match growth.per_minute >= 0.0 {
        true => (growth.low, growth.high),
        false => (-growth.high, -growth.low),
    };
    let pace = format!(
        "{name} {verb} {} %/min ({} to {})",
        significant(100.0 * growth.per_minute.abs()),
        significant(100.0 * low),
        significant(100.0 * high),
    );
    match &finding.exhaustion {
        Some(end) => format!("{pace}: {}", exhausted(name, end)),
        None => format!("{pace}: {} over these {}", percent(growth.over_soak), time_span(report.covered)),
    }
}

fn exhausted(name: &str, end: &Exhaustion) -> String {
    let limit = quantity(name, end.limit);
    if end.after <= 0.0 {
        return format!("it has passed {limit}");
    }
    let latest = end.latest.map_or_else(|| "never".to_owned(), time_span);
    format!("passes {limit} in {} ({} to {latest})", time_span(end.after), time_span(end.earliest))
}

fn undecided(finding: &Finding) -> String {
    let growth = &finding.growth;
    let name = &finding.series;
    let more = finding
        .more
        .map_or_else(String::new, |more| format!("; about {} more would decide", time_span(more)));
    if finding.points < super::POINTS_MIN {
        return format!("{name} has {} windows, and {} are needed{more}", finding.points, super::POINTS_MIN);
    }
    format!(
        "{name} changed by {} to {} over the soak, which neither shows a drift nor excludes one{more}",
        percent(growth.over_soak_low),
        percent(growth.over_soak_high),
    )
}

fn steady(report: &SoakReport) -> String {
    let names: Vec<&str> = report.findings.iter().map(|finding| finding.series.as_str()).collect();
    format!(
        "over {} none of {} moved by {} or more for the worse, with 95 % confidence each",
        time_span(report.covered),
        names.join(", "),
        percent(report.tolerance).trim_start_matches('+'),
    )
}

/// A share as a signed percentage.
fn percent(share: f64) -> String {
    format!("{}{} %", if share < 0.0 { "-" } else { "+" }, significant(100.0 * share.abs()))
}

/// A number with two or three significant digits, never in exponents.
fn significant(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.1 => 2,
        size if size >= 0.01 => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A value of a series in its unit: `120 ms`, `1.5 GiB`, `0.4 %`.
pub fn quantity(series: &str, value: f64) -> String {
    match series {
        "resident_bytes" | "gpu_memory_bytes" => bytes(value),
        "open_files" => format!("{value:.0} files"),
        "error_rate" | "kv_usage" => format!("{} %", significant(100.0 * value)),
        "completed_rate" => format!("{}/s", significant(value)),
        _ if value < 1.0 => format!("{} ms", significant(1e3 * value)),
        _ => format!("{} s", significant(value)),
    }
}

fn bytes(value: f64) -> String {
    let units = [(1024.0 * 1024.0 * 1024.0, "GiB"), (1024.0 * 1024.0, "MiB"), (1024.0, "KiB")];
    match units.into_iter().find(|(size, _)| value >= *size) {
        Some((size, unit)) => format!("{} {unit}", significant(value / size)),
        None => format!("{value:.0} B"),
    }
}

/// A time as people say it: `40 s`, `12 min`, `9.5 h`, `3.2 d`.
pub fn time_span(seconds: f64) -> String {
    let (value, unit) = match seconds {
        seconds if seconds < 100.0 => (seconds, "s"),
        seconds if seconds < 6_000.0 => (seconds / 60.0, "min"),
        seconds if seconds < 48.0 * 3600.0 => (seconds / 3600.0, "h"),
        seconds => (seconds / 86_400.0, "d"),
    };
    let decimals = usize::from(value < 9.95);
    let text = format!("{value:.decimals$}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_units() {
        for (series, value, text) in [
            ("latency.p99", 0.1234, "123 ms"),
            ("ttft.p50", 2.0, "2 s"),
            ("resident_bytes", 1.5 * 1024.0 * 1024.0 * 1024.0, "1.5 GiB"),
            ("gpu_memory_bytes", 1024.0 * 1024.0, "1 MiB"),
            ("error_rate", 0.0123, "1.23 %"),
            ("kv_usage", 0.5, "50 %"),
            ("completed_rate", 49.97, "50/s"),
            ("open_files", 312.0, "312 files"),
        ] {
            assert_eq!(quantity(series, value), text);
        }
    }

    #[test]
    fn times_are_as_people_say_them() {
        for (seconds, text) in
            [(4.0, "4 s"), (90.0, "90 s"), (720.0, "12 min"), (9.5 * 3600.0, "9.5 h"), (300_000.0, "3.5 d")]
        {
            assert_eq!(time_span(seconds), text);
        }
    }
}
