//! One trial from its first thread to its last record.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use plimsoll_core::load::{LoadModel, Times};
use plimsoll_core::metrics::Window;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{Phases, RunSpec};
use plimsoll_core::summary::RunHeader;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Workload;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::feed::{Feed, Feeds};
use plimsoll_drive::protocol::Mask;
use plimsoll_drive::recorder::{
    CountTokens, Finished, Options, RecordSink, Recorder, RecorderError, RunEnd, RunFolder, WindowSink,
    rfc3339,
};
use plimsoll_drive::runner::Running;
use plimsoll_drive::watch::{ServerPart, Watcher};

use super::blueprint::Blueprint;
use super::database;
use super::feeds::{self, Fed};
use super::interrupts::Interrupted;
use super::launch::Launch;
use super::locust::Locust;
use super::opening::Session;
use super::profile::Profiling;
use super::ready;
use super::server::Way;
use super::show::Shown;
use super::stage::{Act, Show, Stage};
use super::watch::Watch;
use crate::live::{Can, Console, Live, Occasion, View};
use crate::report::emit;
use crate::report::locust_csv::LocustFiles;
use crate::report::plan::{self, Plan};
use crate::report::style::Style;

/// One run of a blueprint, and what may differ from trial to trial.
pub(crate) struct Trial<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// The seed of its arrivals. Prompts are drawn with the blueprint's own, each trial going on where the last one ended.
    pub(crate) seed: Seed,
    pub(crate) load: LoadModel,
    pub(crate) phases: Phases,
    /// Where its results go.
    pub(crate) place: Place,
    pub(crate) afterwards: Afterwards,
    /// What is shown while it goes on.
    pub(crate) show: Show,
    /// Takes each record, on the recorder's thread.
    pub(crate) each: Option<MakeSink>,
}

/// Makes what takes the records of a trial, given its clock.
pub(crate) type MakeSink = Box<dyn FnOnce(Clock) -> Box<dyn RecordSink>>;

/// Where the results of a trial go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A new folder within that of `--out`, named after the run.
    New,
    /// This folder, which must not exist yet.
    Folder(PathBuf),
}

/// What becomes of an embedded server after a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It goes on for the next trial.
    KeepServer,
    /// It is stopped, and the trial's summary says if it was late.
    StopServer,
}

impl<'a> Trial<'a> {
    /// The blueprint's own run, as the only one of its session.
    pub(crate) fn only(blueprint: &'a Blueprint) -> Self {
        Trial::within(blueprint, Place::New).alone("run")
    }

    /// The blueprint's own run, as one of several. Where stderr is no terminal it is shown by nobody but the command.
    pub(crate) fn among_others(blueprint: &'a Blueprint, folder: PathBuf) -> Self {
        Trial::within(blueprint, Place::Folder(folder))
    }

    /// The same, as all that this command does.
    pub(crate) fn alone(mut self, command: &'static str) -> Self {
        self.afterwards = Afterwards::StopServer;
        self.show.command = command;
        self.show.occasion = Occasion { lines: true, full: true, ..self.show.occasion };
        self.show.names_load = command != "stress";
        self.show.can = Can { pause: true, change: command == "run" };
        self
    }

    fn within(blueprint: &'a Blueprint, place: Place) -> Self {
        let spec = &blueprint.spec;
        Trial {
            blueprint,
            seed: spec.seed,
            load: spec.load.clone(),
            phases: spec.phases,
            place,
            afterwards: Afterwards::KeepServer,
            show: Show {
                command: "",
                occasion: Occasion {
                    lasts: None,
                    lines: false,
                    full: false,
                    printing: blueprint.outputs.show_request || blueprint.outputs.show_response,
                },
                names_load: false,
                tell: None,
                can: Can::default(),
            },
            each: None,
        }
    }

    /// The boundaries of its phases.
    pub(crate) fn times(&self) -> Times {
        Times::of(&self.spec())
    }

