//! Reads the tensors of requests from files and from JSON.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use plimsoll_core::spec::tensors::{DataType, OPEN, PayloadSpec, TensorSpec, elements};
use serde_json::{Map, Value as Json};

use super::PayloadError;
use super::error::unusable;
use super::npy;
use super::shapes::{dims_text, written};
use super::tensor::{Tensor, text_element};

/// The tensors of one request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) tensors: Vec<Tensor>,
    /// Parameters of the request, from a body that has them.
    pub(super) parameters: Option<Json>,
}

/// The requests of a file or a folder: one for each line of JSONL, else one.
pub(super) fn requests(path: &Path, spec: &PayloadSpec) -> Result<Vec<Request>, PayloadError> {
    let place = path.display().to_string();
    if path.is_dir() {
        return folder(path, spec).map(|tensors| vec![Request { tensors, parameters: None }]);
    }
    match extension(path) {
        "json" => from_json(&place, &text(path)?, spec).map(|request| vec![request]),
        "jsonl" => lines(path)?.into_iter().map(|(place, line)| from_json(&place, &line, spec)).collect(),
        _ => {
            let input = only_input(spec).map_err(|reason| unusable(&place, reason))?;
            let tensor = fit(values_of_file(path, input)?, Some(input), spec);
            let tensors = vec![tensor.map_err(|reason| unusable(&place, reason))?];
            Ok(vec![Request { tensors, parameters: None }])
        }
    }
}

/// The request of a JSON text: a body of the protocol, or an object with the values of each input by its name.
pub(super) fn from_json(place: &str, text: &str, spec: &PayloadSpec) -> Result<Request, PayloadError> {
    let wrong = |reason: String| unusable(place, reason);
    let json: Json = serde_json::from_str(text).map_err(|error| wrong(format!("it is no JSON ({error})")))?;
    match &json {
        Json::Object(body) if is_body(body) => body_of(body, spec).map_err(wrong),
        Json::Object(values) => {
            let tensor = |(name, values): (&String, &Json)| {
                let input = input_named(spec, name)?;
                fit(Tensor::from_json(name, input.datatype, values)?, Some(input), spec)
                    .map_err(|reason| format!("input {name}: {reason}"))
            };
            let tensors: Result<Vec<_>, String> = values.iter().map(tensor).collect();
            Ok(Request { tensors: complete(tensors.map_err(wrong)?).map_err(wrong)?, parameters: None })
        }
        Json::Array(_) => {
            let input = only_input(spec).map_err(wrong)?;
            let tensor = Tensor::from_json(&input.name, input.datatype, &json);
            let tensor = tensor.and_then(|tensor| fit(tensor, Some(input), spec)).map_err(wrong)?;
            Ok(Request { tensors: vec![tensor], parameters: None })
        }
        _ => Err(wrong("write {\"inputs\": […]} as the server takes it, or {\"INPUT0\": […]}".to_owned())),
    }
}

fn complete(tensors: Vec<Tensor>) -> Result<Vec<Tensor>, String> {
    if tensors.is_empty() { Err("it has no inputs".to_owned()) } else { Ok(tensors) }
}

/// Whether an object is a whole request: a list of objects called `inputs`.
fn is_body(object: &Map<String, Json>) -> bool {
    let inputs = object.get("inputs").and_then(Json::as_array);
    inputs.is_some_and(|inputs| inputs.iter().all(|input| input.get("datatype").is_some()))
}

fn body_of(body: &Map<String, Json>, spec: &PayloadSpec) -> Result<Request, String> {
    let inputs = body.get("inputs").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let tensors = inputs.iter().map(|input| {
        let name = input.get("name").and_then(Json::as_str).ok_or("an input has no name")?;
        let wrong = |what: &str| format!("input {name} {what}");
        let datatype = input.get("datatype").and_then(Json::as_str).and_then(DataType::from_name);
        let datatype = datatype.ok_or_else(|| wrong("has no type of the protocol"))?;
        let dims = input.get("shape").and_then(Json::as_array).ok_or_else(|| wrong("has no shape"))?;
        let shape: Option<Vec<i64>> = dims.iter().map(|dim| dim.as_i64().filter(|&dim| dim >= 0)).collect();
        let shape = shape.ok_or_else(|| wrong("has a shape that is none"))?;
        let data = input.get("data").ok_or_else(|| wrong("has no data"))?;
        let mut tensor =
            Tensor::from_json(name, datatype, data).map_err(|reason| wrong(&format!(": {reason}")))?;
        if elements(&shape) != Some(tensor.count()) {
            return Err(wrong(&format!(
                "has {} elements, and its shape is {}",
                tensor.count(),
                dims_text(&shape)
            )));
        }
        tensor.spec.shape = shape;
        fit(tensor, None, spec)
    });
    let parameters = body.get("parameters").cloned();
    Ok(Request { tensors: complete(tensors.collect::<Result<_, String>>()?)?, parameters })
}

