//! A profiler that is on for a part of a trial: started and stopped by commands, or by asking the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use plimsoll_core::spec::{Target, TransportSpec};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::{Outgoing, Route};
use plimsoll_drive::transport::{ANSWER_LIMIT, Origin, TlsConfig, post};
use plimsoll_drive::watch::Watcher;

use super::hooks::{Hooks, Started, State};
use super::server::HttpWay;
use crate::resolve::{ProfileDraft, Profiler};

/// A command that has not ended after this time is the profiler itself.
const STARTING: Duration = Duration::from_secs(2);
/// Time for a profiler to be stopped, and to write what it has.
const STOPPING: Duration = Duration::from_secs(120);
/// From one look to the next.
const LOOK: Duration = Duration::from_millis(20);
/// What commands print.
const LOG: &str = "profile.log";

/// A profiler of a trial.
pub(super) struct Profiling {
    /// Its end tells the thread that the trial is over.
    trial: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// What the thread works with.
struct Job {
    draft: ProfileDraft,
    clock: Clock,
    /// When to start.
    at: Offset,
    watcher: Arc<Watcher>,
    server: Server,
    /// The results of the trial.
    folder: PathBuf,
}

/// The way to the server.
struct Server {
    origin: Origin,
    tls: Option<Arc<TlsConfig>>,
    target: Target,
    transport: TransportSpec,
}

/// What is on.
enum On {
    Command(Started),
    Server,
}

impl Profiling {
    /// Waits, on a thread of its own, until it is time. `measure_start` is when the measured window begins.
    ///
    /// # Errors
    /// The operating system refuses the thread.
    pub(super) fn start(
        draft: &ProfileDraft,
        (clock, measure_start): (Clock, Offset),
        watcher: Arc<Watcher>,
        (way, target, transport): (&HttpWay, &Target, &TransportSpec),
        folder: PathBuf,
    ) -> anyhow::Result<Self> {
        let server = Server {
            origin: way.origin.clone(),
            tls: way.tls.clone(),
            target: target.clone(),
            transport: transport.clone(),
        };
        let at = measure_start + draft.at;
        let job = Job { draft: draft.clone(), clock, at, watcher, server, folder };
        let (trial, over) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("profile".to_owned())
            .spawn(move || job.run(&over))
            .context("cannot start the thread of the profiler")?;
        Ok(Profiling { trial, thread })
    }

    /// The trial is over: stops the profiler if it is on, and waits until that is done.
    pub(super) fn finish(self) {
        drop(self.trial);
        // A thread that failed has nothing more to say.
        let _ = self.thread.join();
    }
}

impl Job {
    fn run(&self, over: &Receiver<()>) {
        let over_before = |at: Offset| {
            let wait = at.since(self.clock.now());
            over.recv_timeout(wait) != Err(RecvTimeoutError::Timeout)
        };
        if over_before(self.at) {
            let why = "the profiler was never started: the run ended before --profile-at";
            return self.watcher.profile_failed(why);
        }
        let hooks = Hooks { log: self.folder.join(LOG), environment: Vec::new() };
        let on = match self.begin(&hooks) {
            Ok(on) => on,
            Err(error) => {
                return self.watcher.profile_failed(&format!("the profiler was not started: {error:#}"));
            }
        };
        self.watcher.profile_started(self.by());
        over_before(self.clock.now() + self.draft.length);
        let stopped = self.end(&hooks, on);
        self.watcher.profile_stopped();
        if let Err(error) = stopped {
            self.watcher.profile_failed(&format!("the profiler was not stopped: {error:#}"));
        }
    }

    fn by(&self) -> &str {
        match &self.draft.how {
            Profiler::Commands { start, .. } => start,
            Profiler::Server => "/start_profile",
        }
    }

    fn begin(&self, hooks: &Hooks) -> anyhow::Result<On> {
        let Profiler::Commands { start, .. } = &self.draft.how else {
            return self.server.ask("/start_profile").map(|()| On::Server);
        };
        let started = hooks.start(start, 1)?;
        let patience = self.clock.now() + STARTING;
        while started.state() == State::Running && self.clock.now() < patience {
            std::thread::sleep(LOOK);
        }
        match started.failure() {
            Some(failure) => Err(anyhow!("{failure}; what it printed is in {}", hooks.log.display())),
            None => Ok(On::Command(started)),
        }
    }

    fn end(&self, hooks: &Hooks, on: On) -> anyhow::Result<()> {
        match (on, &self.draft.how) {
            (On::Command(started), Profiler::Commands { stop, .. }) => {
                let stopped = stop.as_ref().map_or(Ok(()), |stop| hooks.run(stop, 1, STOPPING));
                started.end();
                stopped
            }
            _ => self.server.ask("/stop_profile"),
        }
    }
}

impl Server {
    fn ask(&self, path: &str) -> anyhow::Result<()> {
        let route = Route { content_type: None, ..Route::json(path, false) };
        let tls = self.tls.clone();
        let answer = post(
            &self.origin,
            &self.target,
            &self.transport,
            tls,
            &route,
            Outgoing::default(),
            ANSWER_LIMIT,
        )?;
        match answer.status {
            200..=299 => Ok(()),
            404 => Err(anyhow!(
                "the server has no {path}: start it with its profiler enabled (vLLM: --profiler-config, or \
                 VLLM_TORCH_PROFILER_DIR)"
            )),
            status => Err(anyhow!("{path} answered {status}")),
        }
    }
}
