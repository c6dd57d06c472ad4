//! From a model and what it runs on to the time of a step and the size of the KV cache.
//!
//! The formula is additive: reading weights, reading keys and values, arithmetic of prompts, and overheads for each
//! layer, request and step. It is the roofline with fitted weights of the simulator BLIS (inference-sim, f90a1e3a),
//! less its terms for queueing outside the engine; BLIS says that it predicts vLLM's end-to-end times on H100, A100 and
//! L40S within 7 to 16 %. The terms for attention, experts and several accelerators are ours, from counting operations.

use std::time::Duration;

use super::{Hardware, StepTime};
use crate::conditions::ConditionOptions;

/// Bytes in a GiB.
pub const GIB: f64 = 1_073_741_824.0;

/// Bytes of weights read per second: an NVMe disk of a cloud instance; ours. A network disk is several times slower.
const LOAD_RATE: f64 = 2e9;

/// From the start of the process until it takes requests, less reading the weights, seconds: imports, profiling of
/// memory, CUDA graphs. With it an 8B model is ready in 33 s and one of 70B in 96 s; llm-d's issue 1433 tells of 52 to
/// 110 s.
const PREPARATION: f64 = 25.0;

/// Memory of a vLLM server's own process, bytes: Python, PyTorch and pinned buffers; an order of magnitude, ours.
const RESIDENT: u64 = 4 << 30;

/// What a model is made of, from its published configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Its name in presets.
    pub name: &'static str,
    /// Parameters that one token goes through: all of them in a dense model.
    pub active_params: f64,
    /// Bytes of the weights that every step reads.
    pub dense_bytes: f64,
    /// Bytes of the weights of all experts; 0 in a dense model.
    pub expert_bytes: f64,
    /// Share of the experts that one token uses; 0 in a dense model.
    pub expert_share: f64,
    /// Layers.
    pub layers: u32,
    /// Layers that attend to all earlier tokens. The others keep a short window; its KV cache is left out.
    pub full_attention_layers: u32,
    /// Width of a layer's input.
    pub hidden: u32,
    /// Attention heads.
    pub query_heads: u32,
    /// Heads of keys and values.
    pub kv_heads: u32,
    /// Width of a head.
    pub head_dim: u32,
    /// Bytes of an element of a key or a value.
    pub kv_element_bytes: u32,
    /// Longest context, tokens.
    pub context: u32,
}

/// What an accelerator can do, from its data sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accelerator {
    /// Its name in presets.
    pub name: &'static str,
    /// Peak dense arithmetic in 16 bits, operations per second.
    pub flops: f64,
    /// Peak memory bandwidth, bytes per second.
    pub bandwidth: f64,
    /// Memory, bytes.
    pub memory: f64,
    /// Bandwidth to its peers in one direction, bytes per second.
    pub link: f64,
    /// Share of `flops` that prompts reach.
    pub flops_share: f64,
    /// Most power, watts.
    pub tdp_watts: f64,
    /// Power when idle, watts.
    pub idle_watts: f64,
}

/// What the serving software adds to the physics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overheads {
    /// How much longer reading the weights takes than at peak bandwidth.
    pub weight_read: f64,
    /// How much longer reading keys and values takes than at peak bandwidth.
    pub kv_read: f64,
    /// Launching a layer's kernels, seconds.
    pub per_layer: f64,
    /// Preparing and sampling one request, seconds.
    pub per_sequence: f64,
    /// Scheduling a step, seconds.
    pub per_step: f64,
    /// Latency of one reduction over several accelerators, seconds. Each layer has two.
    pub all_reduce: f64,
    /// Share of the memory that the server may use.
    pub memory_share: f64,
    /// Memory for the activations of the largest step, bytes.
    pub activations: f64,
    /// Other memory on each accelerator, bytes: the driver's context, CUDA graphs, communication buffers.
    pub other: f64,
}

/// A model on one or several equal accelerators that share its weights (tensor parallelism).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Physics {
    /// The model.
    pub model: Model,
    /// One of the accelerators.
    pub accelerator: Accelerator,
    /// How many there are, 1 or more.
    pub accelerators: u32,
    /// What the software adds.
    pub overheads: Overheads,
}

impl Model {
    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> f64 {
        self.dense_bytes + self.expert_bytes
    }
}

