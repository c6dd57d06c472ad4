//! One run with all its parts: ready to go, going, recorded.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use anyhow::Context as _;
use plimsoll_core::load::{LoadModel, Times};
use plimsoll_core::metrics::Window;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::summary::RunHeader;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::{Tokenizer, TraceLengths, Workload};
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::{self, Mask, Protocol};
use plimsoll_drive::recorder::{
    CountTokens, Options, RecordSink, Recorder, RunEnd, RunFolder, WindowSink, rfc3339,
};
use plimsoll_drive::runner::Running;

use super::Done;
use super::launch::Launch;
use super::locust::Locust;
use super::ready::{self, Uncounted};
use super::server::{HttpWay, Reached, Way};
use super::show::Shown;
use super::watch::{Interrupted, Watch};
use crate::exit::UsageError;
use crate::report::live::Live;
use crate::report::locust_csv::LocustFiles;
use crate::report::plan::{self, Plan};
use crate::report::{emit, late_server};
use crate::resolve::Outputs;

/// A run that is ready to go.
pub(super) struct Job {
    spec: Arc<RunSpec>,
    reached: Reached,
    workload: Arc<dyn Workload>,
    tokenizer: Option<Arc<dyn Tokenizer>>,
    protocol: Arc<dyn Protocol>,
}

impl Job {
    /// Reads and checks everything that the run needs.
    ///
    /// # Errors
    /// Something is missing, malformed or impossible; nothing has been sent.
    pub(super) fn prepare(
        spec: RunSpec,
        reached: Reached,
        lengths: Option<TraceLengths>,
    ) -> anyhow::Result<Job> {
        ready::check(&spec.load)?;
        let interface = spec.api.interface;
        if matches!(reached.way, Way::InProcess(_)) && !interface.has_length() {
            let error =
                format!("simulated time has text only, no {}: leave out time=virtual", interface.name());
            return Err(UsageError(error).into());
        }
        let (mut workload, tokenizer) = ready::workload(&spec, lengths)?;
        if matches!(&reached.way, Way::Http(HttpWay { embedded: Some(_), .. })) {
            workload = Arc::new(Uncounted(workload));
        }
        let protocol = protocol::build(&spec).map_err(|error| UsageError(error.to_string()))?;
        Ok(Job { spec: Arc::new(spec), reached, workload, tokenizer, protocol })
    }

    /// Runs and records it.
    ///
    /// # Errors
    /// The results cannot be kept, or the operating system refuses what the run needs.
    pub(super) fn run(self, outputs: &Outputs) -> anyhow::Result<Done> {
        let launch = Launch::prepare(&self.spec, &self.reached.way, &self.protocol, &self.workload)?;
        let clock = launch.clock();
        let times = Times::of(&self.spec);
        let locust = self.locust_files(outputs, clock)?;
        let header = self.header(clock);
        self.announce(&header, outputs);
        let folder = RunFolder::create(&outputs.out, clock.wall(Offset::ZERO), &self.spec)?;
        let options = self.recording(outputs, clock, times, locust.as_ref());
        let (recorder, handle) = Recorder::start(Some(folder), header, options)?;
        let running = launch.start(self.spec.clone(), clock, times, handle.clone())?;
        let watch = Watch {
            clock,
            times,
            running: &running,
            recorder: &recorder,
            handle: &handle,
            drain_timeout: self.spec.phases.drain_timeout,
        };
        let interrupted = watch.follow(Live::start(outputs.progress, io::stderr().is_terminal()))?;
        let mut end = end_of(running, times, interrupted)?;
        let embedded = match self.reached.way {
            Way::Http(way) => way.embedded,
            Way::InProcess(_) => None,
        };
        let stopped = embedded.map(|embedded| embedded.stop()).transpose();
        if let Ok(Some(ended)) = &stopped {
            end.warnings.extend(late_server::warning(ended.lateness));
        }
        let finished = recorder.finish(end).context("the results cannot be completed")?;
        match self.workload.inexact() {
            0 => {}
            n => emit::warning(&format!(
                "{n} prompts are not of the length asked for, as near as the tokenizer allows"
            )),
        }
        stopped.context("the embedded server failed")?;
        Ok(Done { spec: self.spec, finished, interrupted, locust })
    }

    fn path(&self) -> &str {
        &self.protocol.route().path
    }

    fn locust_files(&self, outputs: &Outputs, clock: Clock) -> anyhow::Result<Option<Locust>> {
        let Some(prefix) = &outputs.csv else { return Ok(None) };
        let files = LocustFiles::create(prefix)?;
        Ok(Some(Locust::new(files, self.path(), clock)))
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
    fn announce(&self, header: &RunHeader, outputs: &Outputs) {
        let spec = &self.spec;
        emit::note(&plan::opening_line(&Plan {
            header,
            api: &spec.api,
            phases: &spec.phases,
            load: &spec.load,
            api_by_default: outputs.api_by_default,
        }));
    }

    fn recording(&self, outputs: &Outputs, clock: Clock, times: Times, locust: Option<&Locust>) -> Options {
        let count_tokens = self.tokenizer.clone().map(|tokenizer| {
            let count: CountTokens = Arc::new(move |text: &str| tokenizer.count(text));
            count
        });
        let shown = (outputs.show_request || outputs.show_response).then(|| {
            let shown = Shown {
                request: outputs.show_request,
                response: outputs.show_response,
                workload: self.workload.clone(),
                protocol: self.protocol.clone(),
                mask: Mask::of(&self.spec.target),
            };
            Box::new(shown) as Box<dyn RecordSink>
        });
        Options {
            clock,
            threads: usize::from(self.spec.threads),
            open_loop: matches!(self.spec.load, LoadModel::Open(_)),
            measure_start: times.measure_start,
            measure_end: times.measure_end,
            keep_chunks: self.spec.record_chunks,
            count_tokens,
            slos: self.spec.objectives.slos.clone(),
            sink: locust.map(|locust| Box::new(locust.history()) as Box<dyn WindowSink>),
            each: shown,
        }
    }
}

/// Gathers what is known only now that the run has ended.
fn end_of(running: Running, times: Times, interrupted: Interrupted) -> anyhow::Result<RunEnd> {
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
    Ok(RunEnd {
        window,
        ended: ended.to_owned(),
        stopped_by: end.breach.map(|breach| breach.to_string()),
        health: end.health,
        cap_reached: end.cap_reached > 0,
        warnings: Vec::new(),
    })
}
