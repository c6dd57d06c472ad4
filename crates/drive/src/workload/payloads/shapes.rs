//! Which shapes to send: what the model says of its inputs, and what the user said of the rest.

use std::num::NonZeroU32;

use plimsoll_core::spec::tensors::{DataType, GivenShape, OPEN, PayloadSpec, TensorSpec, Values};

use super::PayloadError;

/// What a server says of its model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Its inputs; none if it does not say.
    pub inputs: Vec<TensorSpec>,
    /// Inputs that a request may leave out.
    pub optional: Vec<String>,
    /// The largest batch, where the model has one: the first dimension of its inputs is then that of the batch.
    pub max_batch_size: Option<u64>,
}

/// The inputs to send, with shapes as far as they are known. Where the values are made here that is all of them.
///
/// # Errors
/// The user's shapes or batch do not fit the model, or dimensions are left open.
pub fn resolve_inputs(spec: &PayloadSpec, model: &Model) -> Result<Vec<TensorSpec>, PayloadError> {
    let made = matches!(spec.values, Values::Random | Values::Zero);
    if let (Some(asked), Some(most)) = (spec.batch_size, model.max_batch_size.filter(|&most| most > 0))
        && u64::from(asked.get()) > most
    {
        return Err(PayloadError::BatchTooLarge { asked: asked.get(), most });
    }
    if model.inputs.is_empty() {
        return given_inputs(spec, made);
    }
    let only = model.inputs.len() == 1;
    for given in &spec.shapes {
        let is_known =
            (only && given.name.is_empty()) || model.inputs.iter().any(|input| input.name == given.name);
        if !is_known {
            let known: Vec<&str> = model.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(PayloadError::UnknownInput { name: given.name.clone(), known: known.join(", ") });
        }
    }
    let given_for =
        |name: &str| spec.shapes.iter().find(|given| given.name == name || (only && given.name.is_empty()));
    let wanted = model
        .inputs
        .iter()
        .filter(|input| !made || !model.optional.contains(&input.name) || given_for(&input.name).is_some());
    wanted.map(|input| resolve(input, given_for(&input.name), spec.batch_size, made)).collect()
}

/// One input's shape.
fn resolve(
    input: &TensorSpec,
    given: Option<&GivenShape>,
    batch: Option<NonZeroU32>,
    made: bool,
) -> Result<TensorSpec, PayloadError> {
    let mut shape = input.shape.clone();
    let has_batch = shape.first() == Some(&OPEN);
    if let Some(given) = given {
        // The batch's own dimension may be left out, as perf_analyzer's users do.
        let start = usize::from(has_batch && given.dims.len() + 1 == shape.len());
        let fits = given.dims.len() + start == shape.len()
            && shape[start..].iter().zip(&given.dims).all(|(&own, &dim)| own == OPEN || own == dim)
            && given.datatype.is_none_or(|datatype| datatype == input.datatype);
        if !fits {
            return Err(PayloadError::Shape { given: given_text(given), expected: written(input) });
        }
        shape[start..].copy_from_slice(&given.dims);
    }
    if let (Some(batch), Some(first)) = (batch, shape.first_mut()) {
        let wanted = i64::from(batch.get());
        if *first != OPEN && *first != wanted && !(has_batch && *first == 1) {
            return Err(PayloadError::BatchFixed { asked: batch.get(), input: written(input) });
        }
        *first = wanted;
    } else if let Some(first) = shape.first_mut().filter(|first| made && **first == OPEN) {
        *first = 1;
    }
    if made && shape.contains(&OPEN) {
        let example: Vec<String> =
            shape.iter().map(|&dim| if dim == OPEN { "8".to_owned() } else { dim.to_string() }).collect();
        let example = format!("{}:{}", input.name, example.join("x"));
        return Err(PayloadError::Open { input: written(input), example });
    }
    Ok(TensorSpec { shape, ..input.clone() })
}

/// The inputs as the user describes them, of a model that says nothing.
fn given_inputs(spec: &PayloadSpec, made: bool) -> Result<Vec<TensorSpec>, PayloadError> {
    if spec.shapes.is_empty() && made {
        return Err(PayloadError::NoInputs);
    }
    spec.shapes
        .iter()
        .map(|given| {
            let mut shape = given.dims.clone();
            if let (Some(batch), Some(first)) = (spec.batch_size, shape.first_mut()) {
                if *first != 1 && *first != i64::from(batch.get()) {
                    return Err(PayloadError::BatchFixed { asked: batch.get(), input: given_text(given) });
                }
                *first = i64::from(batch.get());
            }
            let datatype = given.datatype.unwrap_or(DataType::Fp32);
            Ok(TensorSpec { name: given.name.clone(), datatype, shape })
        })
        .collect()
}

/// `INPUT0:-1x16:FP32`, as `--shape` takes it but for what is open.
pub(super) fn written(input: &TensorSpec) -> String {
    let name = if input.name.is_empty() { String::new() } else { format!("{}:", input.name) };
    format!("{name}{}:{}", dims_text(&input.shape), input.datatype)
}

