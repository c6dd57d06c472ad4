//! Which tokens arrived when: token counts of requests, and of the events of a stream.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::{Outcome, Record, TokenSource};
use crate::summary::Tokens;
use crate::time::Offset;

/// Fills in the output count of a record that the server left open: with `counted` (by a tokenizer, from the text)
/// where there is one, else with one token per event that carried content, which is an estimate and marked as one.
pub fn resolve_output_tokens(record: &mut Record, counted: Option<u32>) {
    if record.usage.output_tokens.is_some() || !record.counts_tokens() {
        return;
    }
    if let Some(tokens) = counted {
        record.usage.output_tokens = Some(tokens);
        record.usage.source = TokenSource::Tokenizer;
    } else if !record.deltas.is_empty() {
        let total = record.deltas.iter().map(|delta| delta.tokens.max(1)).fold(0, u32::saturating_add);
        record.usage.output_tokens = Some(total);
        record.usage.source = TokenSource::Chunks;
    }
}

/// How the tokens of a stream are spread over its events: those that the server counted have their own, the others
/// share evenly what remains of the request's total.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Tokens of all events without a count of their own.
    rest: u64,
    /// Events without a count of their own.
    unknown: u64,
    /// Whether the share of those events is an estimate.
    pub(super) estimated: bool,
}

impl Shares {
    pub(crate) fn of(record: &Record) -> Self {
        let known: u64 = record.deltas.iter().map(|delta| u64::from(delta.tokens)).sum();
        let unknown = record.deltas.iter().filter(|delta| delta.tokens == 0).count() as u64;
        let total = record.usage.output_tokens.map(u64::from);
        let rest = total.map_or(unknown, |total| total.saturating_sub(known));
        // An event with content has at least one token: as many tokens as events leaves one each, no estimate.
        let assumed = total.is_none() || record.usage.source == TokenSource::Chunks;
        Shares { rest, unknown, estimated: unknown > 0 && (assumed || rest != unknown) }
    }

    /// Each event's arrival and tokens, whole numbers that add up to the total.
    pub(super) fn arrivals(self, record: &Record) -> impl Iterator<Item = (Offset, u64)> {
        let mut passed = 0;
        record.deltas.iter().map(move |delta| {
            if delta.tokens > 0 {
                return (delta.at, u64::from(delta.tokens));
            }
            if self.rest == self.unknown {
                return (delta.at, 1); // as nearly every server streams, and nothing to divide
            }
            let before = passed * self.rest / self.unknown;
            passed += 1;
            (delta.at, passed * self.rest / self.unknown - before)
        })
    }

    /// Nanoseconds per token of a gap, given the tokens of the event that ended it (0 when unknown).
    pub(crate) fn per_token(self, gap: u64, tokens: u32) -> u64 {
        match (tokens, self.rest) {
            (0, 0) => gap,
            (0, rest) if rest == self.unknown => gap,
            (0, rest) => (u128::from(gap) * u128::from(self.unknown) / u128::from(rest)) as u64,
            (tokens, _) => gap / u64::from(tokens),
        }
    }
}

/// `itl`: nanoseconds per token of each gap between successive events with content; none where the answer is not made of
/// tokens.
pub fn inter_token_latencies(record: &Record) -> impl Iterator<Item = u64> + '_ {
    let shares = Shares::of(record);
    let gaps = record.counts_tokens().then(|| record.chunk_gaps());
    gaps.into_iter().flatten().map(move |(gap, tokens)| shares.per_token(nanos(gap), tokens))
}

/// A duration in whole nanoseconds.
pub(super) fn nanos(gap: Duration) -> u64 {
    u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX)
}

/// Calls `each` with the output tokens of a request and the span in which they arrived: a moment for each event of a
/// stream, and without streaming the time from the first byte of the body to its end.
pub(crate) fn output_token_arrivals(record: &Record, mut each: impl FnMut(Offset, Offset, u64)) {
    if record.counts_tokens() {
        Shares::of(record).arrivals(record).for_each(|(at, tokens)| each(at, at, tokens));
    }
    if let (true, Some(tokens), Some(done)) =
        (record.deltas.is_empty(), record.usage.output_tokens, record.done)
    {
        each(record.first_byte.unwrap_or(done), done, u64::from(tokens));
    }
}

/// The input tokens of a request that began to be answered, and when that was.
pub(crate) fn input_token_arrival(record: &Record) -> Option<(Offset, u64)> {
    let first = record.first_token().or(record.first_byte).filter(|_| record.status == Some(200))?;
    Some((first, u64::from(record.usage.input_tokens.or(record.prompt_tokens)?)))
}

/// Token totals of the `ok` requests of the measured window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TokenTally {
    input: u64,
    output: u64,
    cached: Option<u64>,
    sources: BTreeMap<TokenSource, u64>,
    wrong_length: u64,
    compared: u64,
    deviating: u64,
    deviation_sum: i64,
    deviation_max: u32,
    events: u64,
    coalesced_events: u64,
    /// Requests with an estimated `itl`.
    itl_estimated: u64,
}

