//! Options that say what is wanted of the server.

use clap::Args;
use plimsoll_core::slo::{Confidence, Rule, Slo};

use super::values;

/// What must hold, and what must not happen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Objectives")]
pub(crate) struct ObjectiveArgs {
    /// What must hold over the measured window: 'ttft.p99<500ms', 'latency.mean<1s', 'error_rate<1%', 'qps>=100', or for
    /// each request 'ttft<500ms & tpot<40ms @ 99%'. Missed is exit code 99. Repeatable, or joined by ';'
    #[arg(long, value_name = "SLO", value_delimiter = ';')]
    pub(crate) slo: Vec<Slo>,
    /// How sure PASS and FAIL must be
    #[arg(long, value_name = "SHARE", value_parser = values::confidence, default_value = "0.95")]
    pub(crate) slo_confidence: Confidence,
    /// End the run when this holds over its last seconds: 'error_rate>5% over 10s', 'ttft.p99>2s over 30s', 'qps<1 over
    /// 60s'. What is in flight completes; exit code 99. Repeatable, or joined by ';'
    #[arg(long, value_name = "RULE", value_delimiter = ';')]
    pub(crate) abort_on: Vec<Rule>,
}
