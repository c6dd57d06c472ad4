//! Prometheus: it reads the metrics from here (exposition), or they are written to it (remote write).

mod exposition;
mod format;
mod page;
mod protobuf;
mod remote_write;
mod text;
mod write_request;

pub use exposition::{Exposition, ExpositionError, Shown};
pub(super) use remote_write::{REMOTE_WRITE, WriteRequests};
