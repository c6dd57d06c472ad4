//! What a capacity search says: a line for each trial, and the certificate for people.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::certificate::Certificate;
use plimsoll_core::knee::Saturation;
use plimsoll_core::search::{Capacity, Ceiling, Doom, Effort, TierCapacity, TrialOutcome, Variable};
use plimsoll_core::slo::{SloVerdict, Verdict};
use plimsoll_core::spec::Target;

use super::capacity_chart::chart;
use super::numbers::{count, ms, percent, short};
use super::server::fullest;
use super::style::{Style, Tone, lines};

/// What one user found, before the search.
pub(crate) fn beginning(latency: f64, warmup: f64, target: &Target) -> String {
    format!(
        "{} (model {}): a request of one user takes {} ms; the first {} s of each trial are left out",
        target.url,
        target.model,
        ms(Some(latency)),
        short(warmup)
    )
}

/// A trial in one line, with the interval so far.
pub(crate) fn trial_line(
    number: usize,
    trial: &TrialOutcome,
    so_far: &Capacity,
    variable: Variable,
) -> String {
    let found: Vec<String> = trial.tiers.iter().flatten().map(finding).collect();
    let word = match trial {
        TrialOutcome { invalid: Some(_), .. } => " INVALID",
        TrialOutcome { stopped_by: Some(_), .. } => " STOPPED",
        TrialOutcome { overloaded: true, .. } => " OVERLOADED",
        _ => "",
    };
    let effort = effort(trial.effort);
    format!(
        "{number:>3} {effort:<7} {}, {} s:{word} {}; {}",
        load(trial.load, variable),
        short(trial.seconds),
        found.join(", "),
        so_far.tiers.iter().map(|tier| interval(tier, variable)).collect::<Vec<_>>().join(", ")
    )
}

/// What a trial was made for.
pub(super) fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Look => "look",
        Effort::Decide => "decide",
        Effort::Confirm => "confirm",
    }
}

fn finding(found: &SloVerdict) -> String {
    let word = match found.verdict {
        Verdict::Pass => "met",
        Verdict::Fail => "missed",
        Verdict::Undecided => "open",
    };
    match found.allowed {
        Some(_) => format!("{} {word} ({} of {} miss)", found.slo, count(found.misses), count(found.n)),
        None => format!("{} {word}", found.slo),
    }
}

/// `12.3/s` or `12 users`.
pub(crate) fn load(load: f64, variable: Variable) -> String {
    match variable {
        Variable::Rate => format!("{}/s", short(load)),
        Variable::Concurrency => format!("{load} users"),
    }
}

/// What is known of a tier, in a few words.
pub(crate) fn interval(tier: &TierCapacity, variable: Variable) -> String {
    let name = if tier.name.is_empty() { String::new() } else { format!("{} ", tier.name) };
    let found = match (tier.low, tier.high) {
        (Some(low), Some(high)) => format!("{} to {}", load(low.load, variable), load(high.load, variable)),
        (Some(low), None) => format!("at least {}", load(low.load, variable)),
        (None, Some(high)) => format!("below {}", load(high.load, variable)),
        (None, None) => "nothing decided yet".to_owned(),
    };
    name + &found
}

