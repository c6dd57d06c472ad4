//! The linear model: each request's TPOT and TTFT as a sum over the steps that it took part in.
//!
//! Which steps a server made is not recorded, but the sums over them are: every token that any request received in an
//! interval was one sequence in one step, and every prompt whose first token came in it was processed in it.

use super::constants::{Constant, Constants};
use super::observed::{ObservedRequest, ObservedRun};
use super::timeline::{Change, Timeline};

/// What bounds a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLimits {
    /// Requests worked on at once; nothing where no limit was seen.
    pub slots: Option<u32>,
    /// Tokens in a step, prompt tokens and decoding sequences together.
    pub tokens: u32,
}

/// One equation: the sum of `features` times the constants is `seconds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// Multipliers of the constants, in the order of [`Constant::ALL`].
    pub(super) features: [f64; Constant::COUNT],
    /// What was measured, seconds.
    pub(super) seconds: f64,
    /// Whether it is about a TTFT rather than a TPOT.
    pub(super) is_ttft: bool,
    /// Its request, by order of sending.
    pub(super) request: usize,
}

/// The equations of a run's measured requests, given an idea of the constants: it says which steps a request met.
pub(super) fn rows(run: &ObservedRun, limits: StepLimits, idea: &Constants) -> Vec<Row> {
    let work = Work::of(&run.requests, idea);
    let grants = grants(&run.requests, limits.slots);
    let measured = run.requests.iter().zip(&grants).enumerate().filter(|(_, (request, _))| request.measured);
    measured
        .flat_map(|(index, (request, &grant))| {
            [work.tpot_row(index, request), Some(work.ttft_row(index, request, grant, limits.tokens))]
        })
        .flatten()
        .collect()
}

/// What the server had done and had in hand, over time.
struct Work {
    /// Sequences in steps so far: each token generated was one sequence in one step.
    sequences: Timeline,
    /// Tokens of context read so far.
    attended: Timeline,
    /// Prompt tokens computed so far; a prompt counts at its first token.
    prefilled: Timeline,
    /// Pairs of a prompt token and one that it attends to so far.
    pairs: Timeline,
    /// Prompts whose first token has come.
    prompts: Timeline,
    /// Sequences that decode now.
    decoding: Timeline,
    /// Tokens of their contexts now.
    context: Timeline,
    /// First and last tokens, in order: each came at the end of a step.
    step_ends: Vec<f64>,
    /// Steps are longer than this, seconds.
    step_min: f64,
    /// Seconds so far in which one sequence decoded alone.
    alone: Timeline,
    /// What a request takes outside the steps, about, seconds.
    per_request: f64,
    /// How much longer a step with two sequences takes than one with one, about.
    stretch: f64,
}

impl Work {
    /// Tokens of a request are taken as evenly spread between its first and its last.
    fn of(requests: &[ObservedRequest], idea: &Constants) -> Self {
        let mut work = Changes::default();
        for request in requests {
            let first = request.first.as_secs_f64();
            let prefill = f64::from(request.prefill_tokens);
            let cached = f64::from(request.prompt_tokens) - prefill;
            work.prefilled.push(jump(first, prefill));
            work.pairs.push(jump(first, prefill * (cached + (prefill + 1.0) / 2.0)));
            work.attended.push(jump(first, cached));
            work.sequences.push(jump(first, 1.0));
            work.prompts.push(jump(first, 1.0));
            work.decode(request, first, request.last.as_secs_f64());
        }
        let decoding = Timeline::of(work.decoding);
        let single = idea.fixed + idea.per_sequence;
        Work {
            alone: decoding.time_at(1.0),
            stretch: if single > 0.0 { 1.0 + (idea.batched + idea.per_sequence) / single } else { 1.0 },
            sequences: Timeline::of(work.sequences),
            attended: Timeline::of(work.attended),
            prefilled: Timeline::of(work.prefilled),
            pairs: Timeline::of(work.pairs),
            prompts: Timeline::of(work.prompts),
            decoding,
            context: Timeline::of(work.context),
            step_ends: step_ends(requests),
            // No step is shorter than one that holds a single sequence, and who decodes alone has a mean of those.
            step_min: requests.iter().filter_map(ObservedRequest::tpot).fold(f64::INFINITY, f64::min) / 2.0,
            per_request: idea.per_request,
        }
    }

    /// Seconds per token after the first: one step each, with what others did in them.
    fn tpot_row(&self, index: usize, request: &ObservedRequest) -> Option<Row> {
        let seconds = request.tpot().filter(|&seconds| seconds > 0.0)?;
        let steps = f64::from(request.later_tokens());
        let (first, last) = (request.first.as_secs_f64(), request.last.as_secs_f64());
        let per_step = |timeline: &Timeline| timeline.growth(first, last) / steps;
        let features = [
            0.0,
            1.0,
            self.batched_share(first, last).max((self.prompts.growth(first, last) / steps).min(1.0)),
            per_step(&self.sequences),
            per_step(&self.attended),
            per_step(&self.prefilled),
            per_step(&self.pairs),
        ];
        Some(Row { features, seconds, is_ttft: false, request: index })
    }