    fn spec(&self) -> RunSpec {
        RunSpec { seed: self.seed, phases: self.phases, ..self.blueprint.spec_of(self.load.clone()) }
    }
}

/// A run that has been recorded, and what its report needs beside the summary.
pub(crate) struct Done {
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) times: Times,
    pub(crate) finished: Finished,
    pub(crate) interrupted: Interrupted,
    pub(crate) locust: Option<Locust>,
}

impl Session {
    /// Runs and records a trial.
    ///
    /// # Errors
    /// The load is impossible, the results cannot be kept, or the operating system refuses what the run needs.
    pub(crate) fn trial(&mut self, trial: Trial<'_>) -> anyhow::Result<Done> {
        ready::check(&trial.load)?;
        let job = Job {
            spec: Arc::new(trial.spec()),
            blueprint: trial.blueprint,
            workload: trial.blueprint.workload_after(self.asked),
        };
        self.interrupts()?;
        let plan = &job.blueprint.outputs.feeds;
        let tracing = feeds::tracing(plan, &job.spec);
        let protocol = feeds::traced(&job.blueprint.protocol, tracing);
        let launch = Launch::prepare(&job.spec, &self.reached.way, &protocol, &job.workload)?;
        let clock = launch.clock();
        let times = Times::of(&job.spec);
        let locust = job.locust_files(clock)?;
        let header = job.header(clock);
        let database = job.database(&header, clock, times)?;
        if trial.afterwards == Afterwards::StopServer {
            job.announce(&header);
            job.link(clock, None);
        }
        let folder = job.folder(&trial.place, clock)?;
        let fed = Fed { plan, page: &self.page, spec: &job.spec, way: &self.reached.way, tracing, clock };
        let feeds = fed.start(folder.path(), &job.blueprint.outputs.out, database)?;
        let watcher = self.watch.start(clock, &folder)?;
        let profiling = self.profiling(&job, (clock, times), watcher.as_ref(), &folder)?;
        let each = trial.each.map(|make| make(clock));
        let mut stage = self.stage.take().unwrap_or_else(|| job.stage(trial.show.occasion, times));
        let act = Act {
            title: plan::short_title(&header, trial.show.names_load),
            streamed: job.spec.api.stream && job.spec.api.interface.streams(),
            show: trial.show,
        };
        let mut options = job.recording(clock, times, locust.as_ref(), each, feeds);
        // What others add to the summary may rest on what was seen of the server.
        let part = watcher.clone().map(|watcher| ServerPart::new(watcher, times.measure_start));
        options.windows.splice(0..0, part.map(|part| Box::new(part) as Box<dyn WindowSink>));
        if stage.is_full() {
            options.windows.push(Box::new(stage.history.clone()));
        }
        let (recorder, handle) = Recorder::start(Some(folder), header, options)?;
        let running = launch.start(job.spec.clone(), clock, times, handle.clone())?;
        let watch = Watch {
            clock,
            times,
            running: &running,
            recorder: &recorder,
            handle: &handle,
            drain_timeout: job.spec.phases.drain_timeout,
            act: &act,
            server: watcher.as_deref(),
        };
        let interrupted = watch.follow(self.interrupts()?, &mut stage);
        profiling.into_iter().for_each(Profiling::finish);
        // A server that is stopped below has not failed to answer.
        watcher.iter().for_each(|watcher| watcher.stop());
        if trial.afterwards == Afterwards::KeepServer {
            self.stage = Some(stage);
        } else {
            drop(stage);
        }
        let mut end = end_of(running, &job.spec, times, interrupted)?;
        let stopped = match trial.afterwards {
            Afterwards::KeepServer => Ok(None),
            Afterwards::StopServer => self.stop_server(),
        };
        if let Ok(warning) = &stopped {
            end.warnings.extend(warning.clone());
        }
        let finished = recorder.finish(end).context("the results cannot be completed")?;
        self.asked += finished.summary.counts.total;
        if trial.afterwards == Afterwards::StopServer {
            job.link(clock, Some(clock.now()));
        }
        job.warn_of_lengths();
        stopped?;
        Ok(Done { spec: job.spec, times, finished, interrupted, locust })
    }
}

