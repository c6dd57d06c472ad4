//! One answer on its time grid: which bytes go out next, and when they are due.

mod document;
mod ends;

use std::time::Duration;

use plimsoll_core::seed::Rng;
use rand::RngExt;

use super::ask::{Ask, Shape};
use super::fate::{Fate, Fault};
use super::frames::{self, Tokens, Words};
use super::options::SimOptions;
use super::reply::{After, Refusal};

/// What all answers share.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) options: SimOptions,
    pub(crate) words: Words,
    /// When the server started, seconds since the Unix epoch.
    pub(crate) created: u64,
}

/// A request that has been understood and admitted.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) fate: Fate,
    /// Its place among the requests of this server, from 0.
    pub(crate) index: u64,
    /// When its last byte arrived (CLOCK_MONOTONIC, ns).
    pub(crate) arrival: u64,
    /// What the client was promised about the connection.
    pub(crate) after: After,
}

/// An answer under way. It is written in steps; [`Answer::due`] says when the next one may be taken.
#[derive(Debug)]
pub(crate) struct Answer {
    job: Job,
    lead: Vec<u8>,
    rng: Rng,
    stage: Stage,
    /// Tokens that will be sent, after faults.
    tokens: u32,
    /// Tokens sent.
    sent: u32,
    /// Tokens that are sent when the next step has been taken.
    planned: u32,
    /// When the next step is due (CLOCK_MONOTONIC, ns).
    due: u64,
    /// The token before which the answer pauses.
    stall_at: Option<u32>,
    last_write: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not streamed: one document.
    Document,
    /// Head of the response and the role-only event.
    Opening,
    Content,
    /// What follows the last token: finish reason, usage, `[DONE]`, or the error.
    Tail,
}

/// What a step wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Events with content.
    pub(crate) events: u32,
    pub(crate) timing: Option<Timing>,
    pub(crate) next: Next,
}

/// How the first event with content of a step stands in time, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// It was the first of the answer, so long after the request's arrival.
    Ttft(u64),
    /// So long after the previous write with content.
    Gap(u64),
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another step, without a pause.
    Now,
    /// Another step, when it is due.
    AtDue,
    /// Nothing: the answer is over.
    End(After),
}

impl Answer {
    /// The answer to `job`, whose slot was granted at `granted` (CLOCK_MONOTONIC, ns).
    pub(crate) fn new(job: Job, granted: u64, script: &Script) -> Self {
        let options = &script.options;
        let tokens = job.fate.tokens_of(job.ask.tokens);
        let mut answer = Answer {
            lead: frames::lead(&job.ask, options, job.index, script.created),
            rng: options.seed.keyed("sim-jitter", job.index),
            stage: if job.ask.stream { Stage::Opening } else { Stage::Document },
            tokens,
            sent: 0,
            planned: 0,
            due: granted,
            stall_at: job.fate.stalls.then_some(tokens / 2),
            last_write: None,
            job,
        };
        if answer.stage == Stage::Document {
            answer.plan_document(options);
        } else {
            answer.plan_event(options);
        }
        answer
    }

    /// When the next step may be taken (CLOCK_MONOTONIC, ns).
    pub(crate) fn due(&self) -> u64 {
        self.due
    }

    /// Takes the next step: appends its bytes, stamped `now`, to `out`.
    pub(crate) fn write(&mut self, now: u64, script: &Script, out: &mut Vec<u8>) -> Step {
        match self.stage {
            Stage::Document => {
                self.push_whole(now, script, out);
                Step { events: 0, timing: None, next: Next::End(self.after()) }
            }
            Stage::Opening => {
                self.push_opening(now, out);
                self.stage = if self.tokens == 0 { Stage::Tail } else { Stage::Content };
                Step { events: 0, timing: None, next: Next::Now }
            }
            Stage::Content => self.write_content(now, script, out),
            Stage::Tail => {
                self.push_tail(now, script, out);
                Step { events: 0, timing: None, next: Next::End(self.after()) }
            }
        }
    }

    fn write_content(&mut self, now: u64, script: &Script, out: &mut Vec<u8>) -> Step {
        let mut events = 0;
        while self.sent < self.planned {
            let count = script.options.tokens_per_chunk.min(self.tokens - self.sent);
            if self.job.ask.shape == Shape::Tgi && self.sent + count == self.tokens && self.ends_well() {
                self.push_tgi_end(now, count, out);
            } else {
                let reasoning = self.sent < script.options.reasoning;
                let tokens = Tokens { from: self.sent, count, reasoning };
                frames::push_tokens(out, &self.lead, now, self.job.ask.shape, tokens, &script.words);
            }
            self.sent += count;
            events += 1;
        }
        let timing = match self.last_write.replace(now) {
            None => Timing::Ttft(now.saturating_sub(self.job.arrival)),
            Some(last) => Timing::Gap(now.saturating_sub(last)),
        };
        let next = if self.sent == self.tokens {
            self.stage = Stage::Tail;
            Next::Now
        } else {
            for _ in 0..script.options.events_per_write {
                self.plan_event(&script.options);
            }
            Next::AtDue
        };
        Step { events, timing: Some(timing), next }
    }