impl Overheads {
    /// vLLM's, for steps of at most `max_num_batched_tokens` tokens.
    ///
    /// Factors and times: BLIS's fit (see the top of this file). Memory: vLLM 0.22 and later claims 92 %; 5.5 GiB of
    /// activations for a dense model and 8 GiB for a mixture, 0.15 GiB besides on one accelerator and 0.6 GiB on each
    /// of several, are the figures with which llm-d's planner and BLIS reproduce vLLM's own sizing at 8192 tokens.
    /// Activations shrink with smaller steps: that proportion, and the 10 µs of a reduction (a small one over NVLink
    /// with NCCL), are ours.
    pub fn vllm(model: &Model, accelerators: u32, max_num_batched_tokens: u32) -> Self {
        let full = if model.expert_bytes > 0.0 { 8.0 } else { 5.5 };
        Overheads {
            weight_read: 1.4,
            kv_read: 1.9,
            per_layer: 32e-6,
            per_sequence: 4e-6,
            per_step: 126e-6,
            all_reduce: 10e-6,
            memory_share: 0.92,
            activations: full * GIB * (f64::from(max_num_batched_tokens) / 8192.0).min(1.0),
            other: if accelerators > 1 { 0.6 } else { 0.15 } * GIB,
        }
    }
}

impl Physics {
    /// The time of a step:
    /// `w·W/BW + k·ctx·kv/BW + 2P·prefill/(u·F) + 4·L·heads·dim·pairs/(u·F) + L·a + B·b + c`, each divided among the
    /// accelerators where it can be, plus two reductions over them in each layer.
    pub fn step_time(&self) -> StepTime {
        let Physics { model, accelerator, overheads, .. } = self;
        let count = f64::from(self.accelerators);
        let layers = f64::from(model.layers);
        let flops = accelerator.flops * accelerator.flops_share * count;
        let bandwidth = accelerator.bandwidth * count;
        let reduces = if self.accelerators > 1 { 2.0 * layers } else { 0.0 };
        // A ring moves 2 (n - 1) / n of the data over each link. Activations have 2 bytes.
        let reduce_bytes = 2.0 * f64::from(model.hidden) * 2.0 * (count - 1.0) / count;
        let attention = 4.0
            * f64::from(model.full_attention_layers)
            * f64::from(model.query_heads)
            * f64::from(model.head_dim);
        StepTime {
            fixed: overheads.weight_read * model.dense_bytes / bandwidth
                + overheads.per_layer * layers
                + overheads.all_reduce * reduces
                + overheads.per_step,
            batched: 0.0,
            per_sequence: overheads.per_sequence,
            per_context_token: overheads.kv_read * self.kv_bytes_per_token() / bandwidth,
            per_prefill_token: 2.0 * model.active_params / flops + reduces * reduce_bytes / accelerator.link,
            per_prefill_pair: attention / flops,
            experts: overheads.weight_read * model.expert_bytes / bandwidth,
            expert_share: model.expert_share,
        }
    }

    /// Bytes of KV cache that a token takes, over all accelerators. With more of them than heads of keys and values,
    /// heads are kept several times.
    pub fn kv_bytes_per_token(&self) -> f64 {
        let Model { full_attention_layers, kv_heads, head_dim, kv_element_bytes, .. } = self.model;
        let heads = kv_heads.div_ceil(self.accelerators) * self.accelerators;
        2.0 * f64::from(full_attention_layers) * f64::from(heads * head_dim * kv_element_bytes)
    }

    /// Bytes of memory that remain for the KV cache; negative if the weights do not even fit.
    pub fn kv_bytes(&self) -> f64 {
        let Overheads { memory_share, activations, other, .. } = self.overheads;
        let count = f64::from(self.accelerators);
        self.accelerator.memory * memory_share * count
            - self.model.weight_bytes()
            - activations
            - other * count
    }

    /// Blocks of `block_size` tokens for which there is memory.
    pub fn kv_blocks(&self, block_size: u32) -> u32 {
        (self.kv_bytes() / (self.kv_bytes_per_token() * f64::from(block_size))) as u32 // `as` saturates, at 0 too
    }

    /// What a start costs: the weights are read from a local disk, and the engine prepares itself. The process takes
    /// as much memory as a vLLM server of one model typically does. It is not slow after a start, as vLLM warms itself
    /// up while it loads.
    pub fn conditions(&self) -> ConditionOptions {
        let load = self.model.weight_bytes() / LOAD_RATE + PREPARATION;
        ConditionOptions {
            load: Duration::from_secs_f64(load),
            resident: RESIDENT,
            ..ConditionOptions::default()
        }
    }

    /// What the server's metrics say of it.
    pub fn hardware(&self) -> Hardware {
        let count = f64::from(self.accelerators);
        let memory = self.accelerator.memory * count;
        Hardware {
            memory: memory as u64,
            memory_used: (memory * self.overheads.memory_share) as u64,
            idle_watts: self.accelerator.idle_watts * count,
            tdp_watts: self.accelerator.tdp_watts * count,
        }
    }
}