/// The whole report. `path` is where the certificate was written.
pub(crate) fn text(certificate: &Certificate, path: &Path, style: Style) -> String {
    let mut sections = vec![
        answer(certificate, style),
        basis(certificate),
        limit(&certificate.capacity.tiers, &certificate.trials, certificate.variable),
        knees(certificate),
        slowdown(certificate.slowdown.as_ref()),
    ];
    sections.extend(certificate.burst.as_ref().map(|found| format!("Bursts     {}\n", burst(found))));
    sections.push(trials(certificate));
    sections.push(chart(certificate, style));
    sections.push(format!("Certificate {}\n", path.display()));
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn answer(certificate: &Certificate, style: Style) -> String {
    let mut text = String::new();
    for (tier, objectives) in certificate.capacity.tiers.iter().zip(&certificate.tiers) {
        let name = if tier.name.is_empty() { String::new() } else { format!(" ({})", tier.name) };
        let (tone, word, rest) = verdict(certificate, tier);
        text += &format!("{}{name}: {rest}\n", style.paint(tone, word));
        let by_default =
            if certificate.method.default_objectives { " (defaults, as no --slo was given)" } else { "" };
        text += &format!("           objectives {}{by_default}\n", objectives.slos.join("; "));
        if let Some(binding) = &tier.binding {
            text += &format!("           bound by {binding}\n");
        }
        if let Some(headroom) = certificate.headroom.iter().find(|headroom| headroom.tier == tier.name) {
            text += &headroom_line(headroom.headroom, &load(headroom.traffic, certificate.variable));
        }
    }
    text + &invalid(certificate) + &stopped(certificate) + &warm_up(certificate) + &rate_limit(certificate)
}

/// What today's traffic leaves.
pub(super) fn headroom_line(headroom: f64, today: &str) -> String {
    if headroom < 0.0 {
        format!("           today's {today} is {} more than that\n", percent(-headroom / (1.0 + headroom)))
    } else {
        format!("           headroom over today's {today}: {}\n", percent(headroom))
    }
}

/// The verdict on a tier: how to colour it, its word, and what it means.
pub(super) fn verdict(certificate: &Certificate, tier: &TierCapacity) -> (Tone, &'static str, String) {
    let variable = certificate.variable;
    let show = |value: f64| load(value, variable);
    let (Some(low), doom) = (tier.low, &certificate.doom) else {
        return none(certificate, tier);
    };
    let confirmed = if low.confirmed { "" } else { ", not confirmed by a run of its own" };
    let seconds = short(low.seconds);
    let text = match (tier.high, tier.ceiling) {
        (Some(high), _) => {
            format!(
                "{} passes, {} fails ({seconds} s at the first{confirmed})",
                show(low.load),
                show(high.load)
            )
        }
        (None, Some(Ceiling::GreatestAllowed)) => {
            format!(
                "at least {}, the greatest load that was allowed: raise --max-rate to find the end",
                show(low.load)
            )
        }
        (None, Some(Ceiling::Client { load })) => format!(
            "at least {}; this client cannot put {} on the server without measuring itself: that is its limit, not the \
             server's",
            show(low.load),
            show(load)
        ),
        (None, Some(Ceiling::OutOfTime)) => {
            format!(
                "at least {}; the time was up before a load failed ({seconds} s{confirmed})",
                show(low.load)
            )
        }
        (None, _) => {
            format!("{} passes; the loads just above are too close to call ({seconds} s)", show(low.load))
        }
    };
    match doom {
        Some(Doom::ServerGone { load: gone, .. }) => {
            (Tone::Bad, "SERVER GONE", format!("at {}; before that, {text}", show(*gone)))
        }
        _ => (Tone::Good, "CAPACITY", text),
    }
}

/// Why there is no certified load.
fn none(certificate: &Certificate, tier: &TierCapacity) -> (Tone, &'static str, String) {
    let show = |value: f64| load(value, certificate.variable);
    match &certificate.doom {
        Some(Doom::NotSustainable { load }) => (
            Tone::Bad,
            "NOT SUSTAINABLE",
            format!(
                "at any load tried: the least, {}, misses {}",
                show(*load),
                tier.binding.as_deref().unwrap_or("it")
            ),
        ),
        Some(Doom::ServerGone { load, answered }) => {
            let before = answered
                .map_or_else(String::new, |answered| format!("; it still answered at {}", show(answered)));
            (Tone::Bad, "SERVER GONE", format!("it answered nobody any more at {}{before}", show(*load)))
        }
        Some(Doom::Client { load, reason }) => (
            Tone::Bad,
            "INVALID",
            format!(
                "this client cannot put {} on the server without measuring itself: {reason}",
                show(*load)
            ),
        ),
        None if certificate.trials.is_empty() => {
            let first = tier.needs_seconds.map_or_else(String::new, |seconds| {
                format!("; one that decides takes about {} s", count(seconds.ceil() as u64))
            });
            (
                Tone::Doubt,
                "NOT CERTIFIED",
                format!(
                    "the time was up before the first trial, as the run with one user takes some of it too: give it more \
                     (--budget){first}"
                ),
            )
        }
        None if certificate.trials.iter().all(|trial| trial.invalid.is_some()) => (
            Tone::Doubt,
            "NOT CERTIFIED",
            "this client measured itself in every trial, so that nothing counts".to_owned(),
        ),
        None => {
            let more = tier.needs_seconds.map_or_else(
                || {
                    "what was tried is so near its limit that nobody can tell how long it would take (--budget, -t)"
                        .to_owned()
                },
                |seconds| {
                    format!(
                        "about {} s more at the most promising load would decide it (--budget, -t)",
                        count(seconds.ceil() as u64)
                    )
                },
            );
            (Tone::Doubt, "NOT CERTIFIED", format!("there is too little evidence for any load: {more}"))
        }
    }
}

/// The traffic, and how it was judged.
pub(super) fn basis(certificate: &Certificate) -> String {
    let Certificate { traffic, method, run, capacity, .. } = certificate;
    let cv = traffic.cv.map_or_else(String::new, |cv| format!(", CV {}", short(cv)));
    let visible = method.visible_overload.map_or_else(String::new, |overload| {
        format!("; an overload of {} would have shown at the certified load", percent(overload))
    });
    let cut = if capacity.cut_short { "; cut short" } else { "" };
    format!(
        "Traffic    {}{cv}; {}, {}; seed {}\nMethod     {} confidence, precision {}, at most {} of the seconds at a passing load in trials \
         that fail alone (RFC 9971)\n           {} trial{}, {} s in all{cut}; {} s of warm-up in each{visible}\n",
        traffic.arrivals,
        run.api,
        traffic.workload,
        run.seed,
        percent(method.confidence),
        percent(method.precision),
        percent(method.exceed_ratio),
        capacity.trials,
        if capacity.trials == 1 { "" } else { "s" },
        count(capacity.seconds as u64),
        short(method.warmup),
    )
}

/// Where more load stops being worth it.
pub(super) fn knees(certificate: &Certificate) -> String {
    let knees = &certificate.knees;
    let variable = certificate.variable;
    let mut found = Vec::new();
    found.extend(knees.power.map(|power| {
        format!(
            "most throughput for its latency at {} ({} to {})",
            load(power.value, variable),
            load(power.low, variable),
            load(power.high, variable)
        )
    }));
    found.extend(knees.saturation.map(|saturation| {
        let value = saturation.throughput;
        format!("saturates at {}/s ({})", short(value.value), ends(&saturation))
    }));
    found.extend(knees.usl.and_then(|usl| {
        let most = usl.throughput_max?;
        let at = usl.concurrency_max.map_or_else(String::new, |n| format!(" with {} in flight", short(n)));
        Some(format!(
            "the scalability law has its top at {}/s ({} to {}){at}; median error {}",
            short(most.value),
            short(most.low),
            short(most.high),
            percent(usl.error)
        ))
    }));
    if found.is_empty() { String::new() } else { format!("Knees      {}\n", found.join("\n           ")) }
}

/// The interval of a saturation, or why there is none.
pub(super) fn ends(saturation: &Saturation) -> String {
    match (saturation.throughput.low, saturation.throughput.high) {
        (Some(low), Some(high)) => format!("{} to {}/s", short(low), short(high)),
        _ if saturation.trials == 1 => "1 trial: too few for an interval".to_owned(),
        _ => format!("{} trials: too few for an interval", saturation.trials),
    }
}

/// A load that was tried, with all its trials together.
pub(super) struct TriedLoad {
    pub(super) load: f64,
    pub(super) trials: usize,
    pub(super) seconds: f64,
    pub(super) throughput: f64,
    pub(super) concurrency: f64,
    pub(super) latency: Option<f64>,
    /// The greatest of any trial.
    pub(super) latency_p99: Option<f64>,
    /// The ends of that one's interval.
    pub(super) latency_p99_ends: Option<(f64, f64)>,
    /// What the trials said, counted.
    pub(super) said: String,
    /// How full its resources were, where the server was watched.
    pub(super) server: Option<String>,
}

/// The loads that were tried, from the least to the greatest.
pub(super) fn loads(certificate: &Certificate) -> Vec<TriedLoad> {
    let mut all: Vec<&TrialOutcome> = certificate.trials.iter().collect();
    all.sort_by(|a, b| a.load.total_cmp(&b.load));
    all.chunk_by(|a, b| b.load / a.load < 1.0 + 1e-9).map(together).collect()
}

fn together(trials: &[&TrialOutcome]) -> TriedLoad {
    let seconds: f64 = trials.iter().map(|trial| trial.seconds).sum();
    // A trial that a rule ended in its warm-up has measured nothing.
    let mean = |of: fn(&TrialOutcome) -> f64| {
        trials.iter().map(|trial| trial.seconds * of(trial)).sum::<f64>() / seconds.max(f64::MIN_POSITIVE)
    };
    let slowest =
        trials.iter().max_by(|a, b| a.latency_p99.unwrap_or(0.0).total_cmp(&b.latency_p99.unwrap_or(0.0)));
    let latency = trials.iter().any(|trial| trial.latency.is_some());
    TriedLoad {
        load: trials[0].load,
        trials: trials.len(),
        seconds,
        throughput: mean(|trial| trial.throughput),
        concurrency: mean(|trial| trial.concurrency),
        latency: latency.then(|| mean(|trial| trial.latency.unwrap_or(0.0))),
        latency_p99: slowest.and_then(|trial| trial.latency_p99),
        latency_p99_ends: slowest.and_then(|trial| trial.latency_p99_low.zip(trial.latency_p99_high)),
        said: said(trials),
        server: fullest(trials.iter().filter_map(|trial| trial.server.as_ref())),
    }
}

/// The columns of the table of loads.
pub(super) const LOADS: [&str; 8] =
    ["load", "trials", "s", "completed/s", "in flight", "latency ms", "p99 ms", "said"];

/// The loads that were tried, each with all its trials together.
fn trials(certificate: &Certificate) -> String {
    if certificate.trials.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let loads = loads(certificate);
    let watched = loads.iter().any(|tried| tried.server.is_some());
    table.set_header(LOADS.into_iter().chain(watched.then_some("server")));
    for tried in loads {
        let mut row = vec![
            load(tried.load, certificate.variable),
            tried.trials.to_string(),
            short(tried.seconds),
            short(tried.throughput),
            short(tried.concurrency),
            ms(tried.latency),
            match tried.latency_p99_ends {
                Some((low, high)) => {
                    format!("{} ({}..{})", ms(tried.latency_p99), ms(Some(low)), ms(Some(high)))
                }
                None => ms(tried.latency_p99),
            },
            tried.said,
        ];
        row.extend(watched.then(|| tried.server.unwrap_or_default()));
        table.add_row(row);
    }
    for column in table.column_iter_mut().take(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let note = match certificate.trials.iter().any(|trial| trial.latency_p99_low.is_some()) {
        true => "p99: of the slowest trial, with its 95 % interval by order statistics\n",
        false => "",
    };
    lines(&table) + note
}

/// What limits the server where its capacity ends: at the least load that failed, or else at the greatest that passed.
fn limit(tiers: &[TierCapacity], trials: &[TrialOutcome], variable: Variable) -> String {
    let mut text = String::new();
    for tier in tiers {
        let Some(end) = tier.high.or(tier.low) else { continue };
        let near = trials.iter().filter(|trial| (trial.load / end.load - 1.0).abs() < 1e-9);
        let Some(server) = near.filter_map(|trial| trial.server.as_ref()).next_back() else { continue };
        let name = if tier.name.is_empty() { String::new() } else { format!(" ({})", tier.name) };
        text +=
            &format!("{:<10} at {}: {}\n", format!("Server{name}"), load(end.load, variable), server.says);
    }
    text
}

/// What trials said, counted: `3 PASS, 1 UNDECIDED`.
fn said(trials: &[&TrialOutcome]) -> String {
    let mut words: Vec<(String, usize)> = Vec::new();
    for word in trials.iter().map(|trial| says(trial)) {
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    let shown =
        words.into_iter().map(|(word, count)| if count == 1 { word } else { format!("{count} {word}") });
    shown.collect::<Vec<_>>().join(", ")
}

/// What a trial says, a word for each tier.
pub(crate) fn says(trial: &TrialOutcome) -> String {
    if trial.invalid.is_some() {
        return "INVALID".to_owned();
    }
    if trial.stopped_by.is_some() {
        return "STOPPED".to_owned();
    }
    if trial.overloaded {
        return "OVERLOADED".to_owned();
    }
    let of_tier = |found: &Vec<SloVerdict>| {
        let all = |wanted| found.iter().all(|one| one.verdict == wanted);
        if all(Verdict::Pass) {
            Verdict::Pass
        } else if found.iter().any(|one| one.verdict == Verdict::Fail) {
            Verdict::Fail
        } else {
            Verdict::Undecided
        }
    };
    trial.tiers.iter().map(|found| of_tier(found).name()).collect::<Vec<_>>().join(" ")
}

mod notes;
mod rate_limit;
#[cfg(test)]
mod tests;

pub(super) use notes::{burst, invalid, slowdown, stopped, warm_up};
pub(super) use rate_limit::rate_limit;
