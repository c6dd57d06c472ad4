//! What the models of classic servers take, asked of the server before the run.

use plimsoll_core::spec::tensors::{DataType, Framing, GivenShape, PayloadSpec, TensorSpec, Values};
use plimsoll_core::spec::{PromptSource, Provider, RunSpec};
use plimsoll_drive::protocol::{torchserve_metadata, v2_metadata};
use plimsoll_drive::workload::{Model, resolve_inputs};

use super::models::{Asker, ask_management};
use super::server::{Reached, Way};
use crate::exit::UsageError;
use crate::report::emit;

/// Completes the tensors of a run with what its model takes. A run with prompts is left as it is.
///
/// # Errors
/// The server does not tell, and neither did the user; or the two do not fit.
pub(super) fn complete(spec: &mut RunSpec, reached: &Reached) -> anyhow::Result<()> {
    let PromptSource::Payloads(payloads) = &spec.workload.prompts else { return Ok(()) };
    let asker = match &reached.way {
        Way::Http(way) => Some(Asker { way, target: &spec.target, transport: &spec.transport }),
        Way::InProcess(_) => None,
    };
    let made = matches!(payloads.values, Values::Random | Values::Zero);
    let inputs = match payloads.framing {
        Framing::Tensors { .. } => {
            let self_told = !payloads.shapes.is_empty() || !made;
            let version = payloads.model_version.as_deref();
            let model = asker.map(|asker| model(&asker, version, self_told)).transpose()?;
            resolve_inputs(payloads, &model.unwrap_or_default())
                .map_err(|error| UsageError(error.to_string()))?
        }
        Framing::Instances | Framing::Body { .. } if made && payloads.shapes.is_empty() => {
            let told = asker.and_then(|asker| told(&asker, payloads));
            told.ok_or_else(|| {
                UsageError(format!(
                    "{} does not tell what its models take: give --input-data FILE or JSON, or a shape such as \
                     --shape 16",
                    spec.target.provider.name()
                ))
            })?
        }
        Framing::Instances | Framing::Body { .. } => payloads.shapes.iter().map(described).collect(),
    };
    if let PromptSource::Payloads(payloads) = &mut spec.workload.prompts {
        payloads.inputs = inputs;
    }
    Ok(())
}

/// What a model takes whose protocol has no word for it: KServe's V1 is spoken by servers that mostly speak V2 too, and
/// the handlers of TorchServe may describe themselves.
fn told(asker: &Asker<'_>, payloads: &PayloadSpec) -> Option<Vec<TensorSpec>> {
    let model = &asker.target.model;
    if matches!(payloads.framing, Framing::Instances) {
        let answer = asker.conversation().ok()?.ask(&format!("/v2/models/{model}"), None).ok()?;
        let inputs = v2_metadata::parse_inputs(&answer.body).ok().filter(|_| answer.status == 200)?;
        return v2_metadata::instance(&inputs);
    }
    let version = payloads.model_version.as_ref().map(|version| format!("/{version}")).unwrap_or_default();
    let (_, answer) = ask_management(asker, &format!("/models/{model}{version}?customized=true"))?;
    torchserve_metadata::parse_input(&answer).map(|input| vec![input])
}

/// An input as the user describes it.
fn described(given: &GivenShape) -> TensorSpec {
    TensorSpec {
        name: given.name.clone(),
        datatype: given.datatype.unwrap_or(DataType::Fp32),
        shape: given.dims.clone(),
    }
}

/// The same as [`model`] by gRPC.
fn model_by_grpc(asker: &Asker<'_>, version: Option<&str>, self_told: bool) -> anyhow::Result<Model> {
    match asker.by_grpc().inputs(version) {
        Ok(inputs) => Ok(Model { inputs, ..Model::default() }),
        Err(error) if self_told => {
            emit::warning(&format!("{}: going by --shape and --input-data alone", asker.masked(&error)));
            Ok(Model::default())
        }
        Err(error) => Err(asker.masked(&error).context(NOT_TOLD)),
    }
}

/// What to do where a server does not tell what a model takes.
const NOT_TOLD: &str = "the server does not tell what the model takes: name another with -m, or describe its inputs \
                        with --shape NAME:1x16:FP32";

/// What the server says of the model. If the user said enough, a server that does not answer is no failure.
fn model(asker: &Asker<'_>, version: Option<&str>, self_told: bool) -> anyhow::Result<Model> {
    let target = asker.target;
    if target.provider.speaks_grpc() {
        return model_by_grpc(asker, version, self_told);
    }
    let version = version.map(|version| format!("/versions/{version}")).unwrap_or_default();
    let path = format!("/v2/models/{}{version}", target.model);
    let mut conversation = asker.conversation()?;
    let metadata = conversation.ask(&path, None)?;
    if metadata.status != 200 {
        let refusal = asker.refusal("GET", &path, metadata.status, &metadata.body);
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
    let config = conversation.ask(&format!("{path}/config"), None)?;
    if config.status != 200 {
        return Ok(Model { inputs, ..Model::default() });
    }
    let config = v2_metadata::parse_config(&config.body)?;
    Ok(Model { inputs, optional: config.optional, max_batch_size: Some(config.max_batch_size) })
}
