//! The tables of a run: objectives, latencies, counts, errors, the client's health, its settings.

use plimsoll_core::slo::{SloVerdict, Verdict as Met};
use plimsoll_core::summary::{Distribution, Summary};

use super::{Cell, Setting, Table, Tone};
use crate::report::numbers::{bytes, count, ms, percent, share, short};
use crate::report::{objectives, terminal};

/// The percentiles of the table of latencies.
const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// The tone of a verdict on an objective.
pub(super) const fn tone(verdict: Met) -> Tone {
    match verdict {
        Met::Pass => Tone::Good,
        Met::Fail => Tone::Bad,
        Met::Undecided => Tone::Doubt,
    }
}

/// The verdicts on objectives; nothing without any.
pub(super) fn objectives(found: &[SloVerdict]) -> Option<Table> {
    let mut table = Table::new("Objectives", &["objective", "verdict", "found#", "evidence"]);
    for one in found {
        let evidence = objectives::misses(one).trim_start_matches([',', ' ']).to_owned();
        let open = match one.verdict {
            Met::Undecided => objectives::undecided(one).trim_start_matches([':', ';', ' ']).to_owned(),
            Met::Pass | Met::Fail => String::new(),
        };
        let figure = objectives::estimate(one).trim_start().to_owned();
        let figure = if figure.is_empty() { "-".to_owned() } else { figure };
        table.rows.push(vec![
            Cell::text(one.slo.to_string()),
            Cell::word(one.verdict.name(), tone(one.verdict)),
            Cell { value: one.estimate, ..Cell::text(figure) },
            Cell::text(evidence).with_note(open),
        ]);
    }
    (!found.is_empty()).then_some(table)
}

/// All times with their percentiles and intervals.
pub(super) fn latencies(summary: &Summary) -> Option<Table> {
    let mut table = Table::new(
        "Milliseconds; below each percentile its 95 % interval by order statistics",
        &["time", "n#", "mean#"],
    );
    let number = |name: String| super::Column { name, numeric: true };
    table.columns.extend(PERCENTILES.iter().map(|p| number(format!("p{p}"))));
    table.columns.push(number("max".to_owned()));
    for (name, metric) in terminal::times(summary) {
        let mut row = vec![Cell::text(name), Cell::count(metric.n), milliseconds(metric.mean)];
        row.extend(PERCENTILES.iter().map(|&p| percentile(metric, p)));
        row.push(milliseconds(metric.max));
        table.rows.push(row);
    }
    (!table.rows.is_empty()).then(|| table.main())
}

/// Seconds, shown in milliseconds.
pub(super) fn milliseconds(seconds: Option<f64>) -> Cell {
    Cell::number(seconds, |seconds| ms(Some(seconds)))
}

fn percentile(metric: &Distribution, p: f64) -> Cell {
    let found = metric.percentiles.iter().find(|entry| entry.p == p);
    let cell = milliseconds(found.and_then(|entry| entry.value));
    match found.and_then(|entry| Some((entry.low?, entry.high?))) {
        Some((low, high)) => cell.with_note(format!("{} to {}", ms(Some(low)), ms(Some(high)))),
        None => cell,
    }
}

/// Requests, rates, tokens and bytes.
pub(super) fn amounts(summary: &Summary) -> Table {
    let Summary { counts, rates, tokens, window, .. } = summary;
    let mut table = Table::new("Amounts of the measured window", &["what", "amount#", "per second#"]);
    let mut row = |what: &str, amount: Cell, rate: Option<f64>| {
        table.rows.push(vec![Cell::text(what), amount, Cell::number(rate, short)]);
    };
    row("requests due", Cell::count(counts.scheduled), Some(rates.offered_rate));
    row("requests sent", Cell::count(counts.sent), Some(rates.sent_rate));
    for (outcome, number) in &counts.outcomes {
        let rate = (outcome.name() == "ok").then_some(rates.completed_rate);
        row(&format!("requests {}", outcome.name()), Cell::count(*number), rate);
    }
    if let Some(goodput) = &summary.goodput {
        row("requests that keep the objectives", Cell::count(goodput.good), Some(goodput.goodput));
    }
    if tokens.input > 0 {
        row("input tokens", Cell::count(tokens.input), Some(rates.input_token_rate));
    }
    if tokens.output > 0 && !summary.run.without_tokens {
        row("output tokens", Cell::count(tokens.output), Some(rates.output_token_rate));
    }
    for (source, number) in tokens.sources.iter().filter(|_| !summary.run.without_tokens) {
        row(&format!("outputs counted by: {}", terminal::source_name(*source)), Cell::count(*number), None);
    }
    for (what, amount) in [("bytes sent", counts.bytes_sent), ("bytes received", counts.bytes_received)] {
        if amount > 0 {
            let rate = (window.measured > 0.0).then(|| amount as f64 / window.measured);
            let shown = |amount: f64| bytes(amount as u64);
            table.rows.push(vec![
                Cell::text(what),
                Cell::number(Some(amount as f64), shown),
                Cell::number(rate, shown),
            ]);
        }
    }
    table
}

