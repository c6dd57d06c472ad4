//! Soaks of simulated servers that are known to drift or not: what is claimed of them must be so.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::drift::{Criteria, Limits, Shape, SoakReport, SoakVerdict, Windows, judge};
use plimsoll_core::load::{Arrivals, GapDistribution, LoadModel, OpenLoop, Times};
use plimsoll_core::record::RequestId;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{Phases, RunSpec};
use plimsoll_core::testing;
use plimsoll_core::time::Rate;
use plimsoll_core::workload::{Prompt, RequestSpec, Workload};
use plimsoll_sim::conditions::{ConditionOptions, Conditions};
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use plimsoll_sim::{Engine, simulate};

/// Answers of four tokens.
struct Short;

impl Workload for Short {
    fn request(&self, id: RequestId) -> RequestSpec {
        RequestSpec {
            id,
            prompt: Prompt::Text("Hello".into()),
            images: Arc::default(),
            max_tokens: 4,
            prompt_tokens: Some(1),
            cancel: false,
        }
    }

    fn describe(&self) -> String {
        "short answers".to_owned()
    }
}

/// A server of two slots, in which a request takes 0.1 s on average, with Poisson arrivals at 8/s: requests queue now and
/// then, so that neighbouring windows resemble each other.
fn soak(seed: u64, windows: u32, window: Duration, drift_per_hour: f64) -> SoakReport {
    let options = FixedOptions {
        ttft: Duration::from_millis(70),
        itl: Duration::from_millis(10),
        slots: NonZeroU32::new(2).unwrap(),
        queue: None,
        jitter: 0.8,
        tokens_per_step: NonZeroU32::MIN,
        stall: Duration::ZERO,
        stall_rate: 0.0,
        seed: Seed(seed),
    };
    let conditions =
        Conditions::new(ConditionOptions { drift_per_hour, ..ConditionOptions::default() }).unwrap();
    let engine = Engine::Fixed(Fixed::under(options, conditions));
    let arrivals = Arrivals::Process { rate: Rate::try_from(8.0).unwrap(), gaps: GapDistribution::Poisson };
    let minute = Duration::from_secs(60);
    let phases = Phases {
        warmup: Duration::ZERO,
        measure: Some(windows * window),
        max_requests: None,
        drain_timeout: minute,
    };
    let load = LoadModel::Open(OpenLoop { arrivals, cap: None });
    let mut spec = RunSpec { seed: Seed(seed), load, phases, ..testing::run() };
    (spec.transport.first_byte_timeout, spec.transport.idle_timeout) = (minute, minute);
    let times = Times::of(&spec);
    let mut folded = Windows::new(times.measure_start, window);
    let mut complete = Vec::new();
    let run =
        simulate(&spec, &Short, engine, 503, &mut |record| complete.extend(folded.add(&record))).unwrap();
    complete.extend(folded.finish(run.measure_end));
    let criteria = Criteria {
        tolerance: 0.1,
        alpha: 0.01,
        horizon: Duration::from_secs(7 * 86_400),
        limits: Limits::from([("latency.p50".to_owned(), 1.0)]),
        seed: Seed(seed),
    };
    judge(&complete, &criteria)
}

#[test]
fn of_a_hundred_steady_servers_at_most_five_are_said_to_drift() {
    let drifting: Vec<u64> = (0..100)
        .filter(|&seed| soak(seed, 40, Duration::from_secs(10), 0.0).verdict == SoakVerdict::Drifting)
        .collect();
    assert!(drifting.len() <= 5, "{drifting:?}");
}

#[test]
fn a_drift_of_a_tenth_of_a_percent_per_minute_is_found() {
    for seed in 0..5 {
        // Four hours, in which the server becomes slower by 24 %.
        let report = soak(seed, 60, Duration::from_secs(240), 0.06);
        assert_eq!(report.verdict, SoakVerdict::Drifting, "{report:#?}");
        let median = report.findings.iter().find(|finding| finding.series == "latency.p50").unwrap();
        assert_eq!(median.shape, Shape::Lasting, "{median:?}");
        // Queues make the median grow somewhat faster than the work.
        assert!((0.000_9..0.001_4).contains(&median.growth.per_minute), "{median:?}");
        assert!(median.exhaustion.unwrap().earliest > 3600.0, "{median:?}");
    }
}
