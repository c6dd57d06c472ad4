//! The thread that watches, from the first scrape to the last.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Observed, ProfileWindow, Sample, ServerSummary, Source, Taken, Work};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::board::{Board, LatestFigures};
use super::follow::{Beat, follow};
use super::host::Host;
use super::own_process::OwnProcess;
use super::table::{self, Row};
use super::target::WatchTarget;
use crate::clock::Clock;
use crate::priority::Courtesy;
use crate::recorder::{ParquetFile, RecorderError, RunFolder};
use crate::transport::PageReader;

/// What is watched, and how often.
#[derive(Clone, Debug)]
pub struct WatchPlan {
    /// From one scrape to the next.
    pub interval: Duration,
    /// Who is asked.
    pub targets: Vec<WatchTarget>,
}

/// A watch that is going on.
#[derive(Debug)]
pub struct Watcher {
    clock: Clock,
    interval: Duration,
    board: Board,
    stop: Arc<Notify>,
    pace: Arc<Pace>,
    /// Nothing once it has been waited for.
    thread: Mutex<Option<JoinHandle<State>>>,
    ended: Mutex<Option<State>>,
    profiles: Arc<Mutex<Profiles>>,
}

/// How the thread gets on, for those who see it from outside.
#[derive(Debug, Default)]
struct Pace {
    courtesy: Courtesy,
    /// When it last began a round, nanoseconds.
    round: AtomicU64,
}

/// What is known of a profiler.
#[derive(Debug, Default)]
struct Profiles {
    window: Option<ProfileWindow>,
    /// Its start and its stop, for the file.
    marks: Vec<(Offset, f64)>,
    /// What went wrong with it.
    warnings: Vec<String>,
}

/// All that the tasks of the thread share.
pub(super) struct State {
    observed: Observed,
    names: Vec<Arc<str>>,
    rows: Vec<Row>,
    file: Option<ParquetFile<Row>>,
    /// Why the file is not written any more.
    failure: Option<RecorderError>,
}

/// What is read on this machine.
enum Local {
    Host(usize, Host),
    Process(usize, OwnProcess),
    Gpus(usize, Arc<super::Gpus>),
}

impl Watcher {
    /// Begins to watch, on a thread of its own. What is seen goes to `board`, and into `folder` where there is one.
    ///
    /// # Errors
    /// The file cannot be written, or the operating system refuses the thread.
    pub fn start(
        plan: WatchPlan,
        clock: Clock,
        folder: Option<&RunFolder>,
        board: Board,
    ) -> Result<Watcher, RecorderError> {
        let file = folder.map(|folder| table::create(folder, clock.wall(Offset::ZERO))).transpose()?;
        let refused = |error: io::Error| RecorderError::Thread("watch", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (stop, profiles) = (Arc::new(Notify::new()), Arc::new(Mutex::new(Profiles::default())));
        let (interval, pace) = (plan.interval, Arc::new(Pace::default()));
        pace.round.store(clock.now().as_nanos(), Ordering::Release);
        let (stopped, noted) = (stop.clone(), profiles.clone());
        let job =
            Job { plan, clock, board: board.clone(), stop: stopped, pace: pace.clone(), profiles: noted };
        board.show(LatestFigures::default());
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || job.run(&runtime, file))
            .map_err(refused)?;
        Ok(Watcher {
            clock,
            interval,
            board,
            stop,
            pace,
            thread: Mutex::new(Some(thread)),
            ended: Mutex::default(),
            profiles,
        })
    }

    /// What was seen last.
    pub fn latest(&self) -> LatestFigures {
        self.board.latest()
    }

    /// Looks after the thread: it runs on idle cores only, and where there are none it would see nothing of what it came
    /// for. One that is half an interval late takes its share of a core like any other from then on. Call it several times
    /// in an interval.
    pub fn look_after(&self) {
        let round = Offset::from_nanos(self.pace.round.load(Ordering::Acquire));
        if self.clock.now().since(round) > self.interval * 3 / 2 {
            self.pace.courtesy.press();
        }
    }