impl Session {
    /// The profiler of a trial, if one was asked for.
    fn profiling(
        &self,
        job: &Job<'_>,
        (clock, times): (Clock, Times),
        watcher: Option<&Arc<Watcher>>,
        folder: &RunFolder,
    ) -> anyhow::Result<Option<Profiling>> {
        let Way::Http(way) = &self.reached.way else { return Ok(None) };
        let (Some(draft), Some(watcher)) = (&self.watch.profile, watcher) else { return Ok(None) };
        let server = (way, &job.spec.target, &job.spec.transport);
        let folder = folder.path().to_owned();
        Profiling::start(draft, (clock, times.measure_start), watcher.clone(), server, folder).map(Some)
    }
}

/// A trial with all its parts.
struct Job<'a> {
    spec: Arc<RunSpec>,
    blueprint: &'a Blueprint,
    workload: Arc<dyn Workload>,
}

impl Job<'_> {
    fn folder(&self, place: &Place, clock: Clock) -> Result<RunFolder, RecorderError> {
        let outputs = &self.blueprint.outputs;
        match place {
            Place::New => {
                let folder = RunFolder::create(&outputs.out, clock.wall(Offset::ZERO), &self.spec)?;
                folder.write_settings(&outputs.settings)?;
                Ok(folder)
            }
            // One of several of a command, whose own folder has the settings.
            Place::Folder(path) => RunFolder::create_at(path, &self.spec),
        }
    }

    /// The view that suits the occasion.
    fn stage(&self, occasion: Occasion, times: Times) -> Stage {
        let outputs = &self.blueprint.outputs;
        let alone = occasion.lines;
        let lasts = times.measure_end.filter(|_| alone).map(|end| end.since(times.begin));
        let view = View::choose(outputs.view, Occasion { lasts, ..occasion }, Console::of_stderr());
        Stage::new(Live::start(view, Style::of_stderr(outputs.color).color))
    }

    fn warn_of_lengths(&self) {
        match self.workload.inexact() {
            0 => {}
            n => emit::warning(&format!(
                "{n} prompts are not of the length asked for, as near as the tokenizer allows"
            )),
        }
    }

    fn locust_files(&self, clock: Clock) -> anyhow::Result<Option<Locust>> {
        let Some(prefix) = &self.blueprint.outputs.csv else { return Ok(None) };
        let files = LocustFiles::create(prefix)?;
        Ok(Some(Locust::new(files, self.blueprint.protocol.route(), clock)))
    }

    /// The database that is fed with the run, if there is one. It must be there before the run starts.
    fn database(
        &self,
        header: &RunHeader,
        clock: Clock,
        times: Times,
    ) -> anyhow::Result<Option<Box<dyn Feed>>> {
        let outputs = &self.blueprint.outputs;
        let Some(output) = &outputs.postgres else { return Ok(None) };
        let told = database::Told {
            spec: &self.spec,
            header,
            route: self.blueprint.protocol.route(),
            times,
            clock,
            exit_code_on_error: outputs.exit_code_on_error,
        };
        Ok(Some(Box::new(database::begin(output, &told)?)))
    }

    fn header(&self, clock: Clock) -> RunHeader {
        let spec = &self.spec;
        RunHeader {
            name: spec.name.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            started: rfc3339(clock.wall(Offset::ZERO)),
            target: spec.target.url.clone(),
            provider: spec.target.provider.name().to_owned(),
            model: spec.target.model.clone(),
            api: plan::api(&spec.api),
            load: spec.load.describe(),
            workload: self.workload.describe(),
            seed: spec.seed.0,
            threads: spec.threads,
            simulated: clock.is_simulated(),
            ended: String::new(),
            stopped_by: None,
            items_per_request: self.workload.items_per_request(),
            without_tokens: spec.api.interface.takes_payloads(),
        }
    }

    /// Says what will be done.
    fn announce(&self, header: &RunHeader) {
        let spec = &self.spec;
        emit::note(&plan::opening_line(&Plan {
            header,
            api: &spec.api,
            phases: &spec.phases,
            load: &spec.load,
            api_by_default: self.blueprint.outputs.api_by_default,
        }));
    }

    /// Says where the run can be seen in Grafana, if it is fed with it.
    fn link(&self, clock: Clock, end: Option<Offset>) {
        if let Some(output) = &self.blueprint.outputs.postgres {
            let what = if end.is_some() { "the run in Grafana" } else { "follow the run in Grafana" };
            emit::note(&format!("{what}: {}", database::link(output, clock, end)));
        }
    }

    fn recording(
        &self,
        clock: Clock,
        times: Times,
        locust: Option<&Locust>,
        each: Option<Box<dyn RecordSink>>,
        feeds: Option<Feeds>,
    ) -> Options {
        let outputs = &self.blueprint.outputs;
        let count_tokens = self.blueprint.tokenizer.clone().map(|tokenizer| {
            let count: CountTokens = Arc::new(move |text: &str| tokenizer.count(text));
            count
        });
        let shown = (outputs.show_request || outputs.show_response).then(|| {
            let shown = Shown {
                request: outputs.show_request,
                response: outputs.show_response,
                workload: self.workload.clone(),
                protocol: self.blueprint.protocol.clone(),
                mask: Mask::of(&self.spec.target),
            };
            Box::new(shown) as Box<dyn RecordSink>
        });
        let history = locust.map(|locust| Box::new(locust.history()) as Box<dyn WindowSink>);
        // Feeds come last: at the end of a run they take their time.
        let (of_seconds, of_records) = feeds
            .map(|feeds| {
                (Box::new(feeds.clone()) as Box<dyn WindowSink>, Box::new(feeds) as Box<dyn RecordSink>)
            })
            .unzip();
        Options {
            clock,
            threads: usize::from(self.spec.threads),
            open_loop: matches!(self.spec.load, LoadModel::Open(_)),
            measure_start: times.measure_start,
            measure_end: times.measure_end,
            keep_chunks: self.spec.record_chunks,
            count_tokens,
            slos: self.spec.objectives.slos.clone(),
            windows: history.into_iter().chain(of_seconds).collect(),
            each: shown.into_iter().chain(each).chain(of_records).collect(),
        }
    }
}

