//! Runs a load: owns the threads, gives each its share of the schedule, and gathers what they leave.

mod closed;
mod cores;
mod feed;
mod io_thread;
pub(crate) mod pulse;
mod request;
mod settle;
mod shared;
mod stop;

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use plimsoll_core::health::ClientHealth;
use plimsoll_core::load::{Arrivals, LoadModel, Schedule, ScheduleError};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Workload;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::runtime::{Builder, LocalOptions};

use self::feed::{Builder as RequestBuilder, Feed};
use self::io_thread::{IoThread, Share, ThreadEnd};
use self::pulse::Pulse;
use self::shared::Shared;
pub use self::shared::Times;
pub use self::stop::Stop;
use crate::clock::Clock;
use crate::protocol::Protocol;
use crate::recorder::RecorderHandle;
use crate::transport::{Answers, Dialer, Origin, Wire};

/// Everything that a load needs.
pub struct RunPlan {
    /// What the run is.
    pub spec: Arc<RunSpec>,
    /// The clock of the run.
    pub clock: Clock,
    /// When what begins and ends.
    pub times: Times,
    /// Where requests go.
    pub origin: Origin,
    /// How to speak TLS, where the origin wants it.
    pub tls: Option<Arc<ClientConfig>>,
    /// The requests, from [`prepare`].
    pub feeds: Feeds,
    /// Where records go.
    pub recorder: RecorderHandle,
}

/// Requests that are being built ahead of the I/O threads.
pub struct Feeds {
    feeds: Vec<Feed>,
    late: Arc<AtomicU64>,
}

/// Begins to build requests, and returns when every I/O thread has some ready.
///
/// # Errors
/// The operating system refuses a thread.
pub fn prepare(
    spec: &RunSpec,
    origin: &Origin,
    protocol: &Arc<dyn Protocol>,
    workload: &Arc<dyn Workload>,
) -> Result<Feeds, RunError> {
    let path = spec.target.endpoint.as_deref().unwrap_or(protocol.path());
    let head = origin.post_head(&spec.target, path, spec.api.stream);
    let builder = RequestBuilder { workload: workload.clone(), protocol: protocol.clone(), head };
    let late = Arc::default();
    let mut feeds = Vec::new();
    for thread in 0..spec.threads {
        let threads = u64::from(spec.threads);
        feeds.push(Feed::start(builder.clone(), thread.into(), threads, ahead(spec), Arc::clone(&late))?);
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
    /// Whether the load was ended from outside before its time.
    pub stopped: bool,
}

/// Begins a load on threads of its own.
///
/// # Errors
/// The schedule is impossible, or the operating system refuses what the threads need.
pub fn start(plan: RunPlan) -> Result<Running, RunError> {
    let RunPlan { spec, clock, times, origin, tls, feeds, recorder } = plan;
    let schedule = match &spec.load {
        LoadModel::Open(open) => Some(Schedule::new(&open.arrivals, spec.seed)?),
        LoadModel::Closed(_) => None,
    };
    let ready = Arc::new(Barrier::new(usize::from(spec.threads) + 1));
    let mut threads = Vec::new();
    for (index, feed) in (0..spec.threads).zip(feeds.feeds) {
        let dialer = Dialer::new(origin.clone(), tls.clone(), &spec.transport, clock)
            .map_err(|error| RunError::Tls(error.reason))?;
        let share = schedule.clone().map(|schedule| share_of(schedule, index, spec.threads));
        let seat = Seat { index, dialer, feed, share, recorder: recorder.clone() };
        let (give, given) = sync_channel::<Arc<Shared>>(1);
        let ready = ready.clone();
        let body = move || seat.take(&ready, &given);
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

/// What one I/O thread gets before it starts.
struct Seat {
    index: u16,
    dialer: Dialer,
    feed: Feed,
    share: Option<Share>,
    recorder: RecorderHandle,
}

impl Seat {
    /// Runs the thread: its own preparations first, then the load as soon as all threads are ready.
    fn take(self, ready: &Barrier, given: &Receiver<Arc<Shared>>) -> Result<ThreadEnd, RunError> {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        ready.wait();
        let runtime = runtime?;
        // The starter hangs up only when it has failed itself, and says so.
        let shared = given.recv().map_err(|_| RunError::Panicked)?;
        runtime.block_on(async {
            let clock = shared.clock;
            let pulse = Pulse::start(self.index, shared.times.begin);
            let api = &shared.spec.api;
            let answers = Answers { streamed: api.stream, keep_text: api.keep_text };
            let wire = Wire::new(clock, self.dialer, shared.spec.transport.clone(), answers, pulse);
            let thread = Rc::new(IoThread::new(self.index, shared.clone(), wire, self.feed, self.recorder)?);
            Ok(thread.run(self.share).await)
        })
    }
}

impl Running {
    /// What ends this load.
    pub fn stop(&self) -> Stop {
        self.shared.stop.clone()
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
            cap_reached: self.shared.cap_reached.load(Ordering::Relaxed),
            stopped: asked.is_some(),
            health: ClientHealth {
                kernel_timestamps: ends.iter().any(|end| end.kernel_timestamps),
                threads: ends.into_iter().map(|end| end.health).collect(),
                records_lost: 0,
                prompts_late: self.shared.prompts_late.load(Ordering::Relaxed),
            },
        })
    }
}
