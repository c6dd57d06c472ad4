//! One run twice, in virtual time and by the real client in simulated time, and the records of both side by side.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use plimsoll_core::load::{
    Arrivals, ClosedLoop, ClosedShape, ConcurrencyCap, GapDistribution, LoadModel, OpenLoop, Replay, Stage,
    ThinkTime, Times, WhenFull,
};
use plimsoll_core::record::{Outcome, Record, RequestId};
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{Phases, RunSpec};
use plimsoll_core::testing;
use plimsoll_core::time::{Offset, Rate};
use plimsoll_core::workload::{Prompt, RequestSpec, Workload};
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::{Options, RecordSink, Recorder};
use plimsoll_drive::runner::{self, RunEnd, RunPlan};
use plimsoll_serve::in_process::{InProcess, PrepareCalls};
use plimsoll_sim::client::{Simulated, Terms};
use plimsoll_sim::conditions::{ConditionOptions, Crash};
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use plimsoll_sim::llm::Llm;
use plimsoll_sim::{Engine, presets, simulate};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Prompts and answers of many lengths, some cancelled, some with the same beginning.
struct Mixed;

impl Workload for Mixed {
    fn request(&self, id: RequestId) -> RequestSpec {
        let lot = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let beginning = ["All begin like this. ", "Some begin otherwise. "][id.0 as usize % 2];
        RequestSpec {
            id,
            prompt: Prompt::Text(beginning.repeat(1 + lot as usize % 40).into()),
            images: Arc::default(),
            max_tokens: 1 + (lot / 40) as u32 % 60,
            prompt_tokens: None,
            cancel: id.0 % 11 == 3,
        }
    }

    fn describe(&self) -> String {
        "mixed prompts".to_owned()
    }
}

/// A run of six seconds.
fn spec(load: LoadModel) -> RunSpec {
    let mut spec = RunSpec { load, max_fail_ratio: 1.0, ..testing::run() };
    spec.phases =
        Phases { warmup: SECOND, measure: Some(5 * SECOND), max_requests: None, drain_timeout: 30 * SECOND };
    spec.transport.first_byte_timeout = 60 * SECOND;
    spec.transport.idle_timeout = 60 * SECOND;
    spec
}

fn closed(users: u32, shape: ClosedShape, think: ThinkTime) -> LoadModel {
    LoadModel::Closed(ClosedLoop { users: NonZeroU32::new(users).unwrap(), shape, think })
}

fn steady(users: u32) -> LoadModel {
    closed(users, ClosedShape::Steady { spawn_rate: None }, ThinkTime::Zero)
}

fn open(arrivals: Arrivals, cap: Option<(u32, WhenFull)>) -> LoadModel {
    let cap = cap.map(|(max, when_full)| ConcurrencyCap { max: NonZeroU32::new(max).unwrap(), when_full });
    LoadModel::Open(OpenLoop { arrivals, cap })
}

fn poisson(rate: f64) -> Arrivals {
    Arrivals::Process { rate: Rate::try_from(rate).unwrap(), gaps: GapDistribution::Poisson }
}

fn stages() -> Arrivals {
    let stage = |secs, target| Stage { duration: secs * SECOND, target };
    Arrivals::Stages {
        start: 0.0,
        stages: vec![stage(2, 40.0), stage(1, 40.0), stage(2, 0.0)],
        gaps: GapDistribution::Constant,
    }
}

/// Forty requests at each of a few moments.
fn crowds() -> Arrivals {
    let due = [0, 0, 1500, 1500, 5000].into_iter().flat_map(|ms| vec![Offset::ZERO + ms * MS; 40]).collect();
    Arrivals::Replay(Replay { source: "crowds".to_owned(), speed: 1.0, due })
}

/// Every kind of load, and every way in which a run and its requests end.
fn runs() -> Vec<(&'static str, RunSpec)> {
    let rate = |rate: f64| Some(Rate::try_from(rate).unwrap());
    let with = |load: LoadModel, change: &dyn Fn(&mut RunSpec)| {
        let mut spec = spec(load);
        change(&mut spec);
        spec
    };
    let pause = ThinkTime::Exponential(300 * MS);
    vec![
        ("users", spec(steady(12))),
        ("users that come and think", spec(closed(20, ClosedShape::Steady { spawn_rate: rate(5.0) }, pause))),
        ("bursts", spec(closed(9, ClosedShape::Burst { period: SECOND, spawn_rate: None }, ThinkTime::Zero))),
        ("ramp", spec(closed(16, ClosedShape::Ramp { warmup: SECOND, time: 5 * SECOND }, ThinkTime::Zero))),
        ("Poisson", spec(open(poisson(25.0), None))),
        ("stages", spec(open(stages(), None))),
        ("crowds", spec(open(crowds(), None))),
        ("a cap that sheds", spec(open(poisson(40.0), Some((6, WhenFull::Shed))))),
        ("a cap that holds back", spec(open(crowds(), Some((6, WhenFull::Lag))))),
        (
            "so many requests of users",
            with(steady(8), &|spec| (spec.phases.max_requests, spec.phases.measure) = (Some(50), None)),
        ),
        (
            "so many requests on a schedule",
            with(open(poisson(30.0), None), &|spec| spec.phases.max_requests = Some(50)),
        ),
        ("no time to drain", with(steady(12), &|spec| spec.phases.drain_timeout = Duration::ZERO)),
        (
            "little time to drain what waits",
            with(open(crowds(), Some((3, WhenFull::Lag))), &|spec| spec.phases.drain_timeout = SECOND),
        ),
        ("answers as a whole", with(steady(12), &|spec| spec.api.stream = false)),
        (
            "impatient",
            with(steady(12), &|spec| {
                spec.transport.request_timeout = Some(400 * MS);
                spec.transport.first_byte_timeout = 120 * MS;
                spec.transport.idle_timeout = 12 * MS;
            }),
        ),
        ("strict", with(steady(12), &|spec| spec.strict_length = true)),
    ]
}