impl TokenTally {
    /// Adds a request of the measured window that ended `ok`.
    pub(super) fn add(&mut self, record: &Record) {
        let usage = &record.usage;
        self.input += u64::from(usage.input_tokens.or(record.prompt_tokens).unwrap_or(0));
        self.output += u64::from(usage.output_tokens.unwrap_or(0));
        if let Some(cached) = usage.cached_tokens {
            *self.cached.get_or_insert(0) += u64::from(cached);
        }
        if usage.source != TokenSource::NoTokens && record.counts_tokens() {
            *self.sources.entry(usage.source).or_default() += 1;
        }
        let counted =
            !matches!(usage.source, TokenSource::Chunks | TokenSource::Unknown | TokenSource::NoTokens);
        if let (true, Some(asked), Some(got)) = (counted, record.max_tokens, usage.output_tokens)
            && asked != got
        {
            self.wrong_length += 1;
        }
        if let (Some(theirs), Some(ours)) = (usage.input_tokens, record.prompt_tokens) {
            self.compared += 1;
            self.deviating += u64::from(theirs != ours);
            self.deviation_sum += i64::from(theirs) - i64::from(ours);
            self.deviation_max = self.deviation_max.max(theirs.abs_diff(ours));
        }
    }

    /// Adds what holds for every request of the measured window, whatever its end.
    pub(super) fn add_events(&mut self, record: &Record) {
        self.events += u64::from(record.events);
        self.coalesced_events += u64::from(record.coalesced_events);
        if record.outcome == Outcome::Ok && record.deltas.len() > 1 && record.counts_tokens() {
            self.itl_estimated += u64::from(Shares::of(record).estimated);
        }
    }

    pub(super) fn merge(&mut self, other: &TokenTally) {
        self.input += other.input;
        self.output += other.output;
        self.cached = self.cached.into_iter().chain(other.cached).reduce(|left, right| left + right);
        for (&source, &count) in &other.sources {
            *self.sources.entry(source).or_default() += count;
        }
        self.wrong_length += other.wrong_length;
        self.compared += other.compared;
        self.deviating += other.deviating;
        self.deviation_sum += other.deviation_sum;
        self.deviation_max = self.deviation_max.max(other.deviation_max);
        self.events += other.events;
        self.coalesced_events += other.coalesced_events;
        self.itl_estimated += other.itl_estimated;
    }

    pub(super) fn totals(&self) -> Tokens {
        Tokens {
            input: self.input,
            output: self.output,
            cached: self.cached,
            sources: self.sources.clone(),
            wrong_length: self.wrong_length,
            prompt_compared: self.compared,
            prompt_deviating: self.deviating,
            prompt_deviation_mean: (self.compared > 0)
                .then(|| self.deviation_sum as f64 / self.compared as f64),
            prompt_deviation_max: self.deviation_max,
            events: self.events,
            coalesced_events: self.coalesced_events,
            itl_estimated: self.itl_estimated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Delta, DeltaKind, Phase, RequestId};

    fn streamed(tokens: &[u32], total: Option<u32>) -> Record {
        let mut record = Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO);
        let at = (0..).map(|index| Offset::from_nanos(index * 10));
        record.deltas =
            at.zip(tokens).map(|(at, &tokens)| Delta { at, tokens, kind: DeltaKind::Text }).collect();
        record.max_tokens = Some(9);
        record.usage.output_tokens = total;
        record.usage.source = if total.is_some() { TokenSource::Server } else { TokenSource::Unknown };
        record
    }

    #[test]
    fn events_get_their_own_tokens_or_an_even_share_of_the_rest() {
        for (events, total, expected, estimated) in [
            (&[2, 3, 1][..], Some(6), &[2, 3, 1][..], false),
            (&[0, 0, 0], Some(3), &[1, 1, 1], false),
            (&[0, 0, 0], Some(8), &[2, 3, 3], true),
            (&[0, 5, 0], Some(9), &[2, 5, 2], true),
            (&[0, 0], None, &[1, 1], true),
            (&[0, 9], Some(5), &[0, 9], true),
            (&[], Some(5), &[], false),
        ] {
            let record = streamed(events, total);
            let shares = Shares::of(&record);
            let tokens: Vec<u64> = shares.arrivals(&record).map(|(_, tokens)| tokens).collect();
            assert_eq!((&tokens[..], shares.estimated), (expected, estimated), "{events:?} of {total:?}");
        }
    }

    #[test]
    fn a_gap_is_divided_by_the_tokens_that_ended_it() {
        let known = streamed(&[1, 4], Some(5));
        assert_eq!(Shares::of(&known).per_token(100, 4), 25);
        let unknown = streamed(&[0, 0], Some(5));
        assert_eq!(Shares::of(&unknown).per_token(100, 0), 40);
    }

    #[test]
    fn the_server_count_wins_then_the_tokenizer_then_the_events() {
        for (total, counted, events, expected) in [
            (Some(7), Some(9), &[0, 0][..], (Some(7), TokenSource::Server)),
            (None, Some(9), &[0, 0], (Some(9), TokenSource::Tokenizer)),
            (None, None, &[0, 3], (Some(4), TokenSource::Chunks)),
            (None, None, &[], (None, TokenSource::Unknown)),
        ] {
            let mut record = streamed(events, total);
            resolve_output_tokens(&mut record, counted);
            assert_eq!((record.usage.output_tokens, record.usage.source), expected);
        }
    }
}
