//! One answer: which bytes go out next, and when they are due.

mod coming;
#[cfg(test)]
mod tests;

use plimsoll_sim::{Ask, Event, JobId};

use self::coming::{Chunk, Coming, End};
use super::fate::{Fate, Fault};
use super::frames::{Stamp, Words};
use super::options::SimOptions;
use super::reply::{After, Document, connection_header, push_document};
use super::surface::{Ending, Moment, Refusal, Reply, Said, Surface, Tokens};
use super::truth::Row;

/// Where the place of a job among those of its request stands in its number in the engine.
const PLACE_BIT: u32 = 48;

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
    /// In whose shape it is answered.
    pub(crate) surface: Surface,
    /// What is asked of the engine: one for each sequence, before faults.
    pub(crate) asks: Vec<Ask>,
    pub(crate) reply: Reply,
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
    /// The numbers in the engine of its jobs. The first has the number of the request.
    pub(crate) fn ids(&self) -> impl Iterator<Item = JobId> + use<> {
        let index = self.index;
        (0..self.asks.len() as u64).map(move |place| JobId(index | place << PLACE_BIT))
    }

    /// Which of its jobs has this number; nothing if it is another request's.
    pub(crate) fn place(&self, id: JobId) -> Option<usize> {
        let place = (id.0 >> PLACE_BIT) as usize;
        (id.0 & ((1 << PLACE_BIT) - 1) == self.index && place < self.asks.len()).then_some(place)
    }

    /// What is asked of the engine, after faults.
    pub(crate) fn faulty_asks(&self) -> impl Iterator<Item = Ask> {
        self.asks
            .iter()
            .zip(self.endings())
            .map(|(ask, ending)| Ask { output_tokens: ending.tokens, ..ask.clone() })
    }

    /// How its jobs will end, unless they are given up.
    pub(crate) fn endings(&self) -> impl Iterator<Item = Ending> {
        self.asks.iter().map(|ask| {
            let tokens = self.fate.tokens_of(ask.output_tokens);
            Ending {
                tokens,
                told: self.fate.told_of(tokens),
                short: tokens < ask.output_tokens || self.fate.fault == Fault::Empty,
            }
        })
    }
}

/// An answer under way. The engine says what has been generated; it is written in steps, when [`Answer::due`] says so.
#[derive(Debug)]
pub(crate) struct Answer {
    job: Job,
    stage: Stage,
    /// How each job will end, and tokens of it that were sent.
    sequences: Vec<(Ending, u32)>,
    /// Jobs that the engine has not finished.
    open: usize,
    /// The job whose end has not been said because it is the end of all.
    last: usize,
    has_content: bool,
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
    pub(crate) fn new(job: Job) -> Self {
        Answer {
            stage: if matches!(job.reply, Reply::Stream(_)) { Stage::Opening } else { Stage::Document },
            sequences: job.endings().map(|ending| (ending, 0)).collect(),
            open: job.asks.len(),
            last: 0,
            has_content: false,
            coming: Coming::default(),
            last_write: None,
            job,
        }
    }

    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    /// The engine did something for the job at `place` at `due` (CLOCK_MONOTONIC, ns).
    pub(crate) fn take(&mut self, due: u64, place: usize, event: Event) {
        match event {
            Event::Started => {}
            Event::Tokens(tokens) => self.coming.push(Chunk { due, job: place, tokens }),
            Event::Finished => {
                self.open -= 1;
                if self.open == 0 {
                    self.last = place;
                    self.end(due, false);
                } else {
                    self.coming.push(Chunk { due, job: place, tokens: 0 });
                }
            }
            Event::Failed(_) => self.end(due, true),
        }
    }

