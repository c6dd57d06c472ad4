//! The names under which Plimsoll knows what servers, accelerators and hosts say of themselves.

use serde::{Deserialize, Serialize};

/// Something that is watched, whatever the server's own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canonical {
    /// Requests that wait within the server.
    QueueDepth,
    /// Requests that are being computed.
    Running,
    /// Requests, or items, that are computed together.
    BatchSize,
    /// How long a request waits within the server, on average since the last scrape.
    QueueTime,
    /// Requests that wait in the gateway before the servers.
    GatewayQueueDepth,
    /// Share of the KV cache in use.
    KvUsage,
    /// Running requests that were put back because the KV cache was full.
    PreemptionRate,
    /// Share of prompt tokens that were found in the prefix cache.
    PrefixHitRate,
    /// Input tokens that the server says it took.
    ServerInputTokenRate,
    /// Output tokens that the server says it made.
    ServerOutputTokenRate,
    /// Requests that the server says it answered.
    ServerRequestRate,
    /// From arrival to the first token as the server saw it, on average since the last scrape.
    ServerTtft,
    /// From arrival to the end as the server saw it, on average since the last scrape.
    ServerLatency,
    /// Share of time in which anything at all ran on the accelerator: it reads 100 % far below what the accelerator can do.
    GpuUtilization,
    /// Share of time in which the accelerator's compute or graphics engine was active.
    GpuEngineActive,
    /// Share of time in which its matrix units were active.
    GpuTensorActive,
    /// Share of time in which its memory moved data.
    GpuDramActive,
    /// Memory of the accelerator in use.
    GpuMemoryUsed,
    /// Share of the accelerator's memory in use.
    GpuMemoryUsage,
    /// Power drawn by the accelerator.
    GpuPower,
    /// Energy drawn by the accelerator since it was first seen.
    GpuEnergy,
    /// Temperature of the accelerator.
    GpuTemperature,
    /// Share of the host's processor time in use.
    HostCpu,
    /// Main memory of the host in use.
    HostMemoryUsed,
    /// Share of the host's main memory in use.
    HostMemoryUsage,
    /// Processor time that the server's process uses, in cores.
    ProcessCpu,
    /// Resident memory of the server's process.
    ResidentBytes,
    /// Files and sockets that the server's process has open.
    OpenFiles,
    /// Whether the target answered: 1 or 0.
    Up,
    /// How long the answer took.
    ScrapeDuration,
    /// Whether a profiler was on: 1 or 0.
    Profiling,
}

/// In what something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A number of things.
    Count,
    /// A part of a whole, 0 to 1.
    Share,
    /// Per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Watts.
    Watts,
    /// Joules.
    Joules,
    /// Degrees Celsius.
    Celsius,
    /// Processor cores.
    Cores,
}

/// How several instances (accelerators, models, replicas) make one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Together they have so much.
    Sum,
    /// The fullest one limits.
    Max,
    /// They are alike.
    Mean,
}

impl Unit {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Share => "share",
            Unit::PerSecond => "per_second",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Watts => "watts",
            Unit::Joules => "joules",
            Unit::Celsius => "celsius",
            Unit::Cores => "cores",
        }
    }
}

impl Canonical {
    /// All of them, in the order of reports.
    pub const ALL: [Canonical; 31] = [
        Canonical::QueueDepth,
        Canonical::Running,
        Canonical::BatchSize,
        Canonical::QueueTime,
        Canonical::GatewayQueueDepth,
        Canonical::KvUsage,
        Canonical::PreemptionRate,
        Canonical::PrefixHitRate,
        Canonical::ServerInputTokenRate,
        Canonical::ServerOutputTokenRate,
        Canonical::ServerRequestRate,
        Canonical::ServerTtft,
        Canonical::ServerLatency,
        Canonical::GpuUtilization,
        Canonical::GpuEngineActive,
        Canonical::GpuTensorActive,
        Canonical::GpuDramActive,
        Canonical::GpuMemoryUsed,
        Canonical::GpuMemoryUsage,
        Canonical::GpuPower,
        Canonical::GpuEnergy,
        Canonical::GpuTemperature,
        Canonical::HostCpu,
        Canonical::HostMemoryUsed,
        Canonical::HostMemoryUsage,
        Canonical::ProcessCpu,
        Canonical::ResidentBytes,
        Canonical::OpenFiles,
        Canonical::Up,
        Canonical::ScrapeDuration,
        Canonical::Profiling,
    ];

    /// Its name in files and reports.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// What it is measured in.
    pub fn unit(self) -> Unit {
        self.facts().1
    }

    /// How several instances make one figure.
    pub fn pool(self) -> Pool {
        self.facts().2
    }

    /// The one with this name.
    pub fn find(name: &str) -> Option<Canonical> {
        Canonical::ALL.into_iter().find(|metric| metric.name() == name)
    }

