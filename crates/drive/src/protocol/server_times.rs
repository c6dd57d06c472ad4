//! What servers say of their own times: in header fields, and in members of the answer.

use std::time::Duration;

use plimsoll_core::record::TokenSource;

use super::json_scan::Value;
use super::{Fields, Reply};

/// What Fireworks' header fields begin with; the members of `perf_metrics` are the same without.
const FIREWORKS: &str = "fireworks-";

/// Takes the times that header fields carry. One look at each field: most responses have none of these.
pub(super) fn headers(fields: &Fields<'_>, reply: &mut Reply) {
    for field in fields.list {
        let Some((prefix, name)) = field.name.split_at_checked(FIREWORKS.len()) else {
            continue;
        };
        if prefix.eq_ignore_ascii_case(FIREWORKS)
            && let Ok(value) = std::str::from_utf8(field.value)
        {
            fireworks(name, value.trim(), reply);
        }
    }
}

/// The times in the header fields of text-generation-inference, whole milliseconds. They come with answers that are not
/// streamed.
pub(super) fn tgi_headers(fields: &Fields<'_>, reply: &mut Reply) {
    let millis = |name| {
        let value: f64 = fields.get(name)?.parse().ok()?;
        duration(value / 1e3)
    };
    let server = &mut reply.server;
    server.total = millis("x-total-time").or(server.total);
    server.tokenize = millis("x-validation-time").or(server.tokenize);
    server.queue = millis("x-queue-time").or(server.queue);
    server.inference = millis("x-inference-time").or(server.inference);
    server.per_token = millis("x-time-per-token").or(server.per_token);
}

/// Fireworks' `perf_metrics`: an object of numbers or texts.
pub(super) fn perf_metrics(metrics: Value<'_>, reply: &mut Reply) {
    for (name, value) in metrics.members() {
        let name = name.strip_prefix(FIREWORKS).unwrap_or(&name);
        match value.string() {
            Some(text) => fireworks(name, text.unescape().trim(), reply),
            None => fireworks(name, value.text(), reply),
        }
    }
}

/// One of Fireworks' figures. Times are seconds.
fn fireworks(name: &str, value: &str, reply: &mut Reply) {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let seconds = || value.trim_end_matches('s').parse().ok().and_then(duration);
    let count = || value.parse().ok();
    let server = &mut reply.server;
    match name.as_str() {
        "server-time-to-first-token" => server.first_token = seconds().or(server.first_token),
        "server-processing-time" => server.total = seconds().or(server.total),
        "tokenizer-duration" => server.tokenize = seconds().or(server.tokenize),
        "prefill-queue-duration" => server.queue = seconds().or(server.queue),
        "prefill-duration" => server.prompt = seconds().or(server.prompt),
        "generation-duration" => server.generation = seconds().or(server.generation),
        "prompt-tokens" => reply.usage.input_tokens = reply.usage.input_tokens.or_else(count),
        "cached-prompt-tokens" => reply.usage.cached_tokens = reply.usage.cached_tokens.or_else(count),
        "speculation-acceptance" => {
            if let Some(shares) = acceptance(value) {
                reply.acceptance = shares;
            }
        }
        _ => {}
    }
}

/// Shares of accepted tokens by position: `0.8,0.5`, `[0.8, 0.5]`, `1:0.8,2:0.5` or `{"1": 0.8}`; nothing if one of them
/// is no share.
fn acceptance(text: &str) -> Option<Vec<f64>> {
    let inner = text.trim_matches(|c: char| c.is_whitespace() || "[]{}".contains(c));
    let share = |entry: &str| {
        let number = entry.rsplit(':').next().unwrap_or(entry).trim();
        number.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share))
    };
    inner.split([',', ';']).map(share).collect()
}

/// llama.cpp's `timings`. Its counts stand in where no usage was sent.
pub(super) fn llama_cpp(timings: Value<'_>, reply: &mut Reply) {
    let count = |name| timings.get(name).and_then(Value::count);
    let millis = |name| millis(timings.get(name));
    let server = &mut reply.server;
    server.prompt = millis("prompt_ms").or(server.prompt);
    server.generation = millis("predicted_ms").or(server.generation);
    server.per_token = millis("predicted_per_token_ms").or(server.per_token);
    let counts = &mut reply.usage;
    counts.cached_tokens = counts.cached_tokens.or(count("cache_n"));
    counts.input_tokens =
        counts.input_tokens.or_else(|| Some(count("prompt_n")? + count("cache_n").unwrap_or(0)));
    if counts.output_tokens.is_none()
        && let Some(predicted) = count("predicted_n")
    {
        counts.output_tokens = Some(predicted);
        counts.source = TokenSource::Server;
    }
}

