//! The page of a capacity search: the certificate, and the trials that it rests on.

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::{TrialOutcome, Variable};
use plimsoll_core::slo::{Limit, Slo, SloVerdict, Stat, Verdict as Met};

use super::{
    Axis, Block, Cell, Chart, Figure, Hue, Line, Look, Mark, Page, Scale, Section, Setting, Table, Tone,
    Verdict, run, tables,
};
use crate::report::capacity as words;
use crate::report::numbers::{ms, short};

/// The page of a search whose folder is called `folder`.
pub(crate) fn capacity(certificate: &Certificate, settings: &[Setting], folder: &str) -> Page {
    let sections = [
        curve(certificate),
        objectives(certificate),
        trials(certificate),
        basis(certificate),
        run::settings(settings),
    ];
    let run = &certificate.run;
    Page {
        kind: "capacity",
        title: format!("{}: capacity of {}", run.name, run.target),
        lead: vec![
            run.server(),
            format!(
                "{}; {}; arrivals {}",
                run.api, certificate.traffic.workload, certificate.traffic.arrivals
            ),
            format!("started {}; seed {}; plimsoll {}; results {folder}", run.started, run.seed, run.tool),
        ],
        verdicts: verdicts(certificate),
        figures: figures(certificate),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn verdicts(certificate: &Certificate) -> Vec<Verdict> {
    let tiers = certificate.capacity.tiers.iter().zip(&certificate.tiers).map(|(tier, asked)| {
        let (tone, word, text) = words::verdict(certificate, tier);
        let name = if tier.name.is_empty() { String::new() } else { format!("{}: ", tier.name) };
        let mut details = vec![format!("objectives {}", asked.slos.join("; "))];
        details.extend(tier.binding.as_ref().map(|binding| format!("bound by {binding}")));
        let headroom = certificate.headroom.iter().find(|headroom| headroom.tier == tier.name);
        details.extend(headroom.map(|headroom| {
            let today = words::load(headroom.traffic, certificate.variable);
            words::headroom_line(headroom.headroom, &today).trim().to_owned()
        }));
        Verdict { details, ..Verdict::new(word, tone.into(), name + &text) }
    });
    let mut found: Vec<Verdict> = tiers.collect();
    let doubts = [
        words::invalid(certificate),
        words::stopped(certificate),
        words::warm_up(certificate),
        words::rate_limit(certificate),
        words::slowdown(certificate.slowdown.as_ref()),
    ];
    let doubts = doubts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let doubts = doubts.filter(|text| !text.is_empty());
    found.extend(doubts.map(|text| Verdict::new("note", Tone::Doubt, text)));
    found
}

fn figures(certificate: &Certificate) -> Vec<Figure> {
    let show = |load: f64| words::load(load, certificate.variable);
    let mut figures = Vec::new();
    for tier in &certificate.capacity.tiers {
        let name = |what: &str| {
            if tier.name.is_empty() { what.to_owned() } else { format!("{}: {what}", tier.name) }
        };
        if let Some(low) = tier.low {
            let confirmed = if low.confirmed { "confirmed by a run of its own" } else { "not confirmed" };
            figures.push(Figure::new(&name("certified"), show(low.load), confirmed.to_owned()));
        }
        if let Some(high) = tier.high {
            figures.push(Figure::new(
                &name("fails at"),
                show(high.load),
                format!("{} s measured", short(high.seconds)),
            ));
        }
    }
    if let Some(power) = certificate.knees.power {
        let note = format!("{} to {}", show(power.low), show(power.high));
        figures.push(Figure::new("most throughput for its latency", show(power.value), note));
    }
    if let Some(saturation) = certificate.knees.saturation {
        let value = format!("{}/s", short(saturation.throughput.value));
        figures.push(Figure::new("saturates at", value, words::ends(&saturation)));
    }
    figures
}

/// Trials that this client did not spoil, in the order of `by`.
fn measured(certificate: &Certificate, by: fn(&TrialOutcome) -> f64) -> Vec<&TrialOutcome> {
    let mut trials: Vec<&TrialOutcome> =
        certificate.trials.iter().filter(|trial| trial.invalid.is_none() && by(trial) > 0.0).collect();
    trials.sort_by(|a, b| by(a).total_cmp(&by(b)));
    trials
}

fn curve(certificate: &Certificate) -> Option<Section> {
    let blocks = [latency_by_throughput(certificate), throughput_by_concurrency(certificate)];
    Section::of(
        "curve",
        "Latency against throughput",
        blocks.into_iter().flatten().map(Block::chart).collect(),
    )
}

fn latency_by_throughput(certificate: &Certificate) -> Option<Chart> {
    let trials = measured(certificate, |trial| trial.throughput);
    let line = |label: &str, hue, overloaded: bool, of: fn(&TrialOutcome) -> Option<f64>| {
        let value =
            |trial: &&TrialOutcome| of(trial).filter(|_| trial.overloaded == overloaded).map(|s| s * 1e3);
        let values: Vec<Option<f64>> = trials.iter().map(value).collect();
        let some = values.iter().any(Option::is_some);
        some.then(|| Line::new(label, hue, values).looking(Look::Points))
    };
    let lines = [
        line("mean", Hue::Blue, false, |trial| trial.latency),
        line("p99", Hue::Orange, false, |trial| trial.latency_p99),
        line("mean, overloaded", Hue::Grey, true, |trial| trial.latency),
        line("p99, overloaded", Hue::Red, true, |trial| trial.latency_p99),
    ];
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| Chart {
        id: "latency-throughput".to_owned(),
        title: "Latency against throughput".to_owned(),
        says: "Each trial by what it completed and how long that took. Upright lines: what is certified, what fails, and \
               the knees. Level lines: limits of objectives on latency."
            .to_owned(),
        x: Axis::new("completed requests/s", Scale::Linear),
        y: Axis::new("latency, ms", Scale::Log),
        xs: trials.iter().map(|trial| trial.throughput).collect(),
        lines,
        marks: marks(certificate),
        main: true,
        wide: true,
        ..Chart::default()
    })
}

/// What is marked over an axis of completed requests per second.
fn marks(certificate: &Certificate) -> Vec<Mark> {
    // A load of so many users lies where its trials did.
    let place = |load: f64| match certificate.variable {
        Variable::Rate => Some(load),
        Variable::Concurrency => {
            let at =
                |trial: &&TrialOutcome| (trial.load / load - 1.0).abs() < 1e-9 && trial.invalid.is_none();
            let all: Vec<f64> = certificate.trials.iter().filter(at).map(|trial| trial.throughput).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        }
    };
    let mut marks = Vec::new();
    for tier in &certificate.capacity.tiers {
        let name =
            |word: &str| if tier.name.is_empty() { word.to_owned() } else { format!("{} {word}", tier.name) };
        let certified = tier.low.and_then(|low| place(low.load));
        marks.extend(certified.map(|at| Mark::upright(name("certified"), at, Tone::Good)));
        let failing = tier.high.and_then(|high| place(high.load));
        marks.extend(failing.map(|at| Mark::upright(name("fails"), at, Tone::Bad)));
    }
    let power = certificate.knees.power.and_then(|power| place(power.value));
    marks.extend(power.map(|at| Mark::upright("power knee", at, Tone::Plain)));
    let saturation = certificate.knees.saturation.map(|saturation| saturation.throughput.value);
    marks.extend(saturation.map(|at| Mark::upright("saturation", at, Tone::Doubt)));
    let limits = slos(certificate).into_iter().filter_map(|slo| match slo {
        Slo::Statistic(statistic) if statistic.metric.name() == "latency" => {
            let shown =
                matches!(statistic.stat, Some(Stat::Mean)) || statistic.stat == Some(Stat::Percentile(99.0));
            shown.then(|| Mark::level(slo.to_string(), slo.limit() * 1e3, Tone::Bad))
        }
        _ => None,
    });
    marks.extend(limits);
    marks
}

fn throughput_by_concurrency(certificate: &Certificate) -> Option<Chart> {
    let trials = measured(certificate, |trial| trial.concurrency);
    if trials.len() < 3 {
        return None;
    }
    let points = |label: &str, hue, overloaded: bool| {
        let value = |trial: &&TrialOutcome| (trial.overloaded == overloaded).then_some(trial.throughput);
        let values: Vec<Option<f64>> = trials.iter().map(value).collect();
        values.iter().any(Option::is_some).then(|| Line::new(label, hue, values).looking(Look::Points))
    };
    let mut lines: Vec<Line> = [points("steady", Hue::Blue, false), points("overloaded", Hue::Red, true)]
        .into_iter()
        .flatten()
        .collect();
    lines.extend(certificate.knees.usl.map(|usl| {
        let law = |trial: &&TrialOutcome| Some(usl.throughput(trial.concurrency));
        Line::new("scalability law", Hue::Grey, trials.iter().map(law).collect()).looking(Look::Dashed)
    }));
    Some(Chart {
        id: "throughput-concurrency".to_owned(),
        title: "Throughput against requests in flight".to_owned(),
        says: "Where more requests in flight bring no more throughput, the server is full.".to_owned(),
        x: Axis::new("requests in flight, mean", Scale::Linear),
        y: Axis::new("completed requests/s", Scale::Linear),
        xs: trials.iter().map(|trial| trial.concurrency).collect(),
        lines,
        wide: true,
        ..Chart::default()
    })
}

/// The objectives of all tiers, each once.
fn slos(certificate: &Certificate) -> Vec<Slo> {
    let mut found: Vec<Slo> = Vec::new();
    for one in certificate.trials.iter().flat_map(|trial| trial.tiers.iter().flatten()) {
        if !found.contains(&one.slo) {
            found.push(one.slo.clone());
        }
    }
    found
}

/// What each trial found of each objective, against its load.
fn objectives(certificate: &Certificate) -> Option<Section> {
    let charts = slos(certificate)
        .into_iter()
        .enumerate()
        .filter_map(|(number, slo)| objective(certificate, number, &slo));
    Section::of("objectives", "Objectives against load", charts.map(Block::chart).collect())
}

fn objective(certificate: &Certificate, number: usize, slo: &Slo) -> Option<Chart> {
    let trials = measured(certificate, |trial| trial.load);
    let found: Vec<Option<&SloVerdict>> =
        trials.iter().map(|trial| trial.tiers.iter().flatten().find(|one| one.slo == *slo)).collect();
    let (factor, unit) = match slo {
        Slo::EachRequest(_) => (100.0, "% of requests"),
        Slo::Statistic(statistic) => match statistic.limit {
            Limit::Time(_) => (1e3, "ms"),
            Limit::Share(_) => (100.0, "% of requests"),
            Limit::Rate(_) => (1.0, "per second"),
        },
    };
    let line = |label: &str, hue, wanted: Met| {
        let value =
            |one: &Option<&SloVerdict>| Some(one.filter(|one| one.verdict == wanted)?.estimate? * factor);
        let values: Vec<Option<f64>> = found.iter().map(value).collect();
        values.iter().any(Option::is_some).then(|| Line::new(label, hue, values).looking(Look::Points))
    };
    let lines = [
        line("met", Hue::Green, Met::Pass),
        line("missed", Hue::Red, Met::Fail),
        line("open", Hue::Grey, Met::Undecided),
    ];
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| Chart {
        id: format!("objective-{}", number + 1),
        title: slo.to_string(),
        says: format!("What each trial found of {slo}, and what it said of it, against the load."),
        x: Axis::new(load_label(certificate.variable), Scale::Linear),
        y: Axis::new(unit, Scale::Linear),
        xs: trials.iter().map(|trial| trial.load).collect(),
        lines,
        marks: vec![Mark::level(slo.to_string(), slo.limit() * factor, Tone::Bad)],
        ..Chart::default()
    })
}

