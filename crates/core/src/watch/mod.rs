//! What a server, its accelerators and its host say of themselves while a load is on them: pages of metrics in, canonical
//! figures, the saturated resource and warnings out. Nothing here asks anybody.

mod canonical;
mod exposition;
mod histogram;
mod maps;
mod observed;
mod report;
mod sample;
mod saturation;
#[cfg(test)]
mod tests;
mod track;
mod tracker;

pub use canonical::{Canonical, Pool, Source, Unit};
pub use exposition::{Labels, PROTOBUF_TYPE, PageError, Series, Walked, messages, walk_protobuf, walk_text};
pub use histogram::{Bucket, Gained, ServerQuantile, ServerTimes};
pub use maps::{Only, Reading, Rule, all as all_rules};
pub use observed::{Figure, Observed};
pub use report::{Energy, ProfileWindow, ServerFigure, ServerSummary, TargetSummary, Work};
pub use sample::Sample;
pub use saturation::{Resource, Saturation, Use};
pub use track::Level;
pub use tracker::{Page, Taken, Tracker};