/// Gathers what is known only now that the run has ended.
fn end_of(
    running: Running,
    spec: &RunSpec,
    times: Times,
    interrupted: Interrupted,
) -> anyhow::Result<RunEnd> {
    let end = running.join()?;
    let ended = match interrupted {
        Interrupted::No if end.breach.is_some() => "stopped",
        Interrupted::No => "completed",
        Interrupted::Gracefully => "interrupted",
        Interrupted::Twice => "aborted",
    };
    let window = Window {
        ramp_end: times.ramp_end.min(end.measure_end),
        measure_start: times.measure_start.min(end.measure_end),
        measure_end: end.measure_end,
        end: end.drained,
    };
    let mut warnings = Vec::new();
    if let Some(wanted) = spec.phases.max_requests.filter(|_| end.given_up) {
        warnings.push(format!(
            "the run was given up: {wanted} requests had not succeeded before {wanted} had (--max-requests)"
        ));
    }
    if end.measure_end <= times.measure_start {
        warnings.push(
            "nothing was measured: the run ended before its ramp and its warm-up did; add users faster (-r), warm up \
             for a shorter time (--warmup), or let it run for longer"
                .to_owned(),
        );
    }
    Ok(RunEnd {
        window,
        ended: ended.to_owned(),
        stopped_by: end.breach.map(|breach| breach.to_string()),
        health: end.health,
        cap_reached: end.cap_reached > 0,
        interventions: end.interventions,
        warnings,
    })
}