fn load_label(variable: Variable) -> &'static str {
    match variable {
        Variable::Rate => "requests/s due",
        Variable::Concurrency => "users",
    }
}

fn trials(certificate: &Certificate) -> Option<Section> {
    let blocks = vec![Block::Table(loads(certificate)), Block::Table(each_trial(certificate))];
    Section::of("trials", "Trials", blocks)
}

fn loads(certificate: &Certificate) -> Table {
    let loads = words::loads(certificate);
    let watched = loads.iter().any(|tried| tried.server.is_some());
    let columns: Vec<&str> = words::LOADS.into_iter().chain(watched.then_some("server")).collect();
    let mut table =
        Table::new("The loads that were tried, each with all its trials together", &columns).main();
    table.columns.iter_mut().take(7).for_each(|column| column.numeric = true);
    for tried in loads {
        let mut row = vec![
            load_cell(certificate, tried.load),
            Cell::count(tried.trials as u64),
            Cell::number(Some(tried.seconds), short),
            Cell::number(Some(tried.throughput), short),
            Cell::number(Some(tried.concurrency), short),
            tables::milliseconds(tried.latency),
            p99(tried.latency_p99, tried.latency_p99_ends),
            Cell::text(tried.said),
        ];
        row.extend(watched.then(|| Cell::text(tried.server.unwrap_or_default())));
        table.rows.push(row);
    }
    table
}

