//! Runs a load: owns the threads, gives each its share of the schedule, and gathers what they leave.

mod closed;
mod cores;
mod feed;
mod hand;
mod io_thread;
mod nap;
pub(crate) mod pulse;
mod request;
mod shared;
mod simulated;
mod stop;

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use plimsoll_core::health::ClientHealth;
use plimsoll_core::load::{Arrivals, Intervention, LoadModel, Schedule, ScheduleError, Times};
use plimsoll_core::slo::Breach;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Workload;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

pub use self::feed::Prepare;
use self::feed::{Feed, PrepareHttp, PrepareHttp2, WhenBehind};
pub use self::hand::Hand;
use self::io_thread::{IoThread, Share, ThreadEnd};
use self::nap::Nap;
use self::pulse::Pulse;
use self::shared::Shared;
use self::simulated::Idle;
pub use self::stop::Stop;
use crate::clock::{self, Clock};
use crate::endpoint::{Endpoint, SimulatedEndpoint, Station};
use crate::priority;
use crate::protocol::Protocol;
use crate::recorder::RecorderHandle;
use crate::transport::{
    Answers, Dialer, Http2, Http2Head, Http2Request, HttpRequest, Origin, OriginError, Wire, for_http2,
};

/// Everything that a load needs, whatever answers it.
pub struct RunPlan<R> {
    /// What the run is.
    pub spec: Arc<RunSpec>,
    /// The clock of the run.
    pub clock: Clock,
    /// When what begins and ends.
    pub times: Times,
    /// The requests, from [`prepare`] or [`prepare_simulated`].
    pub feeds: Feeds<R>,
    /// Where records go.
    pub recorder: RecorderHandle,
}

/// Requests that are being built ahead of the I/O threads.
pub struct Feeds<R> {
    feeds: Vec<Feed<R>>,
    late: Arc<AtomicU64>,
}

/// Begins to build requests for HTTP, and returns when every I/O thread has some ready.
///
/// # Errors
/// The operating system refuses a thread.
pub fn prepare(
    spec: &RunSpec,
    origin: &Origin,
    protocol: &Arc<dyn Protocol>,
    workload: &Arc<dyn Workload>,
) -> Result<Feeds<HttpRequest>, RunError> {
    let head = origin.head(&spec.target, protocol.route());
    let http = PrepareHttp { protocol: protocol.clone(), head };
    build_ahead(spec, workload, &http, WhenBehind::BuildHere)
}

/// Begins to build requests for HTTP/2, and returns when every I/O thread has some ready.
///
/// # Errors
/// The operating system refuses a thread, or a header field cannot be sent.
pub fn prepare_http2(
    spec: &RunSpec,
    origin: &Origin,
    protocol: &Arc<dyn Protocol>,
    workload: &Arc<dyn Workload>,
) -> Result<Feeds<Http2Request>, RunError> {
    let head = Http2Head::new(origin, &spec.target, protocol.route())?;
    let http2 = PrepareHttp2 { protocol: protocol.clone(), head };
    build_ahead(spec, workload, &http2, WhenBehind::BuildHere)
}

/// Begins to build requests for an endpoint in simulated time.
///
/// # Errors
/// The operating system refuses a thread.
pub fn prepare_simulated<P: Prepare>(
    spec: &RunSpec,
    workload: &Arc<dyn Workload>,
    prepare: &P,
) -> Result<Feeds<P::Request>, RunError> {
    build_ahead(spec, workload, prepare, WhenBehind::Wait)
}

fn build_ahead<P: Prepare>(
    spec: &RunSpec,
    workload: &Arc<dyn Workload>,
    prepare: &P,
    when_behind: WhenBehind,
) -> Result<Feeds<P::Request>, RunError> {
    let late = Arc::default();
    let mut feeds = Vec::new();
    for thread in 0..spec.threads {
        let share = feed::Share { first: thread.into(), step: spec.threads.into(), ahead: ahead(spec) };
        feeds.push(Feed::start(workload, prepare, share, when_behind, Arc::clone(&late))?);
    }
    Ok(Feeds { feeds, late })
}

