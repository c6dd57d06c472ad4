//! `infer`: tensors in, tensors out. A request with a `text_input` is one for text, as TensorRT-LLM's models take it.

use plimsoll_core::spec::tensors::DataType;
use serde_json::{Map, Value, json};

use super::binary;
use super::json::{InferJson, OutputJson, elements_of, push_text, texts};
use super::tensor::{ModelTensors, Slot, Tensor, elements};
use crate::sim::frames;
use crate::sim::reply::Document;
use crate::sim::surface::prompt::Prompt;
use crate::sim::surface::{
    About, Ending, Moment, Refusal, Reply, Request, Understood, Whole, Work, classic, json_body,
    wanted_tokens,
};

/// Reads a request.
///
/// # Errors
/// 400: what is asked does not fit the model.
pub(super) fn read(model: String, request: &Request<'_>, about: &About<'_>) -> Result<Understood, Refusal> {
    let options = &about.script.options;
    if request.json_length == Some(0) {
        let input = binary::raw(&options.inputs.0, request.body)?;
        let outputs = options.outputs.0.iter().map(|slot| Wanted { name: slot.name.clone(), binary: true });
        return Ok(classic_work(Head { model, id: None }, &[input], outputs.collect(), &options.outputs));
    }
    let (head, mut behind) = binary::split(request)?;
    let InferJson { id, inputs, outputs, parameters } = json_body(head)?;
    let mut inputs =
        inputs.into_iter().map(|input| binary::tensor(input, &mut behind)).collect::<Result<Vec<_>, _>>()?;
    if !behind.is_empty() {
        let message = format!("{} bytes behind the JSON belong to no input", behind.len());
        return Err(Refusal::bad_request(&message));
    }
    let wanted = |slots: &[Slot]| wanted(outputs.as_deref(), slots, parameters.binary_data_output);
    let head = Head { model, id };
    if inputs.iter().any(|input| input.name == "text_input")
        && !options.inputs.0.iter().any(|slot| slot.name == "text_input")
    {
        let slot = Slot { name: "text_output".to_owned(), datatype: DataType::Bytes, shape: vec![1] };
        let wanted = wanted(&[slot])?;
        return text_work(head, &inputs, wanted).map(Understood::Work);
    }
    check(&inputs, &options.inputs, &head.model)?;
    inputs.sort_by_key(|input| options.inputs.0.iter().position(|slot| slot.name == input.name));
    let wanted = wanted(&options.outputs.0)?;
    Ok(classic_work(head, &inputs, wanted, &options.outputs))
}

/// What the answer repeats of the request.
#[derive(Debug)]
struct Head {
    model: String,
    id: Option<String>,
}

/// An output that is asked for.
#[derive(Clone, Debug)]
struct Wanted {
    name: String,
    binary: bool,
}

fn wanted(asked: Option<&[OutputJson]>, slots: &[Slot], binary: bool) -> Result<Vec<Wanted>, Refusal> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(slots.iter().map(|slot| Wanted { name: slot.name.clone(), binary }).collect());
    };
    let one = |output: &OutputJson| {
        let OutputJson { name, parameters } = output;
        if !slots.iter().any(|slot| slot.name == *name) {
            return Err(Refusal::bad_request(&format!(
                "unexpected output '{name}': the model does not give it"
            )));
        }
        if parameters.classification.is_some() || parameters.shared_memory_region.is_some() {
            let message = format!("output '{name}' can come as a tensor in the answer only");
            return Err(Refusal::bad_request(&message));
        }
        Ok(Wanted { name: name.clone(), binary: parameters.binary_data.unwrap_or(binary) })
    };
    asked.iter().map(one).collect()
}

/// Whether the inputs are those of the model.
fn check(inputs: &[Tensor], slots: &ModelTensors, model: &str) -> Result<(), Refusal> {
    let missing = slots.0.iter().find(|slot| !inputs.iter().any(|input| input.name == slot.name));
    if let Some(Slot { name, .. }) = missing {
        let (had, need) = (inputs.len(), slots.0.len());
        let message =
            format!("expected {need} inputs but got {had} for model '{model}': input '{name}' is missing");
        return Err(Refusal::bad_request(&message));
    }
    for (place, Tensor { name, datatype, shape, .. }) in inputs.iter().enumerate() {
        let slot = slots.0.iter().find(|slot| slot.name == *name);
        let known = slot.filter(|_| !inputs[..place].iter().any(|earlier| earlier.name == *name));
        let Some(slot) = known else {
            return Err(Refusal::bad_request(&format!("unexpected input '{name}' for model '{model}'")));
        };
        if slot.datatype != *datatype {
            let (had, need) = (datatype.name(), slot.datatype.name());
            let message = format!("input '{name}' has the datatype {had}, but model '{model}' takes {need}");
            return Err(Refusal::bad_request(&message));
        }
        if !slot.fits(shape) {
            let need = &slot.shape;
            let message = format!(
                "unexpected shape for input '{name}' of model '{model}': expected {need:?}, got {shape:?}"
            );
            return Err(Refusal::bad_request(&message));
        }
    }
    Ok(())
}