/// Failures by class; nothing without any.
pub(super) fn errors(summary: &Summary) -> Option<Table> {
    let mut table = Table::new(
        "Failures of the whole run",
        &["class", "status#", "count#", "share#", "first#", "last#", "for example"],
    );
    for class in &summary.errors {
        let moment = |seconds: f64| Cell::number(Some(seconds), |seconds| format!("{} s", short(seconds)));
        let of_all = share(class.count, summary.counts.total);
        table.rows.push(vec![
            Cell::text(class.outcome.name()),
            Cell::number(class.status.map(f64::from), |status| status.to_string()),
            Cell::count(class.count),
            Cell::number(Some(of_all), percent),
            moment(class.first),
            moment(class.last),
            Cell::text(&class.example),
        ]);
    }
    (!summary.errors.is_empty()).then_some(table)
}

/// The client's own health, and what makes a run INVALID; nothing in simulated time.
pub(super) fn health(summary: &Summary) -> Option<Table> {
    if summary.run.simulated {
        return None;
    }
    let health = &summary.health;
    let mut table = Table::new("This client over the measured window", &["what", "found#", "INVALID if"]);
    let mut row = |what: &str, value: Cell, limit: &str| {
        table.rows.push(vec![Cell::text(what), value, Cell::text(limit)]);
    };
    let share = |share: f64| Cell::number(Some(share), percent);
    let lag = |lag: Option<f64>| Cell::number(lag, |lag| format!("{} ms", ms(Some(lag))));
    row("busiest I/O thread", share(health.busy_max), "above 80 %, together with waiting");
    row("waiting for a core", share(health.waiting_max), "");
    row("other processes on its cores", share(health.others_max), "");
    row("taken by the host", share(health.stolen_max), "");
    row(
        "timer lag p99",
        lag(health.timer_lag_p99),
        "above 1 ms (of a busy host: and 2 % of the median latency)",
    );
    row("read lag p99", lag(health.read_lag_p99), "");
    row("send lag p99", lag(health.send_lag_p99), "");
    row("send lag p99, own part", lag(health.own_lag_p99), "above 1 ms and 2 % of the median latency");
    row("records lost", Cell::count(health.records_lost), "above 0");
    row("prompts late", Cell::count(health.prompts_late), "");
    let stamps = if health.kernel_timestamps { "the kernel" } else { "this process" };
    row("arrivals stamped by", Cell::text(stamps), "");
    Some(table)
}

/// The options that somebody set, and folded up all others; none where they were not stored.
pub(super) fn settings(settings: &[Setting]) -> Vec<Table> {
    let table = |caption: &str, wanted: &dyn Fn(&Setting) -> bool| {
        let mut table = Table::new(caption, &["option", "value", "source"]);
        let row = |one: &Setting| {
            [&one.option, &one.value, &one.source].map(|text| Cell::text(text.as_str())).into()
        };
        table.rows = settings.iter().filter(|one| wanted(one)).map(row).collect();
        (!table.rows.is_empty()).then_some(table)
    };
    let is_set = |one: &Setting| one.source != "default" && one.source != "not set";
    let set = table("What was set, and where", &is_set);
    let rest = table("All other options: defaults, and what was not set", &|one| !is_set(one));
    set.into_iter().chain(rest.map(|rest| Table { folded: true, ..rest })).collect()
}

/// How many of how many, with the share.
pub(super) fn part_of(part: u64, whole: u64) -> String {
    format!("{} of {} ({})", count(part), count(whole), percent(share(part, whole)))
}
