//! One answer: which bytes go out next, and when they are due.

mod coming;
mod document;
mod ends;

use plimsoll_sim::{Event, JobId};

use self::coming::{Coming, End};
use super::ask::{Ask, Shape};
use super::fate::{Fate, Fault};
use super::frames::{self, Stamp, Tokens, Words};
use super::options::SimOptions;
use super::reply::{After, Refusal, push_document};
use super::truth::Row;

/// What all answers share.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) options: SimOptions,
    pub(crate) words: Words,
    /// When the server started, seconds since the Unix epoch.
    pub(crate) created: u64,
}

/// A request that has been understood.
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
    /// Whether stamps say when an event was due, too.
    pub(crate) truth: bool,
}

impl Job {
    /// Its number in the engine.
    pub(crate) fn id(&self) -> JobId {
        JobId(self.index)
    }

    /// Tokens that will be generated, after faults.
    pub(crate) fn tokens(&self) -> u32 {
        self.fate.tokens_of(self.ask.tokens)
    }
}

/// An answer under way. The engine says what has been generated; it is written in steps, when [`Answer::due`] says so.
#[derive(Debug)]
pub(crate) struct Answer {
    job: Job,
    lead: Vec<u8>,
    stage: Stage,
    /// Tokens that will be sent, after faults.
    tokens: u32,
    /// Tokens sent.
    sent: u32,
    coming: Coming,
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
    /// When what it wrote was due (CLOCK_MONOTONIC, ns).
    pub(crate) due: u64,
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
    /// The whole answer at once.
    Whole,
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
    /// The answer to `job`, for which nothing has been generated.
    pub(crate) fn new(job: Job, script: &Script) -> Self {
        Answer {
            lead: frames::lead(&job.ask, &script.options, job.index, script.created),
            stage: if job.ask.stream { Stage::Opening } else { Stage::Document },
            tokens: job.tokens(),
            sent: 0,
            coming: Coming::default(),
            last_write: None,
            job,
        }
    }

    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    /// The engine did something for this answer at `due` (CLOCK_MONOTONIC, ns).
    pub(crate) fn take(&mut self, due: u64, event: Event) {
        match event {
            Event::Started => {}
            Event::Tokens(count) => self.coming.push(due, count),
            Event::Finished => self.end(due, false),
            Event::Failed(_) => self.end(due, true),
        }
    }

    /// Nothing more will be generated; whether that is for want of time.
    pub(crate) fn end(&mut self, due: u64, timed_out: bool) {
        self.coming.end = Some(End { due, timed_out });
        self.leave_content();
    }

    /// When the next step was due (CLOCK_MONOTONIC, ns); nothing while it waits for the engine.
    pub(crate) fn due(&self, script: &Script) -> Option<u64> {
        let end = self.coming.end.map(|end| end.due);
        match self.stage {
            Stage::Document | Stage::Tail => end,
            Stage::Opening => self.coming.group_due(1).or(end),
            Stage::Content => self.coming.group_due(self.group(script)),
        }
    }

    /// Bytes of events that have been generated and not written, about.
    pub(crate) fn backlog(&self) -> usize {
        const AROUND: usize = 96; // what an event has beside its lead: stamp, names, text
        self.coming.len() * (self.lead.len() + AROUND)
    }

    /// Takes the next step, if it is due: appends its bytes, stamped `now`, to `out`, and the truth about its events to
    /// `rows`.
    pub(crate) fn write(
        &mut self,
        now: u64,
        script: &Script,
        out: &mut Vec<u8>,
        rows: &mut Vec<Row>,
    ) -> Option<Step> {
        let due = self.due(script)?;
        let stamp = self.stamp(now, due);
        let step = Step { events: 0, due, timing: None, next: Next::Now };
        Some(match self.stage {
            Stage::Document => {
                self.push_whole(stamp, script, out);
                rows.push(Row { request: self.job.index, token: 0, tokens: self.tokens, due, sent: now });
                Step { timing: Some(Timing::Whole), next: Next::End(self.after()), ..step }
            }
            Stage::Opening if self.coming.is_empty() && self.timed_out() => {
                push_document(out, &timed_out().reply(&script.options), self.job.after);
                Step { next: Next::End(self.job.after), ..step }
            }
            Stage::Opening => {
                self.push_opening(stamp, out);
                self.stage = Stage::Content;
                self.leave_content();
                step
            }
            Stage::Content => self.write_content(step, now, script, out, rows),
            Stage::Tail => {
                self.push_tail(stamp, script, out);
                Step { next: Next::End(self.after()), ..step }
            }
        })
    }

