//! The messages of the Open Inference Protocol that a load test needs, as its `grpc_service.proto` numbers their fields.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Asks whether the server is ready.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ServerReadyRequest {}

/// Whether the server is ready.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ServerReadyResponse {
    /// Whether it is.
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

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
    pub outputs: Vec<Named>,
    /// The values of the inputs, little endian and row by row. Elements of `BYTES` have a length of four bytes before
    /// them.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// An output, or a model, by its name.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Named {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// A parameter.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Parameter {
    /// Its value.
    #[prost(oneof = "ParameterValue", tags = "1, 2, 3, 4")]
    pub value: Option<ParameterValue>,
}

/// The value of a parameter.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ParameterValue {
    /// A truth value.
    #[prost(bool, tag = "1")]
    Truth(bool),
    /// A whole number.
    #[prost(int64, tag = "2")]
    Whole(i64),
    /// A text.
    #[prost(string, tag = "3")]
    Text(String),
    /// A fraction.
    #[prost(double, tag = "4")]
    Fraction(f64),
}

/// Asks which models there are.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RepositoryIndexRequest {
    /// Only those that are ready.
    #[prost(bool, tag = "2")]
    pub ready: bool,
}

/// Which models there are.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexResponse {
    /// One entry for each version.
    #[prost(message, repeated, tag = "1")]
    pub models: Vec<Named>,
}

/// An answer of a model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferResponse {
    /// Parameters by name.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, Parameter>,
    /// The outputs.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<Named>,
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
