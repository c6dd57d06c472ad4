//! The recorder as the rest of a run sees it: a bounded channel into a thread of its own.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

use plimsoll_core::health::ClientHealth;
use plimsoll_core::load::Intervention;
use plimsoll_core::metrics::{Tally, Window};
use plimsoll_core::record::{Record, RequestId, ThreadWindow};
use plimsoll_core::slo::Slos;
use plimsoll_core::summary::{RunHeader, Summary};
use plimsoll_core::time::Offset;

use super::error::RecorderError;
use super::folder::RunFolder;
use super::live::LiveSnapshot;
use super::punctual::Punctual;
use super::series::WindowSink;
use super::spares::Spares;
use super::worker::{Shared, Worker};
use crate::clock::Clock;

/// Batches that may wait for the recorder: some seconds of the usual five per second and thread.
pub(super) const CAPACITY: usize = 256;

/// Counts the tokens of a text.
pub type CountTokens = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// What an I/O thread hands over a few times a second.
#[derive(Debug, Default)]
pub struct Batch {
    /// Requests that have ended.
    pub records: Vec<Record>,
    /// Texts of answers whose tokens are to be counted, for those of `records` that have one.
    pub texts: Vec<(RequestId, String)>,
    /// Windows that have ended, about one a second.
    pub windows: Vec<ThreadWindow>,
}

/// Takes each record as it comes, on the recorder's thread.
pub trait RecordSink: Send {
    /// Takes a record and the text of its answer, if that was kept.
    fn on_record(&mut self, record: &Record, text: Option<&str>);
}

/// How records are kept.
pub struct Options {
    /// The run's clock.
    pub clock: Clock,
    /// I/O threads that will report windows.
    pub threads: usize,
    /// Requests start on a schedule, whatever the server does.
    pub open_loop: bool,
    /// Start of the measured window.
    pub measure_start: Offset,
    /// End of the measured window where it is known; else see [`RecorderHandle::measured_until`].
    pub measure_end: Option<Offset>,
    /// Keep every event's arrival in `records.parquet`.
    pub keep_chunks: bool,
    /// Counts the tokens of texts where the server did not.
    pub count_tokens: Option<CountTokens>,
    /// What must hold over the measured window.
    pub slos: Slos,
    /// Take the row of each second, in this order.
    pub windows: Vec<Box<dyn WindowSink>>,
    /// Take each record, in this order.
    pub each: Vec<Box<dyn RecordSink>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("open_loop", &self.open_loop)
            .finish_non_exhaustive()
    }
}

/// What is known only when a run has ended.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// The boundaries of its phases.
    pub window: Window,
    /// How it ended: `completed`, `interrupted`, `stopped`, `aborted`.
    pub ended: String,
    /// The rule that stopped it, with its figure.
    pub stopped_by: Option<String>,
    /// The client's own health over the measured window.
    pub health: ClientHealth,
    /// Whether the user's cap on concurrency was reached in an open loop.
    pub cap_reached: bool,
    /// When the user changed the load by hand.
    pub interventions: Vec<Intervention>,
    /// What else the reader should know beside the verdict.
    pub warnings: Vec<String>,
}

/// A run that has been recorded.
#[derive(Debug)]
pub struct Finished {
    /// Its results, all of its records counted.
    pub summary: Summary,
    /// What the summary was made from, for percentiles that it does not list.
    pub tally: Tally,
    /// Where its files are.
    pub folder: Option<PathBuf>,
    /// Why its files are not complete, if so: the run has failed (exit code 1).
    pub failure: Option<RecorderError>,
}

/// Keeps the records of a run, on a thread of its own.
#[derive(Debug)]
pub struct Recorder {
    handle: RecorderHandle,
    thread: JoinHandle<Finished>,
    live: Arc<Mutex<LiveSnapshot>>,
    punctual: Arc<Punctual>,
    /// The clock of those who watch, and of the publications.
    clock: Clock,
}