fn load_cell(certificate: &Certificate, load: f64) -> Cell {
    Cell::number(Some(load), |load| words::load(load, certificate.variable))
}

fn each_trial(certificate: &Certificate) -> Table {
    let columns =
        ["trial#", "for", "load#", "s#", "completed/s#", "in flight#", "latency ms#", "p99 ms#", "said"];
    let mut table = Table::new("Each trial, in the order in which they were made", &columns);
    for (index, trial) in certificate.trials.iter().enumerate() {
        let said = words::says(trial);
        let why = trial.invalid.as_ref().or(trial.stopped_by.as_ref());
        table.rows.push(vec![
            Cell::count(index as u64 + 1),
            Cell::text(words::effort(trial.effort)),
            load_cell(certificate, trial.load),
            Cell::number(Some(trial.seconds), short),
            Cell::number(Some(trial.throughput), short),
            Cell::number(Some(trial.concurrency), short),
            tables::milliseconds(trial.latency),
            p99(trial.latency_p99, trial.latency_p99_low.zip(trial.latency_p99_high)),
            Cell::word(&said, tone(&said)).with_note(why.cloned().unwrap_or_default()),
        ]);
    }
    Table { folded: true, ..table }
}

/// A 99th percentile with its interval.
fn p99(seconds: Option<f64>, ends: Option<(f64, f64)>) -> Cell {
    let cell = tables::milliseconds(seconds);
    match ends {
        Some((low, high)) => cell.with_note(format!("{} to {}", ms(Some(low)), ms(Some(high)))),
        None => cell,
    }
}

/// The tone of what a trial says of its tiers.
fn tone(said: &str) -> Tone {
    match said {
        said if ["FAIL", "INVALID", "STOPPED"].iter().any(|bad| said.contains(bad)) => Tone::Bad,
        said if said.contains("OVERLOADED") => Tone::Doubt,
        said if said.contains("PASS") => Tone::Good,
        _ => Tone::Plain,
    }
}

fn basis(certificate: &Certificate) -> Option<Section> {
    let mut items: Vec<String> = Vec::new();
    let said = [words::basis(certificate), words::knees(certificate)].concat();
    items.extend(said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")));
    items.extend(certificate.burst.as_ref().map(|burst| format!("Bursts: {}.", words::burst(burst))));
    Section::of("method", "Method", vec![Block::List { items }])
}