    /// Says that a profiler has just been started, by `by`.
    pub fn profile_started(&self, by: &str) {
        let now = self.clock.now();
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        profiles.marks.push((now, 1.0));
        let start = now.as_secs_f64();
        profiles.window = Some(ProfileWindow { by: by.to_owned(), start, end: start });
    }

    /// Says that it has just been stopped.
    pub fn profile_stopped(&self) {
        let now = self.clock.now();
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        profiles.marks.push((now, 0.0));
        if let Some(window) = &mut profiles.window {
            window.end = now.as_secs_f64();
        }
    }

    /// Says that it could not be started or stopped, and why.
    pub fn profile_failed(&self, why: &str) {
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        profiles.warnings.push(why.to_owned());
    }

    /// Ends the watch: a scrape that is going on is given up. The board stays as it is.
    pub fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The load is over, or nearly: nobody is delayed any more.
            self.pace.courtesy.press();
            self.stop.notify_one();
            *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = thread.join().ok();
        }
    }

    /// Ends the watch, and says what was seen in the window from `start` to `end` seconds, in which the server did `work`.
    /// Nothing if nobody was asked, or the thread had failed.
    pub fn finish(&self, start: f64, end: f64, work: Work) -> Option<ServerSummary> {
        self.stop();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        let state = ended.as_ref()?;
        if state.names.is_empty() && profiles.window.is_none() && profiles.warnings.is_empty() {
            return None;
        }
        let mut summary = state.observed.summary(start, end, work);
        summary.profile = profiles.window.clone();
        summary.warnings.extend(profiles.warnings.iter().cloned());
        summary.warnings.extend(state.failure.as_ref().map(ToString::to_string));
        Some(summary)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The work of the thread.
struct Job {
    plan: WatchPlan,
    clock: Clock,
    board: Board,
    stop: Arc<Notify>,
    pace: Arc<Pace>,
    profiles: Arc<Mutex<Profiles>>,
}

impl Job {
    fn run(self, runtime: &Runtime, file: Option<ParquetFile<Row>>) -> State {
        self.pace.courtesy.begin();
        let names: Vec<String> = self.plan.targets.iter().map(WatchTarget::name).collect();
        let state = State {
            observed: Observed::new(self.plan.interval, names.clone()),
            names: names.into_iter().map(Arc::from).collect(),
            rows: Vec::new(),
            file,
            failure: None,
        };
        let state = Rc::new(RefCell::new(state));
        let tasks = LocalSet::new();
        let beat = Beat::new(self.clock, self.plan.interval);
        let mut local = Vec::new();
        for (number, target) in self.plan.targets.iter().enumerate() {
            match target {
                WatchTarget::Host => local.push(Local::Host(number, Host::new(number))),
                WatchTarget::Process(process) => {
                    local.push(Local::Process(number, OwnProcess::new(number, process.clone())));
                }
                WatchTarget::Gpus(gpus) => local.push(Local::Gpus(number, gpus.clone())),
                WatchTarget::Page(page) => {
                    match PageReader::new(&page.address, &page.transport, page.tls.clone(), self.clock) {
                        Ok(reader) => drop(tasks.spawn_local(follow(number, reader, beat, state.clone()))),
                        Err(failure) => state.borrow_mut().observed.failed(number, &failure.to_string()),
                    }
                }
            }
        }
        tasks.block_on(runtime, async {
            tokio::select! {
                () = self.stop.notified() => {}
                () = self.keep(beat, local, &state) => {}
            }
        });
        // The tasks hold the state, too.
        drop(tasks);
        let Ok(state) = Rc::try_unwrap(state) else {
            return State::lost(self.plan.interval);
        };
        let mut state = state.into_inner();
        state.end(&self.take_marks());
        state
    }

    /// Reads what is local in each beat, and a little later, when pages have come as well, keeps and shows all.
    async fn keep(&self, mut beat: Beat, mut local: Vec<Local>, state: &RefCell<State>) {
        loop {
            beat.next().await;
            let at = self.clock.now();
            self.pace.round.store(at.as_nanos(), Ordering::Release);
            for local in &mut local {
                let (number, result) = local.read(at);
                let took = self.clock.now().since(at);
                state.borrow_mut().scraped(number, at, took, result);
            }
            sleep(self.plan.interval / 4).await;
            let marks = self.take_marks();
            self.board.show(state.borrow_mut().close(self.clock.now(), &marks));
        }
    }

    fn take_marks(&self) -> Vec<(Offset, f64)> {
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut profiles.marks)
    }
}