    /// Nothing more will be generated; whether that is for want of time.
    fn end(&mut self, due: u64, timed_out: bool) {
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
        const AROUND: usize = 256; // what an event has beside its text: model, stamp, names
        self.coming.len() * AROUND
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
        let at = Moment { stamp: self.stamp(now, due), script };
        let step = Step { events: 0, due, timing: None, next: Next::Now };
        Some(match self.stage {
            Stage::Document => {
                self.push_whole(&at, out);
                let tokens = self.sequences.iter().map(|(ending, _)| ending.tokens).sum();
                rows.push(Row { request: self.job.index, token: 0, tokens, due, sent: now });
                Step { timing: Some(Timing::Whole), next: Next::End(self.after()), ..step }
            }
            Stage::Opening if self.coming.is_empty() && self.timed_out() => {
                self.push_refusal(&timed_out(), script, out);
                Step { next: Next::End(self.job.after), ..step }
            }
            Stage::Opening => {
                push_head(self.job.after, out);
                self.say(&Said::Opening, &at, out);
                self.stage = Stage::Content;
                self.leave_content();
                step
            }
            Stage::Content => self.write_content(step, now, script, out, rows),
            Stage::Tail => {
                self.push_tail(&at, out);
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
        let group = self.group(script) as u32; // the first event goes alone
        while events < group
            && let Some(Chunk { due, job, tokens: count }) = self.coming.pop()
        {
            let at = Moment { stamp: self.stamp(now, due), script };
            let (ending, from) = self.sequences[job];
            if count == 0 {
                self.say(&Said::Finished { job, ending }, &at, out);
                continue;
            }
            let last = (from + count == ending.tokens && self.ends_well()).then_some(ending);
            let start = out.len();
            self.say(&Said::Tokens(Tokens { job, from, count, last }), &at, out);
            if self.job.fate.strikes(from, count, ending.tokens) {
                self.spoil(&mut out[start..]);
            }
            rows.push(Row { request: self.job.index, token: from, tokens: count, due, sent: now });
            self.sequences[job].1 += count;
            self.has_content = true;
            events += 1;
        }
        let timing = (events > 0).then(|| match self.last_write.replace(now) {
            None => Timing::Ttft(now.saturating_sub(self.job.arrival)),
            Some(last) => Timing::Gap(now.saturating_sub(last)),
        });
        self.leave_content();
        let next = if self.stage == Stage::Tail { Next::Now } else { Next::AtDue };
        Step { events, timing, next, ..step }
    }

    /// Makes one event as wrong as the request's fate says.
    fn spoil(&self, event: &mut [u8]) {
        let brace = event.iter().rposition(|&byte| byte == b'}');
        match (self.job.fate.fault, brace) {
            (Fault::BadJson, Some(brace)) => event[brace] = b' ',
            (Fault::BadChunk, Some(_)) => event[0] = b'x', // a digit of the size
            _ => {}
        }
    }

    /// Events of the next write.
    fn group(&self, script: &Script) -> usize {
        if self.has_content { script.options.events_per_write as usize } else { 1 }
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
        match self.job.fate.fault {
            Fault::Truncate | Fault::BadChunk => After::Close,
            _ => self.job.after,
        }
    }

    fn say(&mut self, said: &Said<'_>, at: &Moment<'_>, out: &mut Vec<u8>) {
        if let Reply::Stream(stream) = &mut self.job.reply {
            stream.say(said, at, out);
        }
    }

    /// The end of a stream.
    fn push_tail(&mut self, at: &Moment<'_>, out: &mut Vec<u8>) {
        match self.job.fate.fault {
            _ if self.timed_out() => self.say(&Said::Failure(&timed_out()), at, out),
            Fault::Truncate => return, // the last chunk never comes
            Fault::StreamError => self.say(&Said::Failure(&simulated_failure()), at, out),
            _ => {
                let (job, ending) = (self.last, self.sequences[self.last].0);
                self.say(&Said::Finished { job, ending }, at, out);
                self.say(&Said::Closing, at, out);
            }
        }
        out.extend_from_slice(b"0\r\n\r\n");
    }

    /// An answer that is not streamed.
    fn push_whole(&self, at: &Moment<'_>, out: &mut Vec<u8>) {
        if self.timed_out() {
            return self.push_refusal(&timed_out(), at.script, out);
        }
        if self.job.fate.fault == Fault::StreamError {
            let refused = self.job.surface.refuse(&simulated_failure(), &at.script.options);
            return push_document(out, &Document { status: 200, ..refused }, self.job.after);
        }
        if let Reply::Whole(whole) = &self.job.reply {
            let endings: Vec<Ending> = self.sequences.iter().map(|(ending, _)| *ending).collect();
            let document = whole.document(&endings, at);
            if self.job.fate.fault == Fault::BadChunk {
                return push_unchunked(&document, self.job.after, out);
            }
            push_document(out, &document, self.job.after);
            match self.job.fate.fault {
                Fault::Truncate => out.truncate(out.len() - document.body.len() / 2),
                Fault::BadJson => self.spoil(out),
                _ => {}
            }
        }
    }

    fn push_refusal(&self, refusal: &Refusal, script: &Script, out: &mut Vec<u8>) {
        push_document(out, &self.job.surface.refuse(refusal, &script.options), self.job.after);
    }
}

/// The head of a streamed response.
fn push_head(after: After, out: &mut Vec<u8>) {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
         transfer-encoding: chunked\r\n{}\r\n",
        connection_header(after)
    );
    out.extend_from_slice(head.as_bytes());
}

/// Appends a response that announces chunks, and a body without their sizes.
fn push_unchunked(document: &Document, after: After, out: &mut Vec<u8>) {
    let Document { status, kind, .. } = document;
    let connection = connection_header(after);
    let head = format!(
        "HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n{connection}\r\n"
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&document.body);
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
