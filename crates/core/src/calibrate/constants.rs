//! The constants of a server that works in steps.

use serde::{Deserialize, Serialize};

/// One of the [`Constants`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constant {
    /// [`Constants::per_request`].
    PerRequest,
    /// [`Constants::fixed`].
    Fixed,
    /// [`Constants::batched`].
    Batched,
    /// [`Constants::per_sequence`].
    PerSequence,
    /// [`Constants::per_context_token`].
    PerContextToken,
    /// [`Constants::per_prefill_token`].
    PerPrefillToken,
    /// [`Constants::per_prefill_pair`].
    PerPrefillPair,
}

impl Constant {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in the order of reports.
    pub const ALL: [Constant; Constant::COUNT] = [
        Constant::PerRequest,
        Constant::Fixed,
        Constant::Batched,
        Constant::PerSequence,
        Constant::PerContextToken,
        Constant::PerPrefillToken,
        Constant::PerPrefillPair,
    ];

    /// The name in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Constant::PerRequest => "per_request",
            Constant::Fixed => "fixed",
            Constant::Batched => "batched",
            Constant::PerSequence => "per_sequence",
            Constant::PerContextToken => "per_context_token",
            Constant::PerPrefillToken => "per_prefill_token",
            Constant::PerPrefillPair => "per_prefill_pair",
        }
    }

    /// What it is paid for, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Constant::PerRequest => "once for a request, outside the steps",
            Constant::Fixed => "every step",
            Constant::Batched => "each step that computes two tokens or more",
            Constant::PerSequence => "each request in a step",
            Constant::PerContextToken => "each token of context read in a step",
            Constant::PerPrefillToken => "each prompt token computed",
            Constant::PerPrefillPair => "each prompt token and one that it attends to",
        }
    }

    /// What a run needs to tell this constant from the others.
    pub const fn needs(self) -> &'static str {
        match self {
            Constant::PerRequest => "a run at low load, where requests do not wait",
            Constant::Fixed => "a run at low load, answers of many tokens",
            Constant::Batched => "a run with one request at a time, and one with more",
            Constant::PerSequence => "runs at low and at high load",
            Constant::PerContextToken => "a run at high load with prompts of different lengths",
            Constant::PerPrefillToken => "prompts of different lengths",
            Constant::PerPrefillPair => "prompts of at least three lengths, some of them long",
        }
    }
}

/// How long a server that works in steps takes, in seconds, none negative. The time of a step is the sum of all but the
/// first, each times what is in the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// Once for a request, outside the steps: parsing, tokenizing, the network.
    pub per_request: f64,
    /// Every step: the weights are read, kernels are launched, the scheduler runs.
    pub fixed: f64,
    /// Each step that computes two tokens or more, on top: matrices are then multiplied with matrices and no longer with a
    /// vector, by other programs.
    pub batched: f64,
    /// Each request in a step: sampling, its share of the matrix products.
    pub per_sequence: f64,
    /// Each token whose keys and values are read in a step.
    pub per_context_token: f64,
    /// Each prompt token computed.
    pub per_prefill_token: f64,
    /// Each pair of a prompt token and one that it attends to: why long prompts cost more than in proportion.
    pub per_prefill_pair: f64,
}

impl Constants {
    /// The value of one.
    pub const fn get(&self, constant: Constant) -> f64 {
        match constant {
            Constant::PerRequest => self.per_request,
            Constant::Fixed => self.fixed,
            Constant::Batched => self.batched,
            Constant::PerSequence => self.per_sequence,
            Constant::PerContextToken => self.per_context_token,
            Constant::PerPrefillToken => self.per_prefill_token,
            Constant::PerPrefillPair => self.per_prefill_pair,
        }
    }

    /// The same with another value for one.
    #[must_use]
    pub const fn with(mut self, constant: Constant, value: f64) -> Self {
        match constant {
            Constant::PerRequest => self.per_request = value,
            Constant::Fixed => self.fixed = value,
            Constant::Batched => self.batched = value,
            Constant::PerSequence => self.per_sequence = value,
            Constant::PerContextToken => self.per_context_token = value,
            Constant::PerPrefillToken => self.per_prefill_token = value,
            Constant::PerPrefillPair => self.per_prefill_pair = value,
        }
        self
    }

    /// From the values in the order of [`Constant::ALL`].
    pub(super) fn from_values(values: [f64; Constant::COUNT]) -> Self {
        let pairs = Constant::ALL.into_iter().zip(values);
        pairs.fold(Constants::default(), |sofar, (name, value)| sofar.with(name, value))
    }
}
