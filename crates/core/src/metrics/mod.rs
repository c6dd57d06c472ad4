//! From records to a summary: distributions, rates, verdicts.

mod backlog;
mod by_hand;
mod errors;
mod histogram;
mod locust;
mod order_statistics;
mod quantities;
mod speculation;
mod summarise;
mod tally;
mod timeline;
mod tokens;
mod trend;
mod truth;
mod verdict;

pub use backlog::{Backlog, EXCESS, seconds_to_see};
pub use histogram::{Samples, Unit};
pub use locust::{LOCUST_METRIC, LocustMetric};
pub use order_statistics::{PERCENTILES, interval, min_samples};
pub(crate) use order_statistics::{percentile, rank};
pub use quantities::llm_bench_latency_per_token;
pub(crate) use quantities::{QUANTITIES, Quantity};
pub use summarise::{Conduct, Window};
pub use tally::{Tally, Totals};
pub(crate) use tokens::{Shares, input_token_arrival, output_token_arrivals};
pub use tokens::{inter_token_latencies, resolve_output_tokens};
pub use trend::grows;
pub use verdict::{Evidence, validity};
