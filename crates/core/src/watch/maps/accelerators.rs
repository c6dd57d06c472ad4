//! Accelerators and hosts: the DCGM exporter, the node exporter, and what client libraries say of their process.
//!
//! Names: DCGM exporter 4, node exporter 1.x, `process_*` of all official client libraries.

use super::rule::{Only, Reading, Rule, rule};
use crate::watch::canonical::{Canonical, Source};

/// A partition of an accelerator (MIG) has a label of its own.
const GPU: &[&str] = &["gpu", "GPU_I_ID"];
const PERCENT: f64 = 1e-2;
const MEBIBYTE: f64 = 1_048_576.0;

const fn dcgm(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::Dcgm, name, metric, reading).by(GPU)
}

const fn node(name: &'static str, metric: Canonical, reading: Reading) -> Rule {
    rule(Source::NodeExporter, name, metric, reading)
}

use Canonical as C;
use Reading::{GainAbove, GainBelow, Gauge, GaugeAbove, GaugeBelow, Rate, Total};

pub(super) const RULES: &[Rule] = &[
    dcgm("DCGM_FI_DEV_GPU_UTIL", C::GpuUtilization, Gauge).times(PERCENT),
    dcgm("DCGM_FI_PROF_GR_ENGINE_ACTIVE", C::GpuEngineActive, Gauge),
    dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", C::GpuTensorActive, Gauge),
    dcgm("DCGM_FI_PROF_DRAM_ACTIVE", C::GpuDramActive, Gauge),
    dcgm("DCGM_FI_DEV_FB_USED", C::GpuMemoryUsed, Gauge).times(MEBIBYTE),
    dcgm("DCGM_FI_DEV_FB_USED", C::GpuMemoryUsage, GaugeAbove),
    dcgm("DCGM_FI_DEV_FB_USED", C::GpuMemoryUsage, GaugeBelow),
    dcgm("DCGM_FI_DEV_FB_FREE", C::GpuMemoryUsage, GaugeBelow),
    dcgm("DCGM_FI_DEV_POWER_USAGE", C::GpuPower, Gauge),
    dcgm("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", C::GpuEnergy, Total).times(1e-3), // mJ
    dcgm("DCGM_FI_DEV_GPU_TEMP", C::GpuTemperature, Gauge),
    node("node_cpu_seconds_total", C::HostCpu, GainAbove).only(Only::IsNot("mode", &["idle", "iowait"])),
    node("node_cpu_seconds_total", C::HostCpu, GainBelow),
    node("node_memory_MemTotal_bytes", C::HostMemoryUsed, Gauge),
    node("node_memory_MemAvailable_bytes", C::HostMemoryUsed, Gauge).times(-1.0),
    node("node_memory_MemTotal_bytes", C::HostMemoryUsage, GaugeAbove),
    node("node_memory_MemAvailable_bytes", C::HostMemoryUsage, GaugeAbove).times(-1.0),
    node("node_memory_MemTotal_bytes", C::HostMemoryUsage, GaugeBelow),
    rule(Source::Process, "process_cpu_seconds_total", C::ProcessCpu, Rate),
    rule(Source::Process, "process_resident_memory_bytes", C::ResidentBytes, Gauge),
    rule(Source::Process, "process_open_fds", C::OpenFiles, Gauge),
];
