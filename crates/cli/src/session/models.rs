//! The model to ask for, where the user names the provider and no model.

use anyhow::{Context as _, anyhow};
use plimsoll_core::spec::{Provider, Target, TransportSpec};
use plimsoll_drive::protocol::probe::{Answer, Question};
use plimsoll_drive::protocol::{Mask, error_excerpt, supports, torchserve_metadata};
use plimsoll_drive::transport::{Conversation, Fetched};
use plimsoll_drive::workload::{GrpcError, GrpcServer};

use super::identify::unreachable;
use super::server::HttpWay;
use crate::exit::UsageError;
use crate::report::emit;

/// A server, with what it takes to ask it.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) way: &'a HttpWay,
    pub(super) target: &'a Target,
    pub(super) transport: &'a TransportSpec,
}

/// TorchServe's own management port.
const MANAGEMENT_PORT: u16 = 8081;

/// Where a provider lists its models.
fn list_of(provider: Provider) -> Question {
    match provider {
        Provider::Triton | Provider::Mlserver => Question::Index,
        Provider::Kserve => Question::ModelsV2,
        Provider::Transformers => Question::Pinned,
        _ => Question::Models,
    }
}

/// The only model, or the first of those that are ready.
///
/// # Errors
/// The server cannot be reached, or does not say.
pub(super) fn find(provider: Provider, asker: &Asker<'_>) -> anyhow::Result<String> {
    let url = &asker.target.url;
    let advice = || format!("{url} does not tell its models: name one with --model");
    let models = match provider {
        _ if provider.speaks_grpc() => {
            let models = asker.by_grpc().models().map_err(|error| asker.masked(&error));
            models.with_context(advice)?
        }
        Provider::Torchserve => by_management(asker)?,
        _ => listed(list_of(provider), asker, advice)?,
    };
    match models.as_slice() {
        [] => Err(UsageError(format!("{url} lists no model that is ready: name one with --model")).into()),
        // OpenAI's list may be of hundreds.
        [first, _, ..]
            if supports(provider).interfaces.iter().all(|interface| interface.takes_payloads()) =>
        {
            let all = models.join(", ");
            emit::warning(&format!("{url} has the models {all}: taking {first}; name another with -m"));
            Ok(first.clone())
        }
        [first, ..] => Ok(first.clone()),
    }
}

/// The models in the answer to one question.
fn listed(question: Question, asker: &Asker<'_>, advice: impl Fn() -> String) -> anyhow::Result<Vec<String>> {
    let fetched = asker.conversation()?.ask(question.path(), question.body()).map_err(|error| {
        if error.is_unreachable() {
            anyhow!(error).context(unreachable(&asker.target.url))
        } else {
            anyhow!(error)
        }
    })?;
    let answer = Answer { status: fetched.status, body: fetched.body };
    match question.models(&answer) {
        Some(models) => Ok(models),
        None => Err(asker.refusal(question.method(), question.path(), answer.status, &answer.body))
            .with_context(advice),
    }
}

/// The models of TorchServe, which lists them on its management port.
///
/// # Errors
/// It lists them on none of the ports that this may be.
pub(super) fn by_management(asker: &Asker<'_>) -> anyhow::Result<Vec<String>> {
    if let Some((port, answer)) = ask_management(asker, "/models")
        && let Ok(models) = torchserve_metadata::parse_models(&answer)
    {
        if port != asker.way.origin.port {
            emit::note(&format!("asked the management port {port} of torchserve for its models"));
        }
        return Ok(models);
    }
    Err(UsageError(format!(
        "torchserve tells its models on its management port, which is neither {} nor the one after it nor \
         {MANAGEMENT_PORT}: name one with -m; `curl HOST:MANAGEMENT_PORT/models` lists them",
        asker.way.origin.port
    ))
    .into())
}

/// The answer of TorchServe's management to `path`, and its port: on the port asked if it is both, on the one after it,
/// or on 8081. All are of the same host, so that nobody else is asked.
pub(super) fn ask_management(asker: &Asker<'_>, path: &str) -> Option<(u16, Vec<u8>)> {
    let origin = &asker.way.origin;
    let mut ports = vec![origin.port, origin.port.saturating_add(1), MANAGEMENT_PORT];
    ports.dedup();
    ports.into_iter().find_map(|port| {
        let origin = if port == origin.port { origin.clone() } else { origin.on_port(port) };
        let conversation = Conversation::new(&origin, asker.target, asker.transport, asker.way.tls.clone());
        let Fetched { status, body } = conversation.ok()?.ask(path, None).ok()?;
        (status == 200).then_some((port, body))
    })
}

impl<'a> Asker<'a> {
    /// The server, to be asked by gRPC.
    pub(super) fn by_grpc(&self) -> GrpcServer<'a> {
        GrpcServer {
            origin: &self.way.origin,
            tls: self.way.tls.as_ref(),
            target: self.target,
            limits: self.transport,
        }
    }

    /// What the server says to gRPC, without credentials that it may repeat.
    pub(super) fn masked(&self, error: &GrpcError) -> anyhow::Error {
        anyhow!(Mask::of(self.target).hide(error.to_string()))
    }

    /// What the server says instead of an answer.
    pub(super) fn refusal(&self, method: &str, path: &str, status: u16, body: &[u8]) -> anyhow::Error {
        let said = Mask::of(self.target).hide(error_excerpt(body));
        anyhow!("{method} {path} answered {status}: {said}")
    }
}