/// The way into a [`Recorder`]; clones lead to the same.
#[derive(Clone, Debug)]
pub struct RecorderHandle {
    sender: SyncSender<Message>,
    measure_end: Arc<AtomicU64>,
    spares: Spares,
}

/// What the recorder's thread is told.
pub(super) enum Message {
    Batch(Batch),
    Finish(Box<RunEnd>),
}

impl Recorder {
    /// Starts a recorder that writes into `folder`, or keeps only the summary if there is none.
    ///
    /// # Errors
    /// The files cannot be created, or the thread cannot be started.
    pub fn start(
        folder: Option<RunFolder>,
        header: RunHeader,
        options: Options,
    ) -> Result<(Recorder, RecorderHandle), RecorderError> {
        let (sender, receiver) = sync_channel(CAPACITY);
        let clock = options.clock.of_the_machine();
        let end = options.measure_end.unwrap_or(Offset::MAX);
        let shared = Shared {
            live: Arc::default(),
            punctual: Arc::new(Punctual::new(clock.now())),
            measure_end: Arc::new(AtomicU64::new(end.as_nanos())),
            spares: Spares::default(),
        };
        let path = folder.as_ref().map(|folder| folder.path().to_owned()).unwrap_or_default();
        let worker = Worker::new(folder, header, options, shared.clone(), clock)?;
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || worker.run(&receiver))
            .map_err(|source| RecorderError::write(&path, source))?;
        let Shared { live, punctual, measure_end, spares } = shared;
        let handle = RecorderHandle { sender, measure_end, spares };
        Ok((Recorder { handle: handle.clone(), thread, live, punctual, clock }, handle))
    }

    /// The run as it was at most a second ago.
    ///
    /// Looking at it several times a second also keeps the recorder punctual where the I/O threads leave it no core.
    pub fn live(&self) -> LiveSnapshot {
        self.punctual.watch(self.clock.now());
        if let Err(TryLockError::WouldBlock) = self.live.try_lock() {
            // The recorder may have lost its core while it held the lock.
            self.punctual.courtesy.press();
        }
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The snapshot that is renewed while the run goes on, for a view on another thread.
    pub fn live_shared(&self) -> Arc<Mutex<LiveSnapshot>> {
        Arc::clone(&self.live)
    }

    /// Takes in what was sent so far, completes all files and gives the results.
    ///
    /// # Errors
    /// Only if the recorder's thread is gone. A disk that failed is told by [`Finished::failure`], beside results
    /// that count all records.
    pub fn finish(self, end: RunEnd) -> Result<Finished, RecorderError> {
        // The load is over: nobody is delayed any more.
        self.punctual.courtesy.press();
        self.handle.sender.send(Message::Finish(Box::new(end))).map_err(|_| RecorderError::Stopped)?;
        self.thread.join().map_err(|_| RecorderError::Stopped)
    }
}

impl RecorderHandle {
    /// An empty batch, with room that another one has had before if there is any.
    pub fn batch(&self) -> Batch {
        Batch { records: self.spares.take(), ..Batch::default() }
    }

    /// Hands over a batch without ever waiting.
    ///
    /// # Errors
    /// The recorder is behind; the batch comes back, to be added to and tried again.
    pub fn try_send(&self, batch: Batch) -> Result<(), Batch> {
        self.sender.try_send(Message::Batch(batch)).map_err(|error| {
            let (TrySendError::Full(message) | TrySendError::Disconnected(message)) = error;
            match message {
                Message::Batch(batch) => batch,
                Message::Finish(_) => Batch::default(),
            }
        })
    }

    /// Hands over a batch, and waits while the recorder is behind. For the last batch of a thread.
    pub fn send(&self, batch: Batch) {
        // Without a recorder there is nobody left to keep it for; `finish` reports that.
        let _ = self.sender.send(Message::Batch(batch));
    }

    /// Says that the measured window ends at `end`, when that is decided while the run goes on (Ctrl+C, a number of
    /// requests reached). Said at once, it makes the rates exact.
    pub fn measured_until(&self, end: Offset) {
        self.measure_end.store(end.as_nanos(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
