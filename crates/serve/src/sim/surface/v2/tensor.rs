//! Tensors: their datatypes, their shapes, and which of them the simulated model takes and gives.

use std::str::FromStr;

/// What a tensor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    /// Texts or other bytes; each element has a length of its own.
    Bytes,
}

impl Datatype {
    /// Name on the wire, name in a model's configuration, bytes of one element.
    const ALL: [(Datatype, &str, &str, usize); 14] = [
        (Datatype::Bool, "BOOL", "TYPE_BOOL", 1),
        (Datatype::Uint8, "UINT8", "TYPE_UINT8", 1),
        (Datatype::Uint16, "UINT16", "TYPE_UINT16", 2),
        (Datatype::Uint32, "UINT32", "TYPE_UINT32", 4),
        (Datatype::Uint64, "UINT64", "TYPE_UINT64", 8),
        (Datatype::Int8, "INT8", "TYPE_INT8", 1),
        (Datatype::Int16, "INT16", "TYPE_INT16", 2),
        (Datatype::Int32, "INT32", "TYPE_INT32", 4),
        (Datatype::Int64, "INT64", "TYPE_INT64", 8),
        (Datatype::Fp16, "FP16", "TYPE_FP16", 2),
        (Datatype::Bf16, "BF16", "TYPE_BF16", 2),
        (Datatype::Fp32, "FP32", "TYPE_FP32", 4),
        (Datatype::Fp64, "FP64", "TYPE_FP64", 8),
        (Datatype::Bytes, "BYTES", "TYPE_STRING", 0),
    ];

    fn row(self) -> (Datatype, &'static str, &'static str, usize) {
        // The table is in the order of the variants.
        Datatype::ALL[self as usize]
    }

    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    pub(super) fn config_name(self) -> &'static str {
        self.row().2
    }

    /// Bytes of one element; nothing where elements differ.
    pub(super) fn size(self) -> Option<usize> {
        Some(self.row().3).filter(|size| *size > 0)
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Datatype::ALL.into_iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

/// A tensor of the model; a dimension of -1 takes any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(super) name: String,
    pub(super) datatype: Datatype,
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
        ModelTensors(vec![Slot { name: name.to_owned(), datatype: Datatype::Fp32, shape: vec![-1, 16] }])
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
    let datatype = Datatype::named(datatype)?;
    (!name.is_empty()).then(|| Slot { name: name.to_owned(), datatype, shape })
}

/// A tensor with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) datatype: Datatype,
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
    fn datatypes_stand_at_their_place() {
        for row in Datatype::ALL {
            assert_eq!((row.0.row(), Datatype::named(row.1)), (row, Some(row.0)));
        }
    }

    #[test]
    fn tensors_are_described_in_a_line() {
        let two: ModelTensors = "INPUT0:FP32[-1,16]; text:BYTES[1]".parse().unwrap();
        assert_eq!(two.0[0], ModelTensors::one("INPUT0").0[0]);
        assert_eq!(two.0[1], Slot { name: "text".to_owned(), datatype: Datatype::Bytes, shape: vec![1] });
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
