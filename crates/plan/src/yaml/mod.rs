//! YAML as manifests need it: read with the line of each value, written with comments above the keys.

mod read;
mod write;

pub use read::{Key, Kind, Node, YamlError, read};
pub use write::{Value, list, map, write};
