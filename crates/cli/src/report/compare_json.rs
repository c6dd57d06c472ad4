//! Two sides of runs beside each other, for programs: `plimsoll.compare/1`.

use plimsoll_core::compare::{Better, Change, Difference, Verdict};
use serde::{Deserialize, Serialize};

use super::compare::what_decides;
use crate::cmd::compare::compared::Compared;
use crate::cmd::compare::runs::StoredRun;

/// The version of this form.
pub(crate) const COMPARE_SCHEMA: &str = "plimsoll.compare/1";

/// A comparison as it is printed and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(super) schema: String,
    pub(super) a: Vec<JsonRun>,
    pub(super) b: Vec<JsonRun>,
    pub(super) windows_a: usize,
    pub(super) windows_b: usize,
    pub(super) window_seconds: f64,
    pub(super) verdict: String,
    pub(super) metrics: Vec<JsonMetric>,
    pub(super) differing: Vec<JsonDiffering>,
    pub(super) failed: Vec<String>,
}

/// A run that takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JsonRun {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) started: String,
    pub(super) valid: bool,
    pub(super) requests: u64,
    pub(super) seconds: f64,
}

/// One metric of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JsonMetric {
    pub(super) metric: String,
    pub(super) better: String,
    pub(super) a: Option<f64>,
    pub(super) b: Option<f64>,
    pub(super) change: Option<JsonChange>,
    pub(super) p: Option<f64>,
    pub(super) p_holm: Option<f64>,
    pub(super) threshold: f64,
    pub(super) between_runs: bool,
    pub(super) verdict: String,
    pub(super) undecided: Option<String>,
}

/// By how much B differs from A.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JsonChange {
    pub(super) estimate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A setting in which a run differs from the first of A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JsonDiffering {
    pub(super) run: String,
    pub(super) key: String,
    pub(super) a: String,
    pub(super) this: String,
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
        let better = match difference.figure.better() {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        };
        JsonMetric {
            metric: difference.figure.to_string(),
            better: better.to_owned(),
            a: difference.a,
            b: difference.b,
            change: difference.change.map(JsonChange::from),
            p: difference.p,
            p_holm: difference.p_holm,
            threshold: difference.threshold,
            between_runs: difference.between_runs,
            verdict: difference.verdict.word().to_owned(),
            undecided,
        }
    }
}

impl Comparison {
    /// What is kept of a comparison.
    pub(crate) fn of(compared: &Compared) -> Self {
        let (windows_a, windows_b, window_seconds) = compared.windows;
        let differing = compared.differing.iter().map(|(run, one)| JsonDiffering {
            run: run.clone(),
            key: one.key.clone(),
            a: one.first.clone(),
            this: one.other.clone(),
        });
        Comparison {
            schema: COMPARE_SCHEMA.to_owned(),
            a: compared.a.iter().map(JsonRun::of).collect(),
            b: compared.b.iter().map(JsonRun::of).collect(),
            windows_a,
            windows_b,
            window_seconds,
            verdict: compared.verdict().word().to_owned(),
            metrics: compared.differences.iter().map(JsonMetric::of).collect(),
            differing: differing.collect(),
            failed: compared.failed.clone(),
        }
    }
}

/// The comparison for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub(crate) fn text(compared: &Compared) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Comparison::of(compared)).map(|text| text + "\n")
}
