//! A run as a server saw it: which requests came when, how long their prompts and answers were, when tokens came back.

use std::num::NonZeroU32;

use thiserror::Error;

use crate::load::{ClosedLoop, LoadModel};
use crate::record::{Outcome, Phase, Record};
use crate::seed::Seed;
use crate::time::Offset;

/// A request that the server worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedRequest {
    /// When it was sent.
    pub sent: Offset,
    /// When its first token came.
    pub first: Offset,
    /// When its last token came.
    pub last: Offset,
    /// When the response ended.
    pub done: Offset,
    /// Tokens of its prompt, those from the prefix cache included.
    pub prompt_tokens: u32,
    /// Tokens of its prompt that the server had to process: all but those from its prefix cache.
    pub prefill_tokens: u32,
    /// Tokens generated, 1 or more.
    pub output_tokens: u32,
    /// Tokens of the first event, 1 or more.
    pub first_tokens: u32,
    /// Whether the results describe it: ended well, within the measured window.
    pub measured: bool,
}

impl ObservedRequest {
    /// `first - sent`, seconds.
    pub fn ttft(&self) -> f64 {
        self.first.since(self.sent).as_secs_f64()
    }

    /// Seconds per token after the first event; nothing if no token came after it.
    pub fn tpot(&self) -> Option<f64> {
        let rest = NonZeroU32::new(self.later_tokens())?;
        Some(self.last.since(self.first).as_secs_f64() / f64::from(rest.get()))
    }

    /// `done - sent`, seconds.
    pub fn latency(&self) -> f64 {
        self.done.since(self.sent).as_secs_f64()
    }

    /// Tokens after those of the first event.
    pub fn later_tokens(&self) -> u32 {
        self.output_tokens.saturating_sub(self.first_tokens)
    }
}

/// The requests of one run that reached the model, in the order in which they were sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedRun {
    /// A name for reports.
    pub name: String,
    /// The requests.
    pub requests: Vec<ObservedRequest>,
    /// How users paced themselves, with the seed of their pauses; nothing for an open loop.
    pub closed: Option<(ClosedLoop, Seed)>,
    /// What was noticed on the way.
    pub notes: RunNotes,
}

/// What a reader should know of an [`ObservedRun`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunNotes {
    /// Requests left out because no token of theirs came: failed, refused, never sent.
    pub left_out: usize,
    /// Prompt tokens that came from the server's prefix cache.
    pub cached_tokens: u64,
    /// All prompt tokens.
    pub prompt_tokens: u64,
    /// Requests whose output tokens were estimated, one for each event.
    pub estimated: usize,
}

/// Why nothing can be learnt from a run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RunError {
    /// Answers were not streamed.
    #[error(
        "its answers were not streamed, so they have no time to the first token; run it again without --no-stream"
    )]
    NotStreamed,
    /// Nobody counted the tokens.
    #[error(
        "token counts are missing: of {0} requests the tokens of prompt or answer are not known; run it again with \
         --tokenizer, or against a server that reports usage"
    )]
    NoTokens(usize),
    /// Too few requests ended well in the measured window.
    #[error(
        "{found} requests with two tokens or more were answered in its measured window, and {} are needed; run it for longer",
        ObservedRun::REQUESTS_MIN
    )]
    TooFew {
        /// So many did.
        found: usize,
    },
}

impl ObservedRun {
    /// Measured requests that a run needs: below, neither constants nor percentiles mean anything.
    pub const REQUESTS_MIN: usize = 20;

    /// Reads a run out of its records, in any order.
    ///
    /// # Errors
    /// The records do not say what is needed, or are too few.
    pub fn of(
        name: impl Into<String>,
        records: impl IntoIterator<Item = Record>,
        load: &LoadModel,
        seed: Seed,
    ) -> Result<Self, RunError> {
        let mut requests = Vec::new();
        let mut notes = RunNotes::default();
        let (mut whole, mut uncounted) = (0, 0);
        for record in records {
            match observe(&record) {
                Seen::Request(request) => {
                    notes.prompt_tokens += u64::from(request.prompt_tokens);
                    notes.cached_tokens += u64::from(request.prompt_tokens - request.prefill_tokens);
                    notes.estimated += usize::from(record.usage.source == crate::record::TokenSource::Chunks);
                    requests.push(request);
                }
                Seen::Uncounted => uncounted += 1,
                Seen::Whole => whole += 1,
                Seen::Nothing => notes.left_out += 1,
            }
        }
        let found = requests.iter().filter(|request| request.measured && request.later_tokens() > 0).count();
        if whole > requests.len() {
            return Err(RunError::NotStreamed);
        }
        if uncounted > 0 {
            return Err(RunError::NoTokens(uncounted));
        }
        if found < ObservedRun::REQUESTS_MIN {
            return Err(RunError::TooFew { found });
        }
        notes.left_out += whole;
        requests.sort_by_key(|request: &ObservedRequest| (request.sent, request.first));
        let closed = match load {
            LoadModel::Closed(closed) => Some((closed.clone(), seed)),
            LoadModel::Open(_) => None,
        };
        Ok(ObservedRun { name: name.into(), requests, closed, notes })
    }

    /// The requests that the results describe.
    pub fn measured(&self) -> impl Iterator<Item = &ObservedRequest> {
        self.requests.iter().filter(|request| request.measured)
    }
}

/// What a record says of the server's work.
enum Seen {
    Request(ObservedRequest),
    /// Tokens came, but how many is not known.
    Uncounted,
    /// Answered in one piece.
    Whole,
    /// No token came.
    Nothing,
}

