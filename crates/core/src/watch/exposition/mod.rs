//! Pages of metrics as servers show them: Prometheus's text format, OpenMetrics, and Prometheus's protobuf.
//!
//! Read here because the crates for it (`prometheus-parse`, `openmetrics-parser`) allocate for every series, and of thousands
//! of series on a page a few dozen matter: who watches must not cost what is watched. A page is therefore walked line by
//! line, and only series whose name is wanted are looked into.

mod labels;
pub mod messages;
mod native;
mod protobuf;
mod text;

use thiserror::Error;

pub use labels::Labels;
pub use protobuf::{PROTOBUF_TYPE, walk_protobuf};
pub use text::walk_text;

/// One series of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    /// Its name, suffixes (`_total`, `_sum`, `_count`, `_bucket`) included.
    pub name: &'a str,
    /// Its labels.
    pub labels: Labels<'a>,
    /// Its value, which may be `NaN` or infinite.
    pub value: f64,
    /// Of a bucket of a native histogram: what its observations are above, and what they are not above. Its value is then
    /// its own count; that of a classic bucket is the count of all up to its label `le`.
    pub between: Option<(f64, f64)>,
}

/// What was found on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Series, wanted or not.
    pub series: usize,
    /// Wanted series that could not be read.
    pub malformed: usize,
}

/// A page that is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PageError {
    /// Something else altogether, such as a web page.
    #[error("what came is no page of metrics: it begins with `{0}`")]
    Foreign(String),
    /// Protobuf that ends too early or is not made of metric families.
    #[error("what came is no page of metrics in protobuf: {0}")]
    Protobuf(String),
}