/// The outputs of a classic model: values of the input at the same place, where datatype and number of elements agree,
/// else ones.
fn classic_work(head: Head, inputs: &[Tensor], wanted: Vec<Wanted>, slots: &ModelTensors) -> Understood {
    let rows = inputs.first().and_then(|input| input.shape.first()).copied().unwrap_or(1);
    let like = inputs.first().map(|input| input.shape.clone()).unwrap_or_default();
    let output = |(place, slot): (usize, &Slot)| {
        let shape = slot.filled(&like);
        let count = elements(&shape).unwrap_or(0);
        let echo = inputs
            .get(place)
            .filter(|input| input.datatype == slot.datatype && elements(&input.shape) == Some(count));
        let data = echo.map_or_else(|| ones(slot.datatype, count), |input| input.data.clone());
        Tensor { name: slot.name.clone(), datatype: slot.datatype, shape, data }
    };
    let outputs = slots.0.iter().enumerate().map(output).collect();
    let answer = Tensors { head, outputs, wanted };
    let jobs = vec![classic(usize::try_from(rows).unwrap_or(usize::MAX))];
    Understood::Work(Work { jobs, reply: Reply::Whole(Box::new(answer)) })
}

/// So many elements that are one, true, or the text `sim`.
fn ones(datatype: DataType, count: usize) -> Vec<u8> {
    let one: Vec<u8> = match datatype {
        DataType::Fp16 => 0x3c00_u16.to_le_bytes().to_vec(),
        DataType::Bf16 => 0x3f80_u16.to_le_bytes().to_vec(),
        DataType::Fp32 => 1_f32.to_le_bytes().to_vec(),
        DataType::Fp64 => 1_f64.to_le_bytes().to_vec(),
        DataType::Bytes => b"\x03\0\0\0sim".to_vec(),
        whole => {
            let mut one = vec![0; whole.size().unwrap_or(1)];
            one[0] = 1;
            one
        }
    };
    one.repeat(count)
}

/// Writes the outputs of a classic model.
#[derive(Debug)]
struct Tensors {
    head: Head,
    outputs: Vec<Tensor>,
    wanted: Vec<Wanted>,
}

impl Whole for Tensors {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let is_empty = ends.iter().any(|end| end.short);
        let wanted = if is_empty { &[][..] } else { &self.wanted };
        write(&self.head, &self.outputs, wanted, at)
    }
}

fn text_work(head: Head, inputs: &[Tensor], wanted: Vec<Wanted>) -> Result<Work, Refusal> {
    let tensor = |name| inputs.iter().find(|tensor| tensor.name == name);
    let text = tensor("text_input").filter(|tensor| tensor.datatype == DataType::Bytes);
    let text =
        text.and_then(|tensor| texts(&tensor.data)?.next()).and_then(|text| std::str::from_utf8(text).ok());
    let text = text.ok_or_else(|| Refusal::bad_request("the input `text_input` is missing or not a text"))?;
    let tokens = match tensor("max_tokens") {
        None => None,
        Some(tensor) => {
            let first = elements_of(tensor.datatype, &tensor.data).unwrap_or_default().into_iter().next();
            let tokens = first.and_then(|first| first.as_u64()).and_then(|tokens| u32::try_from(tokens).ok());
            Some(tokens.ok_or_else(|| Refusal::bad_request("the input `max_tokens` is not a whole number"))?)
        }
    };
    let jobs = vec![Prompt::of_text(text).ask(wanted_tokens(tokens, "max_tokens")?)];
    let answer = TextOutput { head, echo: text.to_owned(), wanted };
    Ok(Work { jobs, reply: Reply::Whole(Box::new(answer)) })
}

/// Writes the prompt and what was generated after it.
#[derive(Debug)]
struct TextOutput {
    head: Head,
    echo: String,
    wanted: Vec<Wanted>,
}

impl Whole for TextOutput {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let tokens = ends.first().map_or(0, |end| end.tokens);
        let text = format!("{}{}", self.echo, frames::text(tokens));
        let mut data = Vec::with_capacity(text.len() + 4);
        push_text(text.as_bytes(), &mut data).unwrap_or_default();
        let output =
            Tensor { name: "text_output".to_owned(), datatype: DataType::Bytes, shape: vec![1], data };
        write(&self.head, &[output], &self.wanted, at)
    }
}

/// The document: JSON, and behind it the tensors that are wanted in binary.
fn write(head: &Head, outputs: &[Tensor], wanted: &[Wanted], at: &Moment<'_>) -> Document {
    let mut behind = Vec::new();
    let mut described = Vec::with_capacity(wanted.len());
    for Wanted { name, binary } in wanted {
        let Some(tensor) = outputs.iter().find(|tensor| tensor.name == *name) else {
            continue; // only outputs of the model are wanted: they have been checked
        };
        let mut output = Map::new();
        output.insert("name".to_owned(), name.as_str().into());
        output.insert("datatype".to_owned(), tensor.datatype.name().into());
        output.insert("shape".to_owned(), tensor.shape.as_slice().into());
        match (binary, elements_of(tensor.datatype, &tensor.data)) {
            (false, Some(elements)) => {
                output.insert("data".to_owned(), elements.into());
            }
            // What has no form in JSON comes in binary all the same.
            (true, _) | (false, None) => {
                output.insert("parameters".to_owned(), json!({"binary_data_size": tensor.data.len()}));
                behind.extend_from_slice(&tensor.data);
            }
        }
        described.push(Value::Object(output));
    }
    let id = head.id.as_ref().map_or(String::new(), |id| format!("\"id\":{},", Value::from(id.as_str())));
    let model = Value::from(head.model.as_str());
    let has_binary = described.iter().any(|output| output.get("parameters").is_some());
    let text = format!(
        "{{{id}\"model_name\":{model},\"model_version\":\"1\",\"system_fingerprint\":\"plimsoll:{}\",\"outputs\":{}}}",
        at.stamp,
        Value::from(described),
    );
    if has_binary { Document::with_tensors(text, &behind) } else { Document::json(200, text) }
}