/// A load that cannot be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The schedule is impossible.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
    /// The operating system refuses a thread, a timer or a runtime.
    #[error("cannot start the I/O threads: {0}")]
    Threads(#[from] io::Error),
    /// The name of the server cannot be checked by TLS.
    #[error("{0}")]
    Tls(String),
    /// The clock is that of the machine.
    #[error("simulated time needs a simulated clock: a fault of this program")]
    RealClock,
    /// A header field or a path cannot be sent.
    #[error("{0}")]
    Head(#[from] OriginError),
    /// Simulated time is that of one thread.
    #[error("simulated time runs in one I/O thread, not in {0}: give --threads 1")]
    SimulatedThreads(u16),
    /// An I/O thread ended by a fault of this program.
    #[error("an I/O thread ended by a fault of this program; what was measured is in the results folder")]
    Panicked,
}

/// A load that is being run.
pub struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<ThreadEnd, RunError>>>,
}

/// What a load leaves beside its records.
#[derive(Debug)]
pub struct RunEnd {
    /// The client's own health over the measured window.
    pub health: ClientHealth,
    /// When the measured window ended.
    pub measure_end: Offset,
    /// When the last request had ended.
    pub drained: Offset,
    /// Requests that met a full cap on concurrency.
    pub cap_reached: u64,
    /// When the user changed the load by hand.
    pub interventions: Vec<Intervention>,
    /// Whether the load was ended before its time.
    pub stopped: bool,
    /// The rule that ended it.
    pub breach: Option<Breach>,
    /// Whether that was because as many requests had failed as the user wanted to succeed.
    pub given_up: bool,
}

