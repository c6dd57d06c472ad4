//! Whether runs asked the same of the same model, by their `spec.toml`.

use std::collections::BTreeMap;

use super::runs::StoredRun;
use crate::exit::{UsageError, refuse};

/// A setting in which runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Differing {
    /// Its key in `spec.toml`, such as `load.closed.users`.
    pub(crate) key: String,
    /// What the first run has.
    pub(crate) first: String,
    /// What the other one has.
    pub(crate) other: String,
}

/// What may differ between runs that are compared: what is told apart by it is a run, or its length, or a server.
const FREE: [&str; 13] = [
    "format",
    "name",
    "seed",
    "threads",
    "spin",
    "record_chunks",
    "max_fail_ratio",
    "target.url",
    "target.headers",
    "target.api_key",
    "phases.measure",
    "phases.max_requests",
    "phases.drain_timeout",
];
/// What may differ, but should be known.
const NOTABLE: [&str; 5] = ["target.provider", "target.endpoint", "transport", "phases", "strict_length"];

/// Checks all runs against the first; the differences that are allowed and worth a word come back.
///
/// # Errors
/// They cannot be compared: a run is INVALID, or asked something else.
pub(super) fn check(
    runs: &[&StoredRun],
    allow_invalid: bool,
    allow_different: bool,
) -> Result<Vec<(String, Differing)>, UsageError> {
    if let Some(run) = runs.iter().find(|run| !run.summary.validity.valid && !allow_invalid) {
        refuse!(
            "`{}` is INVALID: {}; run it again, or pass --allow-invalid to compare it all the same",
            run.folder.display(),
            run.summary.validity.reasons.join("; ")
        );
    }
    let Some((first, others)) = runs.split_first() else { return Ok(Vec::new()) };
    let mut notable = Vec::new();
    for other in others {
        let differing = differing(&first.spec, &other.spec);
        let (mild, grave): (Vec<Differing>, Vec<Differing>) =
            differing.into_iter().partition(|one| allow_different || is_within(&NOTABLE, &one.key));
        if !grave.is_empty() {
            let lines: String =
                grave.iter().map(|one| format!("\n  {}: {} and {}", one.key, one.first, one.other)).collect();
            refuse!(
                "`{}` and `{}` did not ask the same:{lines}\ncompare runs that did, or pass --allow-different to compare \
                 these all the same",
                first.folder.display(),
                other.folder.display()
            );
        }
        notable.extend(mild.into_iter().map(|one| (other.name(), one)));
    }
    Ok(notable)
}

/// The settings in which two specs differ, without those that may.
fn differing(first: &toml::Table, other: &toml::Table) -> Vec<Differing> {
    let (first, other) = (flat(first), flat(other));
    let keys: std::collections::BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    let shown = |value: Option<&String>| value.cloned().unwrap_or_else(|| "nothing".to_owned());
    keys.into_iter()
        .filter(|key| first.get(*key) != other.get(*key) && !is_within(&FREE, key))
        .map(|key| Differing { key: key.clone(), first: shown(first.get(key)), other: shown(other.get(key)) })
        .collect()
}

fn is_within(tables: &[&str], key: &str) -> bool {
    tables
        .iter()
        .any(|table| key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Values by their whole key. Durations, which are tables of two numbers, are one value.
fn flat(table: &toml::Table) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    let mut open: Vec<(String, &toml::Table)> = vec![(String::new(), table)];
    while let Some((prefix, table)) = open.pop() {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                toml::Value::Table(inner) => match duration(inner) {
                    Some(seconds) => {
                        flat.insert(key, format!("{seconds} s"));
                    }
                    None if inner.is_empty() => {
                        flat.insert(key, "set".to_owned());
                    }
                    None => open.push((key, inner)),
                },
                value => {
                    flat.insert(key, value.to_string());
                }
            }
        }
    }
    flat
}

fn duration(table: &toml::Table) -> Option<f64> {
    let number = |name: &str| Some(table.get(name)?.as_integer()? as f64);
    (table.len() == 2).then_some(number("secs")? + number("nanos")? / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_compared_one_by_one() {
        let first: toml::Table = "seed = 1\n[target]\nmodel = 'a'\nurl = 'x'\n[load.closed]\nusers = 8\n\
            [load.closed.shape.steady]\n[phases.warmup]\nsecs = 1\nnanos = 500000000\n[phases.measure]\nsecs = 9\nnanos = 0"
            .parse()
            .unwrap();
        let other: toml::Table = "seed = 2\n[target]\nmodel = 'b'\nurl = 'y'\n[load.open]\nrate = 8.5\n\
            [phases.warmup]\nsecs = 0\nnanos = 0\n[phases.measure]\nsecs = 8\nnanos = 0"
            .parse()
            .unwrap();
        let found: Vec<String> = differing(&first, &other)
            .into_iter()
            .map(|one| format!("{}: {} | {}", one.key, one.first, one.other))
            .collect();
        assert_eq!(
            found,
            [
                "load.closed.shape.steady: set | nothing",
                "load.closed.users: 8 | nothing",
                "load.open.rate: nothing | 8.5",
                "phases.warmup: 1.5 s | 0 s",
                "target.model: \"a\" | \"b\"",
            ]
        );
        assert!(differing(&first, &first).is_empty());
    }
}
