//! What requests carry in place of prompts: tensors with types and shapes, or bodies of the user's own.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::ImageBytes;

/// The payloads of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PayloadSpec {
    /// What is put around the values.
    pub framing: Framing,
    /// Where the values come from.
    pub values: Values,
    /// Shapes that the user gave.
    pub shapes: Vec<GivenShape>,
    /// Items of each request that is made here: the first dimension of every tensor.
    pub batch_size: Option<NonZeroU32>,
    /// Characters of each element of a `BYTES` tensor that is made here.
    pub string_length: u32,
    /// Version of the model to ask for.
    pub model_version: Option<String>,
    /// The inputs of the model with the shapes to send, once the server and the user have said them.
    pub inputs: Vec<TensorSpec>,
}

/// What is put around the values of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// A request of the Open Inference Protocol.
    Tensors {
        /// How values are written.
        encoding: TensorEncoding,
        /// Outputs to ask for; all of them if none is named.
        outputs: Vec<String>,
    },
    /// `{"instances": […]}`, KServe's V1.
    Instances,
    /// Nothing: the values are the body.
    Body {
        /// Its content type, where it is not that of the file's name.
        content_type: Option<String>,
        /// The field of a form in which it is sent.
        multipart_field: Option<String>,
    },
}

/// How the values of tensors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TensorEncoding {
    /// As JSON numbers and strings.
    Json,
    /// As bytes after the JSON: the protocol's binary tensor data extension.
    Binary,
    /// As bytes in a message of gRPC.
    Protobuf,
}

/// Where the values of requests come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Drawn from the seed: integers from 0 to 127, fractions from 0 to 1, letters and digits.
    Random,
    /// Zeros, and strings of zeros.
    Zero,
    /// A file, or a folder of files.
    Path(String),
    /// JSON from the command line.
    Inline(String),
    /// Synthetic images, each a whole body.
    Images(ImageBytes),
}

/// A shape that the user gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenShape {
    /// The input; empty for the only one.
    pub name: String,
    /// The type, where the server does not say it.
    pub datatype: Option<DataType>,
    /// Sizes of its dimensions, none of them open.
    pub dims: Vec<i64>,
}

/// A tensor without its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub datatype: DataType,
    /// Sizes of its dimensions; [`OPEN`] where the model takes any.
    pub shape: Vec<i64>,
}

/// The size of a dimension that a model leaves open, as the protocol writes it.
pub const OPEN: i64 = -1;

/// Elements of a tensor of this shape, 1 without dimensions. Nothing where a dimension is open, or if there are more
/// than 2^64.
pub fn elements(shape: &[i64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(u64::try_from(dim).ok()?))
}

/// A type of the Open Inference Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DataType {
    /// Truth values, a byte each.
    Bool,
    /// Unsigned, 8 bits.
    Uint8,
    /// Unsigned, 16 bits.
    Uint16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// IEEE half precision.
    Fp16,
    /// The upper half of a single-precision number.
    Bf16,
    /// IEEE single precision.
    Fp32,
    /// IEEE double precision.
    Fp64,
    /// Strings of bytes.
    Bytes,
}

impl DataType {
    /// All of them.
    pub const ALL: [DataType; 14] = [
        DataType::Bool,
        DataType::Uint8,
        DataType::Uint16,
        DataType::Uint32,
        DataType::Uint64,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Fp16,
        DataType::Bf16,
        DataType::Fp32,
        DataType::Fp64,
        DataType::Bytes,
    ];

    /// Its name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            DataType::Bool => "BOOL",
            DataType::Uint8 => "UINT8",
            DataType::Uint16 => "UINT16",
            DataType::Uint32 => "UINT32",
            DataType::Uint64 => "UINT64",
            DataType::Int8 => "INT8",
            DataType::Int16 => "INT16",
            DataType::Int32 => "INT32",
            DataType::Int64 => "INT64",
            DataType::Fp16 => "FP16",
            DataType::Bf16 => "BF16",
            DataType::Fp32 => "FP32",
            DataType::Fp64 => "FP64",
            DataType::Bytes => "BYTES",
        }
    }

    /// Its name in a model's configuration (Triton's `config.pbtxt`).
    pub fn config_name(self) -> String {
        match self {
            DataType::Bytes => "TYPE_STRING".to_owned(),
            other => format!("TYPE_{}", other.name()),
        }
    }

    /// The type called `name`.
    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|datatype| datatype.name() == name)
    }

    /// Bytes of an element; nothing for strings, which have a length each.
    pub const fn size(self) -> Option<usize> {
        match self {
            DataType::Bool | DataType::Uint8 | DataType::Int8 => Some(1),
            DataType::Uint16 | DataType::Int16 | DataType::Fp16 | DataType::Bf16 => Some(2),
            DataType::Uint32 | DataType::Int32 | DataType::Fp32 => Some(4),
            DataType::Uint64 | DataType::Int64 | DataType::Fp64 => Some(8),
            DataType::Bytes => None,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_protocols_names_and_are_stored_by_them() {
        for datatype in DataType::ALL {
            assert_eq!(DataType::from_name(datatype.name()), Some(datatype));
            assert_eq!(serde_json::to_string(&datatype).unwrap(), format!("\"{datatype}\""));
        }
        assert_eq!(DataType::from_name("fp32"), None);
        assert_eq!(DataType::Fp16.config_name(), "TYPE_FP16");
        assert_eq!(DataType::Bytes.config_name(), "TYPE_STRING");
    }

    #[test]
    fn elements_multiply_and_neither_overflow_nor_are_guessed() {
        for (shape, expected) in [
            (&[][..], Some(1)),
            (&[4, 16], Some(64)),
            (&[4, 0, i64::MAX], Some(0)),
            (&[i64::MAX, 3], None),
            (&[OPEN, 2], None),
        ] {
            assert_eq!(elements(shape), expected, "{shape:?}");
        }
    }
}
