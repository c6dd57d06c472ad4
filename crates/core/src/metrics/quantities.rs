//! The quantities with one value per request, by their public names.

use super::histogram::Unit;
use crate::record::Record;

/// A quantity with at most one value per request.
pub(crate) struct Quantity {
    /// Its name in every file and table.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// Its value, in seconds or tokens.
    pub(crate) of: fn(&Record) -> Option<f64>,
}

const fn time(name: &'static str, of: fn(&Record) -> Option<f64>) -> Quantity {
    Quantity { name, unit: Unit::Time, of }
}

const fn tokens(name: &'static str, of: fn(&Record) -> Option<f64>) -> Quantity {
    Quantity { name, unit: Unit::Tokens, of }
}

/// All of them. `send_lag`, `chunk_gap` and `itl` are pooled by the tally itself.
pub(crate) const QUANTITIES: [Quantity; 20] = [
    time("latency", Record::latency),
    time("response_time", Record::response_time),
    time("ttft", Record::ttft),
    time("ttft_scheduled", Record::ttft_scheduled),
    time("ttfvt", Record::ttfvt),
    time("tpot", Record::tpot),
    time("e2e_per_token", Record::e2e_per_token),
    time("llm_bench_latency_per_token", llm_bench_latency_per_token),
    time("connect", connect),
    time("server_queue", |record| Some(record.server.queue?.as_secs_f64())),
    time("server_tokenize", |record| Some(record.server.tokenize?.as_secs_f64())),
    time("server_prompt", |record| Some(record.server.prompt?.as_secs_f64())),
    time("server_ttft", |record| Some(record.server.first_token?.as_secs_f64())),
    time("server_generation", |record| Some(record.server.generation?.as_secs_f64())),
    time("server_tpot", |record| Some(record.server.per_token?.as_secs_f64())),
    time("server_inference", |record| Some(record.server.inference?.as_secs_f64())),
    time("server_total", |record| Some(record.server.total?.as_secs_f64())),
    tokens("input_tokens", |record| record.usage.input_tokens.or(record.prompt_tokens).map(f64::from)),
    tokens("output_tokens", |record| record.usage.output_tokens.map(f64::from)),
    tokens("cached_tokens", |record| record.usage.cached_tokens.map(f64::from)),
];

/// `(done - first_token) / output_tokens`: what llm_bench calls "Latency Per Token". Unlike `tpot` it counts the
/// first token and the time from the last token to the end. Seconds; undefined without streaming.
pub fn llm_bench_latency_per_token(record: &Record) -> Option<f64> {
    let tokens = record.usage.output_tokens.filter(|&tokens| tokens > 0)?;
    Some(record.done?.since(record.first_token()?).as_secs_f64() / f64::from(tokens))
}

/// Time to a new connection: name, TCP and TLS together.
pub(super) fn connect(record: &Record) -> Option<f64> {
    record.connect.map(|phases| (phases.dns + phases.tcp + phases.tls).as_secs_f64())
}
