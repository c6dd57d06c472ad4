//! What a server of the Open Inference Protocol says by gRPC of itself and its models, asked before the run.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::spec::tensors::{DataType, TensorSpec};
use plimsoll_core::spec::{Target, TransportSpec};
use prost::Message;
use rustls::ClientConfig;
use thiserror::Error;

use crate::protocol::grpc::{answered, calling, grpc_route};
use crate::protocol::open_inference::{
    ModelMetadataRequest, ModelMetadataResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    ServerReadyRequest, ServerReadyResponse, Tensor,
};
use crate::transport::{Called, Origin, call};

/// Time for each answer. What a server says of itself takes no work.
const LIMIT: Duration = Duration::from_secs(10);
/// The code of a server that does not have a method (gRPC's UNIMPLEMENTED).
const UNIMPLEMENTED: &str = "12";

/// A call that brought no answer.
#[derive(Debug, Error)]
#[error("{method} by gRPC: {reason}")]
pub struct GrpcError {
    /// The method.
    pub method: &'static str,
    /// Why there is no answer, perhaps in the server's words.
    pub reason: String,
}

/// A server that is asked by gRPC.
#[derive(Clone, Copy, Debug)]
pub struct GrpcServer<'a> {
    /// Where it is.
    pub origin: &'a Origin,
    /// How TLS is spoken with it, if it is.
    pub tls: Option<&'a Arc<ClientConfig>>,
    /// Header fields and credentials.
    pub target: &'a Target,
    /// Time limits.
    pub limits: &'a TransportSpec,
}

impl GrpcServer<'_> {
    /// Whether the server says that it is ready; nothing where it has no way to say it.
    ///
    /// # Errors
    /// The server does not tell.
    pub fn is_ready(&self) -> Result<Option<bool>, GrpcError> {
        const METHOD: &str = "ServerReady";
        let called = self.call(METHOD, &ServerReadyRequest {})?;
        if called.fields.get("grpc-status").is_some_and(|code| code == UNIMPLEMENTED) {
            return Ok(None);
        }
        let told: Result<ServerReadyResponse, String> = answered(&called);
        told.map(|told| Some(told.ready)).map_err(|reason| GrpcError { method: METHOD, reason })
    }

    /// The models that are ready, in the server's order.
    ///
    /// # Errors
    /// The server does not tell.
    pub fn models(&self) -> Result<Vec<String>, GrpcError> {
        let index: RepositoryIndexResponse =
            self.ask("RepositoryIndex", &RepositoryIndexRequest { ready: true })?;
        let mut names: Vec<String> = index.models.into_iter().map(|model| model.name).collect();
        names.dedup(); // one entry for each version
        Ok(names)
    }

    /// The inputs of the target's model; without a version those of the one that the server chooses.
    ///
    /// # Errors
    /// The server does not tell, or an input has a type that the protocol does not have.
    pub fn inputs(&self, version: Option<&str>) -> Result<Vec<TensorSpec>, GrpcError> {
        const METHOD: &str = "ModelMetadata";
        let version = version.unwrap_or_default().to_owned();
        let message = ModelMetadataRequest { name: self.target.model.clone(), version };
        let metadata: ModelMetadataResponse = self.ask(METHOD, &message)?;
        let input = |tensor: Tensor| match DataType::from_name(&tensor.datatype) {
            Some(datatype) => Ok(TensorSpec { name: tensor.name, datatype, shape: tensor.shape }),
            None => {
                let reason = format!("input {} has the unknown type `{}`", tensor.name, tensor.datatype);
                Err(GrpcError { method: METHOD, reason })
            }
        };
        metadata.inputs.into_iter().map(input).collect()
    }

    fn ask<M: Message + Default>(
        &self,
        method: &'static str,
        message: &impl Message,
    ) -> Result<M, GrpcError> {
        let called = self.call(method, message)?;
        answered(&called).map_err(|reason| GrpcError { method, reason })
    }

    fn call(&self, method: &'static str, message: &impl Message) -> Result<Called, GrpcError> {
        let (route, tls) = (grpc_route(method), self.tls.cloned());
        call(self.origin, self.target, self.limits, tls, &route, calling(message), LIMIT)
            .map_err(|error| GrpcError { method, reason: error.to_string() })
    }
}
