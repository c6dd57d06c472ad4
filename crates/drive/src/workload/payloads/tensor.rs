//! Tensors with their values: made from a seed, read from JSON, written as JSON.

use std::fmt::Write as _;

use bytes::Bytes;
use half::{bf16, f16};
use plimsoll_core::seed::Rng;
use plimsoll_core::spec::tensors::{DataType, TensorSpec, elements};
use rand::RngExt as _;
use serde_json::Value as Json;

use super::PayloadError;
use super::shapes::written;

/// Integers that are drawn lie below this: they fit every type, and most vocabularies.
const INTEGERS: u8 = 128;

/// The most bytes of a tensor that is made here.
const MAX_BYTES: u64 = 1 << 30;

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) spec: TensorSpec,
    /// The elements, little-endian and without gaps; strings each after their length in 4 bytes.
    pub(super) data: Bytes,
}

impl Tensor {
    /// A tensor of random values, or of zeros without `rng`. The shape must not be open.
    pub(super) fn synthesise(
        spec: &TensorSpec,
        string_length: u32,
        mut rng: Option<&mut Rng>,
    ) -> Result<Tensor, PayloadError> {
        let size = spec.datatype.size().map_or(4 + u64::from(string_length), |size| size as u64);
        let count = elements(&spec.shape).filter(|count| count.saturating_mul(size) <= MAX_BYTES);
        let count = count.ok_or_else(|| PayloadError::TooLarge(written(spec)))?;
        let mut data = Vec::with_capacity((count * size) as usize);
        for _ in 0..count {
            match (&mut rng, spec.datatype) {
                (Some(rng), datatype) => draw(datatype, string_length, rng, &mut data),
                (None, DataType::Bytes) => text_element(&vec![b'0'; string_length as usize], &mut data),
                (None, _) => data.resize(data.len() + size as usize, 0),
            }
        }
        Ok(Tensor { spec: spec.clone(), data: data.into() })
    }

    /// A tensor of the values of a JSON array, nested or flat, in the shape of the nesting.
    pub(super) fn from_json(name: &str, datatype: DataType, values: &Json) -> Result<Tensor, String> {
        let shape = nesting(values);
        let mut data = Vec::new();
        let count = flatten(values, datatype, &mut data)?;
        if elements(&shape) != Some(count) {
            return Err("its lists are not of equal lengths".to_owned());
        }
        Ok(Tensor { spec: TensorSpec { name: name.to_owned(), datatype, shape }, data: data.into() })
    }

    /// Elements.
    pub(super) fn count(&self) -> u64 {
        match self.spec.datatype.size() {
            Some(size) => (self.data.len() / size) as u64,
            None => strings(&self.data).count() as u64,
        }
    }

    /// The values as a flat JSON array.
    pub(super) fn write_json(&self, out: &mut String) -> Result<(), String> {
        let shape = [i64::try_from(self.count()).unwrap_or(i64::MAX)];
        self.write_nested(&shape, out)
    }

    /// The values as a JSON array nested like `shape`.
    pub(super) fn write_nested(&self, shape: &[i64], out: &mut String) -> Result<(), String> {
        let written = match self.spec.datatype {
            DataType::Bf16 => {
                return Err("BF16 cannot be written as JSON: use --tensor-encoding binary".to_owned());
            }
            DataType::Bytes => strings(&self.data).map(json_text).collect::<Result<Vec<_>, _>>()?,
            datatype => {
                let size = datatype.size().unwrap_or(1);
                self.data
                    .chunks_exact(size)
                    .map(|bytes| json_number(datatype, bytes))
                    .collect::<Result<Vec<_>, _>>()?
            }
        };
        nest(&mut written.iter().map(String::as_str), shape, out);
        Ok(())
    }
}

/// Writes as many elements as `shape` wants, in brackets.
fn nest<'a>(elements: &mut impl Iterator<Item = &'a str>, shape: &[i64], out: &mut String) {
    let Some((&length, inner)) = shape.split_first() else {
        out.push_str(elements.next().unwrap_or("null"));
        return;
    };
    out.push('[');
    for index in 0..length {
        if index > 0 {
            out.push(',');
        }
        nest(elements, inner, out);
    }
    out.push(']');
}

