//! What the models of classic servers are called and what they take, asked of the server before the run.

use anyhow::{Context as _, anyhow};
use plimsoll_core::spec::tensors::{DataType, Framing, GivenShape, TensorSpec, Values};
use plimsoll_core::spec::{PromptSource, Provider, RunSpec, Target, TransportSpec};
use plimsoll_drive::protocol::{Mask, error_excerpt, v2_metadata};
use plimsoll_drive::transport::{Fetched, ask};
use plimsoll_drive::workload::{GrpcError, GrpcServer, Model, resolve_inputs};

use super::server::{HttpWay, Reached, Way};
use crate::exit::UsageError;
use crate::report::emit;

/// Where a provider lists its models; the error says what to do where it has no such place.
fn list_of(provider: Provider) -> Result<(&'static str, &'static str), UsageError> {
    match provider {
        Provider::Triton | Provider::Mlserver => Ok(("POST", "/v2/repository/index")),
        Provider::Kserve => Ok(("GET", "/v2/models")),
        Provider::KserveV1 => Ok(("GET", "/v1/models")),
        _ => Err(UsageError(format!(
            "{} does not tell its models on this port: name one with -m; `curl HOST:8081/models`, the management \
             port of torchserve, lists them",
            provider.name()
        ))),
    }
}

/// The model to ask for where the user names none: the only one, or the first of those that are ready.
///
/// # Errors
/// The server does not say.
pub(super) fn find_model(
    provider: Provider,
    way: &HttpWay,
    target: &Target,
    transport: &TransportSpec,
) -> anyhow::Result<String> {
    if provider.speaks_grpc() {
        let models = by_grpc(way, target, transport).models();
        let models = models.map_err(|error| masked(&error, target));
        return choose(
            &models.with_context(|| format!("{} does not tell its models: name one with -m", target.url))?,
            target,
        );
    }
    let (method, path) = list_of(provider)?;
    let advice = || format!("{} does not tell its models: name one with -m", target.url);
    let fetched = ask(&way.origin, target, transport, way.tls.clone(), method, path)?;
    if fetched.status != 200 {
        return Err(refusal(method, path, &fetched, target)).with_context(advice);
    }
    let models =
        v2_metadata::parse_index(&fetched.body).map_err(|error| anyhow!(error)).with_context(advice)?;
    choose(&models, target)
}

/// The only model, or the first.
fn choose(models: &[String], target: &Target) -> anyhow::Result<String> {
    match models {
        [] => Err(UsageError(format!(
            "{} has no model that is ready: load one, or name one with -m",
            target.url
        ))
        .into()),
        [only] => Ok(only.clone()),
        [first, ..] => {
            let all = models.join(", ");
            emit::warning(&format!(
                "{} has the models {all}: taking {first}; name another with -m",
                target.url
            ));
            Ok(first.clone())
        }
    }
}

/// Completes the tensors of a run with what its model takes. A run with prompts is left as it is.
///
/// # Errors
/// The server does not tell, and neither did the user; or the two do not fit.
pub(super) fn complete(spec: &mut RunSpec, reached: &Reached) -> anyhow::Result<()> {
    let PromptSource::Payloads(payloads) = &spec.workload.prompts else { return Ok(()) };
    let inputs = match payloads.framing {
        Framing::Tensors { .. } => {
            let self_told =
                !payloads.shapes.is_empty() || !matches!(payloads.values, Values::Random | Values::Zero);
            let model = match &reached.way {
                Way::Http(way) => model(spec, way, payloads.model_version.as_deref(), self_told)?,
                Way::InProcess(_) => Model::default(),
            };
            resolve_inputs(payloads, &model).map_err(|error| UsageError(error.to_string()))?
        }
        Framing::Instances | Framing::Body { .. } => payloads.shapes.iter().map(described).collect(),
    };
    if let PromptSource::Payloads(payloads) = &mut spec.workload.prompts {
        payloads.inputs = inputs;
    }
    Ok(())
}

/// An input as the user describes it.
fn described(given: &GivenShape) -> TensorSpec {
    TensorSpec {
        name: given.name.clone(),
        datatype: given.datatype.unwrap_or(DataType::Fp32),
        shape: given.dims.clone(),
    }
}

/// The server, to be asked by gRPC.
fn by_grpc<'a>(way: &'a HttpWay, target: &'a Target, limits: &'a TransportSpec) -> GrpcServer<'a> {
    GrpcServer { origin: &way.origin, tls: way.tls.as_ref(), target, limits }
}

/// What the server says to gRPC, without credentials that it may repeat.
fn masked(error: &GrpcError, target: &Target) -> anyhow::Error {
    anyhow!(Mask::of(target).hide(error.to_string()))
}

/// The same as [`model`] by gRPC.
fn model_by_grpc(
    spec: &RunSpec,
    way: &HttpWay,
    version: Option<&str>,
    self_told: bool,
) -> anyhow::Result<Model> {
    match by_grpc(way, &spec.target, &spec.transport).inputs(version) {
        Ok(inputs) => Ok(Model { inputs, ..Model::default() }),
        Err(error) if self_told => {
            let error = masked(&error, &spec.target);
            emit::warning(&format!("{error}: going by --shape and --input-data alone"));
            Ok(Model::default())
        }
        Err(error) => Err(masked(&error, &spec.target).context(NOT_TOLD)),
    }
}

/// What to do where a server does not tell what a model takes.
const NOT_TOLD: &str = "the server does not tell what the model takes: name another with -m, or describe its inputs \
                        with --shape NAME:1x16:FP32";

/// What the server says of the model. If the user said enough, a server that does not answer is no failure.
fn model(spec: &RunSpec, way: &HttpWay, version: Option<&str>, self_told: bool) -> anyhow::Result<Model> {
    if spec.target.provider.speaks_grpc() {
        return model_by_grpc(spec, way, version, self_told);
    }
    let target = Target { url: spec.target.url.clone(), ..spec.target.clone() };
    let version = version.map(|version| format!("/versions/{version}")).unwrap_or_default();
    let path = format!("/v2/models/{}{version}", target.model);
    let get = |path: &str| ask(&way.origin, &target, &spec.transport, way.tls.clone(), "GET", path);
    let metadata = get(&path)?;
    if metadata.status != 200 {
        let refusal = refusal("GET", &path, &metadata, &target);
        if self_told {
            emit::warning(&format!("{refusal}: going by --shape and --input-data alone"));
            return Ok(Model::default());
        }
        return Err(refusal.context(NOT_TOLD));
    }
    let inputs = v2_metadata::parse_inputs(&metadata.body)?;
    if target.provider != Provider::Triton {
        return Ok(Model { inputs, ..Model::default() });
    }
    let config = get(&format!("{path}/config"))?;
    if config.status != 200 {
        return Ok(Model { inputs, ..Model::default() });
    }
    let config = v2_metadata::parse_config(&config.body)?;
    Ok(Model { inputs, optional: config.optional, max_batch_size: Some(config.max_batch_size) })
}

fn refusal(method: &str, path: &str, fetched: &Fetched, target: &Target) -> anyhow::Error {
    let said = Mask::of(target).hide(error_excerpt(&fetched.body));
    anyhow!("{method} {path} answered {}: {said}", fetched.status)
}
