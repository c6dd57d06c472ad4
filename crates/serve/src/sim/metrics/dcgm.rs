//! The names of NVIDIA's DCGM exporter: `DCGM_FI_*`, memory in MiB, energy in mJ.
//!
//! Left out: clocks, temperatures, buses and what its profiling tells of parts of the accelerator.

use super::scene::{HOST, Scene, UUID};
use super::text::{Dialect, Text};

const MEBIBYTE: u64 = 1 << 20;

pub(super) fn page(scene: &Scene<'_>) -> String {
    let mut text = Text::new(Dialect::Plain);
    let state = scene.state;
    let labels = [
        ("gpu", "0"),
        ("UUID", UUID),
        ("pci_bus_id", "00000000:00:00.0"),
        ("device", "nvidia0"),
        ("modelName", scene.identity.accelerator.as_str()),
        ("Hostname", HOST),
    ];
    let busy = scene.rates.busy;
    let percent = (busy * 1e2).round(); // whole, as there
    text.gauge("DCGM_FI_DEV_GPU_UTIL", "Share of time with work, in percent.", &labels, percent);
    if state.accelerator_bytes_total > 0 {
        let used = state.accelerator_bytes.min(state.accelerator_bytes_total).div_ceil(MEBIBYTE);
        let free =
            state.accelerator_bytes_total / MEBIBYTE - used.min(state.accelerator_bytes_total / MEBIBYTE);
        text.gauge("DCGM_FI_DEV_FB_FREE", "Memory free, in MiB.", &labels, free as f64);
        text.gauge("DCGM_FI_DEV_FB_USED", "Memory in use, in MiB.", &labels, used as f64);
    }
    if state.power_watts > 0.0 {
        text.gauge("DCGM_FI_DEV_POWER_USAGE", "Power drawn, in watts.", &labels, state.power_watts);
        let energy = (scene.joules * 1e3).round();
        text.counter(
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
            "Energy drawn, in millijoules.",
            &labels,
            energy,
        );
    }
    text.gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Share of time with work, 0 to 1.", &labels, busy);
    text.into_string()
}
