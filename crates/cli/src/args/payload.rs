//! Options that say what requests carry in place of prompts.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use plimsoll_core::spec::tensors::{DataType, GivenShape};

use super::values;

/// What requests carry in place of prompts.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Tensors and payloads (providers triton, triton-grpc, kserve, mlserver, kserve-v1, torchserve)"
)]
pub(crate) struct PayloadArgs {
    /// The values: random, zero, a file (.npy, .json, .jsonl, else bytes as they are), a folder, or JSON itself
    ///
    /// JSON is a request as the server takes it, or {"INPUT0": [...]}. JSONL has one request per line, used in turn. A
    /// folder has a file for each input, by its name; for torchserve each file is a request.
    #[arg(long, value_name = "WHAT", default_value = "random")]
    pub(crate) input_data: String,
    /// Shape of an input, where the model leaves it open: INPUT0:1x3x224x224, or INPUT0:1x16:FP32. Repeatable
    ///
    /// For kserve-v1 and torchserve it is the shape of one instance, without a name if there is one input: --shape 16.
    #[arg(long, value_name = "[NAME:]DIMS[:TYPE]", value_parser = shape)]
    pub(crate) shape: Vec<GivenShape>,
    /// Items in each request: the first dimension of every tensor [default: 1]
    #[arg(long, value_name = "N", value_parser = values::counted::<NonZeroU32>)]
    pub(crate) batch_size: Option<NonZeroU32>,
    /// Characters of each random string of a BYTES tensor
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>, default_value_t = 128)]
    pub(crate) string_length: u32,
    /// How tensors are written [default: binary; json for mlserver, which refuses the other]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) tensor_encoding: Option<EncodingName>,
    /// An output to ask for; all of them without it. Repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) output: Vec<String>,
    /// Version of the model to ask for [default: the server's choice]
    #[arg(long, value_name = "VERSION")]
    pub(crate) model_version: Option<String>,
    /// Content type of the payload, in place of the one that its file name tells (torchserve, http)
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Send the payload as this field of a form, multipart/form-data (torchserve, http)
    #[arg(long, value_name = "NAME")]
    pub(crate) multipart_field: Option<String>,
}

/// How tensors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncodingName {
    /// Numbers and strings in JSON
    Json,
    /// Bytes after the JSON
    Binary,
}

/// Reads `INPUT0:1x16`, `INPUT0:1x16:FP32`, `16`. perf_analyzer's commas part dimensions as well.
fn shape(text: &str) -> Result<GivenShape, String> {
    let (rest, datatype) = match text.rsplit_once(':').map(|(rest, last)| (rest, DataType::from_name(last))) {
        Some((rest, Some(datatype))) => (rest, Some(datatype)),
        _ => (text, None),
    };
    let (name, dims) = rest.rsplit_once(':').unwrap_or(("", rest));
    let dim = |dim: &str| dim.parse::<i64>().ok().filter(|dim| *dim > 0);
    let dims: Option<Vec<i64>> = dims.split(['x', ',']).map(dim).collect();
    let dims = dims.ok_or("write it as INPUT0:1x3x224x224 or INPUT0:1x16:FP32, every dimension 1 or more")?;
    Ok(GivenShape { name: name.to_owned(), datatype, dims })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_or_refused() {
        let given = |name: &str, datatype, dims: &[i64]| {
            Ok(GivenShape { name: name.to_owned(), datatype, dims: dims.to_vec() })
        };
        for (text, expected) in [
            ("a:1x3x224", given("a", None, &[1, 3, 224])),
            ("input:0:1,16:INT64", given("input:0", Some(DataType::Int64), &[1, 16])),
            ("16", given("", None, &[16])),
            ("16:FP32", given("", Some(DataType::Fp32), &[16])),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
        for text in ["", "a", "a:", "a:0", "a:-1x2", "a:1x", "a:2:FP99", "a:FP32"] {
            assert!(shape(text).is_err(), "{text}");
        }
    }
}