impl Local {
    fn read(&mut self, at: Offset) -> (usize, Result<Taken, String>) {
        let taken = |samples: Vec<Sample>| {
            let known = samples.len();
            Taken { samples, series: known, known, ..Taken::default() }
        };
        match self {
            Local::Host(number, host) => (*number, Ok(taken(host.read(at)))),
            Local::Process(number, process) => (*number, process.read(at).map(taken)),
            Local::Gpus(number, gpus) => (*number, gpus.read(*number, at).map(taken)),
        }
    }
}

impl State {
    /// What is left where tasks would not end: nothing that could be believed.
    fn lost(interval: Duration) -> State {
        State {
            observed: Observed::new(interval, Vec::new()),
            names: Vec::new(),
            rows: Vec::new(),
            file: None,
            failure: None,
        }
    }

    pub(super) fn missed(&mut self, target: usize, scrapes: u64) {
        (0..scrapes).for_each(|_| self.observed.missed(target));
    }

    /// Takes in what a scrape brought that began at `at`.
    pub(super) fn scraped(
        &mut self,
        target: usize,
        at: Offset,
        took: Duration,
        taken: Result<Taken, String>,
    ) {
        let up = if taken.is_ok() { 1.0 } else { 0.0 };
        for (metric, value) in [(Canonical::Up, up), (Canonical::ScrapeDuration, took.as_secs_f64())] {
            let (source, instance) = (Source::Watch, Arc::from(""));
            self.push(Sample { at, target, source, metric, instance, value, events: None });
        }
        match taken {
            Ok(taken) => {
                self.observed.scraped(target, took, (taken.series, taken.known), &taken.samples);
                self.observed.gained(&taken.gained);
                taken.samples.into_iter().for_each(|sample| self.push(sample));
            }
            Err(why) => self.observed.failed(target, &why),
        }
    }

    fn push(&mut self, sample: Sample) {
        if let Some(name) = self.names.get(sample.target).filter(|_| self.file.is_some()) {
            self.rows.push(Row::of(sample, name));
        }
    }

    /// Ends an interval.
    fn close(&mut self, at: Offset, marks: &[(Offset, f64)]) -> LatestFigures {
        let figures = self.observed.close(at);
        self.write(marks, ParquetFile::publish);
        LatestFigures { at: Some(at), figures }
    }

    fn end(&mut self, marks: &[(Offset, f64)]) {
        self.write(marks, ParquetFile::finish);
    }

    fn write(
        &mut self,
        marks: &[(Offset, f64)],
        complete: fn(&mut ParquetFile<Row>) -> Result<(), RecorderError>,
    ) {
        let Some(file) = &mut self.file else { return };
        let none: Arc<str> = Arc::from("");
        self.rows.extend(marks.iter().map(|&(at, value)| Row {
            at,
            target: none.clone(),
            source: Source::Watch,
            metric: Canonical::Profiling,
            instance: none.clone(),
            value,
        }));
        let written = file.append(&self.rows).and_then(|()| complete(file));
        self.rows.clear();
        if let Err(error) = written {
            // What was published last stays; the load goes on, for it does not need this file.
            (self.file, self.failure) = (None, Some(error));
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("targets", &self.names).finish_non_exhaustive()
    }
}