/// Appends a drawn element.
fn draw(datatype: DataType, string_length: u32, rng: &mut Rng, data: &mut Vec<u8>) {
    let fraction = |rng: &mut Rng| rng.random::<f32>();
    match datatype {
        DataType::Bool => data.push(u8::from(rng.random::<bool>())),
        DataType::Fp16 => data.extend(f16::from_f32(fraction(rng)).to_le_bytes()),
        DataType::Bf16 => data.extend(bf16::from_f32(fraction(rng)).to_le_bytes()),
        DataType::Fp32 => data.extend(fraction(rng).to_le_bytes()),
        DataType::Fp64 => data.extend(rng.random::<f64>().to_le_bytes()),
        DataType::Bytes => {
            const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
            let text: Vec<u8> =
                (0..string_length).map(|_| LETTERS[rng.random_range(0..LETTERS.len())]).collect();
            text_element(&text, data);
        }
        integer => {
            data.push(rng.random_range(0..INTEGERS));
            data.resize(data.len() + integer.size().unwrap_or(1) - 1, 0);
        }
    }
}

/// Appends a string element: its length, then its bytes.
pub(super) fn text_element(text: &[u8], data: &mut Vec<u8>) {
    data.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    data.extend(text);
}

/// The string elements of a tensor, as far as its lengths are right.
pub(super) fn strings(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        data = rest;
        Some(text)
    })
}

/// The lengths of lists within lists, by their first items.
fn nesting(mut value: &Json) -> Vec<i64> {
    let mut shape = Vec::new();
    while let Json::Array(items) = value {
        shape.push(i64::try_from(items.len()).unwrap_or(i64::MAX));
        match items.first() {
            Some(first) => value = first,
            None => break,
        }
    }
    shape
}

/// Appends all elements in order; returns how many there are.
fn flatten(value: &Json, datatype: DataType, data: &mut Vec<u8>) -> Result<u64, String> {
    match value {
        Json::Array(items) => {
            items.iter().try_fold(0, |count, item| Ok(count + flatten(item, datatype, data)?))
        }
        element => {
            let known = element_of(element, datatype, data).is_some();
            if known { Ok(1) } else { Err(format!("{element} is no {datatype}")) }
        }
    }
}

