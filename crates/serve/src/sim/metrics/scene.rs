//! What all pages are made of, and which page a flavour has.

use plimsoll_core::time::Offset;
use plimsoll_sim::State;

use super::super::flavour::Flavour;
use super::counted::{Bounds, Counted};
use super::meter::{Meter, Rates};
use super::{dcgm, kserve, sglang, tgi, torchserve, triton, vllm};

/// The accelerator that pages name.
pub(super) const UUID: &str = "GPU-00000000-0000-0000-0000-000000000000";
/// The host that pages name.
pub(super) const HOST: &str = "plimsoll-sim";

/// What pages tell of a server that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
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

/// Everything behind a server's metrics but the engine.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    about: About,
    /// What happened to the requests.
    pub(crate) counted: Counted,
    meter: Meter,
}

/// One moment, of which a page tells.
pub(super) struct Scene<'a> {
    pub(super) about: &'a About,
    pub(super) state: &'a State,
    pub(super) counted: &'a Counted,
    pub(super) rates: Rates,
    pub(super) joules: f64,
}

impl Metrics {
    /// Metrics of a server whose engine begins now, at [`Offset::ZERO`], with `state`.
    pub(crate) fn new(about: About, state: &State) -> Self {
        Metrics { counted: Counted::new(bounds(&about)), about, meter: Meter::new(state) }
    }

    /// Whether so much time has passed since the last [`Metrics::look`] that another is worth its cost.
    pub(crate) fn is_due(&self, now: Offset) -> bool {
        self.meter.is_due(now)
    }

    /// Looks at the engine's state, for the rates.
    pub(crate) fn look(&mut self, now: Offset, state: &State) {
        self.meter.look(now, state);
    }

    /// The page at `now`, as the served flavour calls things; none for a service that exports nothing.
    pub(crate) fn page(&mut self, now: Offset, state: &State) -> Option<String> {
        self.look(now, state);
        let scene = self.scene(state);
        match self.about.flavour {
            Flavour::Vllm => Some(vllm::page(&scene)),
            Flavour::Sglang => Some(sglang::page(&scene)),
            Flavour::Tgi => Some(tgi::page(&scene)),
            Flavour::Triton => Some(triton::page(&scene)),
            Flavour::Kserve => Some(kserve::page(&scene)),
            Flavour::Torchserve => Some(torchserve::page(&scene)),
            Flavour::Openai => None,
        }
    }

    /// The page of the accelerator at `now`, as the DCGM exporter calls things.
    pub(crate) fn accelerator_page(&mut self, now: Offset, state: &State) -> String {
        self.look(now, state);
        dcgm::page(&self.scene(state))
    }

    fn scene<'a>(&'a self, state: &'a State) -> Scene<'a> {
        Scene {
            about: &self.about,
            state,
            counted: &self.counted,
            rates: self.meter.rates(),
            joules: self.meter.joules(),
        }
    }
}

fn bounds(about: &About) -> Bounds {
    match about.flavour {
        Flavour::Vllm => vllm::bounds(about.context),
        Flavour::Sglang => sglang::bounds(),
        Flavour::Tgi => tgi::bounds(about.context),
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
