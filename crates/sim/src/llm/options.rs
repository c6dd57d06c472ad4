//! What an LLM server is made of, and which numbers make sense for it.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use thiserror::Error;

use super::StepTime;
use crate::conditions::{ConditionOptions, ConditionsError};

/// How an [`super::Llm`] server behaves. The names of its limits are vLLM's.
#[derive(Clone, Debug, PartialEq)]
pub struct LlmOptions {
    /// How long a step takes.
    pub step_time: StepTime,
    /// Relative spread of each step's time, 0 to 1: it is drawn evenly from `[1 - jitter, 1 + jitter]` of it.
    pub jitter: f64,
    /// Most requests in a step.
    pub max_num_seqs: NonZeroU32,
    /// Most tokens in a step, those of prompts and those generated together.
    pub max_num_batched_tokens: NonZeroU32,
    /// Most tokens of a request, prompt and answer together. The KV cache may set a lower limit.
    pub max_model_len: NonZeroU32,
    /// Blocks of the KV cache.
    pub kv_blocks: NonZeroU32,
    /// Tokens in a block.
    pub block_size: NonZeroU32,
    /// Whether a prompt reuses the blocks of an earlier one that began alike.
    pub prefix_caching: bool,
    /// Most requests that wait, beyond those for which a place in the batch is free; `None` is no limit.
    pub queue: Option<u32>,
    /// A decoder that guesses ahead.
    pub speculative: Option<Speculative>,
    /// What it runs on.
    pub hardware: Hardware,
    /// What happens to it as a whole.
    pub conditions: ConditionOptions,
    /// The seed of jitter and of accepted guesses.
    pub seed: Seed,
}

/// Speculative decoding: a cheap drafter guesses tokens, and one step of the model verifies them.
#[derive(Clone, Debug, PartialEq)]
pub struct Speculative {
    /// For each drafted position, the chance that its guess is right if all before it were. As many as are drafted.
    pub acceptance: Vec<f64>,
    /// What drafting adds to each step that has something to verify, for each position.
    pub draft: Duration,
}

/// What the metrics of a server say of its hardware; all 0 where it is not modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hardware {
    /// Bytes of accelerator memory, over all accelerators.
    pub memory: u64,
    /// Bytes of it that the server takes: weights, activations and the whole KV cache are claimed at its start.
    pub memory_used: u64,
    /// Watts drawn when there is nothing to do, over all accelerators.
    pub idle_watts: f64,
    /// Watts drawn at full power, over all accelerators.
    pub tdp_watts: f64,
}

/// Numbers that make no server.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OptionsError {
    /// A time that is negative or not a number.
    #[error("step time: {name} is {value}, but must be 0 s or more")]
    StepTime {
        /// Which part of it.
        name: &'static str,
        /// Its value, seconds.
        value: f64,
    },
    /// Something that is a share or a chance and is not between 0 and 1.
    #[error("{name} is {value}, but must be between 0 and 1")]
    Share {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A speculative decoder that drafts nothing, or more than a step can hold.
    #[error(
        "a speculative decoder drafts {drafted} tokens, but must draft from 1 to {most}: a step verifies them and one more"
    )]
    Drafted {
        /// How many.
        drafted: usize,
        /// The most that `max_num_batched_tokens` and the KV cache leave room for.
        most: u32,
    },
    /// A KV cache without room for one request.
    #[error(
        "{blocks} blocks of {block_size} tokens hold no request: the KV cache needs room for 2 tokens at least, and for those that are drafted"
    )]
    NoRoom {
        /// Blocks there are.
        blocks: u32,
        /// Tokens in each.
        block_size: u32,
    },
    /// Conditions that cannot be.
    #[error(transparent)]
    Conditions(#[from] ConditionsError),
}

impl LlmOptions {
    /// Tokens that are drafted in each step.
    pub(super) fn drafted(&self) -> u32 {
        self.speculative.as_ref().map_or(0, |guess| guess.acceptance.len() as u32)
    }

    /// Tokens that the KV cache holds.
    pub fn kv_tokens(&self) -> u64 {
        u64::from(self.kv_blocks.get()) * u64::from(self.block_size.get())
    }

    /// Most tokens that a request may have, prompt and answer together: every request that is taken fits in the KV
    /// cache when it is alone, so every one can be finished.
    pub fn longest_request(&self) -> u32 {
        let room = self.kv_tokens().saturating_sub(u64::from(self.drafted()));
        self.max_model_len.get().min(u32::try_from(room).unwrap_or(u32::MAX))
    }

    /// Whether these numbers make a server.
    ///
    /// # Errors
    /// Says which does not, and what it may be.
    pub fn check(&self) -> Result<(), OptionsError> {
        for (name, value) in self.step_time.parts() {
            if !(value.is_finite() && value >= 0.0) {
                return Err(OptionsError::StepTime { name, value });
            }
        }
        let share = |name, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(OptionsError::Share { name, value }),
        };
        share("step time: expert_share", self.step_time.expert_share)?;
        share("jitter", self.jitter)?;
        if let Some(guess) = &self.speculative {
            let most = self.max_num_batched_tokens.get() - 1;
            if !(1..=most as usize).contains(&guess.acceptance.len()) {
                return Err(OptionsError::Drafted { drafted: guess.acceptance.len(), most });
            }
            for &chance in &guess.acceptance {
                share("a speculative decoder's acceptance", chance)?;
            }
        }
        if self.longest_request() < 2 && self.max_model_len.get() >= 2 {
            let (blocks, block_size) = (self.kv_blocks.get(), self.block_size.get());
            return Err(OptionsError::NoRoom { blocks, block_size });
        }
        Ok(self.conditions.check()?)
    }
}