/// vLLM's `metrics`, if its per-request metrics are on.
pub(super) fn vllm(metrics: Value<'_>, reply: &mut Reply) {
    let millis = |name| millis(metrics.get(name));
    let server = &mut reply.server;
    server.queue = millis("queue_time_ms").or(server.queue);
    server.first_token = millis("time_to_first_token_ms").or(server.first_token);
    server.prompt = millis("prefill_time_ms").or(server.prompt);
    server.generation =
        millis("generation_time_ms").or_else(|| millis("decode_time_ms")).or(server.generation);
    server.inference = millis("inference_time_ms").or(server.inference);
    server.total = millis("e2e_latency_ms").or_else(|| millis("total_time_ms")).or(server.total);
}

fn millis(value: Option<Value<'_>>) -> Option<Duration> {
    duration(value?.number()? / 1e3)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::ServerTimes;

    use super::*;

    fn with_headers(read: fn(&Fields<'_>, &mut Reply), list: &[(&str, &str)]) -> Reply {
        let list: Vec<_> =
            list.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
        let mut reply = Reply::default();
        read(&Fields { status: Some(200), list: &list }, &mut reply);
        reply
    }

    const fn ms(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn the_fields_of_tgi_are_milliseconds() {
        let reply = with_headers(
            tgi_headers,
            &[
                ("x-compute-type", "1-nvidia-l4"),
                ("x-total-time", "120"),
                ("X-Validation-Time", "1"),
                ("x-queue-time", "15"),
                ("x-inference-time", "104"),
                ("x-time-per-token", "13"),
                ("x-compute-time", "0.12"),
            ],
        );
        let expected = ServerTimes {
            total: ms(120),
            tokenize: ms(1),
            queue: ms(15),
            inference: ms(104),
            per_token: ms(13),
            ..ServerTimes::default()
        };
        assert_eq!(reply.server, expected);
        assert_eq!(with_headers(tgi_headers, &[("x-total-time", "-3")]).server, ServerTimes::default());
    }

    #[test]
    fn the_figures_of_fireworks_come_in_fields_or_in_the_body() {
        let fields = [
            ("Fireworks-Prompt-Tokens", "512"),
            ("fireworks-cached-prompt-tokens", "256"),
            ("fireworks-server-time-to-first-token", "0.125"),
            ("fireworks-server-processing-time", "0.5"),
            ("fireworks-prefill-queue-duration", "0.003"),
            ("fireworks-speculation-acceptance", "1:0.75,2:0.5"),
            ("fireworks-deployment", "0.9"),
            ("x-request-id", "7"),
        ];
        let from_fields = with_headers(headers, &fields);
        let json = br#"{"prompt-tokens":512,"cached_prompt_tokens":"256","server-time-to-first-token":0.125,
            "server-processing-time":"0.5","prefill-queue-duration":0.003,"speculation-acceptance":[0.75, 0.5],
            "deployment":"0.9","backend-host":null}"#;
        let mut from_body = Reply::default();
        perf_metrics(Value::parse(json).unwrap(), &mut from_body);
        for reply in [from_fields, from_body] {
            let server =
                ServerTimes { queue: ms(3), first_token: ms(125), total: ms(500), ..ServerTimes::default() };
            assert_eq!(reply.server, server);
            assert_eq!((reply.usage.input_tokens, reply.usage.cached_tokens), (Some(512), Some(256)));
            assert_eq!(reply.acceptance, [0.75, 0.5]);
        }
    }

    #[test]
    fn shares_are_read_in_every_form_or_not_at_all() {
        for (text, expected) in [
            ("0.8,0.5", Some(vec![0.8, 0.5])),
            ("[0.8, 0.5]", Some(vec![0.8, 0.5])),
            ("{\"1\": 0.8, \"2\": 0.5}", Some(vec![0.8, 0.5])),
            ("1", Some(vec![1.0])),
            ("", None),
            ("[]", None),
            ("0.8,nope", None),
            ("0.8,1.5", None),
            ("NaN", None),
        ] {
            assert_eq!(acceptance(text), expected, "{text}");
        }
    }
}
