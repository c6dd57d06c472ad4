//! What is watched beside the answers: found once, watched in each trial.

use std::sync::Arc;

use plimsoll_core::spec::{Secret, TransportSpec};
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::{RecorderError, RunFolder};
use plimsoll_drive::transport::{TlsConfig, client_config};
use plimsoll_drive::watch::{Beside, Board, Gpus, PageTarget, WatchPlan, WatchTarget, Watcher, discover};

use super::server::{HttpWay, Way};
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::{ProfileDraft, Resolved, TargetDraft};

/// Who is watched in each trial of a session.
pub(crate) struct ServerWatch {
    plan: WatchPlan,
    /// When a profiler is on in it.
    pub(super) profile: Option<ProfileDraft>,
    /// Where the latest figures stand.
    pub(super) board: Board,
}

impl ServerWatch {
    /// Finds what is to be watched, and says what it found.
    ///
    /// # Errors
    /// The settings of TLS cannot be used.
    pub(super) fn find(resolved: &Resolved, way: &Way) -> anyhow::Result<Self> {
        let (draft, transport) = (&resolved.watch, resolved.draft.transport());
        let mut targets = Vec::new();
        for (url, headers) in &draft.pages {
            targets.push(WatchTarget::from(named(url, headers, transport)?));
        }
        if let (true, Way::Http(way)) = (draft.auto, way) {
            targets.extend(beside(way, &resolved.draft.target, transport, &targets));
        }
        targets.extend(draft.process.clone().map(WatchTarget::Process));
        let found: Vec<String> = targets.iter().map(WatchTarget::name).collect();
        if !found.is_empty() {
            emit::note(&format!("watching {}", found.join(", ")));
        }
        let plan = WatchPlan { interval: draft.interval, targets };
        Ok(ServerWatch { plan, profile: draft.profile.clone(), board: Board::default() })
    }

    /// Begins to watch a trial whose clock is `clock`; nothing where there is nobody to be watched.
    ///
    /// # Errors
    /// The file cannot be written, or the operating system refuses the thread.
    pub(super) fn start(
        &self,
        clock: Clock,
        folder: &RunFolder,
    ) -> Result<Option<Arc<Watcher>>, RecorderError> {
        if self.plan.targets.is_empty() && self.profile.is_none() {
            return Ok(None);
        }
        let watcher = Watcher::start(self.plan.clone(), clock, Some(folder), self.board.clone())?;
        Ok(Some(Arc::new(watcher)))
    }
}

fn named(url: &str, headers: &[(String, Secret)], transport: &TransportSpec) -> anyhow::Result<PageTarget> {
    let tls = url.starts_with("https:").then(|| client_config(transport)).transpose();
    let tls: Option<Arc<TlsConfig>> = tls.map_err(|error| UsageError(error.to_string()))?;
    Ok(PageTarget::at(url, headers.to_vec(), transport, tls)
        .map_err(|error| UsageError(error.to_string()))?)
}

/// What is found beside the target, but for pages that were named.
fn beside(
    way: &HttpWay,
    target: &TargetDraft,
    transport: &TransportSpec,
    named: &[WatchTarget],
) -> Vec<WatchTarget> {
    let embedded = way.embedded.is_some();
    let beside = Beside {
        origin: &way.origin,
        headers: &target.headers,
        api_key: target.api_key.as_ref(),
        transport,
        tls: way.tls.as_ref(),
        embedded,
    };
    let known: Vec<String> = named.iter().map(WatchTarget::name).collect();
    let pages = discover(&beside).into_iter().filter(|page| !known.iter().any(|known| known == page.name()));
    let mut found: Vec<WatchTarget> = pages.map(WatchTarget::from).collect();
    // A simulated server uses nothing of this machine that would be worth knowing.
    if way.origin.is_loopback() && !embedded {
        found.push(WatchTarget::Host);
        found.extend(Gpus::find().map(|gpus| WatchTarget::Gpus(Arc::new(gpus))));
    }
    found
}