/// One file for each input, by its name.
fn folder(path: &Path, spec: &PayloadSpec) -> Result<Vec<Tensor>, PayloadError> {
    if spec.inputs.is_empty() {
        return Err(PayloadError::NoInputs);
    }
    spec.inputs
        .iter()
        .map(|input| {
            // A slash in a tensor's name cannot be in a file's.
            let name = input.name.replace('/', "_");
            let names = ["npy", "json", "bin", "raw", "txt"].map(|extension| format!("{name}.{extension}"));
            let files = std::iter::once(&name).chain(&names).map(|name| path.join(name));
            let file = files.into_iter().find(|file| file.is_file()).ok_or_else(|| {
                unusable(path.display().to_string(), format!("it has no {name}.npy, .json, .bin or .raw"))
            })?;
            let tensor = fit(values_of_file(&file, input)?, Some(input), spec);
            tensor.map_err(|reason| unusable(file.display().to_string(), reason))
        })
        .collect()
}

/// The values in a file of one input.
fn values_of_file(path: &Path, input: &TensorSpec) -> Result<Tensor, PayloadError> {
    let content = bytes(path)?;
    let wrong = |reason: String| unusable(path.display().to_string(), reason);
    match extension(path) {
        "npy" => npy::parse(&input.name, &content).map_err(wrong),
        "json" => {
            let json = serde_json::from_slice(&content)
                .map_err(|error| wrong(format!("it is no JSON ({error})")))?;
            Tensor::from_json(&input.name, input.datatype, &json).map_err(wrong)
        }
        _ => raw(input, content).map_err(wrong),
    }
}

/// Bytes as they are: the elements of a tensor, or one string.
fn raw(input: &TensorSpec, content: Bytes) -> Result<Tensor, String> {
    let spec = |count: usize| TensorSpec { shape: vec![count as i64], ..input.clone() };
    let Some(size) = input.datatype.size() else {
        let mut data = Vec::with_capacity(content.len() + 4);
        text_element(&content, &mut data);
        return Ok(Tensor { spec: spec(1), data: data.into() });
    };
    if !content.len().is_multiple_of(size) {
        return Err(format!("its {} bytes are no whole number of {}", content.len(), input.datatype));
    }
    Ok(Tensor { spec: spec(content.len() / size), data: content })
}

/// Brings values into the shape of their input: flat ones take it, a missing first dimension is that of the batch, and
/// one item is repeated as often as the batch wants.
fn fit(mut tensor: Tensor, input: Option<&TensorSpec>, spec: &PayloadSpec) -> Result<Tensor, String> {
    let batch = spec.batch_size.map(|batch| i64::from(batch.get()));
    if let Some(input) = input {
        if tensor.spec.datatype != input.datatype {
            return Err(format!(
                "its values are {}, and the input takes {}",
                tensor.spec.datatype, input.datatype
            ));
        }
        let rank = tensor.spec.shape.len();
        if rank == 1
            && input.shape.len() != 1
            && let Some(shape) = shape_for(input, tensor.count(), batch)
        {
            tensor.spec.shape = shape;
        } else if rank + 1 == input.shape.len() {
            tensor.spec.shape.insert(0, 1);
        }
    }
    let first = tensor.spec.shape.first().copied();
    if let Some(batch) = batch.filter(|&batch| first.is_some_and(|first| first != batch)) {
        if first != Some(1) {
            return Err(format!("its shape is {}, and --batch-size {batch}", dims_text(&tensor.spec.shape)));
        }
        tensor.data = tensor.data.repeat(batch as usize).into();
        tensor.spec.shape[0] = batch;
    }
    let fits = |input: &TensorSpec| {
        let pairs = input.shape.iter().zip(&tensor.spec.shape);
        input.shape.len() == tensor.spec.shape.len()
            && pairs.clone().all(|(&own, &dim)| own == OPEN || own == dim)
    };
    match input.filter(|input| !fits(input)) {
        Some(input) => Err(format!(
            "its shape is {}, and the input is {}",
            dims_text(&tensor.spec.shape),
            written(input)
        )),
        None => Ok(tensor),
    }
}

