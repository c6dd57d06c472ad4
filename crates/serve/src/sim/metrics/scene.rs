//! What all pages are made of, and which page a flavour has.

use plimsoll_sim::{Engine, State};

use super::super::flavour::Flavour;
use super::counted::{Bounds, Counted};
use super::meter::Rates;
use super::{kserve, sglang, tgi, torchserve, triton, vllm};

/// The accelerator that pages name.
pub(super) const UUID: &str = "GPU-00000000-0000-0000-0000-000000000000";
/// The host that pages name.
pub(super) const HOST: &str = "plimsoll-sim";

/// What pages tell of a server that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) flavour: Flavour,
    /// The model's name.
    pub(crate) model: String,
    /// The accelerator's name.
    pub(crate) accelerator: String,
    /// Most tokens of prompt and answer together, by which token histograms are cut.
    pub(crate) context: u32,
    /// Tokens of a block of the KV cache.
    pub(crate) block_tokens: u32,
}

impl Identity {
    /// The server of `model` on this engine.
    pub(crate) fn of(flavour: Flavour, model: &str, engine: &Engine) -> Self {
        let (context, block_tokens) = match engine {
            Engine::Llm(llm) => (llm.options().max_model_len.get(), llm.options().block_size.get()),
            // No limit is known. These are a common one of today's models, and vLLM's default.
            Engine::Fixed(_) | Engine::Batch(_) => (131_072, 16),
        };
        let accelerator = "Plimsoll simulated accelerator".to_owned();
        Identity { flavour, model: model.to_owned(), accelerator, context, block_tokens }
    }
}

/// One moment, of which a page tells.
pub(super) struct Scene<'a> {
    pub(super) identity: &'a Identity,
    pub(super) state: &'a State,
    pub(super) counted: &'a Counted,
    pub(super) rates: Rates,
    pub(super) joules: f64,
}

/// The page of a scene as the served flavour calls things; none for a service that exports nothing.
pub(super) fn page(scene: &Scene<'_>) -> Option<String> {
    match scene.identity.flavour {
        Flavour::Vllm => Some(vllm::page(scene)),
        Flavour::Sglang => Some(sglang::page(scene)),
        Flavour::Tgi => Some(tgi::page(scene)),
        Flavour::Triton => Some(triton::page(scene)),
        Flavour::Kserve => Some(kserve::page(scene)),
        Flavour::Torchserve => Some(torchserve::page(scene)),
        Flavour::Openai => None,
    }
}

/// The bounds of the histograms that the served flavour has.
pub(super) fn bounds(identity: &Identity) -> Bounds {
    match identity.flavour {
        Flavour::Vllm => vllm::bounds(identity.context),
        Flavour::Sglang => sglang::bounds(),
        Flavour::Tgi => tgi::bounds(identity.context),
        Flavour::Triton => triton::bounds(),
        Flavour::Kserve => kserve::bounds(),
        Flavour::Torchserve | Flavour::Openai => Bounds::default(),
    }
}

impl Scene<'_> {
    /// Share of the KV cache that running requests hold, 0 to 1; 0 where there is no such cache.
    pub(super) fn kv_usage(&self) -> f64 {
        share(self.state.kv_blocks_used, self.state.kv_blocks_total)
    }
}

/// `part / whole`; 0 of nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
