//! What people and programs read: pure functions from results to text, and the one place that prints.

pub(crate) mod calibrate;
pub(crate) mod capacities;
pub(crate) mod capacity;
mod capacity_chart;
pub(crate) mod ceiling;
pub(crate) mod coldstart;
pub(crate) mod compare;
pub(crate) mod compare_json;
pub(crate) mod console;
pub(crate) mod emit;
pub(crate) mod fleet_plan;
pub(crate) mod history;
pub(crate) mod html;
pub(crate) mod late_server;
pub(crate) mod locust_csv;
pub(crate) mod markdown;
pub(crate) mod numbers;
pub(crate) mod objectives;
pub(crate) mod page;
mod palette;
pub(crate) mod picture;
pub(crate) mod plain;
pub(crate) mod plan;
pub(crate) mod plan_lint;
pub(crate) mod presets;
pub(crate) mod proof;
pub(crate) mod server;
pub(crate) mod soak;
pub(crate) mod stress;
pub(crate) mod style;
pub(crate) mod summary_block;
pub(crate) mod summary_csv;
pub(crate) mod sweep;
pub(crate) mod table_csv;
pub(crate) mod terminal;

#[cfg(test)]
pub(crate) mod fixture;
