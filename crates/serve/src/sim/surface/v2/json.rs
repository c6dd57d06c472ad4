//! Tensors in JSON, and the rest of the JSON of an inference request.

use std::fmt;

use plimsoll_core::spec::tensors::DataType;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::sim::surface::Refusal;

#[derive(Deserialize)]
pub(super) struct InferJson {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) inputs: Vec<InputJson>,
    pub(super) outputs: Option<Vec<OutputJson>>,
    #[serde(default)]
    pub(super) parameters: RequestParameters,
}

#[derive(Default, Deserialize)]
pub(super) struct RequestParameters {
    #[serde(default)]
    pub(super) binary_data_output: bool,
}

#[derive(Deserialize)]
pub(super) struct InputJson {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) shape: Vec<u64>,
    pub(super) data: Option<Elements>,
    #[serde(default)]
    pub(super) parameters: TensorParameters,
}

#[derive(Deserialize)]
pub(super) struct OutputJson {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: TensorParameters,
}

#[derive(Default, Deserialize)]
pub(super) struct TensorParameters {
    pub(super) binary_data_size: Option<usize>,
    pub(super) binary_data: Option<bool>,
    pub(super) shared_memory_region: Option<String>,
    pub(super) classification: Option<u64>,
}

/// The elements of a tensor, however they are nested.
#[derive(Debug, Default)]
pub(super) struct Elements(pub(super) Vec<Value>);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut elements = Elements::default();
        deserializer.deserialize_seq(Flatten(&mut elements.0))?;
        Ok(elements)
    }
}

struct Flatten<'a>(&'a mut Vec<Value>);

