//! The engine behind an endpoint: which one, by what name, and with which options.

use std::num::NonZeroU32;

use plimsoll_core::seed::Seed;
use plimsoll_sim::Engine;
use plimsoll_sim::batch::presets::{self as classic, BatchPreset};
use plimsoll_sim::batch::{Batch, BatchOptions, Batching};
use plimsoll_sim::conditions::{ConditionOptions, Conditions};
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use plimsoll_sim::llm::{Llm, LlmOptions};
use plimsoll_sim::presets::{self, Preset, UnknownPreset};

use super::error::SimOptionError;
use super::values::Pair;
use super::{batch, conditions, fixed, llm};

/// The engine and all that it is told.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineOptions {
    /// A fixed time grid.
    Fixed {
        /// The grid.
        grid: FixedOptions,
        /// What happens to it as a whole.
        conditions: ConditionOptions,
    },
    /// A language model.
    Llm(LlmOptions),
    /// A classic model.
    Batch {
        /// How it gathers batches, and what they cost.
        model: BatchOptions,
        /// What happens to it as a whole.
        conditions: ConditionOptions,
    },
}

impl EngineOptions {
    /// The engine, at its beginning.
    ///
    /// # Errors
    /// The options make no server.
    pub fn engine(&self) -> Result<Engine, SimOptionError> {
        let checked = |conditions: &ConditionOptions| {
            Conditions::new(conditions.clone()).map_err(|error| SimOptionError::NoServer(error.to_string()))
        };
        match self {
            EngineOptions::Fixed { grid, conditions } => {
                Ok(Engine::Fixed(Fixed::under(grid.clone(), checked(conditions)?)))
            }
            EngineOptions::Llm(options) => Llm::new(options.clone())
                .map(Engine::Llm)
                .map_err(|error| SimOptionError::NoServer(error.to_string())),
            EngineOptions::Batch { model, conditions } => {
                Ok(Engine::Batch(Batch::under(model.clone(), checked(conditions)?)))
            }
        }
    }
}

impl EngineOptions {
    /// Most requests that wait; `None` is no limit.
    pub(crate) fn queue(&self) -> Option<u32> {
        match self {
            EngineOptions::Fixed { grid, .. } => grid.queue,
            EngineOptions::Llm(options) => options.queue,
            EngineOptions::Batch { model, .. } => model.queue.map(NonZeroU32::get),
        }
    }

    /// Most requests that are worked on at once.
    pub(crate) fn concurrency(&self) -> u32 {
        match self {
            EngineOptions::Fixed { grid, .. } => grid.slots.get(),
            EngineOptions::Llm(options) => options.max_num_seqs.get(),
            EngineOptions::Batch { model, .. } => {
                let size = match model.batching {
                    Batching::Off => NonZeroU32::MIN,
                    Batching::Triton { max_items: size, .. } | Batching::TorchServe { size, .. } => size,
                };
                model.instances.saturating_mul(size).get()
            }
        }
    }
}

/// What stands before the question mark of a target.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Nothing.
    Fixed,
    Llm(Box<Preset>),
    Batch(&'static BatchPreset),
}

impl Base {
    /// The engine of a preset's name; none is the fixed grid.
    pub(super) fn find(name: &str) -> Result<Self, SimOptionError> {
        if name.is_empty() {
            return Ok(Base::Fixed);
        }
        let name = name.to_ascii_lowercase();
        if let Some(preset) = classic::named(&name) {
            return Ok(Base::Batch(preset));
        }
        match presets::find(&name) {
            Ok(preset) => Ok(Base::Llm(Box::new(preset))),
            Err(UnknownPreset::Name { name, .. }) => {
                let nearest = nearest(&name, preset_names());
                let message = format!("there is no preset `{name}`; did you mean `{nearest}`?");
                Err(SimOptionError::Preset(message))
            }
            Err(error @ UnknownPreset::DoesNotFit { .. }) => Err(SimOptionError::Preset(error.to_string())),
        }
    }

    /// Its own options and those of the conditions that can happen to it.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        let own = match self {
            Base::Fixed => fixed::KEYS,
            Base::Llm(_) => llm::KEYS,
            Base::Batch(_) => batch::KEYS,
        };
        own.iter().chain(conditions::KEYS).copied()
    }

    /// What it is called in messages.
    fn title(&self) -> &'static str {
        match self {
            Base::Fixed => "the fixed grid",
            Base::Llm(_) => "a language model",
            Base::Batch(_) => "a classic model",
        }
    }

    /// The name of its model.
    pub(super) fn model(&self) -> String {
        match self {
            Base::Fixed => "sim".to_owned(),
            Base::Llm(preset) => preset.physics.model.name.to_owned(),
            Base::Batch(preset) => {
                preset.name.rsplit_once('-').map_or(preset.name, |(model, _)| model).to_owned()
            }
        }
    }

    /// What is wrong with a key that it does not have; `common` are those of every endpoint.
    pub(super) fn unknown(&self, key: &str, common: &[&'static str]) -> SimOptionError {
        let elsewhere = [
            ("the fixed grid", fixed::KEYS, "write sim://?"),
            ("a language model", llm::KEYS, "write sim://llama-3-8b-h100?"),
            ("a classic model", batch::KEYS, "write sim://resnet50-t4?"),
        ];
        match elsewhere.into_iter().find(|(_, keys, _)| keys.contains(&key)) {
            Some((theirs, _, instead)) => SimOptionError::Elsewhere {
                key: key.to_owned(),
                theirs,
                ours: self.title(),
                instead: format!("leave it out, or {instead}{key}=..."),
            },
            None => SimOptionError::Unknown {
                key: key.to_owned(),
                nearest: nearest(key, common.iter().copied().chain(self.keys())),
            },
        }
    }

    pub(super) fn build(self, pairs: &[Pair], seed: Seed) -> Result<EngineOptions, SimOptionError> {
        match self {
            Base::Fixed => Ok(EngineOptions::Fixed {
                grid: fixed::build(pairs, seed)?,
                conditions: conditions::build(ConditionOptions::default(), pairs)?,
            }),
            Base::Llm(preset) => llm::build(*preset, pairs, seed).map(EngineOptions::Llm),
            Base::Batch(preset) => Ok(EngineOptions::Batch {
                model: batch::build(preset, pairs, seed)?,
                conditions: conditions::build(ConditionOptions::default(), pairs)?,
            }),
        }
    }
}

fn preset_names() -> impl Iterator<Item = String> {
    presets::all().map(|preset| preset.name()).chain(classic::ALL.iter().map(|preset| preset.name.to_owned()))
}

fn nearest<T: AsRef<str> + Default>(name: &str, names: impl Iterator<Item = T>) -> T {
    let likeness = |other: &T| strsim::jaro_winkler(other.as_ref(), name);
    names.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default()
}
