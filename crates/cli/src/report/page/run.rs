//! The page of one run, and the sections of it that the pages of other commands share.

use plimsoll_core::slo::Verdict as Met;
use plimsoll_core::summary::{Percentile, Summary};
use plimsoll_drive::recorder::StoredTable;

use super::over_time::{Seconds, TimeUnit};
use super::{Block, Chart, Figure, Page, Section, Seen, Tone, Verdict, curves, server, tables};
use crate::report::numbers::{count, ms, percent, share, short};
use crate::report::{objectives, terminal};

/// All that is known of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Material {
    pub(crate) summary: Summary,
    /// When it began, nanoseconds of Unix time, if its records say so.
    pub(crate) began: Option<i64>,
    /// The run by the second, if that was kept.
    pub(crate) seconds: Option<StoredTable>,
    /// What was seen of the server, if it was watched.
    pub(crate) server: Option<StoredTable>,
    /// What its records say of its latencies.
    pub(crate) seen: Option<Seen>,
    /// Every option, if they were stored.
    pub(crate) settings: Vec<Setting>,
    /// The name of its folder.
    pub(crate) folder: String,
}

/// An option, as `--print-config` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) option: String,
    pub(crate) value: String,
    pub(crate) source: String,
}

/// The page of a run.
pub(crate) fn run(material: &Material) -> Page {
    let summary = &material.summary;
    Page {
        kind: "run",
        title: format!("{}: {}", summary.run.name, summary.run.load),
        lead: lead(material),
        verdicts: verdicts(summary),
        figures: figures(summary),
        sections: beneath(material),
    }
}

/// What was run, on what, when.
pub(super) fn lead(material: &Material) -> Vec<String> {
    let (run, window) = (&material.summary.run, &material.summary.window);
    vec![
        format!("{} ({})", run.target, run.server()),
        format!("{}; {}", run.api, run.workload),
        format!(
            "{} s measured after {} s of ramp and {} s of warm-up; {}; started {}; seed {}; plimsoll {}; results {}",
            short(window.measured),
            short(window.ramp),
            short(window.warmup),
            run.ended,
            run.started,
            run.seed,
            run.tool,
            material.folder,
        ),
    ]
}

/// Whether the figures can be believed, and what they say.
pub(super) fn verdicts(summary: &Summary) -> Vec<Verdict> {
    let mut found = vec![validity(summary)];
    if summary.validity.overloaded {
        found.push(Verdict::new("OVERLOADED", Tone::Doubt, terminal::OVERLOADED));
    }
    found.extend(
        summary.run.stopped_by.as_ref().map(|rule| Verdict::new("STOPPED", Tone::Bad, format!("by {rule}"))),
    );
    found.extend(summary.slos.iter().map(|one| {
        let open = if one.verdict == Met::Undecided { objectives::undecided(one) } else { String::new() };
        let found = [objectives::estimate(one), objectives::misses(one), open].concat();
        let text = format!("{}: {}", one.slo, found.trim_start_matches([' ', ',', ':', ';']));
        Verdict::new(one.verdict.name(), tables::tone(one.verdict), text)
    }));
    found.extend(summary.server.as_ref().map(server::verdict));
    found.extend(summary.warnings.iter().map(|warning| Verdict::new("warning", Tone::Doubt, warning)));
    found
}

/// Whether this client measured the server.
pub(super) fn validity(summary: &Summary) -> Verdict {
    match summary.validity.valid {
        true => Verdict::new("VALID", Tone::Good, terminal::kept_up(summary)),
        false => Verdict {
            details: summary.validity.reasons.clone(),
            ..Verdict::new("INVALID", Tone::Bad, terminal::INVALID)
        },
    }
}

/// The few numbers that most readers look for.
pub(super) fn figures(summary: &Summary) -> Vec<Figure> {
    let (counts, rates) = (&summary.counts, &summary.rates);
    let mut figures = vec![Figure::new(
        "answered",
        format!("{}/s", short(rates.completed_rate)),
        format!("of {}/s due", short(rates.offered_rate)),
    )];
    if rates.output_token_rate > 0.0 && !summary.run.without_tokens {
        let note = format!("{}/s in", short(rates.input_token_rate));
        figures.push(Figure::new("output tokens", format!("{}/s", short(rates.output_token_rate)), note));
    }
    for (name, metric, p) in [
        ("TTFT p50", "ttft", 50.0),
        ("TTFT p99", "ttft", 99.0),
        ("latency p50", "latency", 50.0),
        ("latency p99", "latency", 99.0),
    ] {
        let found =
            summary.metrics.get(metric).and_then(|all| all.percentiles.iter().find(|entry| entry.p == p));
        figures.extend(found.and_then(|entry| time(name, entry)));
    }
    let failed = percent(share(counts.failed, counts.scheduled));
    figures.push(Figure::new(
        "failed",
        failed,
        format!("{} of {}", count(counts.failed), count(counts.scheduled)),
    ));
    let most = format!("{} at most", rates.concurrency_max);
    figures.push(Figure::new("in flight", short(rates.concurrency_mean), most));
    figures
}

fn time(name: &str, entry: &Percentile) -> Option<Figure> {
    let note = match (entry.low, entry.high) {
        (Some(low), Some(high)) => format!("{} to {}", ms(Some(low)), ms(Some(high))),
        _ => String::new(),
    };
    let value = entry.value?;
    let shown = if value < 10.0 { format!("{} ms", ms(Some(value))) } else { format!("{} s", short(value)) };
    Some(Figure::new(name, shown, note))
}