    /// The share of steps in an interval that computed two sequences or more. Those steps are longer than the others, so
    /// their share of the steps is less than their share of the time.
    fn batched_share(&self, from: f64, to: f64) -> f64 {
        let alone = self.alone.growth(from, to).clamp(0.0, to - from);
        let together = (to - from - alone) / self.stretch;
        together / (alone + together)
    }

    /// The steps before the first token. If a step is seen to end after the request had reached the server, its prompt is
    /// computed from then on. Else all counts from the grant of a slot: the rest of the step that runs, then its own.
    fn ttft_row(&self, index: usize, request: &ObservedRequest, grant: f64, budget: u32) -> Row {
        let (sent, first) = (request.sent.as_secs_f64(), request.first.as_secs_f64());
        let waited = grant > sent;
        let reached = if waited { grant } else { sent + self.per_request };
        let seen = self.step_end_between(reached, first);
        let from = seen.unwrap_or(grant);
        let prefill = self.prefilled.growth(from, first);
        let others = mean_between(&self.decoding, from, first);
        let room = (f64::from(budget) - others).max(1.0);
        // Who arrives while others decode arrives in the middle of a step, on average.
        let rest = if seen.is_some() || waited || self.decoding.at(from) < 0.5 { 0.0 } else { 0.5 };
        let steps = (prefill / room).ceil().max(1.0) + rest;
        let cached = f64::from(request.prompt_tokens - request.prefill_tokens);
        let context = mean_between(&self.context, from, first);
        let features = [
            f64::from(u8::from(!waited && seen.is_none())),
            steps,
            steps,
            steps * others + self.prompts.growth(from, first),
            steps * context + cached,
            prefill,
            self.pairs.growth(from, first),
        ];
        Row { features, seconds: first - from, is_ttft: true, request: index }
    }

    /// The last end of a step after `from` and before the step that ended at `to`.
    fn step_end_between(&self, from: f64, to: f64) -> Option<f64> {
        let before = self.step_ends.partition_point(|&end| end < to - self.step_min);
        self.step_ends[..before].last().copied().filter(|&end| end > from)
    }
}

fn step_ends(requests: &[ObservedRequest]) -> Vec<f64> {
    let ends = requests.iter().flat_map(|request| [request.first, request.last]);
    let mut ends: Vec<f64> = ends.map(|end| end.as_secs_f64()).collect();
    ends.sort_by(f64::total_cmp);
    ends
}

/// The changes of each timeline of [`Work`].
#[derive(Default)]
struct Changes {
    sequences: Vec<Change>,
    attended: Vec<Change>,
    prefilled: Vec<Change>,
    pairs: Vec<Change>,
    prompts: Vec<Change>,
    decoding: Vec<Change>,
    context: Vec<Change>,
}

impl Changes {
    /// The tokens of a request after those of its first event.
    fn decode(&mut self, request: &ObservedRequest, first: f64, last: f64) {
        let span = last - first;
        if span <= 0.0 || request.later_tokens() == 0 {
            return;
        }
        let rate = f64::from(request.later_tokens()) / span;
        // A step reads what was there before it. The half makes the area under the line the sum over whole tokens.
        let context = f64::from(request.prompt_tokens) + f64::from(request.first_tokens) - 1.5;
        let end = context + rate * span;
        self.sequences.extend([ramp(first, 0.0, rate, 0.0), ramp(last, 0.0, -rate, 0.0)]);
        let curve = rate * rate / 2.0;
        self.attended.extend([ramp(first, 0.0, rate * context, curve), ramp(last, 0.0, -rate * end, -curve)]);
        self.decoding.extend([jump(first, 1.0), jump(last, -1.0)]);
        self.context.extend([ramp(first, context, rate, 0.0), ramp(last, -end, -rate, 0.0)]);
    }
}

fn jump(at: f64, value: f64) -> Change {
    Change { at, value, ..Change::default() }
}

fn ramp(at: f64, value: f64, slope: f64, curve: f64) -> Change {
    Change { at, value, slope, curve }
}

/// The mean of what is in hand at the ends of an interval: it changes little within.
fn mean_between(timeline: &Timeline, from: f64, to: f64) -> f64 {
    // At `to` the request itself begins to decode, and others do with it: what was before counts.
    let just_before = to - (to - from) * 1e-6;
    (timeline.at(from) + timeline.at(just_before)).max(0.0) / 2.0
}

