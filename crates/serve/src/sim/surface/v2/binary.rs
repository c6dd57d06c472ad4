//! The binary tensor extension: where the JSON of a body ends, and the tensors behind it.

use plimsoll_core::spec::tensors::DataType;

use super::json;
use super::json::InputJson;
use super::tensor::{Tensor, elements};
use crate::sim::surface::{Refusal, Request};

/// The JSON of a request and the bytes behind it.
///
/// # Errors
/// 400: `Inference-Header-Content-Length` is longer than the body.
pub(super) fn split<'a>(request: &Request<'a>) -> Result<(&'a [u8], &'a [u8]), Refusal> {
    let Some(length) = request.json_length else {
        return Ok((request.body, &[]));
    };
    request.body.split_at_checked(length).ok_or_else(|| {
        let had = request.body.len();
        Refusal::bad_request(&format!(
            "Inference-Header-Content-Length is {length}, but the body has only {had} bytes"
        ))
    })
}

/// The input with its values, which come from the JSON or from the front of `behind`.
///
/// # Errors
/// 400: datatype, shape and values do not agree.
pub(super) fn tensor(input: InputJson, behind: &mut &[u8]) -> Result<Tensor, Refusal> {
    let InputJson { name, datatype, shape, data, parameters } = input;
    let bad = |message: String| Err(Refusal::bad_request(&format!("input '{name}' {message}")));
    let Some(datatype) = DataType::from_name(&datatype) else {
        return bad(format!("has the unknown datatype '{datatype}'"));
    };
    if parameters.shared_memory_region.is_some() {
        return bad("is in shared memory: this server takes tensors in the request only".to_owned());
    }
    let Some(count) = elements(&shape) else {
        return bad(format!("has a shape beyond all bounds: {shape:?}"));
    };
    let data = match (parameters.binary_data_size, data) {
        (Some(_), Some(_)) => return bad("has both 'data' and 'binary_data_size'".to_owned()),
        (None, None) => return bad("has neither 'data' nor 'binary_data_size'".to_owned()),
        (Some(size), None) => {
            let had = behind.len();
            let Some((data, rest)) = behind.split_at_checked(size) else {
                return bad(format!("has {size} bytes behind the JSON, but only {had} are left there"));
            };
            *behind = rest;
            data.to_vec()
        }
        (None, Some(json::Elements(given))) => json::bytes_of(&name, datatype, &given)?,
    };
    let given = match datatype.size() {
        Some(size) => (data.len() % size == 0).then_some(data.len() / size),
        None => json::texts(&data).map(Iterator::count),
    };
    match given {
        Some(given) if given == count => Ok(Tensor { name, datatype, shape, data }),
        Some(given) => bad(format!("has {given} elements, but its shape {shape:?} means {count}")),
        None => bad(format!("has bytes that are no whole elements of {}", datatype.name())),
    }
}

/// A body that is nothing but the one input of the model: an open dimension is what its length leaves.
///
/// # Errors
/// 400: the model has several inputs, or the length does not fit.
pub(super) fn raw(slots: &[super::tensor::Slot], body: &[u8]) -> Result<Tensor, Refusal> {
    let [slot] = slots else {
        return Err(Refusal::bad_request("a raw request is for models with one input only"));
    };
    let fixed: u64 = slot.shape.iter().filter_map(|length| u64::try_from(*length).ok()).product();
    let unit = slot.datatype.size().map(|size| size as u64 * fixed);
    let (data, count) = match unit {
        Some(unit) => {
            (body.to_vec(), Some(body.len() as u64 / unit).filter(|count| count * unit == body.len() as u64))
        }
        // One element, without its length.
        None => {
            let mut data = Vec::with_capacity(body.len() + 4);
            json::push_text(body, &mut data).ok_or_else(|| Refusal::bad_request("the body is too long"))?;
            (data, Some(1))
        }
    };
    let mut left = count.filter(|count| *count > 0).ok_or_else(|| {
        Refusal::bad_request(&format!("{} bytes are no whole rows of input '{}'", body.len(), slot.name))
    })?;
    // The first open dimension takes all.
    let length = |length: &i64| u64::try_from(*length).unwrap_or_else(|_| std::mem::replace(&mut left, 1));
    let shape: Vec<u64> = slot.shape.iter().map(length).collect();
    if left > 1 {
        let message = format!("{} bytes are too many for input '{}'", body.len(), slot.name);
        return Err(Refusal::bad_request(&message));
    }
    Ok(Tensor { name: slot.name.clone(), datatype: slot.datatype, shape, data })
}
