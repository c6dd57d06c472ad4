//! Classic models on common accelerators: constants for a first guess, each with its source. Calibrate on your own
//! server before you trust a plan.
//!
//! A batch costs `per_batch + per_item * items`. Where a table of latency by batch size is published, both were fitted
//! to it by least squares of the relative error over batches of 1 to 128; `error` is the largest miss of that line,
//! and single points of the tables miss by so much because the kernels chosen differ by batch size. Where no table was
//! found, the numbers of a relative are scaled, as `source` says: take those for an order of magnitude.
//!
//! Board memory and power limit are the data sheets'. Idle power is taken as a tenth of the limit, and memory in use
//! as the weights in FP16 plus 1 GiB for the CUDA context and workspace: both are assumptions.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::Seed;

use super::options::{Accelerator, BatchOptions, Batching, Cost};
use crate::spread::Spread;

/// A classic model on an accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchPreset {
    /// How it is asked for, such as `resnet50-t4`.
    pub name: &'static str,
    /// Paid once per batch.
    pub per_batch: Duration,
    /// Paid per item.
    pub per_item: Duration,
    /// Where both come from.
    pub source: &'static str,
    /// Largest relative miss of the line against the published table; `None` where the numbers are scaled.
    pub error: Option<f64>,
    /// Weights of the model in FP16, bytes.
    weights: u64,
    board: Board,
}

/// What the data sheet of an accelerator says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Board {
    gib: u64,
    watts: f64,
}

const T4: Board = Board { gib: 16, watts: 70.0 };
const L4: Board = Board { gib: 24, watts: 72.0 };
const A10: Board = Board { gib: 24, watts: 150.0 };
const A30: Board = Board { gib: 24, watts: 165.0 };
const A40: Board = Board { gib: 48, watts: 300.0 };
const A100: Board = Board { gib: 80, watts: 400.0 };
const H100: Board = Board { gib: 80, watts: 700.0 };

const GIB: u64 = 1 << 30;
/// 25.6 million parameters.
const RESNET50: u64 = 51_200_000;
/// 110 million parameters.
const BERT_BASE: u64 = 220_000_000;

const RESNET_TABLES: &str = "NVIDIA DeepLearningExamples, ResNet50 v1.5 on Triton, offline scenario, ONNX Runtime with \
                             TensorRT, FP16, one image of 224 x 224 per item";
const BERT_TABLES: &str = "NVIDIA TensorRT demo/BERT, BERT Base, FP16, sequences of 128 tokens; without the copies to \
                           and from the device";

/// All presets.
pub const ALL: &[BatchPreset] = &[
    measured("resnet50-t4", 2331, 799, RESNET_TABLES, 0.04, RESNET50, T4),
    measured("resnet50-a40", 1509, 492, RESNET_TABLES, 0.12, RESNET50, A40),
    measured("resnet50-a100", 1577, 317, RESNET_TABLES, 0.15, RESNET50, A100),
    scaled(
        "resnet50-l4",
        2331,
        429,
        "resnet50-t4, per item by dense FP16 peak: 65 to 121 TFLOPS",
        RESNET50,
        L4,
    ),
    scaled(
        "resnet50-a10",
        1509,
        589,
        "resnet50-a40, per item by dense FP16 peak: 150 to 125 TFLOPS",
        RESNET50,
        A10,
    ),
    scaled(
        "resnet50-h100",
        1577,
        193,
        "resnet50-a100, per item by bandwidth: 2.04 to 3.35 TB/s",
        RESNET50,
        H100,
    ),
    measured("bert-base-t4", 722, 1062, BERT_TABLES, 0.10, BERT_BASE, T4),
    measured("bert-base-a30", 611, 250, BERT_TABLES, 0.05, BERT_BASE, A30),
    measured("bert-base-a100", 558, 113, BERT_TABLES, 0.09, BERT_BASE, A100),
    scaled(
        "bert-base-l4",
        722,
        570,
        "bert-base-t4, per item by dense FP16 peak: 65 to 121 TFLOPS",
        BERT_BASE,
        L4,
    ),
    scaled(
        "bert-base-a10",
        611,
        330,
        "bert-base-a30, per item by dense FP16 peak: 165 to 125 TFLOPS",
        BERT_BASE,
        A10,
    ),
    scaled(
        "bert-base-h100",
        558,
        69,
        "bert-base-a100, per item by bandwidth: 2.04 to 3.35 TB/s",
        BERT_BASE,
        H100,
    ),
];

