//! Tensors: their shapes, and which of them the simulated model takes and gives.

use std::str::FromStr;

use plimsoll_core::spec::tensors::DataType;

/// A tensor of the model; a dimension of -1 takes any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(super) name: String,
    pub(super) datatype: DataType,
    pub(super) shape: Vec<i64>,
}

impl Slot {
    /// Whether a tensor of this shape fits.
    pub(super) fn fits(&self, shape: &[u64]) -> bool {
        let fits = |(slot, given): (&i64, &u64)| *slot == -1 || u64::try_from(*slot) == Ok(*given);
        self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(fits)
    }

    /// Its shape when open dimensions are as in `like`, and 1 beyond.
    pub(super) fn filled(&self, like: &[u64]) -> Vec<u64> {
        let open = |place: usize| like.get(place).copied().unwrap_or(1);
        self.shape
            .iter()
            .enumerate()
            .map(|(place, length)| u64::try_from(*length).unwrap_or(open(place)))
            .collect()
    }
}

/// The tensors that the simulated model takes, or gives: `NAME:DATATYPE[LENGTH,LENGTH]`, several separated by `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTensors(pub(super) Vec<Slot>);

impl ModelTensors {
    /// One tensor of this name: FP32, of shape `[-1,16]`.
    pub(crate) fn one(name: &str) -> Self {
        ModelTensors(vec![Slot { name: name.to_owned(), datatype: DataType::Fp32, shape: vec![-1, 16] }])
    }
}

impl FromStr for ModelTensors {
    type Err = BadTensors;

    fn from_str(text: &str) -> Result<Self, BadTensors> {
        let slots: Vec<Slot> = text.split(';').map(slot).collect::<Option<_>>().ok_or(BadTensors)?;
        let twice = |slot: &Slot| slots.iter().filter(|other| other.name == slot.name).count() > 1;
        if slots.iter().any(twice) { Err(BadTensors) } else { Ok(ModelTensors(slots)) }
    }
}

/// A text that describes no tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTensors;

fn slot(text: &str) -> Option<Slot> {
    let (name, rest) = text.trim().split_once(':')?;
    let (datatype, lengths) = rest.strip_suffix(']')?.split_once('[')?;
    let length = |text: &str| text.trim().parse().ok().filter(|length: &i64| *length == -1 || *length > 0);
    let shape: Vec<i64> = lengths.split(',').map(length).collect::<Option<_>>()?;
    let datatype = DataType::from_name(datatype)?;
    (!name.is_empty()).then(|| Slot { name: name.to_owned(), datatype, shape })
}

/// A tensor with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) datatype: DataType,
    pub(super) shape: Vec<u64>,
    /// Little-endian, row by row. An element of BYTES is its length, four bytes, and itself; a BOOL is one byte.
    pub(super) data: Vec<u8>,
}

/// Elements of a tensor of this shape; nothing beyond what can be counted.
pub(super) fn elements(shape: &[u64]) -> Option<usize> {
    let product = shape.iter().try_fold(1_u64, |product, length| product.checked_mul(*length))?;
    usize::try_from(product).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_described_in_a_line() {
        let two: ModelTensors = "INPUT0:FP32[-1,16]; text:BYTES[1]".parse().unwrap();
        assert_eq!(two.0[0], ModelTensors::one("INPUT0").0[0]);
        assert_eq!(two.0[1], Slot { name: "text".to_owned(), datatype: DataType::Bytes, shape: vec![1] });
        for bad in [
            "",
            "x",
            "x:FP32",
            "x:FP32[]",
            "x:FP31[1]",
            ":FP32[1]",
            "x:FP32[0]",
            "x:FP32[-2]",
            "x:FP32[1];",
            "x:FP32[1];x:FP32[1]",
        ] {
            assert_eq!(bad.parse::<ModelTensors>(), Err(BadTensors), "{bad}");
        }
    }

    #[test]
    fn open_dimensions_take_any_length_and_others_their_own() {
        let slot = &ModelTensors::one("x").0[0];
        for (shape, fits) in [(&[1, 16][..], true), (&[9, 16], true), (&[1, 15], false), (&[16], false)] {
            assert_eq!(slot.fits(shape), fits, "{shape:?}");
        }
        assert_eq!((slot.filled(&[7, 3]), slot.filled(&[])), (vec![7, 16], vec![1, 16]));
    }
}
