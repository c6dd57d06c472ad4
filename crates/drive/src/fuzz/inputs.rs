//! Inputs: those that are kept, and what becomes of them when they are changed.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

/// What is in a reader's way.
const SNAGS: [&[u8]; 24] = [
    b"",
    b"\n\n",
    b"\r",
    b"data: ",
    b"event: error\n",
    b"[DONE]",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\ud83d",
    b"{\"",
    b"}]}",
    b"[[[[[[[[[[[[[[[[",
    b"null",
    b"1e999",
    b"-1",
    b"18446744073709551616",
    b"9223372036854775807",
    b"\"choices\":[]",
    b"\"error\":{}",
    b"\0\0\0\0\0",
    b"\0\xff\xff\xff\xff",
    b"\x1f\x8b",
    b",",
];

/// The inputs below these folders of `testdata`, by name.
pub(crate) fn kept(folders: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folders:?}");
    found
}

/// One of these inputs, changed in up to five places.
pub(crate) fn mutated(folders: &[&str]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seeds: Vec<Vec<u8>> = kept(folders).into_iter().map(|(_, bytes)| bytes).collect();
    let other = seeds.clone();
    let change = (
        0..6_u8,
        any::<prop::sample::Index>(),
        0..40_usize,
        prop::sample::select(SNAGS.to_vec()),
        any::<u8>(),
    );
    let changes = prop::collection::vec(change, 0..5);
    (prop::sample::select(seeds), prop::sample::select(other), changes).prop_map(
        |(mut bytes, other, changes)| {
            for (kind, place, length, snag, byte) in changes {
                change_at(&mut bytes, kind, place, length, snag, byte, &other);
            }
            bytes
        },
    )
}

fn change_at(
    bytes: &mut Vec<u8>,
    kind: u8,
    place: prop::sample::Index,
    length: usize,
    snag: &[u8],
    byte: u8,
    other: &[u8],
) {
    let at = place.index(bytes.len() + 1);
    let end = (at + length).min(bytes.len());
    match kind {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.splice(at..at, snag.iter().copied())),
        2 => drop(bytes.splice(at..end, snag.iter().copied())),
        3 => bytes.truncate(at),
        4 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        _ if at < bytes.len() && length > 0 => bytes[at] = byte,
        _ => {
            let from = place.index(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

/// The bytes in pieces, cut at these places.
pub(crate) fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}