/// The objectives with their evidence.
fn judged(summary: &Summary) -> Option<Section> {
    let mut blocks: Vec<Block> = tables::objectives(&summary.slos).map(Block::Table).into_iter().collect();
    blocks.extend(summary.goodput.as_ref().and_then(|goodput| {
        let share = goodput.attainment?;
        let kept = if goodput.limits.is_empty() { "no limit".to_owned() } else { goodput.limits.join(" & ") };
        Some(Block::text(format!(
            "Goodput {}/s: {} of the requests were answered and kept {kept}. Each end of an interval holds with {} confidence.",
            short(goodput.goodput),
            percent(share),
            percent(goodput.confidence)
        )))
    }));
    Section::of("objectives", "Objectives", blocks)
}

/// How long requests took.
fn latencies(material: &Material) -> Option<Section> {
    let mut blocks: Vec<Block> =
        material.seen.as_ref().and_then(curves::chart).map(Block::chart).into_iter().collect();
    match tables::latencies(&material.summary) {
        Some(table) => blocks.push(Block::Table(table)),
        None => blocks
            .push(Block::text("No request succeeded in the measured window, so there are no latencies.")),
    }
    Section::of("latencies", "Latencies", blocks)
}

/// The run second by second.
fn over_time(material: &Material) -> Option<Section> {
    let seconds = seconds(material)?;
    let heat = material.seen.as_ref().and_then(|seen| seen.map.heat(seconds.unit));
    let charts: Vec<Option<Chart>> = vec![
        seconds.latency(heat),
        seconds.first_tokens(),
        seconds.throughput(),
        seconds.concurrency(),
        seconds.tokens(),
    ];
    let mut blocks: Vec<Block> = charts.into_iter().flatten().map(Block::chart).collect();
    let server = material.server.iter().flat_map(|server| server::charts(server, &seconds));
    blocks.extend(server.map(Block::chart));
    blocks.extend(seconds.note().map(Block::text));
    Section::of("over-time", "Over time", blocks)
}

pub(super) fn seconds(material: &Material) -> Option<Seconds<'_>> {
    let window = &material.summary.window;
    let start = window.ramp + window.warmup;
    let seconds = Seconds::of(material.seconds.as_ref()?, Some((start, start + window.measured)))?;
    let profile = material.summary.server.as_ref().and_then(|server| server.profile.as_ref());
    Some(match profile {
        Some(profile) => seconds.marking("profiled", profile.start, profile.end),
        None => seconds,
    })
}

/// What failed.
fn errors(summary: &Summary) -> Option<Section> {
    let table = tables::errors(summary);
    let blocks = match table {
        Some(table) => vec![Block::Table(table)],
        None => vec![Block::text("No request failed.")],
    };
    Section::of("errors", "Errors", blocks)
}

/// How much of everything.
fn amounts(summary: &Summary) -> Option<Section> {
    let mut blocks = vec![Block::Table(tables::amounts(summary))];
    let tokens = &summary.tokens;
    if tokens.events > 0 {
        let coalesced = tables::part_of(tokens.coalesced_events, tokens.events);
        blocks
            .push(Block::text(format!("Events that shared their arrival with an earlier one: {coalesced}.")));
    }
    Section::of("amounts", "Amounts", blocks)
}

/// Whether this client was fast enough.
fn client(material: &Material) -> Option<Section> {
    let summary = &material.summary;
    let Some(table) = tables::health(summary) else {
        let text = "Time was simulated: the client takes no time of its own, and arrivals are exact.";
        return Section::of("client", "Client", vec![Block::text(text)]);
    };
    let mut blocks = vec![Block::Table(table)];
    blocks.extend(seconds(material).and_then(|seconds| seconds.client()).map(Block::chart));
    if let Some(truth) = &summary.truth {
        let error = |of: &plimsoll_core::summary::Distribution| {
            format!("p50 {} ms, p99 {} ms", ms(of.percentile(50.0)), ms(of.percentile(99.0)))
        };
        blocks.push(Block::text(format!(
            "Measured against the embedded server's own stamps this client is off by {} at the first token, and by {} at \
             the last.",
            error(&truth.first_token_error),
            error(&truth.last_token_error)
        )));
    }
    Section::of("client", "Client health", blocks)
}

/// What was asked for, and where each value comes from.
fn configuration(material: &Material) -> Option<Section> {
    settings(&material.settings)
}

/// The sections of a run: all of its own page, and what stands below those of a command that made it.
pub(super) fn beneath(material: &Material) -> Vec<Section> {
    let summary = &material.summary;
    let sections =
        [judged(summary), latencies(material), over_time(material), errors(summary), amounts(summary)];
    let last = [server::section(summary), client(material), configuration(material)];
    sections.into_iter().chain(last).flatten().collect()
}

/// The unit of a time axis of so many seconds.
pub(super) fn unit_of(summary: &Summary) -> TimeUnit {
    let window = &summary.window;
    TimeUnit::of(window.ramp + window.warmup + window.measured + window.drain)
}

/// Every option with its value and where it comes from; nothing where they were not stored.
pub(super) fn settings(settings: &[Setting]) -> Option<Section> {
    Section::of(
        "configuration",
        "Configuration",
        tables::settings(settings).into_iter().map(Block::Table).collect(),
    )
}
