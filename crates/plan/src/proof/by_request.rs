//! The same fleet, law and traffic request by request: what the cells of [`plimsoll_sim::flow`] must come out as.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use plimsoll_sim::fleet::{Delay, Fleet, FleetOptions, Router, Stage};
use plimsoll_sim::flow::Cell;
use plimsoll_sim::spread::Spread;
use plimsoll_sim::{Ask, Emission, Engine, Event, JobId};
use rand::RngExt as _;

use super::telemetry::Telemetry;
use super::tests::{day, hpa, scene, step};
use super::*;
use crate::autoscale::Sight;

/// Requests that a replica works on at once, each for a second: 12/s at most.
const SLOTS: u32 = 12;
/// A request keeps its objectives if it waits no longer than this. Seconds.
const BEARABLE: f64 = 0.5;

fn fleet(replicas: u32, cold_start: f64) -> Fleet {
    let engine = Fixed::new(FixedOptions {
        ttft: Duration::from_secs(1),
        itl: Duration::ZERO,
        slots: NonZeroU32::new(SLOTS).unwrap(),
        queue: None,
        jitter: 0.0,
        tokens_per_step: NonZeroU32::MIN,
        stall: Duration::ZERO,
        stall_rate: 0.0,
        seed: Seed(1),
    });
    Fleet::new(FleetOptions {
        replica: Engine::Fixed(engine),
        replicas,
        router: Router::Random,
        gateway: None,
        provisioning: Delay::NONE,
        loading: Delay { mean: Duration::from_secs_f64(cold_start), spread: Spread::CONSTANT },
        drain_limit: None,
        seed: Seed(2),
    })
}

/// A run and what came of it.
#[derive(Default)]
struct Played {
    arrivals: Vec<Offset>,
    in_time: f64,
    replica_hours: f64,
    changes: u32,
}

impl Played {
    fn attainment(&self) -> f64 {
        self.in_time / self.arrivals.len() as f64
    }

    fn note(&mut self, out: &mut Vec<Emission>) {
        for emission in out.drain(..).filter(|emission| emission.event == Event::Started) {
            let waited = emission.at.since(self.arrivals[emission.job.0 as usize]);
            self.in_time += f64::from(u8::from(waited.as_secs_f64() <= BEARABLE));
        }
    }
}

/// Plays `traffic` in cells of a second, whose requests come at random moments.
fn play(law: &Law, traffic: &Traffic, begin: u32, cold_start: f64) -> Played {
    let ask = Ask { prompt_tokens: 0, output_tokens: 1, items: 1, prefix: Arc::default() };
    let mut fleet = fleet(begin, cold_start);
    let (mut played, mut out) = (Played::default(), Vec::new());
    let metrics = law.metrics();
    let mut controller = law.controller(begin);
    let mut telemetry = Telemetry::new(&scene(cold_start), 1.0, &metrics);
    let mut rng = Seed(9).stream("moments");
    let mut seen: Option<Cell> = None;
    let mut wanted = begin;
    for (second, arrivals) in traffic.arrivals(Seed(1), 0).enumerate() {
        let now = Offset::from_secs_f64(second as f64);
        fleet.advance(now, &mut out);
        if let Some(cell) = seen {
            telemetry.note(now, cell);
            if controller.is_due(now) {
                let readings = metrics.iter().map(|metric| telemetry.read(now, metric)).collect();
                let to = controller.step(&Sight { at: now, wanted, ready: cell.ready, pending: 0, readings });
                played.changes += u32::from(to != wanted);
                wanted = to;
                fleet.scale(now, wanted);
            }
        }
        let mut moments: Vec<f64> = (0..arrivals).map(|_| second as f64 + rng.random::<f64>()).collect();
        moments.sort_by(f64::total_cmp);
        for moment in moments {
            let at = Offset::from_secs_f64(moment);
            fleet.advance(at, &mut out);
            let job = JobId(played.arrivals.len() as u64);
            played.arrivals.push(at);
            fleet.arrive(at, job, &ask).expect("replicas are ready, and take all");
        }
        let end = Offset::from_secs_f64((second + 1) as f64);
        fleet.advance(end, &mut out);
        let state = fleet.state(end);
        seen = Some(Cell {
            arrivals,
            waiting: f64::from(state.total.waiting),
            running: f64::from(state.total.running),
            ready: state.replicas.iter().filter(|replica| replica.stage == Stage::Ready).count() as u32,
            ..Cell::default()
        });
        played.replica_hours = state.machine_time.as_secs_f64() / 3600.0;
        played.note(&mut out);
    }
    fleet.advance(Offset::MAX, &mut out);
    played.note(&mut out);
    played
}

#[test]
fn cells_come_out_as_requests_do() {
    // What one replica keeps at 10/s, measured as a user would.
    let alone = Traffic::of_rates(vec![10.0; 200], 60.0, 1.0, 1.0);
    let share = play(&Law::Static { replicas: 1 }, &alone, 1, 0.0).attainment();
    assert!((0.9..0.999).contains(&share), "{share}");
    let replica = Replica {
        rate: 10.0,
        saturation: f64::from(SLOTS),
        share,
        cv: 1.0,
        in_flight: 10.0,
        assumptions: Vec::new(),
    };
    for (what, law, traffic, cold_start) in [
        ("a step", hpa(2, 100), step(20.0, 100.0), 60.0),
        ("a slow start", hpa(2, 100), step(40.0, 80.0), 240.0),
        ("a steady fleet", Law::Static { replicas: 8 }, step(60.0, 80.0), 0.0),
        ("a fleet that is too small", Law::Static { replicas: 8 }, step(60.0, 84.0), 0.0),
        (
            "two hours of a morning",
            hpa(2, 100),
            Traffic::of_rates(day(60.0).into_iter().skip(300).take(120), 60.0, 1.0, 1.0),
            60.0,
        ),
    ] {
        let scene =
            Scene { give_up: None, ..Scene::new(replica.clone(), Start::constant(0.0, cold_start), 0.99) };
        let stage = drive::Stage::new(&traffic, &scene);
        let cells = stage.play(&law, 0);
        let begin = stage.begin().clamp(law.bounds().0, law.bounds().1);
        let requests = play(&law, &traffic, begin, cold_start);
        let (ours, theirs) = (cells.figures, requests.attainment());
        let changes = ours.scale_ups + ours.scale_downs;
        println!(
            "{what}: attainment {:.4} and {theirs:.4}, replica-hours {:.3} and {:.3}, changes {changes} and {}",
            ours.attainment, ours.replica_hours, requests.replica_hours, requests.changes
        );
        assert!((ours.attainment - theirs).abs() < 0.01, "{what}: {} and {theirs}", ours.attainment);
        assert!((ours.replica_hours / requests.replica_hours - 1.0).abs() < 0.03, "{what}");
    }
}
