//! Two sides of runs beside each other, for programs: `plimsoll.compare/1`.

use plimsoll_core::compare::{Better, Change, Difference, Verdict};
use serde::Serialize;

use super::compare::what_decides;
use crate::cmd::compare::{Compared, StoredRun, verdict};

/// The version of this form.
const SCHEMA: &str = "plimsoll.compare/1";

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    a: Vec<JsonRun>,
    b: Vec<JsonRun>,
    windows_a: usize,
    windows_b: usize,
    window_seconds: f64,
    verdict: &'static str,
    metrics: Vec<JsonMetric>,
    differing: Vec<JsonDiffering<'a>>,
    failed: &'a [String],
}

#[derive(Serialize)]
pub(super) struct JsonRun {
    folder: String,
    name: String,
    started: String,
    valid: bool,
    requests: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct JsonMetric {
    metric: String,
    better: &'static str,
    a: Option<f64>,
    b: Option<f64>,
    change: Option<JsonChange>,
    p: Option<f64>,
    p_holm: Option<f64>,
    threshold: f64,
    between_runs: bool,
    verdict: &'static str,
    undecided: Option<String>,
}

#[derive(Serialize)]
pub(super) struct JsonChange {
    estimate: f64,
    low: f64,
    high: f64,
}

#[derive(Serialize)]
struct JsonDiffering<'a> {
    run: &'a str,
    key: &'a str,
    a: &'a str,
    this: &'a str,
}

impl JsonRun {
    pub(super) fn of(run: &StoredRun) -> Self {
        let summary = &run.summary;
        JsonRun {
            folder: run.folder.display().to_string(),
            name: summary.run.name.clone(),
            started: summary.run.started.clone(),
            valid: summary.validity.valid,
            requests: summary.counts.scheduled,
            seconds: summary.window.measured,
        }
    }
}

impl From<Change> for JsonChange {
    fn from(change: Change) -> Self {
        JsonChange { estimate: change.estimate, low: change.low, high: change.high }
    }
}

impl JsonMetric {
    fn of(difference: &Difference) -> Self {
        let undecided = match difference.verdict {
            Verdict::Undecided(open) => Some(what_decides(difference, open)),
            _ => None,
        };
        JsonMetric {
            metric: difference.figure.to_string(),
            better: match difference.figure.better() {
                Better::Lower => "lower",
                Better::Higher => "higher",
                Better::Neither => "neither",
            },
            a: difference.a,
            b: difference.b,
            change: difference.change.map(JsonChange::from),
            p: difference.p,
            p_holm: difference.p_holm,
            threshold: difference.threshold,
            between_runs: difference.between_runs,
            verdict: difference.verdict.word(),
            undecided,
        }
    }
}

/// The comparison for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub(crate) fn text(compared: &Compared) -> serde_json::Result<String> {
    let (windows_a, windows_b, window_seconds) = compared.windows;
    let form = Json {
        schema: SCHEMA,
        a: compared.a.iter().map(JsonRun::of).collect(),
        b: compared.b.iter().map(JsonRun::of).collect(),
        windows_a,
        windows_b,
        window_seconds,
        verdict: verdict(compared).word(),
        metrics: compared.differences.iter().map(JsonMetric::of).collect(),
        differing: compared
            .differing
            .iter()
            .map(|(run, one)| JsonDiffering { run, key: &one.key, a: &one.first, this: &one.other })
            .collect(),
        failed: &compared.failed,
    };
    serde_json::to_string_pretty(&form).map(|text| text + "\n")
}
