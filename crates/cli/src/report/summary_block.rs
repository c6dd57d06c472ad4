//! The Summary block of the seed's load test: its names, its order, its layout.

use plimsoll_core::spec::Api;
use plimsoll_core::summary::{Distribution, Summary};

use super::numbers::python_float;

/// Columns of the block.
const WIDTH: usize = 80;
const PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// What means nothing where requests carry payloads in place of prompts.
const OF_TEXT: [&str; 10] = [
    "Prompt Tokens",
    "Generation Tokens",
    "Completion Tokens",
    "Temperature",
    "Logprobs",
    "Top K",
    "Latency Per Token",
    "Overall Latency Per Token",
    "Num Tokens",
    "Cached Tokens",
];

/// A line of the block, and a column of the summary file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// The names of the columns that a run will have, known before it starts.
pub(crate) fn columns(api: &Api) -> Vec<String> {
    entries(&Summary::default(), api, "").into_iter().map(|entry| entry.key).collect()
}

/// The entries of a run. `concurrency` is the number of users, or `QPS 0.5 constant`.
///
/// Times are milliseconds: means, then percentiles. What is not known, or means nothing without streaming, is empty.
pub(crate) fn entries(summary: &Summary, api: &Api, concurrency: &str) -> Vec<Entry> {
    let metric = |name: &str| summary.metrics.get(name);
    let mean = |name: &str| metric(name).and_then(|metric| metric.mean);
    let mean_ms = |name: &str| number(mean(name).map(|seconds| seconds * 1e3));
    let streamed = |text: String| if api.stream { text } else { String::new() };
    let ttft = if api.first_visible_token { "ttfvt" } else { "ttft" };
    let output_tokens = number(mean("output_tokens"));

    let mut entries = vec![
        entry("Provider", summary.run.provider.clone()),
        entry("Model", summary.run.model.clone()),
        entry("Prompt Tokens", number(mean("input_tokens"))),
        entry("Generation Tokens", output_tokens.clone()),
        entry("Completion Tokens", output_tokens.clone()),
        entry("Stream", if api.stream { "True" } else { "False" }),
        entry("Temperature", python_float(api.temperature)),
        entry("Logprobs", api.logprobs.map_or_else(|| "None".to_owned(), |n| n.to_string())),
    ];
    entries.extend(api.top_k.map(|k| entry("Top K", k.to_string())));
    entries.extend([
        entry("Concurrency", concurrency),
        entry("Time To First Token", streamed(mean_ms(ttft))),
        entry("Latency Per Token", streamed(mean_ms("llm_bench_latency_per_token"))),
        entry("Overall Latency Per Token", mean_ms("e2e_per_token")),
        entry("Total Latency", mean_ms("latency")),
        entry("Num Tokens", output_tokens),
        entry("Cached Tokens", number(mean("cached_tokens"))),
        entry("Num Requests", summary.counts.ok.to_string()),
        entry("Qps", python_float(summary.rates.completed_rate)),
    ]);
    for (title, name) in [("Time To First Token", ttft), ("Total Latency", "latency")] {
        for p in PERCENTILES {
            let value = metric(name).and_then(|metric: &Distribution| metric.percentile(p));
            entries.push(entry(&format!("P{p} {title}"), number(value.map(|seconds| seconds * 1e3))));
        }
    }
    if api.interface.takes_payloads() {
        entries.retain(|entry| !OF_TEXT.contains(&entry.key.as_str()));
        entries.retain(|entry| api.stream || !entry.key.ends_with("Time To First Token"));
    }
    entries
}

/// The block as it is printed.
pub(crate) fn block(entries: &[Entry]) -> String {
    let width = entries.iter().map(|entry| entry.key.chars().count()).max().unwrap_or(0);
    let lines: String =
        entries.iter().map(|entry| format!("{:<width$}: {}\n", entry.key, entry.value)).collect();
    format!("{:=^WIDTH$}\n{lines}{}\n", " Summary ", "=".repeat(WIDTH))
}

fn entry(key: &str, value: impl Into<String>) -> Entry {
    Entry { key: key.to_owned(), value: value.into() }
}

fn number(value: Option<f64>) -> String {
    value.map(python_float).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::Interface;

    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_streamed_run() {
        insta::assert_snapshot!(block(&entries(&fixture::valid(), &fixture::api(), "8")));
    }

    #[test]
    fn without_streaming_what_means_nothing_is_empty() {
        let api = Api { stream: false, top_k: Some(5), logprobs: Some(1), ..fixture::api() };
        insta::assert_snapshot!(block(&entries(&fixture::not_streamed(), &api, "QPS 0.5 constant")));
    }

    #[test]
    fn payloads_have_no_tokens() {
        let api = Api { interface: Interface::Infer, stream: false, ..fixture::api() };
        insta::assert_snapshot!(block(&entries(&fixture::not_streamed(), &api, "8")));
    }

    #[test]
    fn columns_are_known_before_the_run() {
        for interface in [Interface::Chat, Interface::Infer] {
            let api = Api { interface, ..fixture::api() };
            let keys: Vec<String> =
                entries(&fixture::valid(), &api, "8").into_iter().map(|entry| entry.key).collect();
            assert_eq!(columns(&api), keys);
        }
    }
}
