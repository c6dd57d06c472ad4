//! Accelerators, with the numbers of NVIDIA's data sheets.
//!
//! Arithmetic is dense bfloat16. Memory is what `nvidia-smi` shows where that is far from the name's figure (error
//! correction takes a part). The share of peak arithmetic that prompts reach is BLIS's fit for H100, A100 and L40S, and
//! taken from the nearest of these for the others. Idle power is an estimate of ours.

use crate::llm::{Accelerator, GIB};

/// All that presets know, the smallest first.
pub const ACCELERATORS: &[Accelerator] = &[
    // L4 data sheet: 121 TFLOPS (242 with sparsity), 300 GB/s, PCIe 4.0 x16, 72 W; nvidia-smi: 23034 MiB.
    Accelerator {
        name: "l4",
        flops: 121e12,
        bandwidth: 0.300e12,
        memory: 23_034.0 / 1024.0 * GIB,
        link: 32e9,
        flops_share: 0.32,
        tdp_watts: 72.0,
        idle_watts: 16.0,
    },
    // L40S data sheet: 362 TFLOPS (733 with sparsity), 864 GB/s, PCIe 4.0 x16, 350 W; nvidia-smi: 46068 MiB.
    Accelerator {
        name: "l40s",
        flops: 362e12,
        bandwidth: 0.864e12,
        memory: 46_068.0 / 1024.0 * GIB,
        link: 32e9,
        flops_share: 0.32,
        tdp_watts: 350.0,
        idle_watts: 35.0,
    },
    // A100 80GB SXM data sheet: 312 TFLOPS, 2039 GB/s, NVLink 600 GB/s both ways, 400 W.
    Accelerator {
        name: "a100",
        flops: 312e12,
        bandwidth: 2.039e12,
        memory: 80.0 * GIB,
        link: 300e9,
        flops_share: 0.38,
        tdp_watts: 400.0,
        idle_watts: 60.0,
    },
    // H100 SXM data sheet: 989.5 TFLOPS (1979 with sparsity), 3.35 TB/s, NVLink 900 GB/s both ways, 700 W.
    Accelerator {
        name: "h100",
        flops: 989.5e12,
        bandwidth: 3.35e12,
        memory: 80.0 * GIB,
        link: 450e9,
        flops_share: 0.45,
        tdp_watts: 700.0,
        idle_watts: 70.0,
    },
    // H200 SXM data sheet: as H100 with 4.8 TB/s; nvidia-smi: 143771 MiB.
    Accelerator {
        name: "h200",
        flops: 989.5e12,
        bandwidth: 4.8e12,
        memory: 143_771.0 / 1024.0 * GIB,
        link: 450e9,
        flops_share: 0.45,
        tdp_watts: 700.0,
        idle_watts: 75.0,
    },
    // HGX B200 data sheet: 2.25 PFLOPS (4.5 with sparsity), 8 TB/s, NVLink 1.8 TB/s both ways, 1000 W; nvidia-smi:
    // 183359 MiB.
    Accelerator {
        name: "b200",
        flops: 2250e12,
        bandwidth: 8e12,
        memory: 183_359.0 / 1024.0 * GIB,
        link: 900e9,
        flops_share: 0.45,
        tdp_watts: 1000.0,
        idle_watts: 140.0,
    },
];

/// The accelerator of this name.
pub fn accelerator(name: &str) -> Option<&'static Accelerator> {
    ACCELERATORS.iter().find(|accelerator| accelerator.name == name)
}
