//! Other systems that are fed while trials go on: one page of metrics for all trials, pushes for each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use plimsoll_core::spec::{RunSpec, TransportSpec};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::feed::metrics::RunInfo;
use plimsoll_drive::feed::otlp::{SpanFeed, SpanInfo, Traced, Tracing};
use plimsoll_drive::feed::prometheus::Exposition;
use plimsoll_drive::feed::{Feed, Feeds, MetricsFeed, MetricsOutlets, Push};
use plimsoll_drive::protocol::Protocol;
use plimsoll_drive::transport::{Destination, client_config};

use super::interrupts::Interrupts;
use super::server::Way;
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::{FeedPlan, Receiver};

/// From one look at whether the last metrics were read to the next.
const LOOK: Duration = Duration::from_millis(50);

/// The page of metrics of a session, if there is one.
#[derive(Debug, Default)]
pub(super) struct Page {
    exposition: Option<Exposition>,
    linger: Duration,
}

impl Page {
    /// Opens the page that was asked for, and says where it is.
    ///
    /// # Errors
    /// Its address cannot be listened on.
    pub(super) fn open(plan: &FeedPlan) -> anyhow::Result<Self> {
        let Some(address) = plan.metrics_addr else { return Ok(Page::default()) };
        let exposition = Exposition::listen(address).map_err(|error| UsageError(error.to_string()))?;
        emit::note(&format!("metrics at {}", exposition.url()));
        Ok(Page { exposition: Some(exposition), linger: plan.metrics_linger })
    }

    /// Stays up until the last metrics were read, or for as long as was asked for, or until Ctrl+C.
    pub(super) fn linger(&self, interrupts: &mut Interrupts) {
        let Some(exposition) = &self.exposition else { return };
        let clock = Clock::start();
        let waits = || !exposition.is_read() && clock.now() < Offset::ZERO + self.linger;
        if waits() {
            emit::note(&format!(
                "the last metrics are at {} until they are read, at most {:?}; Ctrl+C ends at once",
                exposition.url(),
                self.linger
            ));
        }
        while waits() && !interrupts.within(LOOK) {}
    }
}

/// What the feeds of a trial are made from.
pub(super) struct Fed<'a> {
    pub(super) plan: &'a FeedPlan,
    pub(super) page: &'a Page,
    pub(super) spec: &'a RunSpec,
    pub(super) way: &'a Way,
    pub(super) tracing: Option<Tracing>,
    pub(super) clock: Clock,
}

impl Fed<'_> {
    /// Starts the feeds of a trial whose results go into `folder`, below `out`, beside the `database` that is fed already.
    ///
    /// # Errors
    /// The certificates of this system cannot be used, or there is no thread.
    pub(super) fn start(
        &self,
        folder: &Path,
        out: &Path,
        database: Option<Box<dyn Feed>>,
    ) -> anyhow::Result<Option<Feeds>> {
        let testid = testid(self.plan.testid.as_deref(), folder.strip_prefix(out).unwrap_or(folder));
        let mut feeds: Vec<Box<dyn Feed>> = database.into_iter().collect();
        let outlets = MetricsOutlets {
            exposition: self.page.exposition.as_ref().map(Exposition::shown),
            remote_write: self.push(self.plan.remote_write.as_ref())?,
            otlp: self.push(self.plan.otlp.as_ref())?,
        };
        if self.plan.asked_by().is_some() {
            let feed = MetricsFeed::start(self.info(&testid), self.clock, outlets);
            feeds.push(Box::new(feed.context("the metrics cannot be fed")?));
        }
        if let (Some(tracing), Some(otlp)) = (self.tracing, self.push(self.plan.otlp.as_ref())?) {
            let feed = SpanFeed::start(self.span_info(testid), tracing, self.clock, otlp.to);
            feeds.push(Box::new(feed.context("the spans cannot be sent")?));
        }
        Ok((!feeds.is_empty()).then(|| Feeds::new(feeds)))
    }

    fn push(&self, receiver: Option<&Receiver>) -> anyhow::Result<Option<Push>> {
        let Some(Receiver { origin, headers, every }) = receiver else { return Ok(None) };
        // The time limits of connections are the run's. What is trusted is not: a target that is trusted blindly
        // (--insecure) says nothing of this server.
        let transport = TransportSpec {
            cacert: None,
            cert: None,
            key: None,
            insecure: false,
            ..self.spec.transport.clone()
        };
        let tls = match origin.tls {
            true => Some(client_config(&transport).map_err(|error| UsageError(error.to_string()))?),
            false => None,
        };
        let to = Destination { origin: origin.clone(), headers: headers.clone(), tls, transport };
        Ok(Some(Push { to, every: *every }))
    }

    fn info(&self, testid: &str) -> RunInfo {
        let spec = self.spec;
        let labels = [
            ("model", spec.target.model.as_str()),
            ("name", spec.name.as_str()),
            ("provider", spec.target.provider.name()),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        RunInfo {
            testid: testid.to_owned(),
            labels: labels.map(|(name, value)| (name, value.to_owned())).to_vec(),
            slos: spec.objectives.slos.iter().map(ToString::to_string).collect(),
            started: self.clock.wall(Offset::ZERO),
        }
    }

    fn span_info(&self, testid: String) -> SpanInfo {
        let (server, port) = match self.way {
            Way::Http(way) => (way.origin.host.clone(), way.origin.port),
            Way::InProcess(_) => (String::new(), 0),
        };
        SpanInfo {
            testid,
            operation: self.spec.api.interface.name().to_owned(),
            model: self.spec.target.model.clone(),
            server,
            port,
        }
    }
}

/// The label of a trial whose results are in `folder`, below that of all results: the folder's name, or `named` in its
/// place. One of several has its own place within that of the command, so that no two trials have the same series.
fn testid(named: Option<&str>, folder: &Path) -> String {
    let mut parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy()).collect();
    if let (Some(named), Some(first)) = (named, parts.first_mut()) {
        *first = named.into();
    }
    parts.join("/")
}

/// The sample of a trial's requests that are traced. It is drawn before the trial begins, so that requests can be built
/// ahead.
pub(super) fn tracing(plan: &FeedPlan, spec: &RunSpec) -> Option<Tracing> {
    let share = plan.trace_sample;
    (share > 0.0).then(|| Tracing::new(spec.seed, Clock::start().wall(Offset::ZERO), share))
}

/// The protocol, whose traced requests say so to the server.
pub(super) fn traced(protocol: &Arc<dyn Protocol>, tracing: Option<Tracing>) -> Arc<dyn Protocol> {
    match tracing {
        Some(tracing) => Arc::new(Traced::new(protocol.clone(), tracing)),
        None => protocol.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trial_has_a_label_of_its_own() {
        let label = |named, folder| testid(named, Path::new(folder));
        assert_eq!(label(None, "2026-11-22T06-14-33Z-run"), "2026-11-22T06-14-33Z-run");
        assert_eq!(label(Some("nightly"), "2026-11-22T06-14-33Z-run"), "nightly");
        assert_eq!(label(Some("nightly"), "2026-11-22T06-14-33Z-capacity/trials/003"), "nightly/trials/003");
    }
}
