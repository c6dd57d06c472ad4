//! The page of a soak: its verdict, how each series moved, and the run beneath.

use plimsoll_core::drift::{Change, Finding, Series, SoakReport, SoakWindow, series};

use super::over_time::TimeUnit;
use super::run::{beneath, figures, lead, validity};
use super::{
    Axis, Block, Cell, Chart, Hue, Line, Look, Mark, Material, Page, Scale, Section, Table, Tone, Verdict,
};
use crate::report::soak as words;

/// Share of a chart's height from which on a jump can be seen in it.
const SEEN: f64 = 0.01;

/// The page of a soak that was made of `windows`.
pub(crate) fn soak(report: &SoakReport, windows: &[SoakWindow], run: &Material) -> Page {
    let mut sections: Vec<Section> =
        [findings(report), drift(report, windows)].into_iter().flatten().collect();
    sections.extend(beneath(run));
    Page {
        kind: "soak",
        title: format!("{}: soak at {}", run.summary.run.name, run.summary.run.load),
        lead: lead(run),
        verdicts: verdicts(report, run),
        figures: figures(&run.summary),
        sections,
    }
}

fn verdicts(report: &SoakReport, run: &Material) -> Vec<Verdict> {
    let (word, tone) = words::word(report.verdict);
    let (text, details) = match report.reasons.as_slice() {
        [only] => (only.clone(), Vec::new()),
        reasons => (String::new(), reasons.to_vec()),
    };
    let mut found =
        vec![Verdict { details, ..Verdict::new(word, tone.into(), text) }, validity(&run.summary)];
    if !report.complete {
        let text = "the soak has not ended: this is what its windows said when they were last looked at";
        found.push(Verdict::new("not complete", Tone::Doubt, text));
    }
    found
}

fn findings(report: &SoakReport) -> Option<Section> {
    let mut table = Table::new("What was found of each series", &words::COLUMNS).main();
    for finding in &report.findings {
        let mut cells = words::row(finding).map(Cell::text);
        cells[1].tone = words::word(finding.verdict).1.into();
        cells[3].value = Some(finding.level);
        cells[4].value = Some(finding.growth.over_soak);
        cells[6].value = Some(finding.growth.p_value);
        table.rows.push(cells.into());
    }
    table.columns.iter_mut().skip(3).for_each(|column| column.numeric = true);
    let blocks = if table.rows.is_empty() { Vec::new() } else { vec![Block::Table(table)] };
    Section::of("findings", "Findings", blocks)
}

/// Each series with its trend, its jumps and its limit.
fn drift(report: &SoakReport, windows: &[SoakWindow]) -> Option<Section> {
    let all = series(windows);
    let unit = TimeUnit::of(windows.last().map_or(0.0, |window| window.start + window.length));
    let chart =
        |finding: &Finding| Some(drawn(finding, all.iter().find(|one| one.name == finding.series)?, unit));
    let charts = report.findings.iter().filter_map(chart);
    Section::of("drift", "Drift", charts.map(Block::chart).collect())
}

fn drawn(finding: &Finding, series: &Series, unit: TimeUnit) -> Chart {
    let (factor, label) = scale(series.name);
    let moments: Vec<f64> =
        (0..series.values.len()).map(|index| series.begin + index as f64 * series.step).collect();
    // Growth is a share of the level at the beginning; of a series that is a share itself it is a difference.
    let base = if series.name == "error_rate" { 1.0 } else { finding.level };
    let trend = |slope: f64| {
        let value = |moment: &f64| finding.level + base * slope * (moment - series.begin) / 60.0;
        moments.iter().map(|moment| Some(value(moment) * factor)).collect::<Vec<_>>()
    };
    let growth = &finding.growth;
    let values = series.values.iter().map(|value| Some(value * factor)).collect();
    let lines = vec![
        Line::new(series.name, Hue::Blue, values),
        Line::new("trend", Hue::Orange, trend(growth.per_minute)).looking(Look::Dashed),
        Line::new("trend at least", Hue::Grey, trend(growth.low)).looking(Look::Dashed),
        Line::new("trend at most", Hue::Grey, trend(growth.high)).looking(Look::Dashed),
    ];
    let most = series.values.iter().fold(0.0_f64, |most, value| most.max(*value));
    let can_be_seen = |change: &&Change| (change.after - change.before).abs() >= SEEN * most;
    let mut marks: Vec<Mark> = finding
        .changes
        .iter()
        .filter(can_be_seen)
        .map(|change| Mark::upright("jump", change.at / unit.seconds, Tone::Doubt))
        .collect();
    // A limit far above would leave nothing to be seen of the series.
    let limit = finding.exhaustion.filter(|end| end.limit < 3.0 * most);
    marks.extend(limit.map(|end| Mark::level("limit", end.limit * factor, Tone::Bad)));
    Chart {
        id: format!("drift-{}", series.name.replace('.', "-")),
        title: format!("{}: {}", finding.series, words::word(finding.verdict).0),
        says: format!(
            "{} of each window of the soak, with the slope by Theil and Sen and its 95 % interval.",
            series.name
        ),
        x: unit.axis(),
        y: Axis::new(label, Scale::Linear),
        xs: moments.iter().map(|moment| moment / unit.seconds).collect(),
        lines,
        marks,
        group: "soak",
        main: true,
        ..Chart::default()
    }
}

/// The factor and the unit in which a series is drawn.
fn scale(series: &str) -> (f64, &'static str) {
    match series {
        "resident_bytes" => (1.0 / f64::from(1 << 20), "MiB"),
        "open_files" => (1.0, "files"),
        "error_rate" => (100.0, "% of requests"),
        "completed_rate" => (1.0, "requests/s"),
        _ => (1e3, "ms"),
    }
}
