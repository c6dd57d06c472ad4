//! Payloads in place of prompts: tensors made or read before the run, each request body built once.

mod bodies;
mod error;
mod grpc_request;
mod instances;
mod npy;
mod read;
mod shapes;
mod tensor;
mod v2_request;

use plimsoll_core::seed::Seed;
use plimsoll_core::spec::tensors::{Framing, PayloadSpec, Values};
use plimsoll_core::workload::{Payload, Payloads};

pub(super) use bodies::{UNTYPED, files, form, type_of};
pub use error::PayloadError;
pub(super) use read::extension;
pub use shapes::{Model, resolve_inputs};

/// Distinct requests that are made here, at most: enough that no cache answers for the model.
const VARIANTS: usize = 32;
/// Bytes of all of them together, about.
const VARIANT_BYTES: usize = 64 << 20;

/// Makes or reads the payloads of a run.
///
/// # Errors
/// A file cannot be read or does not fit the model, or there is nothing to make payloads of.
pub(super) fn load(spec: &PayloadSpec, seed: Seed) -> Result<Payloads, PayloadError> {
    let payloads = match &spec.framing {
        Framing::Tensors { encoding, outputs } => v2_request::load(spec, *encoding, outputs, seed),
        Framing::Instances => instances::load(spec, seed),
        Framing::Body { content_type, multipart_field } => {
            bodies::load(spec, content_type.as_deref(), multipart_field.as_deref(), seed)
        }
    }?;
    let description = describe(spec, &payloads);
    Payloads::new(payloads, description).ok_or(PayloadError::NoValues)
}

/// `FP32 tensors INPUT0 1x16, random (32 in turn)`.
fn describe(spec: &PayloadSpec, payloads: &[Payload]) -> String {
    let what = match &spec.framing {
        Framing::Tensors { .. } => "tensors",
        Framing::Instances => "instances",
        Framing::Body { .. } => "payloads",
    };
    let from = match &spec.values {
        Values::Random => "of random values".to_owned(),
        Values::Zero => "of zeros".to_owned(),
        Values::Path(path) => format!("from {path}"),
        Values::Inline(_) => "from the command line".to_owned(),
        Values::Images(bytes) => format!("of JPEG images of {bytes} bytes"),
    };
    let made = matches!(spec.values, Values::Random | Values::Zero);
    let shapes: Vec<String> = spec.inputs.iter().filter(|_| made).map(shapes::written).collect();
    let shapes = if shapes.is_empty() { String::new() } else { format!(" {}", shapes.join(", ")) };
    let bytes = payloads.iter().map(|payload| payload.body.len()).sum::<usize>() / payloads.len().max(1);
    let turns = match payloads.len() {
        1 => String::new(),
        n => format!(", {n} in turn"),
    };
    format!("{what}{shapes} {from}, bodies of {bytes} bytes{turns}")
}

/// Makes requests until there are enough of them: one of zeros, several of random values, fewer if they are large.
fn vary<T>(
    values: &Values,
    seed: Seed,
    mut make: impl FnMut(&mut plimsoll_core::seed::Rng) -> Result<(T, usize), PayloadError>,
) -> Result<Vec<T>, PayloadError> {
    let wanted = if *values == Values::Random { VARIANTS } else { 1 };
    let (mut made, mut bytes) = (Vec::new(), 0);
    while made.len() < wanted && (made.is_empty() || bytes < VARIANT_BYTES) {
        let (one, size) = make(&mut seed.keyed("payloads", made.len() as u64))?;
        bytes += size;
        made.push(one);
    }
    Ok(made)
}