/// The preset of this name.
pub fn named(name: &str) -> Option<&'static BatchPreset> {
    ALL.iter().find(|preset| preset.name == name)
}

impl BatchPreset {
    /// A server with one instance and Triton's dynamic batching: at most 32 items, 1 ms for company, no queue limit.
    /// The time of a batch is drawn with a coefficient of variation of 3 %.
    pub fn options(&self, seed: Seed) -> BatchOptions {
        let max_items = NonZeroU32::MIN.saturating_add(31);
        let spread = Spread::log_normal(0.03).unwrap_or(Spread::CONSTANT); // 0.03 is a coefficient of variation
        BatchOptions {
            batching: Batching::Triton {
                max_items,
                preferred: Vec::new(),
                max_delay: Duration::from_millis(1),
            },
            instances: NonZeroU32::MIN,
            cost: Cost { per_batch: self.per_batch, per_item: self.per_item, spread },
            queue: None,
            queue_timeout: None,
            accelerator: Accelerator {
                bytes: self.weights + GIB,
                bytes_total: self.board.gib * GIB,
                watts_idle: self.board.watts / 10.0,
                watts_busy: self.board.watts,
            },
            seed,
        }
    }
}

/// A preset fitted to a published table; times in microseconds.
const fn measured(
    name: &'static str,
    per_batch: u64,
    per_item: u64,
    source: &'static str,
    error: f64,
    weights: u64,
    board: Board,
) -> BatchPreset {
    let preset = scaled(name, per_batch, per_item, source, weights, board);
    BatchPreset { error: Some(error), ..preset }
}

/// A preset made from another; times in microseconds.
const fn scaled(
    name: &'static str,
    per_batch: u64,
    per_item: u64,
    source: &'static str,
    weights: u64,
    board: Board,
) -> BatchPreset {
    let (per_batch, per_item) = (Duration::from_micros(per_batch), Duration::from_micros(per_item));
    BatchPreset { name, per_batch, per_item, source, error: None, weights, board }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds by batch size, as published.
    const TABLES: &[(&str, &[(u32, f64)])] = &[
        (
            "resnet50-t4",
            &[
                (1, 3.003),
                (2, 3.998),
                (4, 5.747),
                (8, 8.998),
                (16, 15.113),
                (32, 28.353),
                (64, 53.187),
                (128, 100.155),
            ],
        ),
        (
            "resnet50-a40",
            &[
                (1, 2.031),
                (2, 2.459),
                (4, 3.652),
                (8, 5.078),
                (16, 9.678),
                (32, 15.451),
                (64, 36.147),
                (128, 67.889),
            ],
        ),
        (
            "resnet50-a100",
            &[
                (1, 2.128),
                (2, 2.194),
                (4, 2.759),
                (8, 3.895),
                (16, 5.793),
                (32, 11.193),
                (64, 25.244),
                (128, 48.086),
            ],
        ),
        (
            "bert-base-t4",
            &[
                (1, 1.95),
                (2, 2.71),
                (4, 4.53),
                (8, 9.09),
                (16, 17.90),
                (32, 36.63),
                (64, 72.04),
                (128, 144.2),
            ],
        ),
        (
            "bert-base-a30",
            &[(1, 0.89), (2, 1.13), (4, 1.54), (8, 2.50), (16, 4.44), (32, 8.63), (64, 17.17), (128, 33.58)],
        ),
        (
            "bert-base-a100",
            &[(1, 0.67), (2, 0.83), (4, 1.02), (8, 1.38), (16, 2.18), (32, 4.10), (64, 8.05), (128, 16.14)],
        ),
    ];

    #[test]
    fn fitted_presets_miss_their_tables_by_no_more_than_they_say() {
        for (name, table) in TABLES {
            let preset = named(name).expect("a preset of that name");
            let error = preset.error.expect("a fitted preset");
            for &(items, published) in *table {
                let ours = (preset.per_batch + preset.per_item * items).as_secs_f64() * 1e3;
                let miss = (ours / published - 1.0).abs();
                assert!(miss < error + 0.005, "{name} at {items}: {ours} ms, published {published} ms");
            }
        }
        assert_eq!(ALL.iter().filter(|preset| preset.error.is_some()).count(), TABLES.len());
    }

    #[test]
    fn names_are_unique_and_found() {
        for (place, preset) in ALL.iter().enumerate() {
            assert_eq!(ALL.iter().position(|other| other.name == preset.name), Some(place));
        }
        assert!(named("resnet50-t4").is_some() && named("resnet50-t5").is_none());
    }
}
