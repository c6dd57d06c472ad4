//! What a server, its accelerators and its host say of themselves while a load is on them: pages of metrics in, canonical
//! figures, the saturated resource and warnings out. Nothing here asks anybody.

mod canonical;
mod exposition;
mod maps;
mod sample;
mod tracker;

pub use canonical::{Canonical, Pool, Source, Unit};
pub use exposition::{Labels, PROTOBUF_TYPE, PageError, Series, Walked, walk_protobuf, walk_text};
pub use maps::{Only, Reading, Rule, all as all_rules};
pub use sample::Sample;
pub use tracker::{Page, Taken, Tracker};
