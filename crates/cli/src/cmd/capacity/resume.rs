//! What makes a search another than others: trials of two different ones must not be mixed.

use plimsoll_core::load::{LoadModel, ThinkTime};
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::objectives::Objectives;
use crate::args::capacity::{SearchArgs, Searched};
use crate::exit::{UsageError, refuse};
use crate::report::plan;
use crate::session::Blueprint;

/// Something that was asked, by an option or by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// `--slo`, or `workload` for what many options say together.
    option: String,
    /// What it says, without anything secret.
    value: String,
}

/// What a search is about, as far as another answer would mean another test. How much time it may take, between which loads
/// it looks and how long its trials may be is not: a search may go on with more of that.
pub(super) fn asked(
    args: &SearchArgs,
    blueprint: &Blueprint,
    bench: &Bench<'_>,
    objectives: &Objectives,
) -> Vec<Asked> {
    let spec = &blueprint.spec;
    let mut all = vec![
        // Without user and password: those are taken off it where it is read.
        Asked::new("-H", &spec.target.url),
        Asked::new("--provider", spec.target.provider.name()),
        Asked::new("-m", &spec.target.model),
        Asked::new("--api", plan::api(&spec.api)),
    ];
    all.extend(spec.target.endpoint.as_ref().map(|path| Asked::new("--endpoint", path)));
    all.push(Asked::new("workload", bench.workload()));
    all.push(Asked::new(
        "--search",
        match args.search {
            Searched::Rate => "rate",
            Searched::Concurrency => "concurrency",
        },
    ));
    all.extend(bounds(&spec.load));
    all.extend(bench.cv().map(|_| Asked::new("--qps-distribution", bench.arrivals())));
    all.extend(objectives.texts().into_iter().map(|tier| {
        let option =
            if tier.name.is_empty() { "--slo".to_owned() } else { format!("--slo-set {}", tier.name) };
        Asked::new(option, tier.slos.join("; "))
    }));
    all.extend([
        Asked::new("--slo-confidence", objectives.confidence().to_string()),
        Asked::new("--precision", args.precision.to_string()),
        Asked::new("--seed", spec.seed.0.to_string()),
    ]);
    all.extend(bench.warmup_given().map(|seconds| Asked::new("--warmup", format!("{seconds} s"))));
    all
}

/// What holds requests back beside the load that is searched.
fn bounds(load: &LoadModel) -> Option<Asked> {
    match load {
        LoadModel::Open(open) => open.cap.map(|cap| Asked::new("--max-concurrency", format!("{cap:?}"))),
        LoadModel::Closed(closed) if closed.think == ThinkTime::Zero => None,
        LoadModel::Closed(closed) => Some(Asked::new("--think-time", format!("{:?}", closed.think))),
    }
}

impl Asked {
    fn new(option: impl Into<String>, value: impl Into<String>) -> Self {
        Asked { option: option.into(), value: value.into() }
    }
}

/// Refuses to go on with a search that was about something else.
///
/// # Errors
/// It was: with the first difference.
pub(super) fn same(before: &[Asked], now: &[Asked]) -> Result<(), UsageError> {
    const DO: &str = "give the same options as then, or begin another search without --resume";
    let of = |all: &[Asked], option: &str| all.iter().find(|one| one.option == option).cloned();
    for Asked { option, value } in before {
        match of(now, option) {
            Some(other) if other.value == *value => {}
            Some(other) => {
                refuse!("--resume: {option} was `{value}` in that search, and is `{}` now: {DO}", other.value)
            }
            None => refuse!("--resume: {option} was `{value}` in that search, and is not given now: {DO}"),
        }
    }
    if let Some(Asked { option, value }) = now.iter().find(|one| of(before, &one.option).is_none()) {
        refuse!("--resume: {option} was not given in that search, and is `{value}` now: {DO}");
    }
    // Trials keep what they found in this order.
    if let Some((was, is)) = before.iter().zip(now).find(|(was, is)| was.option != is.option) {
        refuse!("--resume: {} stood where {} stands now: give them in the same order", was.option, is.option);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_search_is_told_by_its_option_and_both_values() {
        let all = |pairs: &[(&str, &str)]| -> Vec<Asked> {
            pairs.iter().map(|(option, value)| Asked::new(*option, *value)).collect()
        };
        let before = all(&[("-H", "http://a"), ("--slo-set a", "x"), ("--slo-set b", "y")]);
        assert_eq!(same(&before, &before), Ok(()));
        for (now, excerpt) in [
            (
                &[("-H", "http://b"), ("--slo-set a", "x"), ("--slo-set b", "y")][..],
                "-H was `http://a` in that search, and is `http://b` now",
            ),
            (
                &[("-H", "http://a"), ("--slo-set a", "x")],
                "--slo-set b was `y` in that search, and is not given",
            ),
            (
                &[("-H", "http://a"), ("--slo-set a", "x"), ("--slo-set b", "y"), ("--warmup", "3 s")],
                "--warmup was not given in that search, and is `3 s` now",
            ),
            (
                &[("-H", "http://a"), ("--slo-set b", "y"), ("--slo-set a", "x")],
                "--slo-set a stood where --slo-set b stands now",
            ),
        ] {
            let UsageError(error) = same(&before, &all(now)).unwrap_err();
            assert!(error.contains(excerpt), "{error}");
        }
    }
}
