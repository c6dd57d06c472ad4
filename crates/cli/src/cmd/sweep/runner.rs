//! Runs cells, one after the other, against a server that is kept for as long as it is the same.

use std::time::Duration;

use anyhow::anyhow;
use plimsoll_core::summary::Summary;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

use super::book::{Book, Outcome};
use super::hook::{self, Prepared};
use super::matrix::Cell;
use super::settings::Settings;
use super::stored::Status;
use crate::resolve::Resolved;
use crate::session::{Blueprint, Interrupted, Interrupts, Session, Trial};

/// Options that say which server is asked, and how it is reached: a cell with others needs another session.
const OF_THE_SERVER: [&str; 16] = [
    "host",
    "provider",
    "model",
    "endpoint",
    "header",
    "api-key",
    "no-proxy",
    "http",
    "http2-streams",
    "connect-timeout",
    "tls-timeout",
    "cacert",
    "cert",
    "key",
    "insecure",
    "connection-reuse",
];
/// From one try to reach a server to the next.
const RETRY: Duration = Duration::from_millis(500);

/// How a sweep goes on after a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Goes,
    /// The user ended it.
    Stopped,
    /// The user ended it at once.
    StoppedAtOnce,
}

/// The server, and what has been asked of it.
pub(super) struct Runner<'a> {
    settings: &'a Settings<'a>,
    session: Option<Session>,
    /// The values by which the session was opened.
    server: Vec<String>,
    interrupts: Option<Interrupts>,
    /// Requests that earlier commands of this sweep have asked.
    asked: u64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(settings: &'a Settings<'a>, asked: u64) -> Self {
        Runner { settings, session: None, server: Vec::new(), interrupts: None, asked }
    }

    /// Runs a cell. What goes wrong with it is its outcome.
    ///
    /// # Errors
    /// This host cannot go on.
    pub(super) fn cell(&mut self, cell: &Cell, book: &Book) -> anyhow::Result<(Outcome, Step)> {
        let folder = book.folder.trial(book.folder.next_trial()?);
        let failed = |error: anyhow::Error, folder| Outcome {
            status: Status::Failed,
            error: Some(format!("{error:#}")),
            folder,
            summary: None,
        };
        let blueprint = match self.ready(cell, book.stored.seed) {
            Ok(Some(blueprint)) => blueprint,
            Ok(None) => {
                let outcome =
                    Outcome { status: Status::Interrupted, error: None, folder: None, summary: None };
                return Ok((outcome, Step::Stopped));
            }
            Err(error) => return Ok((failed(error, None), Step::Goes)),
        };
        let Some(session) = &mut self.session else {
            return Err(anyhow!("a cell is ready without its server"));
        };
        let done = match session.trial(Trial::among_others(&blueprint, folder.clone())) {
            Ok(done) => done,
            Err(error) => return Ok((failed(error, folder.exists().then_some(folder)), Step::Goes)),
        };
        if let Some(failure) = &done.finished.failure {
            return Err(anyhow!("{failure}")); // the disk: the next cell would fare no better
        }
        let summary = done.finished.summary;
        let (status, step) = match done.interrupted {
            Interrupted::No => (Status::Done, Step::Goes),
            Interrupted::Gracefully => (Status::Interrupted, Step::Stopped),
            Interrupted::Twice => (Status::Interrupted, Step::StoppedAtOnce),
        };
        let error = nothing_answered(&summary).filter(|_| status == Status::Done);
        let status = if error.is_some() { Status::Failed } else { status };
        Ok((Outcome { status, error, folder: Some(folder), summary: Some(summary) }, step))
    }

    /// Leaves the server alone between two cells. True if the user ended the sweep meanwhile.
    ///
    /// # Errors
    /// Signals cannot be listened to.
    pub(super) fn settle(&mut self, time: Duration) -> anyhow::Result<bool> {
        match &mut self.session {
            Some(session) => session.pause(time),
            None => Ok(self.interrupts()?.within(Duration::ZERO)),
        }
    }

    /// Stops a server that was started here.
    ///
    /// # Errors
    /// It had failed.
    pub(super) fn close(&mut self) -> anyhow::Result<()> {
        self.session.take().map_or(Ok(()), Session::close)
    }

    /// Prepares the server for a cell, and the cell for the server. Nothing if the user ended the sweep meanwhile.
    fn ready(&mut self, cell: &Cell, seed: u64) -> anyhow::Result<Option<Blueprint>> {
        let hook = self.settings.args.sweep.each_cmd.as_deref();
        let server = self.server_of(cell);
        if hook.is_some() || self.session.is_none() || server != self.server {
            self.close()?;
            if let Some(command) = hook {
                let axes = &self.settings.matrix.axes;
                if hook::run(command, axes, cell, self.interrupts()?)? == Prepared::Interrupted {
                    return Ok(None);
                }
            }
            let patience = hook.map_or(Duration::ZERO, |_| self.settings.args.sweep.ready_timeout);
            let Some((mut session, blueprint)) = self.open(cell, seed, patience)? else { return Ok(None) };
            session.go_on_after(self.asked);
            (self.asked, self.server) = (0, server);
            self.session = Some(session);
            return Ok(Some(blueprint));
        }
        let resolved = self.settings.of(cell, seed)?;
        self.session.as_ref().map(|session| session.blueprint(resolved)).transpose()
    }

    /// Finds the server, trying again for as long as `patience` says.
    fn open(
        &mut self,
        cell: &Cell,
        seed: u64,
        patience: Duration,
    ) -> anyhow::Result<Option<(Session, Blueprint)>> {
        let clock = Clock::start();
        loop {
            let resolved: Resolved = self.settings.of(cell, seed)?;
            match Session::open(resolved) {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) if clock.now().since(Offset::ZERO) >= patience => return Err(error),
                Err(error) => tracing::debug!("the server does not answer yet: {error:#}"),
            }
            if self.interrupts()?.within(RETRY) {
                return Ok(None);
            }
        }
    }

    /// The values of a cell that say which server is asked.
    fn server_of(&self, cell: &Cell) -> Vec<String> {
        let pairs = self.settings.matrix.axes.iter().zip(&cell.values);
        let of_server = pairs.filter(|(axis, _)| OF_THE_SERVER.contains(&axis.name.as_str()));
        of_server.map(|(_, value)| value.clone()).collect()
    }

    fn interrupts(&mut self) -> anyhow::Result<&mut Interrupts> {
        let interrupts = match self.interrupts.take() {
            Some(interrupts) => interrupts,
            None => Interrupts::listen()?,
        };
        Ok(self.interrupts.insert(interrupts))
    }
}

/// Why a cell in which nothing was answered is no measurement.
fn nothing_answered(summary: &Summary) -> Option<String> {
    if summary.counts.ok > 0 {
        return None;
    }
    Some(match summary.errors.first() {
        Some(class) => {
            format!(
                "no request was answered: {} times {}: {}",
                class.count,
                class.outcome.name(),
                class.example
            )
        }
        None => "no request was answered".to_owned(),
    })
}
