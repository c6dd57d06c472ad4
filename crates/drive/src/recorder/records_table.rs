//! The columns of `records.parquet`.
//!
//! Instants are nanoseconds since the start of the run (`_ns`), quantities derived from them are in seconds, so that a
//! query needs no arithmetic. Null means: did not happen, or not known.

use std::time::Duration;

use plimsoll_core::record::{Phase, Record, TokenSource};
use plimsoll_core::time::Offset;

use super::columns::{Cell, Column, Table};

/// Version of the file's columns. Readers refuse a newer one.
pub const RECORDS_FORMAT: u32 = 1;

pub(super) const FORMAT_KEY: &str = "plimsoll.records_format";
pub(super) const WALL_KEY: &str = "plimsoll.start_unix_ns";
pub(super) const MEASURE_KEY: &str = "plimsoll.measure_start_ns";

const fn int(name: &'static str, read: fn(&Record) -> Option<i64>) -> Column<Record> {
    Column { name, cell: Cell::Int(read) }
}

const fn real(name: &'static str, read: fn(&Record) -> Option<f64>) -> Column<Record> {
    Column { name, cell: Cell::Real(read) }
}

const fn text(name: &'static str, read: fn(&Record) -> Option<&str>) -> Column<Record> {
    Column { name, cell: Cell::Text(read) }
}

pub(super) static COLUMNS: [Column<Record>; 52] = [
    int("id", |record| whole(record.id.0)),
    text("phase", |record| Some(phase_name(record.phase))),
    int("thread", |record| Some(i64::from(record.thread))),
    int("scheduled_ns", |record| nanos(Some(record.scheduled))),
    int("sent_ns", |record| nanos(record.sent)),
    int("dns_ns", |record| span(record.connect?.dns)),
    int("tcp_ns", |record| span(record.connect?.tcp)),
    int("tls_ns", |record| span(record.connect?.tls)),
    int("headers_ns", |record| nanos(record.headers)),
    int("first_byte_ns", |record| nanos(record.first_byte)),
    int("first_token_ns", |record| nanos(record.first_token())),
    int("first_visible_token_ns", |record| nanos(record.first_visible_token())),
    int("last_token_ns", |record| nanos(record.last_token())),
    int("done_ns", |record| nanos(record.done)),
    text("outcome", |record| Some(record.outcome.name())),
    int("status", |record| record.status.map(i64::from)),
    text("error", |record| record.error.as_deref()),
    int("input_tokens", |record| record.usage.input_tokens.map(i64::from)),
    int("output_tokens", |record| record.usage.output_tokens.map(i64::from)),
    int("cached_tokens", |record| record.usage.cached_tokens.map(i64::from)),
    int("reasoning_tokens", |record| record.usage.reasoning_tokens.map(i64::from)),
    text("token_source", |record| Some(source_name(record.usage.source))),
    int("prompt_tokens", |record| record.prompt_tokens.map(i64::from)),
    int("max_tokens", |record| record.max_tokens.map(i64::from)),
    int("first_event_tokens", |record| record.deltas.first().map(|delta| i64::from(delta.tokens))),
    int("content_events", |record| whole(record.deltas.len() as u64)),
    int("events", |record| Some(i64::from(record.events))),
    int("coalesced_events", |record| Some(i64::from(record.coalesced_events))),
    int("bytes_sent", |record| whole(record.bytes_sent)),
    int("bytes_received", |record| whole(record.bytes_received)),
    int("chars", |record| Some(i64::from(record.chars))),
    int("server_queue_ns", |record| span(record.server.queue?)),
    int("server_tokenize_ns", |record| span(record.server.tokenize?)),
    int("server_prompt_ns", |record| span(record.server.prompt?)),
    int("server_ttft_ns", |record| span(record.server.first_token?)),
    int("server_generation_ns", |record| span(record.server.generation?)),
    int("server_tpot_ns", |record| span(record.server.per_token?)),
    int("server_inference_ns", |record| span(record.server.inference?)),
    int("server_total_ns", |record| span(record.server.total?)),
    Column { name: "acceptance", cell: Cell::Reals(|record| &record.acceptance) },
    int("stamped", |record| Some(i64::from(record.stamps.is_some()))),
    int("stamp_first_token_ns", |record| nanos(record.stamps?.first_token)),
    int("stamp_last_token_ns", |record| nanos(record.stamps?.last_token)),
    real("latency", Record::latency),
    real("response_time", Record::response_time),
    real("send_lag", Record::send_lag),
    real("ttft", Record::ttft),
    real("ttft_scheduled", Record::ttft_scheduled),
    real("ttfvt", Record::ttfvt),
    real("tpot", Record::tpot),
    real("e2e_per_token", Record::e2e_per_token),
    real("llm_bench_latency_per_token", plimsoll_core::metrics::llm_bench_latency_per_token),
];

/// Each gap between events with content, and each event's tokens (0 when unknown): only where chunks are kept.
pub(super) static CHUNK_COLUMNS: [Column<Record>; 2] = [
    Column {
        name: "chunk_gaps_ns",
        cell: Cell::Ints(|record| record.chunk_gaps().filter_map(|(gap, _)| span(gap)).collect()),
    },
    Column {
        name: "chunk_tokens",
        cell: Cell::Ints(|record| record.deltas.iter().map(|delta| i64::from(delta.tokens)).collect()),
    },
];

/// The table of a run that started at `wall` since the Unix epoch and is measured from `measure_start` on.
pub(super) fn table(wall: Duration, measure_start: Offset, keep_chunks: bool) -> Table<Record> {
    let chunks = CHUNK_COLUMNS.iter().filter(|_| keep_chunks);
    let notes = [
        (FORMAT_KEY, RECORDS_FORMAT.to_string()),
        (WALL_KEY, wall.as_nanos().to_string()),
        (MEASURE_KEY, measure_start.as_nanos().to_string()),
    ];
    Table::new(COLUMNS.iter().chain(chunks).collect(), &notes)
}

fn whole(number: u64) -> Option<i64> {
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}

fn nanos(at: Option<Offset>) -> Option<i64> {
    whole(at?.as_nanos())
}

fn span(span: Duration) -> Option<i64> {
    Some(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

pub(super) const PHASES: [Phase; 3] = [Phase::Ramp, Phase::WarmUp, Phase::Measure];

pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Ramp => "ramp",
        Phase::WarmUp => "warm_up",
        Phase::Measure => "measure",
    }
}

pub(super) const SOURCES: [TokenSource; 6] = [
    TokenSource::Server,
    TokenSource::Logprobs,
    TokenSource::Tokenizer,
    TokenSource::Chunks,
    TokenSource::Unknown,
    TokenSource::NoTokens,
];

pub(super) fn source_name(source: TokenSource) -> &'static str {
    match source {
        TokenSource::Server => "server",
        TokenSource::Logprobs => "logprobs",
        TokenSource::Tokenizer => "tokenizer",
        TokenSource::Chunks => "chunks",
        TokenSource::Unknown => "unknown",
        TokenSource::NoTokens => "no_tokens",
    }
}
