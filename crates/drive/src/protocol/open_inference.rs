//! The messages of the Open Inference Protocol that a load test needs, as its `grpc_service.proto` numbers their fields.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The service with its methods.
pub const SERVICE: &str = "/inference.GRPCInferenceService";

/// Asks what a model takes.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ModelMetadataRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version; empty for the server's choice.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// What a model takes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelMetadataResponse {
    /// The model.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its inputs.
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<Tensor>,
}

/// A tensor without its values.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Tensor {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The type of its elements, such as `FP32`.
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// Sizes of its dimensions; -1 where any size will do.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
}

/// Asks a model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// Its version; empty for the server's choice.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// Parameters by name.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The inputs, in the order of their values.
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<Tensor>,
    /// The outputs wanted; all if none is named.
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<Output>,
    /// The values of the inputs, little endian and row by row. Elements of `BYTES` have a length of four bytes before
    /// them.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// An output by its name.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Output {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// The value of a parameter; nothing if it is not a truth value.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Parameter {
    /// A truth value.
    #[prost(bool, optional, tag = "1")]
    pub truth: Option<bool>,
}

/// An answer of a model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferResponse {
    /// Parameters by name.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The outputs.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<Output>,
}

/// An answer within a stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelStreamInferResponse {
    /// What went wrong; empty if nothing did.
    #[prost(string, tag = "1")]
    pub error_message: String,
    /// The answer.
    #[prost(message, optional, tag = "2")]
    pub infer_response: Option<ModelInferResponse>,
}
