//! Feeds other systems while a run goes on, without ever delaying it.
//!
//! ```text
//!   recorder's thread                          a thread for each feed, with a runtime of its own
//!   Feed::on_record, on_window  -- Outlet -->  work: connects, writes, retries, drops
//!   Feed::close                 --------->     flushes what is left within FLUSH
//!        '--> FeedSummary: what arrived, what was lost, and why
//! ```

mod delivery;
mod feeds;
mod heart;
pub mod metrics;
mod metrics_feed;
pub mod otlp;
mod outlet;
pub mod postgres;
pub mod prometheus;
mod push;
mod thread;

use plimsoll_core::metrics::Totals;
use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;

pub use feeds::{FLUSH, Feeds};
pub use metrics_feed::{MetricsFeed, MetricsOutlets};
pub use outlet::{Counts, Outlet};
pub use push::Push;
pub use thread::FeedThread;

use crate::recorder::WindowRow;

/// One other system that is fed. It lives on the recorder's thread, so its methods return at once: what takes time is
/// handed to a [`FeedThread`].
pub trait Feed: Send {
    /// Takes a record and the text of its answer, if that was kept.
    fn on_record(&mut self, record: &Record, text: Option<&str>);

    /// Takes the row of the next second; `so_far` is the run up to now.
    fn on_window(&mut self, row: &WindowRow, so_far: &Totals);

    /// The run is over: hands over what is left, and gives the threads that are yet to flush it.
    fn close(self: Box<Self>, summary: &Summary) -> Vec<FeedThread>;
}
