//! Answers step by step, on the engine's time.

use super::*;
use crate::sim::clockwork::Clockwork;
use crate::sim::schedule::Key;
use crate::sim::stats::Stats;
use crate::sim::surface::{About, Request, Understood};

const MS: u64 = 1_000_000;

/// All steps of the answer to `body`, which arrived at 0: when each was due, what it was, its bytes.
fn play(query: &str, path: &str, body: &str) -> Vec<(u64, Step, String)> {
    let options = SimOptions::parse(query).unwrap();
    let mut clockwork = Clockwork::new(options.engine.engine().unwrap(), 0);
    let fate = Fate::draw(&options, 0);
    let script = Script { options, words: Words::default(), created: 1 };
    let stats = Stats::new().unwrap();
    let about = About { script: &script, stats: &stats, clockwork: &clockwork, now: 0 };
    let request =
        Request { method: "POST", path, content_type: "", json_length: None, body: body.as_bytes() };
    let (surface, Ok(Understood::Work(work))) = Surface::understand(&request, &about) else {
        panic!("no work: {body}");
    };
    let (asks, reply, after) = (work.jobs, work.reply, After::Keep);
    let job = Job { surface, asks, reply, fate, index: 0, arrival: 0, after, truth: false };
    for (id, ask) in job.ids().zip(job.faulty_asks()) {
        clockwork.arrive(0, id, Key { index: 0, generation: 0 }, &ask).unwrap();
    }
    let mut answer = Answer::new(job);
    let mut steps = Vec::new();
    while let Some(done) = clockwork.pop(u64::MAX) {
        let place = answer.job().place(done.job).unwrap();
        answer.take(done.at, place, done.event);
        let mut out = Vec::new();
        while let Some(step) = answer.write(done.at, &script, &mut out, &mut Vec::new()) {
            steps.push((done.at, step, String::from_utf8(std::mem::take(&mut out)).unwrap()));
            if matches!(step.next, Next::End(_)) {
                return steps;
            }
        }
    }
    panic!("the answer has no end: {steps:?}");
}

fn chat(tokens: u32, stream: bool) -> String {
    let usage = if stream { r#","stream_options":{"include_usage":true}"# } else { "" };
    format!(r#"{{"messages":[],"max_tokens":{tokens},"stream":{stream}{usage}}}"#)
}

/// When the events with content go out, in ms, and how many at a time.
fn writes(query: &str, tokens: u32) -> Vec<(u64, u32)> {
    let steps = play(query, "/v1/chat/completions", &chat(tokens, true));
    steps
        .iter()
        .filter(|(_, step, _)| step.events > 0)
        .map(|(due, step, _)| (due / MS, step.events))
        .collect()
}

#[test]
fn tokens_are_due_on_an_absolute_grid() {
    assert_eq!(writes("", 4), [(50, 1), (60, 1), (70, 1), (80, 1)]);
    assert_eq!(writes("ttft=1s&itl=0", 2), [(1000, 1), (1000, 1)]);
    assert_eq!(writes("tokens_per_chunk=3", 7), [(50, 1), (80, 1), (110, 1)]);
    assert_eq!(writes("events_per_write=3", 8), [(50, 1), (80, 3), (110, 3), (120, 1)]);
    assert_eq!(writes("stall=1s", 4), [(50, 1), (60, 1), (1070, 1), (1080, 1)]);
    assert_eq!(writes("stall=1s&stall_rate=0", 2), [(50, 1), (60, 1)]);
    assert_eq!(writes("empty_rate=1", 4), []);
}

#[test]
fn a_document_is_due_with_its_last_token() {
    for (query, due) in [("", 80), ("tokens_per_chunk=3", 80), ("stall=1s", 1080), ("empty_rate=1", 50)] {
        let steps = play(query, "/v1/chat/completions", &chat(4, false));
        assert_eq!(steps.iter().map(|(due, ..)| due / MS).collect::<Vec<_>>(), [due], "{query}");
    }
}

#[test]
fn jitter_spreads_within_its_bounds_and_repeats() {
    let first = play("jitter=0.5&seed=3", "/v1/chat/completions", &chat(200, true));
    assert_eq!(first, play("jitter=0.5&seed=3", "/v1/chat/completions", &chat(200, true)));
    assert_ne!(first, play("jitter=0.5&seed=4", "/v1/chat/completions", &chat(200, true)));
    let dues: Vec<u64> = first.iter().filter(|(_, step, _)| step.events > 0).map(|(due, ..)| *due).collect();
    assert!((25 * MS..=75 * MS).contains(&dues[0]), "{}", dues[0]);
    let gaps: Vec<u64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (5 * MS..=15 * MS).contains(gap)));
    let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
    // Five standard errors of the mean of 199 even draws from 5 ms to 15 ms are 1.02 ms.
    assert!((mean - 10e6).abs() < 1.02e6, "{mean}");
}

#[test]
fn what_was_written_is_timed() {
    let steps = play("", "/v1/chat/completions", &chat(2, true));
    let timings: Vec<Timing> = steps.iter().filter_map(|(_, step, _)| step.timing).collect();
    assert_eq!(timings, [Timing::Ttft(50 * MS), Timing::Gap(10 * MS)]);
}

/// The golden transcript of a short chat: what clients see, byte by byte.
#[test]
fn a_chat_stream_reads_as_openai_writes_it() {
    let text: String = play("reasoning=1", "/v1/chat/completions", &chat(2, true))
        .into_iter()
        .map(|(.., text)| text)
        .collect();
    let events: Vec<&str> = text.lines().filter(|line| line.starts_with("data: ")).collect();
    let lead = |at: &str, rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-0000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1,\
             \"model\":\"sim\",\"system_fingerprint\":\"plimsoll:{at}\",\"choices\":{rest}}}"
        )
    };
    let choice = |delta: &str, finish: &str| {
        format!("[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]")
    };
    let usage = "[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":2,\"total_tokens\":2,\
        \"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":1}}";
    let expected = [
        lead("50000000", &choice("{\"role\":\"assistant\",\"content\":\"\"}", "null")),
        lead("50000000", &choice("{\"reasoning_content\":\" time\"}", "null")),
        lead("60000000", &choice("{\"content\":\" work\"}", "null")),
        lead("60000000", &choice("{}", "\"length\"")),
        lead("60000000", usage),
        "data: [DONE]".to_owned(),
    ];
    assert_eq!(events, expected);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"));
    assert!(text.ends_with("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");
}