    fn facts(self) -> (&'static str, Unit, Pool) {
        match self {
            Canonical::QueueDepth => ("queue_depth", Unit::Count, Pool::Sum),
            Canonical::Running => ("running", Unit::Count, Pool::Sum),
            Canonical::BatchSize => ("batch_size", Unit::Count, Pool::Mean),
            Canonical::QueueTime => ("queue_time", Unit::Seconds, Pool::Mean),
            Canonical::GatewayQueueDepth => ("gateway_queue_depth", Unit::Count, Pool::Sum),
            Canonical::KvUsage => ("kv_usage", Unit::Share, Pool::Max),
            Canonical::PreemptionRate => ("preemption_rate", Unit::PerSecond, Pool::Sum),
            Canonical::PrefixHitRate => ("prefix_hit_rate", Unit::Share, Pool::Mean),
            Canonical::ServerInputTokenRate => ("server_input_token_rate", Unit::PerSecond, Pool::Sum),
            Canonical::ServerOutputTokenRate => ("server_output_token_rate", Unit::PerSecond, Pool::Sum),
            Canonical::ServerRequestRate => ("server_request_rate", Unit::PerSecond, Pool::Sum),
            Canonical::ServerTtft => ("server_ttft", Unit::Seconds, Pool::Mean),
            Canonical::ServerLatency => ("server_latency", Unit::Seconds, Pool::Mean),
            Canonical::GpuUtilization => ("gpu_utilization", Unit::Share, Pool::Max),
            Canonical::GpuEngineActive => ("gpu_engine_active", Unit::Share, Pool::Max),
            Canonical::GpuTensorActive => ("gpu_tensor_active", Unit::Share, Pool::Max),
            Canonical::GpuDramActive => ("gpu_dram_active", Unit::Share, Pool::Max),
            Canonical::GpuMemoryUsed => ("gpu_memory_used", Unit::Bytes, Pool::Sum),
            Canonical::GpuMemoryUsage => ("gpu_memory_usage", Unit::Share, Pool::Max),
            Canonical::GpuPower => ("gpu_power", Unit::Watts, Pool::Sum),
            Canonical::GpuEnergy => ("gpu_energy", Unit::Joules, Pool::Sum),
            Canonical::GpuTemperature => ("gpu_temperature", Unit::Celsius, Pool::Max),
            Canonical::HostCpu => ("host_cpu", Unit::Share, Pool::Max),
            Canonical::HostMemoryUsed => ("host_memory_used", Unit::Bytes, Pool::Sum),
            Canonical::HostMemoryUsage => ("host_memory_usage", Unit::Share, Pool::Max),
            Canonical::ProcessCpu => ("process_cpu", Unit::Cores, Pool::Sum),
            Canonical::ResidentBytes => ("resident_bytes", Unit::Bytes, Pool::Sum),
            Canonical::OpenFiles => ("open_files", Unit::Count, Pool::Sum),
            Canonical::Up => ("up", Unit::Count, Pool::Sum),
            Canonical::ScrapeDuration => ("scrape_duration", Unit::Seconds, Pool::Max),
            Canonical::Profiling => ("profiling", Unit::Count, Pool::Max),
        }
    }
}

/// Who says something. Where several say the same, the first in the order of [`Source::ALL`] is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The process that `--watch-pid` names, from `/proc`.
    Pid,
    /// NVIDIA's DCGM exporter.
    Dcgm,
    /// NVIDIA's management library on this machine.
    Nvml,
    /// Prometheus's node exporter.
    NodeExporter,
    /// This machine, from `/proc`.
    Host,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face text-generation-inference.
    Tgi,
    /// llama.cpp's server.
    Llamacpp,
    /// NVIDIA Triton.
    Triton,
    /// TorchServe.
    Torchserve,
    /// KServe's Python server.
    Kserve,
    /// MLServer.
    Mlserver,
    /// The gateway before servers (llm-d's endpoint picker).
    Gateway,
    /// What Prometheus's client libraries say of the process that they are in (`process_*`).
    Process,
    /// The watch itself.
    Watch,
}

impl Source {
    /// All of them; who is to be believed first comes first.
    pub const ALL: [Source; 16] = [
        Source::Pid,
        Source::Dcgm,
        Source::Nvml,
        Source::NodeExporter,
        Source::Host,
        Source::Vllm,
        Source::Sglang,
        Source::Tgi,
        Source::Llamacpp,
        Source::Triton,
        Source::Torchserve,
        Source::Kserve,
        Source::Mlserver,
        Source::Gateway,
        Source::Process,
        Source::Watch,
    ];

    /// Its name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Source::Pid => "pid",
            Source::Dcgm => "dcgm",
            Source::Nvml => "nvml",
            Source::NodeExporter => "node_exporter",
            Source::Host => "host",
            Source::Vllm => "vllm",
            Source::Sglang => "sglang",
            Source::Tgi => "tgi",
            Source::Llamacpp => "llamacpp",
            Source::Triton => "triton",
            Source::Torchserve => "torchserve",
            Source::Kserve => "kserve",
            Source::Mlserver => "mlserver",
            Source::Gateway => "gateway",
            Source::Process => "process",
            Source::Watch => "watch",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: BTreeSet<_> = Canonical::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Canonical::ALL.len());
        for metric in Canonical::ALL {
            assert_eq!(Canonical::find(metric.name()), Some(metric));
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{}\"", metric.name()));
        }
        for source in Source::ALL {
            assert_eq!(serde_json::to_string(&source).unwrap(), format!("\"{}\"", source.name()));
        }
        assert_eq!(Canonical::find("nonsense"), None);
    }

    #[test]
    fn the_order_of_belief_is_the_order_of_the_enum() {
        assert!(Source::ALL.is_sorted());
        assert!(Canonical::ALL.is_sorted());
    }
}
