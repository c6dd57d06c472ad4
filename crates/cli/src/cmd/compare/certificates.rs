//! Two certificates of capacity beside each other.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_core::certificate::{CERTIFICATE_SCHEMA, Certificate};
use plimsoll_core::compare::{CapacityRange, Change, Verdict, compare_capacities};
use plimsoll_core::search::TierCapacity;

use super::comparable::Differing;
use crate::args::compare::{CompareArgs, FailOn};
use crate::exit::{UsageError, refuse};

/// The file of a certificate within the folder of its search.
const FILE: &str = "certificate.json";

/// The capacities of two certificates.
pub(crate) struct Capacities {
    pub(crate) folders: [PathBuf; 2],
    pub(crate) certificates: [Certificate; 2],
    pub(crate) tiers: Vec<TierDifference>,
    /// What differs between them, and was allowed to.
    pub(crate) differing: Vec<Differing>,
    pub(crate) threshold: f64,
    /// The conditions of --fail-on that hold, in words.
    pub(crate) failed: Vec<String>,
}

/// One tier of both.
pub(crate) struct TierDifference {
    pub(crate) name: String,
    pub(crate) a: CapacityRange,
    pub(crate) b: CapacityRange,
    pub(crate) change: Option<Change>,
    pub(crate) verdict: Verdict,
}

/// The certificate that a side names, if it names one: its folder, or the file itself.
pub(super) fn named(side: &str) -> Option<PathBuf> {
    let path = Path::new(side);
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    (file.is_file() && file.extension().is_some_and(|extension| extension == "json")).then_some(file)
}

/// Compares two certificates.
///
/// # Errors
/// They cannot be read, or are not for the same.
pub(super) fn compare(files: [PathBuf; 2], args: &CompareArgs) -> Result<Capacities, UsageError> {
    if !args.metrics.is_empty() {
        refuse!("certificates have one metric, their capacity: leave out --metric");
    }
    if args.thresholds.iter().any(|threshold| threshold.figure.is_some())
        || args.fail_on.iter().any(|condition| matches!(condition, FailOn::Beyond { .. }))
    {
        refuse!(
            "certificates have one metric, their capacity: give --threshold PERCENT and --fail-on worse or undecided"
        );
    }
    let certificates = [read(&files[0])?, read(&files[1])?];
    let differing = differing(&certificates[0], &certificates[1]);
    if !differing.is_empty() && !args.allow_different {
        let lines: String =
            differing.iter().map(|one| format!("\n  {}: {} and {}", one.key, one.first, one.other)).collect();
        refuse!(
            "`{}` and `{}` are not for the same:{lines}\ncompare certificates that are, or pass --allow-different to compare \
             these all the same",
            files[0].display(),
            files[1].display()
        );
    }
    let threshold = args.thresholds.last().map_or(0.05, |threshold| threshold.share);
    let [a, b] = &certificates;
    let with_same_name =
        |tier: &TierCapacity| b.capacity.tiers.iter().find(|other| other.name == tier.name).map(range);
    let tiers: Vec<TierDifference> = a
        .capacity
        .tiers
        .iter()
        .map(|tier| {
            let (a, b) = (range(tier), with_same_name(tier).unwrap_or_default());
            let (change, verdict) = compare_capacities(a, b, threshold);
            TierDifference { name: tier.name.clone(), a, b, change, verdict }
        })
        .collect();
    let any = |wanted: fn(&Verdict) -> bool| tiers.iter().any(|tier| wanted(&tier.verdict));
    let holds = |condition: &FailOn| match condition {
        FailOn::Worse => {
            any(|verdict| *verdict == Verdict::Worse).then(|| "the capacity got worse".to_owned())
        }
        FailOn::Undecided => any(|verdict| matches!(verdict, Verdict::Undecided(_)))
            .then(|| "the capacity is undecided".to_owned()),
        FailOn::Beyond { .. } => None,
    };
    let failed = args.fail_on.iter().filter_map(holds).collect();
    Ok(Capacities { folders: files, tiers, differing, threshold, failed, certificates })
}

fn range(tier: &TierCapacity) -> CapacityRange {
    CapacityRange { low: tier.low.map(|bound| bound.load), high: tier.high.map(|bound| bound.load) }
}

/// Reads a certificate.
///
/// # Errors
/// It is none, or of another version.
pub(crate) fn read(file: &Path) -> Result<Certificate, UsageError> {
    let wrong = |error: &dyn std::fmt::Display| {
        UsageError(format!("cannot read the certificate `{}`: {error}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("no schema");
    if schema != CERTIFICATE_SCHEMA {
        refuse!("`{}` is of {schema}, and this version reads {CERTIFICATE_SCHEMA}", file.display());
    }
    serde_json::from_value(value).map_err(|error| wrong(&error))
}

/// What two certificates are for, where it differs.
fn differing(a: &Certificate, b: &Certificate) -> Vec<Differing> {
    let objectives = |certificate: &Certificate| {
        let tier = |tier: &plimsoll_core::certificate::TierObjectives| {
            let name = if tier.name.is_empty() { String::new() } else { format!("{}: ", tier.name) };
            format!("{name}{}", tier.slos.join(" and "))
        };
        certificate.tiers.iter().map(tier).collect::<Vec<_>>().join("; ")
    };
    let of = |certificate: &Certificate| {
        [
            ("model", certificate.run.model.clone()),
            ("api", certificate.run.api.clone()),
            ("variable", format!("{:?}", certificate.variable).to_lowercase()),
            ("arrivals", certificate.traffic.arrivals.clone()),
            ("cv", certificate.traffic.cv.map_or_else(|| "none".to_owned(), |cv| cv.to_string())),
            ("workload", certificate.traffic.workload.clone()),
            ("objectives", objectives(certificate)),
        ]
    };
    let both = of(a).into_iter().zip(of(b));
    both.filter(|((_, first), (_, other))| first != other)
        .map(|((key, first), (_, other))| Differing { key: key.to_owned(), first, other })
        .collect()
}
