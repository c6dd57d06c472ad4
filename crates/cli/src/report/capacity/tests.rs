//! What was in use at each load, and what limits the server.

use plimsoll_core::search::{Bound, Slowdown};
use plimsoll_core::testing;
use plimsoll_core::watch::{Canonical, Resource, Saturation, Use};

use super::*;

fn trial(load: f64, cache: f64) -> TrialOutcome {
    let used = |resource, metric, mean| Use { resource, metric, mean, p95: mean };
    TrialOutcome {
        server: Some(Saturation {
            uses: vec![
                used(Resource::HostCpu, Canonical::HostCpu, 0.1),
                used(Resource::KvCache, Canonical::KvUsage, cache),
                used(Resource::Gpu, Canonical::GpuUtilization, 0.62),
            ],
            says: format!("saturated: KV cache {:.0} %", cache * 100.0),
            ..Saturation::default()
        }),
        ..testing::trial(load)
    }
}

#[test]
fn a_load_shows_what_was_in_use_on_average_the_fullest_first() {
    let (first, second) = (trial(10.0, 0.9), trial(10.0, 1.0));
    let servers = [&first, &second].map(|trial| trial.server.as_ref().unwrap());
    assert_eq!(fullest(servers.into_iter()).as_deref(), Some("KV cache 95 %, GPU 62 %"));
    let unwatched = TrialOutcome { server: None, ..first };
    assert_eq!(fullest(unwatched.server.iter()), None);
}

#[test]
fn the_limit_is_that_of_the_load_at_which_the_capacity_ends() {
    let bound = |load| Some(Bound { load, seconds: 10.0, confirmed: true });
    let tier = |name: &str, high| TierCapacity {
        name: name.to_owned(),
        low: bound(10.0),
        high,
        ceiling: None,
        binding: None,
        needs_seconds: None,
    };
    let trials = [trial(10.0, 0.8), trial(12.0, 0.97)];
    let text = limit(&[tier("", bound(12.0)), tier("gold", None)], &trials, Variable::Rate);
    assert_eq!(
        text,
        "Server     at 12.0/s: saturated: KV cache 97 %\nServer (gold) at 10.0/s: saturated: KV cache 80 %\n"
    );
}

#[test]
fn a_server_that_gets_slower_beyond_its_limit_is_told_with_what_follows() {
    let slow = Slowdown { best: 51.0, best_load: 51.1, overloaded: 33.0, from: 49.2, to: 72.3 };
    assert_eq!(
        slowdown(Some(&slow)),
        "Overload   completed 51.0/s at best, and 33.0/s where 49.2/s to 72.3/s was due, which is 35.3 % less: beyond its \
         limit this server gets slower.\n           Keep headroom: once over, it stays over until the load drops below \
         33.0/s\n"
    );
    assert!(slowdown(Some(&Slowdown { from: 72.3, ..slow })).contains("where 72.3/s was due"));
    assert_eq!(slowdown(None), "");
}
