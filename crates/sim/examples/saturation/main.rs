//! Prints what Llama-3-8B on an H100 does from 2 to 30 requests per second, beside an independent simulation.
//!
//!     cargo run --release -p plimsoll-sim --example saturation
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a table on stdout is what this program is for"
)]

mod measure;
mod traffic;

use std::num::NonZeroU32;

use measure::{measure, quantile};
use plimsoll_sim::presets;

/// How long requests arrive, seconds.
const SECONDS: f64 = 240.0;

/// Requests per second, `max_num_seqs`, and what the other simulation of the same formula and traffic found.
const ROWS: [(f64, u32, &str); 9] = [
    (2.0, 256, "28/88, 8.4/9.3, 20, 4, 2%"),
    (10.0, 256, "35/106, 11.5/15.2, 47, 28, 9%"),
    (20.0, 256, "55/196, 23/30, 82, 109, 27%"),
    (22.0, 256, "63/218, 28/36, 97, 140, 36%"),
    (23.0, 256, "69/244, 32/41, 100, 162, 42%"),
    (24.0, 256, "85/1092, 36/44, 107, 187, 45%"),
    (30.0, 256, "30.8 s/56.6 s; 24.2 req/s"),
    (26.0, 1024, "98/323, 49/65, 127, 265, 73%"),
    (30.0, 1024, "9.7 s/21 s, 89/97, KV 100%; 25.7 req/s, 348 preemptions"),
];

fn main() {
    println!(
        "llama-3-8b-h100, Poisson, 512 in, 256 out, log-normal with CV 0.6, {SECONDS} s; ms, p50/p99\n\n\
         req/s  seqs  TTFT           TPOT       ITL p99  batch  peak KV  served/s  preempted | other simulation"
    );
    for (rate, max_num_seqs, other) in ROWS {
        let mut options = presets::find("llama-3-8b-h100").expect("a preset").options();
        options.max_num_seqs = NonZeroU32::new(max_num_seqs).expect("above 0");
        let seen = measure(options, SECONDS, traffic::poisson(rate, SECONDS, 1));
        let [ttft, tpot] = [(&seen.ttft, 0), (&seen.tpot, 1)].map(|(times, digits)| {
            format!("{:.digits$}/{:.digits$}", quantile(times, 0.5), quantile(times, 0.99))
        });
        println!(
            "{rate:5.0}  {max_num_seqs:4}  {ttft:13}  {tpot:9}  {:7.0}  {:5.0}  {:6.0}%  {:8.1}  {:9} | {other}",
            quantile(&seen.itl, 0.99),
            seen.batch,
            seen.peak_kv * 100.0,
            seen.throughput,
            seen.preemptions,
        );
    }
}
