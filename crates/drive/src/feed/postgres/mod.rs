//! Writes a run into PostgreSQL, in the tables of locust-plugins, so that their dashboards show it.
//!
//! ```text
//!   recorder's thread                 thread of the feed
//!   PostgresFeed  -- Item, bounded -->  writer: a batch each half second, one transaction each
//!        '-- close: End ------------->          the rest, then the end of the test run
//! ```
//!
//! What is in the tables is told in docs/POSTGRESQL.md.

mod batch;
mod listener;
mod rows;
mod schema;
mod settings;
mod test_run;
mod tls;
mod writer;

pub use listener::PostgresFeed;
pub use settings::{PostgresError, PostgresSettings, SslMode};
pub use test_run::TestRun;
