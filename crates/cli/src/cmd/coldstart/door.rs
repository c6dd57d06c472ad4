//! A server that may not be there yet: whether it accepts connections, and whether it says that it is ready.

use std::sync::Arc;

use plimsoll_core::spec::{Provider, Target, TransportSpec};
use plimsoll_drive::transport::{Conversation, Origin, TlsConfig, client_config, reach};
use plimsoll_drive::workload::GrpcServer;

use crate::exit::{UsageError, refuse};
use crate::resolve::{Draft, TargetKind};

/// What a simulated server is told that has no port.
pub(super) const NEEDS_A_PORT: &str = "a cold start needs a server on a port: start one with --start-cmd, such as \
    --start-cmd \"plimsoll sim 'starts_cold=true&load=5s' --port 8000\", and give its address with -H";

/// The way to a server before it is known what it is.
pub(super) struct Door {
    pub(super) url: String,
    origin: Origin,
    tls: Option<Arc<TlsConfig>>,
    target: Target,
    transport: TransportSpec,
    /// Where it may say that it is ready.
    paths: Vec<String>,
    /// It says so by gRPC.
    by_grpc: bool,
}

/// What a server says of being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    NotYet,
    /// It has no place to say it.
    Unknown,
}

impl Door {
    /// The way to the target of a run, which says at `ready_path` or where its provider does that it is ready.
    ///
    /// # Errors
    /// The target is not on a network, or cannot be used.
    pub(super) fn of(draft: &Draft, ready_path: Option<&str>) -> Result<Door, UsageError> {
        let given = &draft.target;
        if given.kind != TargetKind::Http {
            refuse!("{NEEDS_A_PORT}");
        }
        let origin = Origin::parse(&given.url).map_err(|error| UsageError(error.to_string()))?;
        let transport = draft.transport().clone();
        let tls = match origin.tls {
            true => Some(client_config(&transport).map_err(|error| UsageError(error.to_string()))?),
            false => None,
        };
        let target = Target {
            url: given.url.clone(),
            provider: given.provider.unwrap_or(Provider::Openai),
            model: String::new(),
            headers: given.headers.clone(),
            api_key: given.api_key.clone(),
            endpoint: None,
        };
        let by_grpc = given.provider.is_some_and(Provider::speaks_grpc);
        let paths = match ready_path {
            Some(path) if by_grpc => {
                refuse!(
                    "--ready-path `{path}` is a path of HTTP, and this provider says by gRPC that it is ready: leave it out"
                )
            }
            Some(path) if path.starts_with('/') => vec![path.to_owned()],
            Some(path) => refuse!("--ready-path `{path}` is no path: begin it with /, such as /health"),
            None => ready_paths(given.provider).iter().map(|&path| path.to_owned()).collect(),
        };
        Ok(Door { url: given.url.clone(), origin, tls, target, transport, paths, by_grpc })
    }

    /// Whether a connection is accepted.
    pub(super) fn is_open(&self) -> bool {
        reach(&self.origin, &self.transport, self.tls.clone()).is_ok()
    }

    /// What the server says of being ready.
    pub(super) fn readiness(&self) -> Readiness {
        if self.by_grpc {
            return self.readiness_by_grpc();
        }
        let mut missing = 0;
        let asking = Conversation::new(&self.origin, &self.target, &self.transport, self.tls.clone());
        let Ok(mut conversation) = asking else { return Readiness::NotYet };
        for path in &self.paths {
            match conversation.ask(path, None).map(|fetched| fetched.status) {
                Ok(200..=299) => return Readiness::Ready,
                Ok(404 | 405) => missing += 1,
                _ => {}
            }
        }
        if missing == self.paths.len() { Readiness::Unknown } else { Readiness::NotYet }
    }

    fn readiness_by_grpc(&self) -> Readiness {
        let server = GrpcServer {
            origin: &self.origin,
            tls: self.tls.as_ref(),
            target: &self.target,
            limits: &self.transport,
        };
        match server.is_ready() {
            Ok(Some(true)) => Readiness::Ready,
            Ok(None) => Readiness::Unknown,
            Ok(Some(false)) | Err(_) => Readiness::NotYet,
        }
    }
}

/// Where a provider says that it is ready.
fn ready_paths(provider: Option<Provider>) -> &'static [&'static str] {
    match provider {
        None => &["/health", "/v2/health/ready", "/ping"],
        Some(provider) => match provider {
            Provider::Triton
            | Provider::TritonInfer
            | Provider::TritonGenerate
            | Provider::Kserve
            | Provider::Mlserver => &["/v2/health/ready"],
            Provider::Torchserve => &["/ping"],
            Provider::Vllm
            | Provider::Sglang
            | Provider::Tgi
            | Provider::LlamaCpp
            | Provider::Transformers => &["/health"],
            // Servers of gRPC say it by gRPC; hosted services are always up.
            _ => &[],
        },
    }
}