fn given_text(given: &GivenShape) -> String {
    let datatype = given.datatype.map(|datatype| format!(":{datatype}")).unwrap_or_default();
    format!("{}:{}{datatype}", given.name, dims_text(&given.dims))
}

/// `1x3x224x224`.
pub(super) fn dims_text(dims: &[i64]) -> String {
    dims.iter().map(i64::to_string).collect::<Vec<_>>().join("x")
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::tensors::{Framing, TensorEncoding};

    use super::*;

    fn input(name: &str, shape: &[i64]) -> TensorSpec {
        TensorSpec { name: name.to_owned(), datatype: DataType::Fp32, shape: shape.to_vec() }
    }

    fn spec(shapes: &[(&str, &[i64])], batch: u32, values: Values) -> PayloadSpec {
        let given = |&(name, dims): &(&str, &[i64])| GivenShape {
            name: name.to_owned(),
            datatype: None,
            dims: dims.to_vec(),
        };
        PayloadSpec {
            framing: Framing::Tensors { encoding: TensorEncoding::Json, outputs: Vec::new() },
            values,
            shapes: shapes.iter().map(given).collect(),
            batch_size: NonZeroU32::new(batch),
            string_length: 4,
            model_version: None,
            inputs: Vec::new(),
        }
    }

    #[test]
    fn shapes_come_from_the_model_the_user_and_the_batch() {
        let image: &[i64] = &[OPEN, 3, OPEN, OPEN];
        for (own, given, batch, expected) in [
            (&[OPEN, 16][..], None, 0, Ok("1x16")),
            (&[OPEN, 16], None, 8, Ok("8x16")),
            (&[OPEN, 16], Some(&[4, 16][..]), 0, Ok("4x16")),
            (&[OPEN, 16], Some(&[1, 16]), 8, Ok("8x16")),
            (&[OPEN, 16], Some(&[4, 16]), 8, Err("fixed")),
            (&[OPEN, 16], Some(&[4, 17]), 0, Err("does not fit")),
            (image, None, 0, Err("--shape x:1x3x8x8")),
            (image, Some(&[1, 3, 224, 224]), 0, Ok("1x3x224x224")),
            (image, Some(&[3, 224, 224]), 2, Ok("2x3x224x224")),
            (image, Some(&[224, 224]), 2, Err("does not fit")),
            (&[16], None, 0, Ok("16")),
            (&[16], None, 2, Err("fixed")),
            (&[], None, 0, Ok("")),
        ] {
            let shapes: Vec<(&str, &[i64])> = given.iter().map(|&dims| ("x", dims)).collect();
            let model = Model { inputs: vec![input("x", own)], ..Model::default() };
            let resolved = resolve_inputs(&spec(&shapes, batch, Values::Random), &model);
            match (resolved, expected) {
                (Ok(inputs), Ok(dims)) => assert_eq!(dims_text(&inputs[0].shape), dims, "{own:?} {given:?}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (got, expected) => panic!("{own:?} {given:?} {batch}: {got:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_file_may_bring_its_own_sizes_and_optional_inputs_are_left_out_unless_named() {
        let model = Model {
            inputs: vec![input("x", &[OPEN, OPEN]), input("y", &[OPEN, 1])],
            optional: vec!["y".to_owned()],
            max_batch_size: Some(8),
        };
        let of_file = resolve_inputs(&spec(&[], 0, Values::Path("f".to_owned())), &model).unwrap();
        assert_eq!(of_file, model.inputs);
        let names = |shapes: &[(&str, &[i64])]| -> Vec<String> {
            let inputs = resolve_inputs(&spec(shapes, 2, Values::Zero), &model).unwrap();
            inputs.iter().map(|input| format!("{}:{}", input.name, dims_text(&input.shape))).collect()
        };
        assert_eq!(names(&[("x", &[5])]), ["x:2x5"]);
        assert_eq!(names(&[("x", &[5]), ("y", &[1])]), ["x:2x5", "y:2x1"]);
        let error = resolve_inputs(&spec(&[("z", &[1])], 0, Values::Zero), &model).unwrap_err().to_string();
        assert!(error.contains("no input `z`") && error.contains("x, y"), "{error}");
        let error = resolve_inputs(&spec(&[], 9, Values::Zero), &model).unwrap_err().to_string();
        assert!(error.contains("more than the 8"), "{error}");
    }

    #[test]
    fn a_model_that_says_nothing_is_described_by_the_user() {
        let silent = Model::default();
        let inputs = resolve_inputs(&spec(&[("x", &[1, 16])], 4, Values::Random), &silent).unwrap();
        assert_eq!(inputs, [input("x", &[4, 16])]);
        assert!(matches!(
            resolve_inputs(&spec(&[], 0, Values::Random), &silent),
            Err(PayloadError::NoInputs)
        ));
        assert_eq!(resolve_inputs(&spec(&[], 0, Values::Path("f".to_owned())), &silent).unwrap(), []);
    }
}
