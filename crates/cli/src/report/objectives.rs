//! The verdicts on objectives, a line each, and the goodput.

use plimsoll_core::slo::{Limit, Metric, Slo, SloVerdict, Verdict};
use plimsoll_core::summary::{Goodput, Summary};

use super::numbers::{count, ms, percent, short};
use super::style::{Style, Tone};

/// All verdicts, then the goodput; nothing without objectives.
pub(crate) fn lines(summary: &Summary, style: Style) -> String {
    let mut text: String = summary.slos.iter().map(|found| line(found, style)).collect();
    if let Some(goodput) = &summary.goodput {
        text += &good(goodput, style);
    }
    text
}

/// `SLO ttft.p99<500ms: PASS 212 ms (198 to 231), 0 of 4 812 over`.
fn line(found: &SloVerdict, style: Style) -> String {
    let word = style.paint(tone(found.verdict), found.verdict.name());
    let mut text = format!("SLO {}: {word}{}{}", found.slo, estimate(found), misses(found));
    if found.verdict == Verdict::Undecided {
        text += &undecided(found);
    }
    text + "\n"
}

/// How a verdict is coloured.
pub(super) const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail => Tone::Bad,
        Verdict::Undecided => Tone::Doubt,
    }
}

/// The figure that an objective is about, so far: `212 ms`; a blank where there is none.
pub(crate) fn figure(found: &SloVerdict) -> String {
    let (figure, unit) = units(&found.slo);
    found.estimate.map(|value| format!("{}{unit}", figure(value))).unwrap_or_default()
}

/// ` 212 ms (198 to 231)`; nothing where nothing was seen.
pub(super) fn estimate(found: &SloVerdict) -> String {
    if found.n == 0 {
        return String::new();
    }
    let (figure, unit) = units(&found.slo);
    let end = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), &figure);
    let estimate = match found.estimate {
        Some(value) => format!("{}{unit}", figure(value)),
        None => "no figure, as too many requests failed".to_owned(),
    };
    match (found.low, found.high) {
        (None, None) => format!(" {estimate}"),
        (low, high) => format!(" {estimate} ({} to {})", end(low), end(high)),
    }
}

/// How the figures of an objective are written, and what stands behind one that stands alone.
pub(super) fn units(slo: &Slo) -> (impl Fn(f64) -> String, &'static str) {
    let limit = match slo {
        Slo::Statistic(statistic) => statistic.limit,
        Slo::EachRequest(each) => Limit::Share(each.percent),
    };
    let unit = match limit {
        Limit::Time(_) => " ms",
        Limit::Share(_) => "",
        Limit::Rate(_) => "/s",
    };
    let figure = move |value: f64| match limit {
        Limit::Time(_) => ms(Some(value)),
        Limit::Share(_) => percent(value),
        Limit::Rate(_) => short(value),
    };
    (figure, unit)
}

/// `, 12 of 4 812 over (3 failed), 1.00 % may be`.
pub(super) fn misses(found: &SloVerdict) -> String {
    let Some(allowed) = found.allowed.filter(|_| found.n > 0) else { return String::new() };
    let time = matches!(&found.slo, Slo::Statistic(statistic) if statistic.stat.is_some());
    let word = match (time, found.slo.is_upper()) {
        (true, true) => "over",
        (true, false) => "under",
        (false, _) => "missed",
    };
    let failed = match found.failed {
        0 => String::new(),
        _ if found.slo.metric() == Some(Metric::ErrorRate) => String::new(),
        n if !time => format!(" ({} without an answer)", count(n)),
        n => format!(", {} of them without an answer", count(n)),
    };
    let may =
        if found.verdict == Verdict::Pass { String::new() } else { format!("; {} may be", percent(allowed)) };
    format!(", {} of {} {word}{failed}{may}", count(found.misses), count(found.n))
}

/// What is missing for a verdict.
pub(super) fn undecided(found: &SloVerdict) -> String {
    let why = found.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let more =
        match (found.more_requests.filter(|&n| n > 0), found.more_seconds.filter(|&seconds| seconds > 0.0)) {
            (Some(requests), Some(seconds)) => {
                format!(
                    "; about {} more requests ({} s) would decide it",
                    count(requests),
                    count(seconds.ceil() as u64)
                )
            }
            (None, Some(seconds)) => {
                format!("; about {} s more would decide it", count(seconds.ceil() as u64))
            }
            (Some(requests), None) => format!("; about {} more requests would decide it", count(requests)),
            (None, None) => String::new(),
        };
    why + &more
}

fn good(goodput: &Goodput, style: Style) -> String {
    let kept = if goodput.limits.is_empty() {
        "were answered".to_owned()
    } else {
        format!("were answered and kept {}", goodput.limits.join(" & "))
    };
    let share = match (goodput.attainment, goodput.low, goodput.high) {
        (Some(share), Some(low), Some(high)) => {
            format!("; {} ({} to {}) of the requests {kept}", percent(share), percent(low), percent(high))
        }
        _ => String::new(),
    };
    let note = format!("(each end of an interval holds with {} confidence)", percent(goodput.confidence));
    format!("Goodput {}/s{share}\n{}\n", short(goodput.goodput), style.paint(Tone::Faint, &note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn verdicts_with_their_evidence() {
        let summary = fixture::judged();
        insta::assert_snapshot!(lines(&summary, Style { width: 100, color: false }));
        assert_eq!(lines(&fixture::valid(), Style { width: 100, color: false }), "");
    }
}