/// The input's shape for so many elements; with one dimension open, or with a batch of one item, they tell it.
fn shape_for(input: &TensorSpec, count: u64, batch: Option<i64>) -> Option<Vec<i64>> {
    let mut shape = input.shape.clone();
    let mut open = shape.iter_mut().filter(|dim| **dim == OPEN);
    if let Some(dim) = open.next() {
        *dim = 1;
        let fixed = elements(&shape)?; // nothing if another one is open
        let first = input.shape.iter().position(|&dim| dim == OPEN)?;
        shape[first] = i64::try_from(count.checked_div(fixed)?).ok()?;
    } else if batch.is_some() && elements(&shape) != Some(count) {
        *shape.first_mut()? = 1;
    }
    (elements(&shape) == Some(count)).then_some(shape)
}

/// The only input of the model.
fn only_input(spec: &PayloadSpec) -> Result<&TensorSpec, String> {
    match spec.inputs.as_slice() {
        [input] => Ok(input),
        [] => Err("the server does not tell the model's inputs: add --shape NAME:1x16:FP32".to_owned()),
        several => {
            let names: Vec<&str> = several.iter().map(|input| input.name.as_str()).collect();
            let names = names.join(", ");
            Err(format!(
                "the model has the inputs {names}: give JSON with all of them, or a folder with a file for each"
            ))
        }
    }
}

fn input_named<'a>(spec: &'a PayloadSpec, name: &str) -> Result<&'a TensorSpec, String> {
    spec.inputs.iter().find(|input| input.name == name).ok_or_else(|| {
        let names: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
        match names.as_slice() {
            [] => format!("the type of {name} is not known: add --shape {name}:1x16:FP32"),
            names => format!("the model has no input {name}: its inputs are {}", names.join(", ")),
        }
    })
}

/// The lines of a JSONL file that are not empty, each with its place.
pub(super) fn lines(path: &Path) -> Result<Vec<(String, String)>, PayloadError> {
    let place = |number: usize| format!("line {number} of {}", path.display());
    let lines = text(path)?;
    let lines = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(|(index, line)| (place(index + 1), line.to_owned())).collect())
}

/// A file's content as text.
pub(super) fn text(path: &Path) -> Result<String, PayloadError> {
    fs::read_to_string(path).map_err(|reason| PayloadError::Read { path: path.to_owned(), reason })
}

/// A file's content.
pub(super) fn bytes(path: &Path) -> Result<Bytes, PayloadError> {
    let content = fs::read(path).map_err(|reason| PayloadError::Read { path: path.to_owned(), reason })?;
    Ok(content.into())
}

