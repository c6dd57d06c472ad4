//! The server of a run: started here for `sim://`, else found and asked who it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use plimsoll_core::spec::{Provider, Target, TransportSpec};
use plimsoll_drive::protocol::probe::{Model, guess_provider};
use plimsoll_drive::transport::{HttpVersion, Origin, TlsConfig, client_config, negotiate};
use plimsoll_serve::in_process::SimulatedServer;
use plimsoll_serve::sim::{SimOptions, SimServer};

use super::identify::{Identity, identify, unreachable};
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::{Server, TargetDraft, TargetKind};

/// A server that can be reached, and what is known of it.
pub(super) struct Reached {
    pub(super) server: Server,
    pub(super) way: Way,
    /// What was found out about it, in words, where it had to be.
    pub(super) found: Option<String>,
}

/// How requests get there.
pub(super) enum Way {
    /// Over the network.
    Http(HttpWay),
    /// Not at all: it is simulated within this process, in simulated time.
    InProcess(Box<SimulatedServer>),
}

impl Way {
    /// Whether it leads to a server on a port that was started here.
    pub(super) fn is_embedded(&self) -> bool {
        matches!(self, Way::Http(HttpWay { embedded: Some(_), .. }))
    }
}

/// The way to a server on a network, be it that of this machine alone.
pub(super) struct HttpWay {
    pub(super) origin: Origin,
    pub(super) tls: Option<Arc<TlsConfig>>,
    /// The version of HTTP that is spoken.
    pub(super) http: HttpVersion,
    /// The embedded server, which ends with this value.
    pub(super) embedded: Option<SimServer>,
}

/// Reaches the target and completes what the user left open.
///
/// # Errors
/// The target cannot be used, cannot be reached, or does not say what it is.
pub(super) fn find(draft: &TargetDraft, transport: &TransportSpec) -> anyhow::Result<Reached> {
    let (url, embedded) = match &draft.kind {
        TargetKind::InProcess(text) => return in_process(draft, text),
        TargetKind::Http => (draft.url.clone(), None),
        TargetKind::Sim(text) => {
            let embedded = start_embedded(text)?;
            (format!("http://{}", embedded.address()), Some(embedded))
        }
    };
    let origin = Origin::parse(&url).map_err(|error| UsageError(error.to_string()))?;
    let tls = match origin.tls {
        true => Some(client_config(transport).map_err(|error| UsageError(error.to_string()))?),
        false => None,
    };
    let asking = Target {
        url: url.clone(),
        provider: draft.provider.unwrap_or(Provider::Openai),
        model: String::new(),
        headers: draft.headers.clone(),
        api_key: draft.api_key.clone(),
        endpoint: None,
    };
    let http = http_version(draft, &origin, transport, tls.clone()).with_context(|| unreachable(&url))?;
    let way = HttpWay { origin, tls, http, embedded };
    let Identity { provider, model, found } = identify(draft, &way, &asking, transport)?;
    // Who asks for the embedded server knows what it is, and its port means nothing.
    let (shown, found) = if way.embedded.is_some() { (draft.url.clone(), None) } else { (url, found) };
    Ok(Reached { server: Server { url: shown, provider, model }, way: Way::Http(way), found })
}

/// The version of HTTP that the run speaks.
fn http_version(
    draft: &TargetDraft,
    origin: &Origin,
    transport: &TransportSpec,
    tls: Option<Arc<TlsConfig>>,
) -> anyhow::Result<HttpVersion> {
    match draft.provider {
        Some(provider) if provider.speaks_grpc() => Ok(HttpVersion::Http2),
        _ => Ok(negotiate(origin, transport, tls)?),
    }
}

/// A server within this process.
fn in_process(draft: &TargetDraft, text: &str) -> anyhow::Result<Reached> {
    let server = SimulatedServer::new(sim_options(text)?).map_err(|error| UsageError(error.to_string()))?;
    let own = Model { id: server.model().to_owned(), owned_by: Some(server.owner().to_owned()) };
    let provider = draft.provider.unwrap_or_else(|| {
        let guess = guess_provider("sim", std::slice::from_ref(&own));
        guess.note.iter().for_each(|note| emit::warning(note));
        guess.provider
    });
    let model = draft.model.clone().unwrap_or(own.id);
    let server_of_run = Server { url: draft.url.clone(), provider, model };
    Ok(Reached { server: server_of_run, way: Way::InProcess(Box::new(server)), found: None })
}

fn sim_options(text: &str) -> Result<SimOptions, UsageError> {
    SimOptions::parse(text).map_err(|error| UsageError(error.to_string()))
}

fn start_embedded(text: &str) -> anyhow::Result<SimServer> {
    SimServer::start(sim_options(text)?, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
        .context("cannot start the embedded server on 127.0.0.1")
}
