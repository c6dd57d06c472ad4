//! Fleets in cells by hand, and against the same fleet request by request.

use std::time::Duration;

use plimsoll_core::seed::Seed;

use super::{Certified, Closed, Flow, FlowOptions, Routing, patience};
use crate::fleet::Delay;
use crate::spread::Spread;

const SECOND: Duration = Duration::from_secs(1);

/// Replicas that do 10 requests/s, each in half a second; a machine after 2 s, loaded 3 s later.
fn options(replicas: u32) -> FlowOptions {
    let constant = |seconds| Delay { mean: seconds * SECOND, spread: Spread::CONSTANT };
    FlowOptions {
        cell: SECOND,
        rate_max: 10.0,
        residence: 0.5,
        patience: 0.1,
        give_up: None,
        routing: Routing::Shared,
        closed: Closed::Refuse,
        replicas,
        provisioning: constant(2),
        loading: constant(3),
        seed: Seed(1),
    }
}

#[test]
fn a_queue_grows_by_what_is_too_much_and_is_worked_off() {
    let mut flow = Flow::new(options(2));
    let cell = flow.step(16);
    assert_eq!((cell.in_time, cell.waiting, cell.running), (16.0, 0.0, 8.0));
    let cell = flow.step(24);
    assert_eq!((cell.waiting, cell.throughput), (4.0, 20.0));
    assert_eq!(cell.in_time, 12.0, "bearable up to a queue of 2, which is there halfway");
    let cell = flow.step(16);
    assert_eq!((cell.waiting, cell.in_flight()), (0.0, 10.0));
    assert_eq!(cell.in_time, 8.0, "bearable once the queue is down to 2, halfway");
}

#[test]
fn a_replica_is_paid_from_its_machine_on_until_it_has_drained() {
    let mut flow = Flow::new(options(1));
    flow.scale(2);
    let ready: Vec<_> = (0..7).map(|_| flow.step(0)).map(|c| (c.ready, c.starting, c.unscheduled)).collect();
    assert_eq!(ready, [(1, 1, 1), (1, 1, 1), (1, 1, 0), (1, 1, 0), (1, 1, 0), (2, 0, 0), (2, 0, 0)]);
    assert_eq!(flow.machine_seconds(), 7.0 + 5.0);
    flow.step(40); // 20 more than can be done
    flow.scale(1);
    flow.step(0);
    flow.step(0);
    assert_eq!(
        flow.machine_seconds(),
        10.0 + 5.0 + 3.0,
        "drains its 10 and what it has at work: 1.5 s, two cells"
    );
    assert_eq!(flow.wanted(), 1);
}

#[test]
fn those_who_are_not_ready_leave_first() {
    let mut flow = Flow::new(options(1));
    flow.scale(3);
    flow.step(0);
    flow.scale(1);
    assert_eq!(flow.step(0), super::Cell { ready: 1, ..Default::default() });
}

#[test]
fn without_replicas_requests_fail_or_wait_at_the_door() {
    for (closed, waiting) in [(Closed::Refuse, 0.0), (Closed::Hold, 15.0)] {
        let mut flow = Flow::new(FlowOptions { closed, ..options(0) });
        flow.scale(1);
        let cells: Vec<_> = (0..6).map(|_| flow.step(3)).collect();
        assert!(cells[..5].iter().all(|cell| cell.in_time == 0.0));
        assert_eq!(cells[4].waiting, waiting);
        assert_eq!(cells[5].waiting, (waiting - 7.0).max(0.0), "{closed:?}");
    }
}

#[test]
fn who_would_wait_too_long_leaves() {
    let mut flow = Flow::new(FlowOptions { give_up: Some(2.0), ..options(1) });
    assert_eq!(flow.step(100).waiting, 20.0);
}

#[test]
fn at_its_certified_rate_a_replica_keeps_its_objectives_as_certified() {
    for (rate, saturation, share, cv) in
        [(10.0, 12.0, 0.99, 1.0), (10.0, 10.5, 0.9, 1.0), (200.0, 230.0, 0.99, 1.0), (20.0, 30.0, 0.95, 3.0)]
    {
        let certified = Certified { rate, saturation, share, cv };
        let cell = Duration::from_millis(500);
        let patience = patience(certified, cell, Seed(1));
        let mut flow = Flow::new(FlowOptions { cell, rate_max: saturation, patience, ..options(1) });
        let counts = super::Arrivals::new(rate * 0.5, cv);
        let mut rng = Seed(2).stream("test");
        let (mut all, mut in_time) = (0.0, 0.0);
        for _ in 0..400_000 {
            let cell = flow.step(counts.draw(&mut rng));
            all += f64::from(cell.arrivals);
            in_time += cell.in_time;
        }
        let misses = 1.0 - in_time / all;
        let promised = 1.0 - share;
        assert!((misses / promised - 1.0).abs() < 0.15, "{certified:?}: {misses} against {promised}");
    }
}
