//! The server of one or many trials: found once, asked any number of times, and stopped if it was started here.

use std::time::Duration;

use anyhow::Context as _;
use plimsoll_core::load::LoadModel;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::workload::TraceLengths;
use plimsoll_drive::transport::{HttpVersion, reach};
use plimsoll_drive::watch::Board;
use plimsoll_serve::in_process::MemoryLog;

use super::blueprint::Blueprint;
use super::feeds::Page;
use super::interrupts::Interrupts;
use super::server::{Reached, Way};
use super::server_watch::ServerWatch;
use super::stage::Stage;
use super::{adapt, inputs, ready, server};
use crate::report::{emit, late_server, plan};
use crate::resolve::Resolved;

/// A server that has been found.
pub(crate) struct Session {
    pub(super) reached: Reached,
    /// What is watched beside the answers.
    pub(super) watch: ServerWatch,
    /// Requests that trials have asked so far: the next trial asks others.
    pub(super) asked: u64,
    pub(super) interrupts: Option<Interrupts>,
    /// The page of the client's own metrics, for all trials.
    pub(super) page: Page,
    /// What is shown, from the first trial on.
    pub(super) stage: Option<Stage>,
}

impl Session {
    /// Finds or starts the server, and makes the run that is asked of it.
    ///
    /// # Errors
    /// The server cannot be reached or does not say what it is, or something that the run needs is missing.
    pub(crate) fn open(mut resolved: Resolved) -> anyhow::Result<(Session, Blueprint)> {
        let lengths = trace_of(&mut resolved)?;
        let reached = server::find(&resolved.draft.target, resolved.draft.transport())?;
        let watch = ServerWatch::find(&resolved, &reached.way)?;
        let page = Page::open(&resolved.outputs.feeds)?;
        let session = Session { reached, watch, asked: 0, interrupts: None, stage: None, page };
        let blueprint = session.complete(resolved, lengths, session.reached.found.as_deref())?;
        Ok((session, blueprint))
    }

    /// Makes another run for the same server, with other options.
    ///
    /// # Errors
    /// Something that the run needs is missing or impossible.
    pub(crate) fn blueprint(&self, mut resolved: Resolved) -> anyhow::Result<Blueprint> {
        let lengths = trace_of(&mut resolved)?;
        self.complete(resolved, lengths, None)
    }

    /// Lets the next trial ask what comes after the first `asked` requests: earlier trials, of a command that was
    /// interrupted, have asked those.
    pub(crate) fn go_on_after(&mut self, asked: u64) {
        self.asked = asked;
    }

    /// Makes a run for the server; first tells what was `found`.
    fn complete(
        &self,
        resolved: Resolved,
        lengths: Option<TraceLengths>,
        found: Option<&str>,
    ) -> anyhow::Result<Blueprint> {
        let Resolved { draft, outputs, forced_from, .. } = resolved;
        let spec = draft.with_server(self.reached.server.clone());
        if let Some(found) = found {
            // A server that cannot be asked like that explains why not.
            let asking = spec.as_ref().map(|spec| format!("; asking {}", plan::api(&spec.api)));
            emit::note(&format!("{found}{}", asking.unwrap_or_default()));
        }
        let mut spec = spec?;
        inputs::complete(&mut spec, &self.reached)?;
        if let Some(corpus) = forced_from {
            spec.api.forced_generation = ready::forced_texts(corpus);
        }
        adapt::adapt(&mut spec, &self.reached.way)?;
        Blueprint::new(spec, outputs, lengths, &self.reached.way)
    }

    /// Whether time is simulated. Each trial then meets a server that has just started.
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.reached.way, Way::InProcess(_))
    }

    /// The memory of the server as the next trial goes on, where it is simulated within this process.
    pub(crate) fn note_memory(&mut self) -> Option<MemoryLog> {
        match &mut self.reached.way {
            Way::InProcess(server) => Some(server.note_memory()),
            Way::Http(_) => None,
        }
    }

    /// Where the latest figures of what is watched stand, in each trial.
    pub(crate) fn board(&self) -> Board {
        self.watch.board.clone()
    }

    /// Whether connections to the server can still be opened.
    pub(crate) fn is_reachable(&self, spec: &RunSpec) -> bool {
        match &self.reached.way {
            Way::Http(way) => reach(&way.origin, &spec.transport, way.tls.clone()).is_ok(),
            Way::InProcess(_) => true,
        }
    }

    /// The longest time from the moment at which a request is due to that at which it is sent, where there is a longest: a
    /// cap on concurrency and the streams of a connection of HTTP/2 may hold it back for any time.
    pub(crate) fn sending_limit(&self, spec: &RunSpec) -> Option<Duration> {
        let capped = matches!(&spec.load, LoadModel::Open(open) if open.cap.is_some());
        match &self.reached.way {
            _ if capped => None,
            Way::InProcess(_) => Some(Duration::ZERO),
            Way::Http(way) if way.http == HttpVersion::Http2 => None,
            Way::Http(way) => {
                let tls = way.tls.as_ref().map_or(Duration::ZERO, |_| spec.transport.tls_timeout);
                Some(spec.transport.connect_timeout.saturating_add(tls))
            }
        }
    }

    /// Leaves the server alone for a while, or for as long as the user has paused it all. Ends early when the user has had
    /// enough: then it is true.
    ///
    /// # Errors
    /// Signals cannot be listened to.
    pub(crate) fn pause(&mut self, time: Duration) -> anyhow::Result<bool> {
        let time = if self.is_simulated() { Duration::ZERO } else { time };
        self.interrupts()?;
        Ok(match (&mut self.stage, &mut self.interrupts) {
            (Some(stage), Some(interrupts)) => stage.rest(interrupts, time),
            (None, Some(interrupts)) => interrupts.within(time),
            (_, None) => false,
        })
    }

    /// The signals that end trials, listened to from the first trial on.
    pub(super) fn interrupts(&mut self) -> anyhow::Result<&mut Interrupts> {
        let interrupts = match self.interrupts.take() {
            Some(interrupts) => interrupts,
            None => Interrupts::listen()?,
        };
        Ok(self.interrupts.insert(interrupts))
    }

    /// Stops the server if it was started here, and says if it was late; keeps the page of metrics up as asked for.
    ///
    /// # Errors
    /// The server had failed.
    pub(crate) fn close(mut self) -> anyhow::Result<()> {
        self.stage = None;
        let warning = self.stop_server()?;
        warning.iter().for_each(|warning| emit::warning(warning));
        if let Some(interrupts) = &mut self.interrupts {
            self.page.linger(interrupts);
        }
        Ok(())
    }

    /// Stops the embedded server, and returns what is to be said of it.
    pub(super) fn stop_server(&mut self) -> anyhow::Result<Option<String>> {
        let Way::Http(way) = &mut self.reached.way else { return Ok(None) };
        let Some(embedded) = way.embedded.take() else { return Ok(None) };
        let ended = embedded.stop().context("the embedded server failed")?;
        Ok(late_server::warning(ended.lateness))
    }
}

/// Reads the trace into the load.
fn trace_of(resolved: &mut Resolved) -> anyhow::Result<Option<TraceLengths>> {
    let input = resolved.trace.take();
    input.map(|input| ready::trace(resolved.draft.load_mut(), &input)).transpose()
}