fn fixed(queue: Option<u32>, jitter: f64) -> Engine {
    Engine::Fixed(Fixed::new(FixedOptions {
        ttft: 50 * MS,
        itl: 10 * MS,
        slots: NonZeroU32::new(8).unwrap(),
        queue,
        jitter,
        tokens_per_step: NonZeroU32::MIN,
        stall: Duration::ZERO,
        stall_rate: 0.0,
        seed: Seed(3),
    }))
}

fn llm(conditions: ConditionOptions) -> Engine {
    let mut options = presets::find("llama-3-8b-h100").unwrap().options();
    options.jitter = 0.1;
    options.queue = Some(30);
    options.conditions = conditions;
    Engine::Llm(Llm::new(options).unwrap())
}

/// Every engine, well and unwell.
fn engines() -> Vec<(&'static str, Engine)> {
    let crash = ConditionOptions {
        starts_cold: true,
        load: 60 * MS,
        crash: Some(Crash::AfterRequests(40)),
        restart_after: Some(40 * MS),
        request_timeout: Some(450 * MS),
        ..ConditionOptions::default()
    };
    vec![
        ("a grid", fixed(None, 0.0)),
        ("a grid with a short queue", fixed(Some(3), 0.0)),
        ("an uneven grid", fixed(None, 0.5)),
        ("a language model", llm(ConditionOptions::default())),
        ("a language model that crashes", llm(crash)),
    ]
}

/// Hands on records as they come.
struct Tap(SyncSender<Record>);

impl RecordSink for Tap {
    fn on_record(&mut self, record: &Record, _text: Option<&str>) {
        self.0.send(record.clone()).unwrap();
    }
}

fn in_virtual_time(spec: &RunSpec, engine: Engine) -> (Vec<Record>, Simulated) {
    let mut records = Vec::new();
    let end = simulate(spec, &Mixed, engine, 503, &mut |record| records.push(record)).unwrap();
    (records, end)
}

fn by_the_client(spec: &RunSpec, engine: Engine) -> (Vec<Record>, RunEnd) {
    let (spec, clock) = (Arc::new(spec.clone()), Clock::simulated());
    let workload: Arc<dyn Workload> = Arc::new(Mixed);
    let feeds = runner::prepare_simulated(&spec, &workload, &PrepareCalls::default()).unwrap();
    let times = Times::of(&spec);
    let (tap, tapped) = sync_channel(64);
    let options = Options {
        clock,
        threads: 1,
        open_loop: matches!(spec.load, LoadModel::Open(_)),
        measure_start: times.measure_start,
        measure_end: times.measure_end,
        keep_chunks: false,
        count_tokens: None,
        slos: Default::default(),
        windows: Vec::new(),
        each: vec![Box::new(Tap(tap))],
    };
    let (recorder, handle) = Recorder::start(None, Default::default(), options).unwrap();
    let plan = RunPlan { spec: spec.clone(), clock, times, feeds, recorder: handle };
    let running =
        runner::start_simulated(plan, move |station| InProcess::of(station, engine, Terms::of(&spec, 503)))
            .unwrap();
    let records = gather(tapped, recorder);
    (records, running.join().unwrap())
}

/// All records, as soon as nobody sends any more.
fn gather(tapped: Receiver<Record>, recorder: Recorder) -> Vec<Record> {
    // The recorder ends when the last handle to it is gone, and its own is one.
    drop(recorder);
    tapped.into_iter().collect()
}

#[test]
fn virtual_time_and_the_client_in_simulated_time_keep_the_same_records() {
    let mut seen = std::collections::BTreeMap::new();
    for (name, spec) in runs() {
        for (server, engine) in engines() {
            let (mine, mine_end) = in_virtual_time(&spec, engine.clone());
            let (theirs, theirs_end) = by_the_client(&spec, engine);
            for (mine, theirs) in mine.iter().zip(&theirs) {
                assert_eq!(mine, theirs, "{name} against {server}");
            }
            assert_eq!(mine.len(), theirs.len(), "{name} against {server}");
            assert_eq!(
                (mine_end.measure_end, mine_end.drained, mine_end.cap_reached, mine_end.stopped),
                (theirs_end.measure_end, theirs_end.drained, theirs_end.cap_reached, theirs_end.stopped),
                "{name} against {server}"
            );
            assert!(mine.len() > 30, "{name} against {server}: {}", mine.len());
            mine.iter().for_each(|record| *seen.entry(record.outcome).or_insert(0) += 1);
        }
    }
    for outcome in [
        Outcome::Ok,
        Outcome::Connect,
        Outcome::Timeout,
        Outcome::Http5xx,
        Outcome::StreamError,
        Outcome::Truncated,
        Outcome::Cancelled,
        Outcome::Unfinished,
        Outcome::Shed,
    ] {
        assert!(seen.contains_key(&outcome), "no {outcome:?} among {seen:?}");
    }
}
