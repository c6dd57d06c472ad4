//! How long one step takes, as a linear function of what is in it.

use std::time::Duration;

/// What one step computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchShape {
    /// Requests that take part.
    pub sequences: u32,
    /// Prompt tokens computed; tokens recomputed after a preemption are among them.
    pub prefill_tokens: u32,
    /// Tokens whose keys and values are read from the KV cache, over all requests: what they had before the step.
    pub context_tokens: u64,
    /// Pairs of a prompt token computed in this step and a token that it attends to.
    pub prefill_pairs: u64,
    /// Tokens that a speculative decoder guessed and this step verifies.
    pub drafted_tokens: u32,
}

impl BatchShape {
    /// Adds a request that has `context` tokens in the KV cache and computes `tokens` of its prompt.
    pub fn add_prefill(&mut self, context: u32, tokens: u32) {
        self.sequences += 1;
        self.context_tokens += u64::from(context);
        self.prefill_tokens += tokens;
        // Token i of the chunk attends to all before the chunk, to i - 1 in it, and to itself.
        let (context, tokens) = (u64::from(context), u64::from(tokens));
        self.prefill_pairs += tokens * context + tokens * (tokens + 1) / 2;
    }

    /// Adds a request that has `context` tokens in the KV cache and generates, verifying `drafted` guesses.
    pub fn add_decode(&mut self, context: u32, drafted: u32) {
        self.sequences += 1;
        self.context_tokens += u64::from(context);
        self.drafted_tokens += drafted;
    }
}

/// Seconds that the parts of a step take; their sum is the time of the step. All are finite and 0 or more.
///
/// It is what [`super::Physics`] reduces to, and what can be fitted to measurements of a real server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepTime {
    /// Every step: the weights are read, kernels are launched.
    pub fixed: f64,
    /// A step that computes two tokens or more, on top: matrices are multiplied with matrices, no longer with a vector.
    pub batched: f64,
    /// For each request in the step.
    pub per_sequence: f64,
    /// For each token whose keys and values are read.
    pub per_context_token: f64,
    /// For each prompt token computed, and for each drafted token verified.
    pub per_prefill_token: f64,
    /// For each pair of a prompt token and one that it attends to: what makes long prompts cost more than in
    /// proportion.
    pub per_prefill_pair: f64,
    /// Reading all weights of a mixture's experts; 0 for a dense model.
    pub experts: f64,
    /// Share of the experts that one token uses, 0 to 1. With more tokens in a step, more of them are read.
    pub expert_share: f64,
}

impl StepTime {
    /// How long a step takes that computes `batch`.
    pub fn step(&self, batch: &BatchShape) -> Duration {
        let computed = batch.prefill_tokens + batch.drafted_tokens;
        let batched = if computed + batch.sequences >= 2 { self.batched } else { 0.0 };
        let mut seconds = self.fixed
            + batched
            + self.per_sequence * f64::from(batch.sequences)
            + self.per_context_token * batch.context_tokens as f64
            + self.per_prefill_token * f64::from(computed)
            + self.per_prefill_pair * batch.prefill_pairs as f64;
        if self.experts > 0.0 {
            // Tokens choose their experts independently: an expert stays unread if no token chooses it.
            let tokens = f64::from(computed + batch.sequences);
            seconds += self.experts * (1.0 - (1.0 - self.expert_share).powf(tokens));
        }
        Duration::from_nanos((seconds * 1e9).round() as u64) // `as` saturates
    }

    /// The share of a step's time in which its arithmetic units are the limit, 0 to 1.
    pub(super) fn compute_share(&self, batch: &BatchShape, step: Duration) -> f64 {
        let compute = self.per_prefill_token * f64::from(batch.prefill_tokens + batch.drafted_tokens)
            + self.per_prefill_pair * batch.prefill_pairs as f64;
        if compute > 0.0 { (compute / step.as_secs_f64()).min(1.0) } else { 0.0 }
    }

    /// The parts with their names, for checks and for messages.
    pub(super) fn parts(&self) -> [(&'static str, f64); 8] {
        [
            ("fixed", self.fixed),
            ("batched", self.batched),
            ("per_sequence", self.per_sequence),
            ("per_context_token", self.per_context_token),
            ("per_prefill_token", self.per_prefill_token),
            ("per_prefill_pair", self.per_prefill_pair),
            ("experts", self.experts),
            ("expert_share", self.expert_share),
        ]
    }
}
