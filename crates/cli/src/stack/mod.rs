//! Grafana, Prometheus and TimescaleDB for watching runs: dashboards, and all files that start them together.

mod dashboard;
mod files;
mod postgresql;
mod prometheus;
mod test_runs;

pub(crate) use files::{Keeping, RUN_FILE, StackFile, all, secrets};