    fn write_content(
        &mut self,
        step: Step,
        now: u64,
        script: &Script,
        out: &mut Vec<u8>,
        rows: &mut Vec<Row>,
    ) -> Step {
        let mut events = 0;
        while events < self.group(script) as u32
            && let Some((due, count)) = self.coming.pop()
        {
            let stamp = self.stamp(now, due);
            if self.job.ask.shape == Shape::Tgi && self.sent + count == self.tokens && self.ends_well() {
                self.push_tgi_end(stamp, count, out);
            } else {
                let reasoning = self.sent < script.options.reasoning;
                let tokens = Tokens { from: self.sent, count, reasoning };
                frames::push_tokens(out, &self.lead, stamp, self.job.ask.shape, tokens, &script.words);
            }
            rows.push(Row { request: self.job.index, token: self.sent, tokens: count, due, sent: now });
            events += 1;
            if self.sent == 0 {
                self.sent = count;
                break; // the first event goes alone
            }
            self.sent += count;
        }
        let timing = match self.last_write.replace(now) {
            None => Timing::Ttft(now.saturating_sub(self.job.arrival)),
            Some(last) => Timing::Gap(now.saturating_sub(last)),
        };
        self.leave_content();
        let next = if self.stage == Stage::Tail { Next::Now } else { Next::AtDue };
        Step { events, timing: Some(timing), next, ..step }
    }

    /// Events of the next write.
    fn group(&self, script: &Script) -> usize {
        if self.sent == 0 { 1 } else { script.options.events_per_write as usize }
    }

    /// Goes on to the tail when there is no more content, and will be none.
    fn leave_content(&mut self) {
        if self.stage == Stage::Content && self.coming.is_empty() && self.coming.end.is_some() {
            self.stage = Stage::Tail;
        }
    }

    fn stamp(&self, sent: u64, due: u64) -> Stamp {
        Stamp { sent, due: self.job.truth.then_some(due) }
    }

    /// Whether the request was given up before its end.
    fn timed_out(&self) -> bool {
        self.coming.end.is_some_and(|end| end.timed_out)
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

/// The refusal that the fault options ask for.
pub(crate) fn simulated_rate_limit() -> Refusal {
    Refusal::new(429, "simulated rate limit, asked for by the options of this server")
}

/// The error of a request that was given up.
fn timed_out() -> Refusal {
    Refusal::new(504, "the request took longer than this server allows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::clockwork::Clockwork;
    use crate::sim::route::Route;
    use crate::sim::schedule::Key;
    use crate::sim::service::engine_ask;

    const MS: u64 = 1_000_000;

    /// All steps of the answer to `body`, which arrived at 0: when each was due, what it was, its bytes.
    fn play(query: &str, route: Route, body: &str) -> Vec<(u64, Step, String)> {
        let options = SimOptions::parse(query).unwrap();
        let mut clockwork = Clockwork::new(options.engine(), 0);
        let fate = Fate::draw(&options, 0);
        let script = Script { options, words: Words::default(), created: 1 };
        let ask = Ask::read(route, body.as_bytes()).unwrap().unwrap();
        let job = Job { ask, fate, index: 0, arrival: 0, after: After::Keep, truth: false };
        clockwork.arrive(0, JobId(0), Key { index: 0, generation: 0 }, &engine_ask(&job)).unwrap();
        let mut answer = Answer::new(job, &script);
        let mut steps = Vec::new();
        while let Some(done) = clockwork.pop(u64::MAX) {
            answer.take(done.at, done.event);
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
