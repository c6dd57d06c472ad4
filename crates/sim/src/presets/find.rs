//! From a preset's name to a server.

use std::num::NonZeroU32;

use plimsoll_core::seed::Seed;
use thiserror::Error;

use super::{ACCELERATORS, MODELS};
use crate::llm::{Accelerator, GIB, LlmOptions, Model, Overheads, Physics};

/// Tokens in a block of KV cache: vLLM's default.
const BLOCK_SIZE: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Requests in a step: vLLM's default on small accelerators. On large ones its API server takes 1024, which serves a
/// tenth more at twice the time per token (see the table in `docs/SIM.md`).
const MAX_NUM_SEQS: NonZeroU32 = NonZeroU32::new(256).unwrap();

/// A model fits if its KV cache has room for one request of so many tokens.
const SHORTEST_CONTEXT: u32 = 8192;

/// Numbers of accelerators that can share a model.
const COUNTS: [u32; 4] = [1, 2, 4, 8];

/// A model on accelerators that have room for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// Model, accelerators, and what the software adds.
    pub physics: Physics,
    /// vLLM's default for these accelerators.
    pub max_num_batched_tokens: NonZeroU32,
}

/// Why a name is no preset.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum UnknownPreset {
    /// No model or no accelerator is called so.
    #[error("there is no preset `{name}`; did you mean `{nearest}`?")]
    Name {
        /// What was asked for.
        name: String,
        /// The most similar name of a preset.
        nearest: String,
    },
    /// The model needs more memory than these accelerators have.
    #[error(
        "`{name}` does not fit: its weights take {weights_gib:.0} GiB, and a KV cache and activations come on top, but {accelerators} {accelerator} have {memory_gib:.0} GiB; {fitting}"
    )]
    DoesNotFit {
        /// What was asked for.
        name: String,
        /// Bytes of the weights, GiB.
        weights_gib: f64,
        /// Which accelerator was asked for.
        accelerator: &'static str,
        /// How many of them.
        accelerators: u32,
        /// Their memory together, GiB.
        memory_gib: f64,
        /// What would fit.
        fitting: String,
    },
}

/// All presets with the least accelerators that suffice, by name. More accelerators, up to 8, are presets too.
pub fn all() -> impl Iterator<Item = Preset> {
    MODELS.iter().flat_map(|model| ACCELERATORS.iter().filter_map(move |kind| smallest(model, kind)))
}

/// The preset called `name`: `MODEL-ACCELERATOR`, or `MODEL-NxACCELERATOR` for 2, 4 or 8 that share the model.
///
/// # Errors
/// There is none of this name, or the model does not fit.
pub fn find(name: &str) -> Result<Preset, UnknownPreset> {
    let wanted = name.to_ascii_lowercase();
    for preset in combinations() {
        if preset.name() == wanted {
            return if preset.fits() { Ok(preset) } else { Err(preset.does_not_fit()) };
        }
    }
    let likeness = |preset: &Preset| strsim::jaro_winkler(&preset.name(), &wanted);
    let nearest = all().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.map(|preset| preset.name()).unwrap_or_default();
    Err(UnknownPreset::Name { name: name.to_owned(), nearest })
}

/// Every model on every number of every accelerator, whether it fits or not.
fn combinations() -> impl Iterator<Item = Preset> {
    let kinds = |model| ACCELERATORS.iter().map(move |kind| (model, kind));
    let pairs = MODELS.iter().flat_map(kinds);
    pairs.flat_map(|(model, kind)| sizes(model, kind))
}

/// The model on the least accelerators of this kind that suffice.
fn smallest(model: &Model, kind: &Accelerator) -> Option<Preset> {
    sizes(model, kind).find(Preset::fits)
}

/// The model on each number of accelerators among which its attention heads can be divided evenly.
fn sizes(model: &Model, kind: &Accelerator) -> impl Iterator<Item = Preset> {
    let counts = COUNTS.into_iter().filter(|count| model.query_heads.is_multiple_of(*count));
    counts.map(|count| Preset::of(model, kind, count))
}

impl Preset {
    /// `model` on `accelerators` of `kind`, whether it fits or not.
    fn of(model: &Model, kind: &Accelerator, accelerators: u32) -> Self {
        let tokens = max_num_batched_tokens(kind);
        let overheads = Overheads::vllm(model, accelerators, tokens.get());
        let physics = Physics { model: *model, accelerator: *kind, accelerators, overheads };
        Preset { physics, max_num_batched_tokens: tokens }
    }

    /// Its name.
    pub fn name(&self) -> String {
        let Physics { model, accelerator, accelerators, .. } = self.physics;
        match accelerators {
            1 => format!("{}-{}", model.name, accelerator.name),
            count => format!("{}-{count}x{}", model.name, accelerator.name),
        }
    }

    /// The server, with vLLM's defaults where physics leaves a choice.
    pub fn options(&self) -> LlmOptions {
        let kv_blocks = NonZeroU32::new(self.physics.kv_blocks(BLOCK_SIZE.get())).unwrap_or(NonZeroU32::MIN);
        let room = kv_blocks.saturating_mul(BLOCK_SIZE);
        let context = NonZeroU32::new(self.physics.model.context).unwrap_or(NonZeroU32::MIN);
        LlmOptions {
            step_time: self.physics.step_time(),
            jitter: 0.0,
            max_num_seqs: MAX_NUM_SEQS,
            max_num_batched_tokens: self.max_num_batched_tokens,
            max_model_len: context.min(room),
            kv_blocks,
            block_size: BLOCK_SIZE,
            prefix_caching: true,
            queue: None,
            speculative: None,
            hardware: self.physics.hardware(),
            conditions: self.physics.conditions(),
            seed: Seed(0),
        }
    }

    fn fits(&self) -> bool {
        let least = self.physics.model.context.min(SHORTEST_CONTEXT);
        self.physics.kv_blocks(BLOCK_SIZE.get()) >= least.div_ceil(BLOCK_SIZE.get())
    }

    fn does_not_fit(&self) -> UnknownPreset {
        let Physics { model, accelerator, accelerators, .. } = self.physics;
        let fitting: Vec<String> = ACCELERATORS
            .iter()
            .filter_map(|kind| smallest(&model, kind))
            .map(|preset| format!("`{}`", preset.name()))
            .collect();
        UnknownPreset::DoesNotFit {
            name: self.name(),
            weights_gib: model.weight_bytes() / GIB,
            accelerator: accelerator.name,
            accelerators,
            memory_gib: accelerator.memory * f64::from(accelerators) / GIB,
            fitting: format!("what fits: {}", fitting.join(", ")),
        }
    }
}

/// The default of vLLM's API server: 16384 from 160 GiB of memory, 8192 from 70 GiB unless it is an A100, else 2048.
fn max_num_batched_tokens(kind: &Accelerator) -> NonZeroU32 {
    const LARGE: NonZeroU32 = NonZeroU32::new(16_384).unwrap();
    const MEDIUM: NonZeroU32 = NonZeroU32::new(8192).unwrap();
    const SMALL: NonZeroU32 = NonZeroU32::new(2048).unwrap();
    if kind.memory >= 160.0 * GIB {
        LARGE
    } else if kind.memory >= 70.0 * GIB && kind.name != "a100" {
        MEDIUM
    } else {
        SMALL
    }
}
