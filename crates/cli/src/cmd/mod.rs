//! The commands, each reading like its data flow: resolve, build, run, report.

pub(crate) mod calibrate;
pub(crate) mod capacity;
pub(crate) mod coldstart;
pub(crate) mod compare;
pub(crate) mod plan;
pub(crate) mod plan_lint;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod selftest;
pub(crate) mod sim;
pub(crate) mod soak;
pub(crate) mod stack;
pub(crate) mod stress;
pub(crate) mod sweep;