/// Begins a load over HTTP, on threads of its own.
///
/// # Errors
/// The schedule is impossible, or the operating system refuses what the threads need.
pub fn start(
    plan: RunPlan<HttpRequest>,
    origin: &Origin,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Running, RunError> {
    let wires = wires(&plan.spec, plan.clock, origin, tls.cloned())?;
    start_threads(plan, wires, Seat::take)
}

/// Begins a load over HTTP/2, on threads of its own.
///
/// # Errors
/// The schedule is impossible, or the operating system refuses what the threads need.
pub fn start_http2(
    plan: RunPlan<Http2Request>,
    origin: &Origin,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Running, RunError> {
    let tls = tls.map(|config| for_http2(config));
    let wires = wires(&plan.spec, plan.clock, origin, tls)?;
    let mut endpoints = Vec::new();
    for wire in wires {
        endpoints.push(move |station| Http2::new(wire(station)));
    }
    start_threads(plan, endpoints, Seat::take)
}

/// What the requests of each I/O thread share, to be made there.
fn wires(
    spec: &RunSpec,
    clock: Clock,
    origin: &Origin,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Vec<impl FnOnce(Station) -> Wire + Send + use<>>, RunError> {
    let answers = Answers { streamed: spec.api.stream, keep_text: spec.api.keep_text };
    let mut wires = Vec::new();
    for _ in 0..spec.threads {
        let dialer = Dialer::new(origin.clone(), tls.clone(), &spec.transport, clock)
            .map_err(|error| RunError::Tls(error.reason))?;
        let limits = spec.transport.clone();
        wires.push(move |station| Wire::new(station, dialer, limits, answers));
    }
    Ok(wires)
}

/// Begins a load in simulated time, on a thread of its own. `endpoint` is called there.
///
/// # Errors
/// The schedule is impossible, the run wants several threads or the machine's clock, or the operating system refuses the
/// thread.
pub fn start_simulated<E: SimulatedEndpoint>(
    plan: RunPlan<E::Prepared>,
    endpoint: impl FnOnce(Station) -> E + Send + 'static,
) -> Result<Running, RunError> {
    if !plan.clock.is_simulated() {
        return Err(RunError::RealClock);
    }
    if plan.spec.threads != 1 {
        return Err(RunError::SimulatedThreads(plan.spec.threads));
    }
    start_threads(plan, vec![endpoint], Seat::take_simulated)
}

/// Begins a load with an I/O thread for each of `endpoints`, which are made there.
fn start_threads<R, M>(plan: RunPlan<R>, endpoints: Vec<M>, take: Take<R, M>) -> Result<Running, RunError>
where
    R: Send + 'static,
    M: Send + 'static,
{
    let RunPlan { spec, clock, times, feeds, recorder } = plan;
    let schedule = match &spec.load {
        LoadModel::Open(open) => Some(Schedule::new(&open.arrivals, spec.seed)?),
        LoadModel::Closed(_) => None,
    };
    let ready = Arc::new(Barrier::new(usize::from(spec.threads) + 1));
    let mut threads = Vec::new();
    for ((index, feed), endpoint) in (0..spec.threads).zip(feeds.feeds).zip(endpoints) {
        let share = schedule.clone().map(|schedule| share_of(schedule, index, spec.threads));
        let seat = Seat { index, clock, endpoint, feed, share, recorder: recorder.clone() };
        let (give, given) = sync_channel::<Arc<Shared>>(1);
        let ready = ready.clone();
        let body = move || take(seat, &ready, &given);
        let handle = thread::Builder::new().name(format!("plimsoll-io-{index}")).spawn(body)?;
        threads.push((handle, give));
    }
    ready.wait();
    let shared = Arc::new(Shared::new(spec, clock, times, feeds.late));
    let join = |(handle, give): (_, SyncSender<_>)| {
        // A thread that could not start has hung up; its error shows when it is joined.
        let _ = give.send(shared.clone());
        handle
    };
    let threads = threads.into_iter().map(join).collect();
    Ok(Running { shared, threads })
}

/// Requests to build ahead per I/O thread: two for each user, or half a second of an open loop.
fn ahead(spec: &RunSpec) -> usize {
    let all = match &spec.load {
        LoadModel::Closed(closed) => 2 * closed.users.get() as usize,
        LoadModel::Open(open) => match &open.arrivals {
            Arrivals::Process { rate, .. } => (rate.per_second() / 2.0) as usize,
            Arrivals::Stages { stages, .. } => {
                let peak = stages.iter().map(|stage| stage.target).fold(0.0, f64::max);
                (peak / 2.0) as usize
            }
            Arrivals::Replay(replay) => replay.due.len(),
        },
    };
    all / usize::from(spec.threads)
}

fn share_of(schedule: Schedule, thread: u16, threads: u16) -> Share {
    let share: Box<dyn Iterator<Item = Offset> + Send> =
        Box::new(schedule.share(thread, threads).map(|(_, due)| due));
    share.peekable()
}

/// Tasks that have their turn before the runtime looks at the alarm again, and so at what is due.
const TASKS_IN_A_ROW: u32 = 16;

/// What one I/O thread gets before it starts.
struct Seat<R, M> {
    index: u16,
    clock: Clock,
    /// Makes its endpoint.
    endpoint: M,
    feed: Feed<R>,
    share: Option<Share>,
    recorder: RecorderHandle,
}

/// The body of an I/O thread: waits until all are ready, then for what they share, and runs the load.
type Take<R, M> = fn(Seat<R, M>, &Barrier, &Receiver<Arc<Shared>>) -> Result<ThreadEnd, RunError>;

impl<R: Send + 'static, M> Seat<R, M> {
    /// Runs the thread: its own preparations first, then the load as soon as all threads are ready.
    fn take<E>(self, ready: &Barrier, given: &Receiver<Arc<Shared>>) -> Result<ThreadEnd, RunError>
    where
        E: Endpoint<Prepared = R>,
        M: FnOnce(Station) -> E,
    {
        let nap = Nap::default();
        let own = nap.clone();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .event_interval(TASKS_IN_A_ROW)
            .on_thread_park(move || own.take())
            .build_local(LocalOptions::default());
        clock::sleep_precisely();
        priority::soon_after_waking();
        let shared = await_all(ready, given)?;
        let pulse = Pulse::start(self.index, shared.times.begin).with_naps(nap).measuring(&shared.times);
        runtime?.block_on(async {
            let (thread, share) = self.sit(shared, pulse)?;
            Ok(thread.run(share).await)
        })
    }

    /// The same in simulated time, for which the runtime says when it is idle.
    fn take_simulated<E>(self, ready: &Barrier, given: &Receiver<Arc<Shared>>) -> Result<ThreadEnd, RunError>
    where
        E: SimulatedEndpoint<Prepared = R>,
        M: FnOnce(Station) -> E,
    {
        let idle = Idle::default();
        let parked = idle.clone();
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || parked.reached())
            .build_local(LocalOptions::default());
        let shared = await_all(ready, given)?;
        let pulse = Pulse::simulated(self.index, shared.times.begin).measuring(&shared.times);
        runtime?.block_on(async {
            let (thread, share) = self.sit(shared, pulse)?;
            let main = async move { simulated::run(&thread, share, idle).await };
            spawn_local(main).await.map_err(|_| RunError::Panicked)
        })
    }

    /// The thread with its endpoint, and its share of the schedule.
    fn sit<E>(self, shared: Arc<Shared>, pulse: Pulse) -> Result<(Rc<IoThread<E>>, Option<Share>), RunError>
    where
        E: Endpoint<Prepared = R>,
        M: FnOnce(Station) -> E,
    {
        let endpoint = (self.endpoint)(Station::new(self.clock, pulse));
        let thread = IoThread::new(self.index, shared, endpoint, self.feed, self.recorder)?;
        Ok((Rc::new(thread), self.share))
    }
}

/// Waits until every thread is ready, and for what they share.
fn await_all(ready: &Barrier, given: &Receiver<Arc<Shared>>) -> Result<Arc<Shared>, RunError> {
    ready.wait();
    // The starter hangs up only when it has failed itself, and says so.
    given.recv().map_err(|_| RunError::Panicked)
}

impl Running {
    /// What ends this load.
    pub fn stop(&self) -> Stop {
        self.shared.stop.clone()
    }

    /// What changes this load by hand; without effect where time is simulated.
    pub fn hand(&self) -> Hand {
        self.shared.hand.clone()
    }

    /// The rule that has ended this load.
    pub fn breach(&self) -> Option<Breach> {
        self.shared.breach()
    }

    /// Whether all threads have ended.
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end of all threads.
    ///
    /// # Errors
    /// A thread could not start or ended by a fault.
    pub fn join(self) -> Result<RunEnd, RunError> {
        let mut ends = Vec::new();
        for thread in self.threads {
            ends.push(thread.join().map_err(|_| RunError::Panicked)??);
        }
        let times = self.shared.times;
        let drained = ends.iter().map(|end| end.drained).max().unwrap_or(times.begin);
        let asked = self.shared.stop.state().asked_at();
        let schedule_ended = ends.iter().filter_map(|end| end.schedule_ended).max();
        let measure_end = [asked, times.measure_end, schedule_ended].into_iter().flatten().min();
        Ok(RunEnd {
            measure_end: measure_end.unwrap_or(drained).max(times.measure_start),
            drained,
            interventions: self.shared.hand.interventions(drained),
            cap_reached: self.shared.cap_reached.load(Ordering::Relaxed),
            stopped: asked.is_some(),
            breach: self.shared.breach(),
            given_up: self.shared.is_given_up(),
            health: ClientHealth {
                kernel_timestamps: ends.iter().any(|end| end.kernel_timestamps),
                threads: ends.into_iter().map(|end| end.health).collect(),
                records_lost: 0,
                prompts_late: self.shared.prompts_late.load(Ordering::Relaxed),
            },
        })
    }
}
