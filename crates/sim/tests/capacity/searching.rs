//! Searches against a server: ours, and plain bisection to compare with.

use plimsoll_core::search::{Guard, Search, Settings, Step, Tier, TrialOutcome, Variable};
use plimsoll_core::slo::{Confidence, Slos};

use crate::server::Server;

/// A server, what is asked of it, and the rate up to which it can do that.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub server: Server,
    pub slo: &'static str,
    pub truth: f64,
    /// Squared coefficient of variation of its service times.
    pub scv: f64,
}

/// What a search said.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Simulated seconds.
    pub seconds: f64,
    pub trials: usize,
}

impl Case {
    pub fn slos(&self) -> Slos {
        let one = self.slo.parse().expect("an objective");
        Slos::new(vec![one], Confidence::default()).expect("objectives")
    }
}

/// A warm-up as the command makes one.
fn warmup(seconds: f64) -> f64 {
    (seconds / 10.0).clamp(5.0, 30.0)
}

pub fn search(case: &Case, seed: u64) -> Said {
    let slos = case.slos();
    let settings = Settings {
        variable: Variable::Rate,
        start: case.truth * (0.1 + 0.3 * ((seed % 10) as f64) / 10.0),
        min: case.truth / 1e3,
        max: case.truth * 1e3,
        precision: 0.05,
        exceed_ratio: 0.2,
        trial_min: 10.0,
        trial_max: 600.0,
        budget: None,
        guard: Guard { arrivals: 1.0, service: case.scv, overload: 0.07 },
        tiers: vec![Tier { name: String::new(), slos: slos.clone() }],
    };
    let mut search = Search::new(settings).expect("a search");
    loop {
        let plan = match search.next() {
            Step::Trial(plan) | Step::Confirm(plan) => plan,
            Step::Done(capacity) => {
                let tier = &capacity.tiers[0];
                return Said {
                    low: tier.low.map(|bound| bound.load),
                    high: tier.high.map(|bound| bound.load),
                    seconds: capacity.seconds,
                    trials: capacity.trials,
                };
            }
            Step::Doomed(doom) => panic!("{}: {doom:?}", case.name),
        };
        let warmup = warmup(plan.seconds);
        let seed = seed * 1_000_003 + plan.number as u64;
        let shown = case.server.trial(&slos, plan.load, warmup, plan.seconds, seed);
        search.observe(TrialOutcome {
            load: plan.load,
            effort: plan.effort,
            seconds: plan.seconds,
            steady_after: None,
            spent: shown.drained,
            tiers: vec![shown.found],
            overloaded: shown.overloaded,
            invalid: None,
            stopped_by: None,
            gone: false,
            rate_limited: 0,
            throughput: shown.throughput,
            latency: None,
            latency_p99: None,
            latency_p99_low: None,
            latency_p99_high: None,
            concurrency: 0.0,
            server: None,
        });
    }
}

/// Bisection as load tests do it: trials of 60 s, each judged by its bare sample percentile, until the ends are 5 % apart.
pub fn bisect(case: &Case, seed: u64) -> Said {
    let slos = case.slos();
    let (mut low, mut high) = (case.truth * 0.2, case.truth * 3.2);
    let (mut seconds, mut trials) = (0.0, 0);
    while high / low > 1.05 {
        let middle = (low * high).sqrt();
        let seed = seed * 1_000_003 + 500_000 + trials as u64;
        let shown = case.server.trial(&slos, middle, 0.0, 60.0, seed);
        let found = &shown.found[0];
        let allowed = found.allowed.expect("a share of misses");
        if found.misses as f64 <= allowed * found.n as f64 {
            low = middle
        } else {
            high = middle
        }
        seconds += shown.drained;
        trials += 1;
    }
    Said { low: Some(low), high: Some(high), seconds, trials }
}