impl<'de> Visitor<'de> for Flatten<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the elements of a tensor: numbers, texts, true or false, and lists of them")
    }

    fn visit_bool<E>(self, element: bool) -> Result<(), E> {
        self.0.push(element.into());
        Ok(())
    }

    fn visit_u64<E>(self, element: u64) -> Result<(), E> {
        self.0.push(element.into());
        Ok(())
    }

    fn visit_i64<E>(self, element: i64) -> Result<(), E> {
        self.0.push(element.into());
        Ok(())
    }

    fn visit_f64<E>(self, element: f64) -> Result<(), E> {
        self.0.push(element.into());
        Ok(())
    }

    fn visit_str<E>(self, element: &str) -> Result<(), E> {
        self.0.push(element.into());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Flatten(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Flatten<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The bytes of elements that came as JSON.
///
/// # Errors
/// 400: an element is not of the datatype, or the datatype has no form in JSON.
pub(super) fn bytes_of(name: &str, datatype: DataType, elements: &[Value]) -> Result<Vec<u8>, Refusal> {
    let mut data = Vec::with_capacity(elements.len() * datatype.size().unwrap_or(8));
    for element in elements {
        push(datatype, element, &mut data).ok_or_else(|| {
            let shown: String = element.to_string().chars().take(40).collect();
            let kind = datatype.name();
            Refusal::bad_request(&format!(
                "input '{name}' has the element {shown}, which is not {kind} in JSON"
            ))
        })?;
    }
    Ok(data)
}

fn push(datatype: DataType, element: &Value, data: &mut Vec<u8>) -> Option<()> {
    let whole = |least: i128, most: i128| {
        let number = element.as_u64().map(i128::from).or_else(|| element.as_i64().map(i128::from))?;
        (least..=most).contains(&number).then_some(number)
    };
    // The range has been checked: the casts keep the number.
    match datatype {
        DataType::Bool => data.push(u8::from(element.as_bool()?)),
        DataType::Uint8 => data.push(whole(0, u8::MAX.into())? as u8),
        DataType::Uint16 => data.extend((whole(0, u16::MAX.into())? as u16).to_le_bytes()),
        DataType::Uint32 => data.extend((whole(0, u32::MAX.into())? as u32).to_le_bytes()),
        DataType::Uint64 => data.extend(element.as_u64()?.to_le_bytes()),
        DataType::Int8 => data.extend((whole(i8::MIN.into(), i8::MAX.into())? as i8).to_le_bytes()),
        DataType::Int16 => data.extend((whole(i16::MIN.into(), i16::MAX.into())? as i16).to_le_bytes()),
        DataType::Int32 => data.extend((whole(i32::MIN.into(), i32::MAX.into())? as i32).to_le_bytes()),
        DataType::Int64 => data.extend(element.as_i64()?.to_le_bytes()),
        DataType::Fp32 => data.extend((element.as_f64()? as f32).to_le_bytes()),
        DataType::Fp64 => data.extend(element.as_f64()?.to_le_bytes()),
        DataType::Fp16 | DataType::Bf16 => return None,
        DataType::Bytes => push_text(element.as_str()?.as_bytes(), data)?,
    }
    Some(())
}

/// Appends an element of BYTES.
pub(super) fn push_text(text: &[u8], data: &mut Vec<u8>) -> Option<()> {
    data.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
    data.extend_from_slice(text);
    Some(())
}

/// Elements as JSON; nothing if the datatype has no form there, or the bytes are no text.
pub(super) fn elements_of(datatype: DataType, data: &[u8]) -> Option<Vec<Value>> {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    Some(match datatype {
        DataType::Bool => data.iter().map(|byte| (*byte != 0).into()).collect(),
        DataType::Uint8 => data.iter().map(|byte| (*byte).into()).collect(),
        DataType::Uint16 => each(data, |bytes| u16::from_le_bytes(bytes).into()),
        DataType::Uint32 => each(data, |bytes| u32::from_le_bytes(bytes).into()),
        DataType::Uint64 => each(data, |bytes| u64::from_le_bytes(bytes).into()),
        DataType::Int8 => each(data, |bytes| i8::from_le_bytes(bytes).into()),
        DataType::Int16 => each(data, |bytes| i16::from_le_bytes(bytes).into()),
        DataType::Int32 => each(data, |bytes| i32::from_le_bytes(bytes).into()),
        DataType::Int64 => each(data, |bytes| i64::from_le_bytes(bytes).into()),
        // The shortest text of an f32 names it exactly; as an f64 it would have digits that nobody sent.
        DataType::Fp32 => each(data, |bytes| {
            let number = f32::from_le_bytes(bytes);
            serde_json::from_str(&format!("{number:?}")).unwrap_or(Value::Null)
        }),
        DataType::Fp64 => each(data, |bytes| float(f64::from_le_bytes(bytes))),
        DataType::Fp16 | DataType::Bf16 => return None,
        DataType::Bytes => texts(data)?
            .map(|text| String::from_utf8(text.to_vec()).map(Value::from))
            .collect::<Result<_, _>>()
            .ok()?,
    })
}

fn each<const SIZE: usize>(data: &[u8], value: impl Fn([u8; SIZE]) -> Value) -> Vec<Value> {
    data.as_chunks::<SIZE>().0.iter().map(|bytes| value(*bytes)).collect()
}

/// The elements of BYTES; nothing if the lengths do not add up.
pub(super) fn texts(mut data: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        texts.push(text);
        data = rest;
    }
    data.is_empty().then(|| texts.into_iter())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_come_back_as_they_went() {
        for (datatype, elements) in [
            (DataType::Bool, json!([true, false])),
            (DataType::Uint8, json!([0, 255])),
            (DataType::Uint16, json!([0, 65535])),
            (DataType::Uint32, json!([0, u32::MAX])),
            (DataType::Uint64, json!([0, u64::MAX])),
            (DataType::Int8, json!([-128, 127])),
            (DataType::Int16, json!([-32768, 32767])),
            (DataType::Int32, json!([i32::MIN, i32::MAX])),
            (DataType::Int64, json!([i64::MIN, i64::MAX])),
            (DataType::Fp32, json!([0.1, -2.5])),
            (DataType::Fp64, json!([0.1, -2.5])),
            (DataType::Bytes, json!(["", "\u{fc}x"])),
        ] {
            let given = elements.as_array().unwrap();
            let bytes = bytes_of("x", datatype, given).unwrap();
            assert_eq!(&elements_of(datatype, &bytes).unwrap(), given, "{datatype:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (datatype, element) in [
            (DataType::Uint8, json!(256)),
            (DataType::Uint8, json!(-1)),
            (DataType::Int8, json!(128)),
            (DataType::Int32, json!(1.5)),
            (DataType::Fp32, json!("1")),
            (DataType::Bool, json!(1)),
            (DataType::Bytes, json!(1)),
            (DataType::Fp16, json!(1.0)),
        ] {
            assert_eq!(bytes_of("x", datatype, &[element]).unwrap_err().status, 400, "{datatype:?}");
        }
    }

    #[test]
    fn nesting_does_not_matter_and_lengths_must_add_up() {
        let Elements(flat) = serde_json::from_str("[[1,[2]],3]").unwrap();
        assert_eq!(flat, [json!(1), json!(2), json!(3)]);
        assert!(serde_json::from_str::<Elements>(r#"[{"x":1}]"#).is_err());
        for bad in [&[1, 0, 0][..], &[2, 0, 0, 0, b'x']] {
            assert!(texts(bad).is_none(), "{bad:?}");
        }
    }
}