    /// Adds the next event, if there is one, to the step that is taken next, and moves `due` on the grid to it.
    fn plan_event(&mut self, options: &SimOptions) {
        if self.planned == 0 {
            self.due += self.spread(nanos(options.ttft), options.jitter);
        } else if self.planned < self.tokens {
            let step = nanos(options.itl) * u64::from(options.tokens_per_chunk);
            self.due += self.spread(step, options.jitter);
        }
        self.planned = self.planned.saturating_add(options.tokens_per_chunk).min(self.tokens);
        if self.stall_at.is_some_and(|at| at < self.planned) {
            self.stall_at = None;
            self.due += nanos(options.stall);
        }
    }

    /// A document is due when its last token would be.
    fn plan_document(&mut self, options: &SimOptions) {
        let itl = nanos(options.itl);
        let mut time = self.spread(nanos(options.ttft), options.jitter);
        if options.jitter > 0.0 {
            time += (1..self.tokens).map(|_| self.spread(itl, options.jitter)).sum::<u64>();
        } else {
            time += itl * u64::from(self.tokens.saturating_sub(1));
        }
        if self.stall_at.is_some() {
            time += nanos(options.stall);
        }
        self.due += time;
    }

    fn spread(&mut self, nanos: u64, jitter: f64) -> u64 {
        if jitter == 0.0 {
            return nanos;
        }
        let evenly: f64 = self.rng.random();
        (nanos as f64 * (1.0 + jitter * (2.0 * evenly - 1.0))) as u64
    }

    /// Whether the answer comes to an end that looks complete.
    fn ends_well(&self) -> bool {
        !matches!(self.job.fate.fault, Fault::StreamError | Fault::Truncate)
    }

    /// What will really become of the connection.
    fn after(&self) -> After {
        if self.job.fate.fault == Fault::Truncate { After::Close } else { self.job.after }
    }

    fn finish_reason(&self) -> &'static str {
        if self.tokens == self.job.ask.tokens { "length" } else { "stop" }
    }
}

/// The error that the fault options ask for.
pub(crate) fn simulated_failure() -> Refusal {
    Refusal::new(500, "simulated failure, asked for by the options of this server")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::route::Route;

    const MS: u64 = 1_000_000;

    /// All steps of the answer to `body`, whose slot was granted at 0: when each was due, its events, its bytes.
    fn play(query: &str, route: Route, body: &str) -> Vec<(u64, Step, String)> {
        let options = SimOptions::parse(query).unwrap();
        let words = Words::new(options.tokens_per_chunk);
        let fate = Fate::draw(&options, 0);
        let script = Script { options, words, created: 1 };
        let ask = Ask::read(route, body.as_bytes()).unwrap().unwrap();
        let job = Job { ask, fate, index: 0, arrival: 0, after: After::Keep };
        let mut answer = Answer::new(job, 0, &script);
        let mut steps = Vec::new();
        loop {
            let mut out = Vec::new();
            let due = answer.due();
            let step = answer.write(due, &script, &mut out);
            steps.push((due, step, String::from_utf8(out).unwrap()));
            if matches!(step.next, Next::End(_)) {
                return steps;
            }
        }
    }

    fn chat(tokens: u32, stream: bool) -> String {
        format!(
            r#"{{"messages":[],"max_tokens":{tokens},"stream":{stream},"stream_options":{{"include_usage":true}}}}"#
        )
    }

    /// When the events with content go out, in ms, and how many at a time.
    fn writes(query: &str, tokens: u32) -> Vec<(u64, u32)> {
        let steps = play(query, Route::Chat, &chat(tokens, true));
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
            let steps = play(query, Route::Chat, &chat(4, false));
            assert_eq!(steps.iter().map(|(due, ..)| due / MS).collect::<Vec<_>>(), [due], "{query}");
        }
    }

    #[test]
    fn jitter_spreads_within_its_bounds_and_repeats() {
        let first = play("jitter=0.5&seed=3", Route::Chat, &chat(200, true));
        assert_eq!(first, play("jitter=0.5&seed=3", Route::Chat, &chat(200, true)));
        assert_ne!(first, play("jitter=0.5&seed=4", Route::Chat, &chat(200, true)));
        let dues: Vec<u64> =
            first.iter().filter(|(_, step, _)| step.events > 0).map(|(due, ..)| *due).collect();
        assert!((25 * MS..=75 * MS).contains(&dues[0]), "{}", dues[0]);
        let gaps: Vec<u64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (5 * MS..=15 * MS).contains(gap)));
        let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
        // Five standard errors of the mean of 199 even draws from 5 ms to 15 ms are 1.02 ms.
        assert!((mean - 10e6).abs() < 1.02e6, "{mean}");
    }

    #[test]
    fn what_was_written_is_timed() {
        let steps = play("", Route::Chat, &chat(2, true));
        let timings: Vec<Timing> = steps.iter().filter_map(|(_, step, _)| step.timing).collect();
        assert_eq!(timings, [Timing::Ttft(50 * MS), Timing::Gap(10 * MS)]);
    }

    /// The golden transcript of a short chat: what clients see, byte by byte.
    #[test]
    fn a_chat_stream_reads_as_openai_writes_it() {
        let text: String =
            play("reasoning=1", Route::Chat, &chat(2, true)).into_iter().map(|(.., text)| text).collect();
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
}
