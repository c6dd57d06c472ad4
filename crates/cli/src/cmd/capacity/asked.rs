//! What a search is about: what must be the same for it to go on.

use plimsoll_core::load::{LoadModel, ThinkTime};

use super::bench::Bench;
use super::objectives::Objectives;
use super::resume::Asked;
use crate::args::capacity::{SearchArgs, Searched};
use crate::report::plan;
use crate::session::Blueprint;

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