fn observe(record: &Record) -> Seen {
    let Some(sent) = record.sent else {
        return Seen::Nothing;
    };
    let (Some(first), Some(last)) = (record.deltas.first(), record.last_token()) else {
        return if record.outcome == Outcome::Ok { Seen::Whole } else { Seen::Nothing };
    };
    let first_tokens = first.tokens.max(1);
    let counted = match record.outcome {
        Outcome::Ok => record.usage.output_tokens,
        // An answer that broke off has no usage; its events are the best there is.
        _ => record.usage.output_tokens.or(Some(record.deltas.iter().map(|delta| delta.tokens.max(1)).sum())),
    };
    let (Some(output), Some(prompt)) = (counted, record.usage.input_tokens.or(record.prompt_tokens)) else {
        return Seen::Uncounted;
    };
    Seen::Request(ObservedRequest {
        sent,
        first: first.at,
        last,
        done: record.done.unwrap_or(last).max(last),
        prompt_tokens: prompt,
        // At least the last token of a prompt is processed: it gives the first token of the answer.
        prefill_tokens: prompt.saturating_sub(record.usage.cached_tokens.unwrap_or(0)).max(1).min(prompt),
        output_tokens: output.max(first_tokens),
        first_tokens,
        measured: record.outcome == Outcome::Ok && record.phase == Phase::Measure,
    })
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// A request by its moments in milliseconds, with 100 prompt tokens and one answer token a millisecond.
    pub(in super::super) fn request(sent: u64, first: u64, last: u64) -> ObservedRequest {
        let at = |ms: u64| Offset::from_nanos(ms * 1_000_000);
        ObservedRequest {
            sent: at(sent),
            first: at(first),
            last: at(last),
            done: at(last),
            prompt_tokens: 100,
            prefill_tokens: 100,
            output_tokens: 1 + u32::try_from(last - first).expect("small"),
            first_tokens: 1,
            measured: true,
        }
    }

    /// An open loop of these requests.
    pub(in super::super) fn run(requests: Vec<ObservedRequest>) -> ObservedRun {
        ObservedRun { name: "run".to_owned(), requests, closed: None, notes: RunNotes::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::{Arrivals, GapDistribution, OpenLoop};
    use crate::record::{Delta, DeltaKind, RequestId, TokenSource, Usage};
    use crate::time::Rate;

    fn open() -> LoadModel {
        let rate = Rate::try_from(1.0).unwrap();
        LoadModel::Open(OpenLoop {
            arrivals: Arrivals::Process { rate, gaps: GapDistribution::Constant },
            cap: None,
        })
    }

    fn record(id: u64) -> Record {
        let mut record = Record::due(RequestId(id), Phase::Measure, 0, Offset::from_nanos(id * 1_000));
        let sent = Offset::from_nanos(id * 1_000 + 10);
        let event =
            |ms, tokens| Delta { at: sent + Duration::from_millis(ms), tokens, kind: DeltaKind::Text };
        record.sent = Some(sent);
        record.deltas = vec![event(50, 0), event(90, 0)];
        record.done = Some(sent + Duration::from_millis(100));
        record.outcome = Outcome::Ok;
        record.usage = Usage {
            input_tokens: Some(40),
            output_tokens: Some(5),
            cached_tokens: Some(16),
            source: TokenSource::Server,
            ..Usage::default()
        };
        record
    }

    fn observed(records: Vec<Record>) -> Result<ObservedRun, RunError> {
        ObservedRun::of("run", records, &open(), Seed(1))
    }

    #[test]
    fn records_become_requests_in_order_of_sending() {
        let mut records: Vec<Record> = (0..30).rev().map(record).collect();
        records[0].outcome = Outcome::Truncated; // the server worked on it all the same
        records[0].usage.output_tokens = None;
        records[1].deltas.clear();
        records[1].outcome = Outcome::Http5xx;
        records[2].sent = None;
        records[3].phase = Phase::WarmUp;
        let run = observed(records).unwrap();
        assert_eq!((run.requests.len(), run.notes.left_out, run.measured().count()), (28, 2, 26));
        assert!(run.requests.is_sorted_by_key(|request| request.sent));
        let first = run.requests[0];
        assert_eq!((first.prompt_tokens, first.prefill_tokens, first.output_tokens), (40, 24, 5));
        let figures = (first.ttft(), first.tpot(), first.latency());
        assert_eq!(figures, (0.05, Some(0.01), 0.1));
        let broken = run.requests.last().unwrap();
        assert_eq!((broken.output_tokens, broken.measured), (2, false));
        assert_eq!((run.notes.prompt_tokens, run.notes.cached_tokens), (28 * 40, 28 * 16));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_next_step() {
        let all = |change: &dyn Fn(&mut Record)| {
            let mut records: Vec<Record> = (0..30).map(record).collect();
            records.iter_mut().for_each(change);
            observed(records).unwrap_err()
        };
        assert_eq!(all(&|record| record.deltas.clear()), RunError::NotStreamed);
        assert_eq!(all(&|record| record.usage.output_tokens = None), RunError::NoTokens(30));
        assert_eq!(all(&|record| record.phase = Phase::Ramp), RunError::TooFew { found: 0 });
        assert_eq!(all(&|record| record.usage.output_tokens = Some(1)), RunError::TooFew { found: 0 });
        assert_eq!(observed(Vec::new()), Err(RunError::TooFew { found: 0 }));
    }
}