/// When each request got a slot, seconds: when it was sent, or when the first of those before it gave one back.
fn grants(requests: &[ObservedRequest], slots: Option<u32>) -> Vec<f64> {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    let mut busy = BinaryHeap::new();
    requests
        .iter()
        .map(|request| {
            let free = match slots {
                Some(slots) if busy.len() >= slots as usize => busy.pop().map(|Reverse(at)| at),
                _ => None,
            };
            busy.push(Reverse(request.last));
            // What a client sees of the order of events is late by the network: a first token is never granted late.
            free.unwrap_or(request.sent).clamp(request.sent, request.first.max(request.sent)).as_secs_f64()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::observed::fixture::{request, run};
    use super::*;

    const FREE: StepLimits = StepLimits { slots: None, tokens: 2048 };
    const NONE: Constants = Constants {
        per_request: 0.0,
        fixed: 0.0,
        batched: 0.0,
        per_sequence: 0.0,
        per_context_token: 0.0,
        per_prefill_token: 0.0,
        per_prefill_pair: 0.0,
    };

    #[test]
    fn a_lone_request_pays_for_itself() {
        let rows = rows(&run(vec![request(0, 50, 150)]), FREE, &NONE);
        // 100 tokens of 1 ms, each reading what was there before it: 100 to 199 tokens.
        assert_eq!((rows[0].seconds, rows[0].is_ttft), (0.001, false));
        assert_features(rows[0].features, [0.0, 1.0, 0.0, 1.0, 149.5, 0.0, 0.0]);
        assert_features(rows[1].features, [1.0, 1.0, 1.0, 1.0, 0.0, 100.0, 5050.0]);
        assert_eq!((rows[1].seconds, rows[1].is_ttft), (0.05, true));
    }

    #[test]
    fn what_others_do_in_a_step_is_counted() {
        // The second is prefilled while the first decodes, and then both decode to the end of the first.
        let rows = rows(&run(vec![request(0, 50, 250), request(120, 150, 250)]), FREE, &NONE);
        let [first, _, second, ttft] = [rows[0], rows[1], rows[2], rows[3]];
        let both = (199.5 * 200.0 + 149.5 * 100.0) / 200.0;
        assert_features(first.features, [0.0, 1.0, 0.5, 1.505, both, 0.5, 25.25]);
        assert_features(second.features, [0.0, 1.0, 1.0, 2.0, 149.5 + 249.5, 0.0, 0.0]);
        // Half a step that ran when it came, and its own; the first decodes in both, with about 184 tokens.
        assert_features(ttft.features, [1.0, 1.5, 1.5, 2.5, 1.5 * 184.5, 100.0, 5050.0]);
    }

    #[test]
    fn longer_steps_are_fewer() {
        // Half of the time with two, in steps that take three times as long: a quarter of the steps.
        let idea = Constants { fixed: 0.010, batched: 0.020, ..NONE };
        let first = rows(&run(vec![request(0, 50, 250), request(120, 150, 250)]), FREE, &idea)[0];
        assert!((first.features[2] - 0.25).abs() < 1e-9, "{first:?}");
    }

    #[test]
    fn who_waits_for_a_slot_is_timed_from_its_grant() {
        let limits = StepLimits { slots: Some(1), tokens: 60 };
        let rows = rows(&run(vec![request(0, 50, 150), request(10, 180, 280)]), limits, &NONE);
        let ttft = rows[3];
        assert!((ttft.seconds - 0.03).abs() < 1e-9, "{ttft:?}");
        // 100 tokens take two steps of 60; a slot that was just given back leaves no running step to wait for.
        assert_features(ttft.features, [0.0, 2.0, 2.0, 1.0, 0.0, 100.0, 5050.0]);
    }

    #[test]
    fn a_step_that_ends_in_between_is_where_the_prompt_begins() {
        // The second comes at 20 while the first is prefilled, until 50.
        let requests = || run(vec![request(0, 50, 250), request(20, 90, 250)]);
        let ttft = rows(&requests(), FREE, &NONE)[3];
        assert!((ttft.seconds - 0.04).abs() < 1e-9, "{ttft:?}");
        assert_features(ttft.features, [0.0, 1.0, 1.0, 2.0, 119.5, 100.0, 5050.0]);
        // If it needs 31 ms to reach the server, it came to late for that step.
        let late = rows(&requests(), FREE, &Constants { per_request: 0.031, ..NONE })[3];
        assert!((late.seconds - 0.07).abs() < 1e-9, "{late:?}");
        assert_eq!((late.features[0], late.features[1], late.features[5]), (1.0, 1.0, 200.0));
    }

    #[test]
    fn tokens_of_the_prefix_cache_are_read_and_not_computed() {
        let cached = ObservedRequest { prefill_tokens: 20, ..request(20, 50, 150) };
        let decoder = request(0, 10, 210);
        let rows = rows(&run(vec![decoder, cached]), FREE, &NONE);
        // 20 tokens that attend to the 80 before them and to each other; 80 tokens read once in 200 steps.
        assert_features(rows[3].features, [1.0, 1.5, 1.5, 2.5, 1.5 * 124.5 + 80.0, 20.0, 1810.0]);
        assert!((rows[0].features[5] - 0.1).abs() < 1e-9 && (rows[0].features[6] - 9.05).abs() < 1e-9);
    }

    fn assert_features(found: [f64; 7], expected: [f64; 7]) {
        let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-3 * b.abs().max(1.0));
        assert!(close, "{found:?} instead of {expected:?}");
    }
}
