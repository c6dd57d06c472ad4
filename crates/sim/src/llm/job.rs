//! One request inside an LLM server.

use std::sync::Arc;

use plimsoll_core::seed::Rng;
use rand::RngExt;

use super::Speculative;
use super::kv_cache::BlockId;
use crate::engine::{Ask, JobId};

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Waiting,
    Running,
    /// Its client left while it waited. Its entry is freed when the queue comes to it.
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub id: JobId,
    pub place: Place,
    /// Tokens whose keys and values are in the KV cache.
    pub computed: u32,
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens of the prompt and generated so far: those that can be computed.
    pub known: u32,
    /// Tokens of the step in flight, with those drafted.
    pub scheduled: u32,
    /// How many of them were drafted.
    pub drafted: u32,
    /// Tokens still to generate.
    pub remaining: u32,
    /// Its blocks of KV cache, in order.
    pub blocks: Vec<BlockId>,
    /// Leading blocks that the prefix cache knows, or that it need not be told of.
    pub published: u32,
    /// Leading blocks that other requests may share: `prefix` has their keys.
    pub shared: u32,
    pub prefix: Arc<[u64]>,
    pub started: bool,
    /// It was preempted: its blocks have been given keys of its own, so that it may find them again.
    pub preempted: bool,
    /// Decides which guesses of a speculative decoder are right.
    pub rng: Option<Rng>,
}

impl Job {
    /// A request that has just arrived, with prefixes that other requests may have too if `share` is set.
    pub(super) fn new(id: JobId, ask: &Ask, block_size: u32, share: bool) -> Self {
        let prompt = ask.prompt_tokens.max(1); // a model starts from one token at least
        let full = (prompt / block_size) as usize;
        Job {
            id,
            place: Place::Waiting,
            computed: 0,
            prompt,
            known: prompt,
            scheduled: 0,
            drafted: 0,
            remaining: ask.output_tokens,
            blocks: Vec::new(),
            published: 0,
            shared: if share { ask.prefix.len().min(full) as u32 } else { 0 },
            prefix: ask.prefix.clone(),
            started: false,
            preempted: false,
            rng: None,
        }
    }

    /// Whether it generates: all but its newest token is computed, and that one was generated.
    #[inline]
    pub(super) fn decodes(&self) -> bool {
        self.known > self.prompt && self.computed + 1 == self.known
    }

    /// The key of its block number `index`, if other requests, or it itself later, may find it.
    pub(super) fn key(&self, index: u32) -> Option<u64> {
        if index < self.shared {
            return self.prefix.get(index as usize).copied();
        }
        self.preempted.then(|| own_key(self.id, index))
    }

    /// How many of the guesses that the step in flight verifies turn out right.
    pub(super) fn accepted(&mut self, guess: Option<&Speculative>) -> u32 {
        let (Some(guess), Some(rng)) = (guess, &mut self.rng) else {
            return 0;
        };
        let drafted = guess.acceptance.iter().take(self.drafted as usize);
        drafted.take_while(|&&chance| rng.random::<f64>() < chance).count() as u32
    }
}

/// A key that only block `index` of request `id` has, by the finaliser of SplitMix64.
fn own_key(id: JobId, index: u32) -> u64 {
    let mut z = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(index) << 32 | 0x5bd1);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
