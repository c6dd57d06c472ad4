//! Results as they lie on disk: what a folder holds, read back for another report.

pub(crate) mod ceiling;
mod file;
mod killed;
mod result;
mod run;

pub(crate) use file::{read_json, read_versioned};
pub(crate) use result::Stored;
