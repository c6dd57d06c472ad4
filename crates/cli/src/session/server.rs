//! The server of a run: started here for `sim://`, else found and asked who it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use plimsoll_core::spec::{Provider, Target, TransportSpec};
use plimsoll_drive::protocol::probe::{self, Model};
use plimsoll_drive::protocol::{Mask, supports};
use plimsoll_drive::transport::{HttpVersion, Origin, TlsConfig, client_config, fetch, negotiate, reach};
use plimsoll_serve::in_process::SimulatedServer;
use plimsoll_serve::sim::{SimOptions, SimServer};

use super::inputs;
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::{Server, TargetDraft, TargetKind};

/// A server that can be reached, and what is known of it.
pub(super) struct Reached {
    pub(super) server: Server,
    pub(super) way: Way,
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
    let HttpWay { origin, tls, .. } = &way;
    let (provider, model) = match (draft.provider, &draft.model) {
        (Some(provider), Some(model)) => {
            reach(origin, transport, tls.clone()).with_context(|| unreachable(&url))?;
            (provider, model.clone())
        }
        (Some(provider), None) if asks_payloads(provider) => {
            reach(origin, transport, tls.clone()).with_context(|| unreachable(&url))?;
            (provider, inputs::find_model(provider, &way, &asking, transport)?)
        }
        _ => {
            let models = ask_models(origin, &asking, transport, tls.clone(), &url, draft)?;
            complete(&origin.host, &origin.authority, draft, &models)?
        }
    };
    // The report names the target as the user did: the port of the embedded server means nothing.
    let shown = if way.embedded.is_some() { draft.url.clone() } else { url };
    Ok(Reached { server: Server { url: shown, provider, model }, way: Way::Http(way) })
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

/// Whether a provider has nothing but interfaces for payloads; such servers list their models elsewhere.
fn asks_payloads(provider: Provider) -> bool {
    supports(provider).interfaces.iter().all(|interface| interface.takes_payloads())
}

/// A server within this process.
fn in_process(draft: &TargetDraft, text: &str) -> anyhow::Result<Reached> {
    let server = SimulatedServer::new(sim_options(text)?).map_err(|error| UsageError(error.to_string()))?;
    let models = [Model { id: server.model().to_owned(), owned_by: Some(server.owner().to_owned()) }];
    let (provider, model) = complete("sim", "sim", draft, &models)?;
    let server_of_run = Server { url: draft.url.clone(), provider, model };
    Ok(Reached { server: server_of_run, way: Way::InProcess(Box::new(server)) })
}

fn sim_options(text: &str) -> Result<SimOptions, UsageError> {
    SimOptions::parse(text).map_err(|error| UsageError(error.to_string()))
}

fn start_embedded(text: &str) -> anyhow::Result<SimServer> {
    SimServer::start(sim_options(text)?, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
        .context("cannot start the embedded server on 127.0.0.1")
}

fn unreachable(url: &str) -> String {
    format!("no server at {url}: start it, or give another target with -H")
}

/// The server's list of models.
fn ask_models(
    origin: &Origin,
    target: &Target,
    transport: &TransportSpec,
    tls: Option<Arc<TlsConfig>>,
    url: &str,
    draft: &TargetDraft,
) -> anyhow::Result<Vec<Model>> {
    let path = probe::MODELS_PATH;
    let fetched = fetch(origin, target, transport, tls, path).map_err(|error| {
        if error.is_unreachable() { anyhow!(error).context(unreachable(url)) } else { anyhow!(error) }
    });
    let missing = match (draft.provider, &draft.model) {
        (None, None) => "--provider and --model",
        (None, Some(_)) => "--provider",
        _ => "--model",
    };
    let advice = || format!("{url} does not tell its models: name them with {missing}");
    let fetched = fetched?;
    if fetched.status != 200 {
        let excerpt = Mask::of(target).hide(plimsoll_drive::protocol::error_excerpt(&fetched.body));
        return Err(anyhow!("GET {path} answered {}: {excerpt}", fetched.status)).with_context(advice);
    }
    probe::parse_models(&fetched.body).map_err(|error| anyhow!(error)).with_context(advice)
}

/// Provider and model of a server on `host` that lists `models`, as far as the draft leaves them open.
fn complete(
    host: &str,
    shown: &str,
    draft: &TargetDraft,
    models: &[Model],
) -> anyhow::Result<(Provider, String)> {
    let provider = match draft.provider {
        Some(provider) => provider,
        None => {
            // The owner of the model that was asked for says more than that of the first.
            let named = models.iter().filter(|entry| Some(&entry.id) == draft.model.as_ref());
            let relevant: Vec<Model> = named.chain(models).take(1).cloned().collect();
            let guess = probe::guess_provider(host, &relevant);
            if let Some(note) = &guess.note {
                emit::warning(note);
            }
            guess.provider
        }
    };
    let model = draft.model.clone().or_else(|| models.first().map(|entry| entry.id.clone()));
    let model = model.ok_or_else(|| UsageError(format!("{shown} lists no model: name one with --model")))?;
    Ok((provider, model))
}