/// What a file's name says of its content, in lower case only.
pub(in crate::workload) fn extension(path: &Path) -> &str {
    path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use plimsoll_core::spec::tensors::{Framing, TensorEncoding, Values};
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::{AT_LEAST, PER_BYTE, kept, most_held, mutated};

    fn spec(inputs: &[(&str, DataType, &[i64])], batch: u32) -> PayloadSpec {
        let input = |&(name, datatype, shape): &(&str, DataType, &[i64])| TensorSpec {
            name: name.to_owned(),
            datatype,
            shape: shape.to_vec(),
        };
        PayloadSpec {
            framing: Framing::Tensors { encoding: TensorEncoding::Binary, outputs: Vec::new() },
            values: Values::Path(String::new()),
            shapes: Vec::new(),
            batch_size: NonZeroU32::new(batch),
            string_length: 4,
            model_version: None,
            inputs: inputs.iter().map(input).collect(),
        }
    }

    fn two() -> PayloadSpec {
        spec(&[("a", DataType::Fp32, &[OPEN, 2]), ("b", DataType::Bytes, &[OPEN, 1])], 0)
    }

    /// `a 1x2, b 1x1`.
    fn shapes(request: &Request) -> String {
        let one = |tensor: &Tensor| format!("{} {}", tensor.spec.name, dims_text(&tensor.spec.shape));
        request.tensors.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn json_gives_the_values_of_inputs_nested_or_flat() {
        let single = |batch| spec(&[("a", DataType::Fp32, &[OPEN, 2])], batch);
        for (spec, json, expected) in [
            (two(), r#"{"a":[[1,2]],"b":[["x"]]}"#, Ok("a 1x2, b 1x1")),
            (two(), r#"{"a":[1,2,3,4],"b":["x","y"]}"#, Ok("a 2x2, b 2x1")),
            (two(), r#"{"inputs":[{"name":"z","shape":[3],"datatype":"INT8","data":[1,2,3]}]}"#, Ok("z 3")),
            (single(0), "[[1,2],[3,4]]", Ok("a 2x2")),
            (single(3), "[1,2]", Ok("a 3x2")),
            (single(3), "[[1,2],[3,4]]", Err("--batch-size 3")),
            (single(0), "[1,2,3]", Err("its shape is 1x3")),
            (single(0), "[[[1]]]", Err("its shape is 1x1x1")),
            (single(0), "[true]", Err("true is no FP32")),
            (single(0), "7", Err("write {")),
            (single(0), "{", Err("no JSON")),
            (single(0), "{}", Err("no inputs")),
            (two(), r#"{"c":[1]}"#, Err("its inputs are a, b")),
            (two(), "[1]", Err("a folder with a file for each")),
            (spec(&[], 0), r#"{"c":[1]}"#, Err("--shape c:1x16:FP32")),
            (
                spec(&[], 0),
                r#"{"inputs":[{"name":"z","shape":[4],"datatype":"INT8","data":[1]}]}"#,
                Err("has 1 elements"),
            ),
            (
                spec(&[], 0),
                r#"{"inputs":[{"name":"z","shape":[1],"datatype":"INT9","data":[1]}]}"#,
                Err("no type"),
            ),
        ] {
            match (from_json("here", json, &spec), expected) {
                (Ok(request), Ok(expected)) => assert_eq!(shapes(&request), expected, "{json}"),
                (Err(error), Err(part)) => {
                    let error = error.to_string();
                    assert!(
                        error.starts_with("cannot use here: ") && error.contains(part),
                        "{json}: {error}"
                    );
                }
                (got, expected) => panic!("{json}: {got:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn files_and_folders_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
        write("a.raw", &[0; 16]);
        write("b.txt", b"whole text");
        let both = requests(folder.path(), &two()).unwrap();
        assert_eq!(shapes(&both[0]), "a 2x2, b 1x1");
        assert_eq!(&both[0].tensors[1].data[..], b"\x0a\0\0\0whole text");

        let single = spec(&[("a", DataType::Fp32, &[OPEN, 2])], 0);
        write("many.jsonl", b"{\"a\":[1,2]}\n\n{\"a\":[1,2,3,4]}\n");
        let lines = requests(&folder.path().join("many.jsonl"), &single).unwrap();
        assert_eq!(lines.iter().map(shapes).collect::<Vec<_>>(), ["a 1x2", "a 2x2"]);
        write("bad.jsonl", b"{\"a\":[1,2]}\n{\"a\":1}\n");
        let error = requests(&folder.path().join("bad.jsonl"), &single).unwrap_err().to_string();
        assert!(error.starts_with("cannot use line 2 of "), "{error}");

        write("odd.bin", &[0; 7]);
        for (name, part) in
            [("odd.bin", "7 bytes"), ("none.npy", "cannot read"), ("b.txt", "no whole number")]
        {
            let error = requests(&folder.path().join(name), &single).unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
        let more = spec(&[("a", DataType::Fp32, &[OPEN, 2]), ("c/d", DataType::Fp32, &[1])], 0);
        let error = requests(folder.path(), &more).unwrap_err().to_string();
        assert!(error.contains("no c_d.npy"), "{error}");
    }

    /// Reads a text in memory that its length justifies.
    fn survive(bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let (request, most) = most_held(|| from_json("file", &text, &two()));
        assert!(most <= AT_LEAST + PER_BYTE * text.len(), "{most} bytes for {text}");
        drop(request);
    }

    #[test]
    fn kept_tensors_are_survived() {
        kept(&["corpus/tensors"]).iter().for_each(|(_, bytes)| survive(bytes));
    }

    proptest! {
        #[test]
        fn changed_tensors_are_survived(bytes in mutated(&["corpus/tensors"])) {
            survive(&bytes);
        }
    }
}
