//! Reads NumPy's `.npy` files: a type, a shape, and values in the order of C.
//!
//! The format is described in NumPy's `numpy/lib/format.py`: a magic string, a version, the length of a header that is a
//! Python dictionary, and the values.

use bytes::Bytes;
use plimsoll_core::spec::tensors::{DataType, TensorSpec, elements};

use super::tensor::{Tensor, text_element};

/// Reads a file's content as the values of `name`.
pub(super) fn parse(name: &str, file: &Bytes) -> Result<Tensor, String> {
    let version = file.strip_prefix(b"\x93NUMPY").and_then(|rest| rest.first().copied());
    let (length, start) = match (version, file.get(8..).unwrap_or_default()) {
        (Some(1), &[a, b, ..]) => (usize::from(u16::from_le_bytes([a, b])), 10),
        (Some(2 | 3), &[a, b, c, d, ..]) => (u32::from_le_bytes([a, b, c, d]) as usize, 12),
        _ => return Err("it is no .npy file of version 1, 2 or 3".to_owned()),
    };
    let end = start + length;
    let header = file.get(start..end).ok_or("it ends within its header")?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is not text".to_owned())?;
    let header =
        Header::parse(header).ok_or_else(|| format!("its header is not understood: {}", header.trim()))?;
    if header.fortran_order {
        return Err("its values are in Fortran's order: save it with numpy.ascontiguousarray".to_owned());
    }
    let count = elements(&header.shape).ok_or("its shape is too large")?;
    let (datatype, data) = header.values(count, file.slice(end..))?;
    Ok(Tensor { spec: TensorSpec { name: name.to_owned(), datatype, shape: header.shape }, data })
}

struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<i64>,
}

impl<'a> Header<'a> {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 16), }`.
    fn parse(text: &'a str) -> Option<Self> {
        let after = |key: &str| {
            Some(text[text.find(key)? + key.len()..].trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = after("'descr'")?.strip_prefix('\'')?;
        let shape = after("'shape'")?.strip_prefix('(')?;
        let dims = shape[..shape.find(')')?].split(',').map(str::trim).filter(|dim| !dim.is_empty());
        Some(Header {
            descr: &descr[..descr.find('\'')?],
            fortran_order: after("'fortran_order'")?.starts_with("True"),
            shape: dims.map(|dim| dim.parse().ok().filter(|&dim: &i64| dim >= 0)).collect::<Option<_>>()?,
        })
    }

    /// The type, and the values as the protocol has them.
    fn values(&self, count: u64, bytes: Bytes) -> Result<(DataType, Bytes), String> {
        let (order, kind) = self.descr.split_at_checked(1).unwrap_or_default();
        if order == ">" {
            return Err(format!("its values ({}) are big-endian: save it with .astype('<…')", self.descr));
        }
        let datatype = match kind {
            "b1" => DataType::Bool,
            "u1" => DataType::Uint8,
            "u2" => DataType::Uint16,
            "u4" => DataType::Uint32,
            "u8" => DataType::Uint64,
            "i1" => DataType::Int8,
            "i2" => DataType::Int16,
            "i4" => DataType::Int32,
            "i8" => DataType::Int64,
            "f2" => DataType::Fp16,
            "f4" => DataType::Fp32,
            "f8" => DataType::Fp64,
            _ => match kind.strip_prefix('S').and_then(|width| width.parse::<usize>().ok()) {
                Some(width) if width > 0 => return Ok((DataType::Bytes, strings(count, width, &bytes)?)),
                _ => {
                    return Err(format!(
                        "its type {} is none of the protocol: save it as another",
                        self.descr
                    ));
                }
            },
        };
        let size = datatype.size().unwrap_or(1) as u64;
        if count.checked_mul(size) != Some(bytes.len() as u64) {
            return Err(format!(
                "it has {} bytes of values, and its shape says {count} of {size}",
                bytes.len()
            ));
        }
        Ok((datatype, bytes))
    }
}

/// Strings of fixed width, filled up with zeros.
fn strings(count: u64, width: usize, bytes: &[u8]) -> Result<Bytes, String> {
    if count.checked_mul(width as u64) != Some(bytes.len() as u64) {
        return Err(format!("it has {} bytes of values, and its shape says {count} of {width}", bytes.len()));
    }
    let mut data = Vec::with_capacity(bytes.len());
    for element in bytes.chunks_exact(width) {
        let length = element.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        text_element(&element[..length], &mut data);
    }
    Ok(data.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::{AT_LEAST, PER_BYTE, kept, most_held, mutated};

    fn file(header: &str, data: &[u8]) -> Bytes {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat().into()
    }

    #[test]
    fn arrays_are_read() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n";
        let data = [1.5_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat();
        let tensor = parse("x", &file(header, &data)).unwrap();
        assert_eq!(
            (tensor.spec.datatype, &tensor.spec.shape[..], &tensor.data[..]),
            (DataType::Fp32, &[1, 2][..], &data[..])
        );
        let tensor =
            parse("x", &file("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", b"abcd\0\0"))
                .unwrap();
        assert_eq!(
            (tensor.spec.datatype, &tensor.data[..]),
            (DataType::Bytes, &b"\x03\0\0\0abc\x01\0\0\0d"[..])
        );
        let tensor =
            parse("x", &file("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", b"\x07")).unwrap();
        assert_eq!((tensor.spec.datatype, tensor.spec.shape.len()), (DataType::Uint8, 0));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        let with = |descr: &str, order: &str, shape: &str| {
            file(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"), &[0; 8])
        };
        for (content, part) in [
            (Bytes::from_static(b"PK"), "no .npy"),
            (Bytes::from_static(b"\x93NUMPY\x01\x00\xff\xff{"), "ends within"),
            (file("{}", b""), "not understood"),
            (with("<f4", "True", "(2,)"), "Fortran"),
            (with(">f4", "False", "(2,)"), "big-endian"),
            (with("<c8", "False", "(1,)"), "none of the protocol"),
            (with("<f4", "False", "(3,)"), "8 bytes"),
            (with("<f4", "False", "(-2,)"), "not understood"),
            (with("<f8", "False", "(9223372036854775807, 9)"), "too large"),
        ] {
            let error = parse("x", &content).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    /// Reads a file in memory that its length justifies.
    fn survive(bytes: Vec<u8>) {
        let file = Bytes::from(bytes);
        let (tensor, most) = most_held(|| parse("x", &file));
        assert!(most <= AT_LEAST + PER_BYTE * file.len(), "{most} bytes for {}", file.escape_ascii());
        drop(tensor);
    }

    #[test]
    fn kept_files_are_survived() {
        kept(&["corpus/npy"]).into_iter().for_each(|(_, bytes)| survive(bytes));
    }

    proptest! {
        #[test]
        fn changed_files_are_survived(bytes in mutated(&["corpus/npy"])) {
            survive(bytes);
        }
    }
}
