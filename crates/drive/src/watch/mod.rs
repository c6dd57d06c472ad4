//! Watches the server while a load is on it: pages of metrics, accelerators, the host, a process. One thread for all, on
//! the run's clock, beside the I/O threads and never in their way.

mod board;
mod discover;
mod follow;
mod gpus;
mod host;
mod own_process;
mod part;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod watcher;

pub use board::{Board, LatestFigures};
pub use discover::{Beside, discover};
pub use gpus::Gpus;
pub use part::ServerPart;
pub use target::{PageTarget, WatchTarget};
pub use watcher::{WatchPlan, Watcher};