/// Appends one element; nothing if it is not of the type.
fn element_of(value: &Json, datatype: DataType, data: &mut Vec<u8>) -> Option<()> {
    let whole = || {
        let number = value.as_number()?;
        number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
    };
    match datatype {
        DataType::Bool => data.push(match value {
            Json::Bool(value) => u8::from(*value),
            _ => u8::try_from(whole()?).ok().filter(|&bit| bit < 2)?,
        }),
        DataType::Uint8 => data.extend(u8::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Uint16 => data.extend(u16::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Uint32 => data.extend(u32::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Uint64 => data.extend(u64::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Int8 => data.extend(i8::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Int16 => data.extend(i16::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Int32 => data.extend(i32::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Int64 => data.extend(i64::try_from(whole()?).ok()?.to_le_bytes()),
        DataType::Fp16 => data.extend(f16::from_f64(value.as_f64()?).to_le_bytes()),
        DataType::Bf16 => data.extend(bf16::from_f64(value.as_f64()?).to_le_bytes()),
        DataType::Fp32 => data.extend((value.as_f64()? as f32).to_le_bytes()),
        DataType::Fp64 => data.extend(value.as_f64()?.to_le_bytes()),
        DataType::Bytes => text_element(value.as_str()?.as_bytes(), data),
    }
    Some(())
}

fn json_text(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Json::from(text).to_string()),
        Err(_) => {
            Err("its bytes are no text and cannot be written as JSON: use --tensor-encoding binary"
                .to_owned())
        }
    }
}

/// One element of a type of fixed size.
fn json_number(datatype: DataType, bytes: &[u8]) -> Result<String, String> {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(wide);
    // Shifted up and down again, the sign fills the upper bytes.
    let unused = 64 - 8 * bytes.len() as u32;
    let signed = (unsigned << unused) as i64 >> unused;
    let mut text = String::new();
    let fraction = match datatype {
        DataType::Fp16 => f64::from(f16::from_bits(unsigned as u16)),
        DataType::Fp32 => f64::from(f32::from_bits(unsigned as u32)),
        DataType::Fp64 => f64::from_bits(unsigned),
        _ => 0.0,
    };
    if !fraction.is_finite() {
        return Err(format!("{fraction} cannot be written as JSON: use --tensor-encoding binary"));
    }
    // Writing to a string cannot fail.
    let _ = match datatype {
        DataType::Bool => write!(text, "{}", unsigned != 0),
        DataType::Fp32 => write!(text, "{}", f32::from_bits(unsigned as u32)),
        DataType::Fp16 | DataType::Fp64 => write!(text, "{fraction}"),
        DataType::Uint8 | DataType::Uint16 | DataType::Uint32 | DataType::Uint64 => {
            write!(text, "{unsigned}")
        }
        _ => write!(text, "{signed}"),
    };
    Ok(text)
}

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::Seed;
    use serde_json::json;

    use super::*;

    fn spec(datatype: DataType, shape: &[i64]) -> TensorSpec {
        TensorSpec { name: "x".to_owned(), datatype, shape: shape.to_vec() }
    }

    #[test]
    fn every_type_survives_json_and_back() {
        for datatype in DataType::ALL.into_iter().filter(|&datatype| datatype != DataType::Bf16) {
            let mut rng = Seed(3).stream("t");
            let tensor = Tensor::synthesise(&spec(datatype, &[2, 3]), 5, Some(&mut rng)).unwrap();
            assert_eq!(tensor.count(), 6, "{datatype}");
            let mut text = String::new();
            tensor.write_nested(&[2, 3], &mut text).unwrap();
            let back = Tensor::from_json("x", datatype, &serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(back, tensor, "{text}");
            let zero = Tensor::synthesise(&spec(datatype, &[2, 3]), 5, None).unwrap();
            assert_eq!((zero.count(), zero.data.len()), (6, tensor.data.len()), "{datatype}");
        }
    }

    #[test]
    fn the_ends_of_types_are_kept_and_not_crossed() {
        for (datatype, values, fits) in [
            (DataType::Int8, json!([-128, 127]), true),
            (DataType::Int8, json!([128]), false),
            (DataType::Uint8, json!([-1]), false),
            (DataType::Int64, json!([i64::MIN, i64::MAX]), true),
            (DataType::Uint64, json!([u64::MAX]), true),
            (DataType::Int32, json!([1.5]), false),
            (DataType::Bool, json!([true, 0, 1]), true),
            (DataType::Bool, json!([2]), false),
            (DataType::Bytes, json!(["grün", ""]), true),
            (DataType::Bytes, json!([1]), false),
            (DataType::Fp32, json!([[1, 2], [3]]), false),
            (DataType::Fp32, json!([[0.1, 2], [3, -4e20]]), true),
        ] {
            let tensor = Tensor::from_json("x", datatype, &values);
            assert_eq!(tensor.is_ok(), fits, "{datatype} {values}: {tensor:?}");
            if let Ok(tensor) = tensor {
                let mut text = String::new();
                tensor.write_json(&mut text).unwrap();
                let again = Tensor::from_json("x", datatype, &serde_json::from_str(&text).unwrap()).unwrap();
                assert_eq!(again.data, tensor.data, "{text}");
            }
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        let write = |datatype, data: &[u8]| {
            let tensor = Tensor { spec: spec(datatype, &[1]), data: Bytes::copy_from_slice(data) };
            tensor.write_json(&mut String::new()).unwrap_err()
        };
        for error in [
            write(DataType::Bf16, &[0, 0]),
            write(DataType::Fp32, &f32::NAN.to_le_bytes()),
            write(DataType::Fp16, &f16::INFINITY.to_le_bytes()),
            write(DataType::Bytes, b"\x01\0\0\0\xff"),
        ] {
            assert!(error.contains("--tensor-encoding binary"), "{error}");
        }
        let huge = Tensor::synthesise(&spec(DataType::Fp64, &[1 << 40]), 0, None);
        assert!(matches!(huge, Err(PayloadError::TooLarge(_))));
    }
}
