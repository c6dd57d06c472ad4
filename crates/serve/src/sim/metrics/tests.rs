//! The pages of every flavour over a run of the simplest engine.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_sim::fixed::{Fixed, FixedOptions};
use plimsoll_sim::{Ask, Emission, Engine, Event, JobId, Phase, State};

use super::{End, Identity, Life, Metrics};
use crate::sim::flavour::Flavour;

/// Flavours with a page of their own.
const WITH_PAGE: [Flavour; 6] =
    [Flavour::Vllm, Flavour::Sglang, Flavour::Tgi, Flavour::Triton, Flavour::Kserve, Flavour::Torchserve];

fn identity(flavour: Flavour) -> Identity {
    Identity {
        flavour,
        model: "llama \"8B\"".to_owned(),
        accelerator: "NVIDIA H100 80GB HBM3".to_owned(),
        context: 8192,
        block_tokens: 16,
    }
}

fn ms(ms: u64) -> Offset {
    Offset::from_nanos(ms * 1_000_000)
}

/// A state in which every quantity is known.
fn state() -> State {
    State {
        waiting: 3,
        running: 5,
        kv_blocks_used: 250,
        kv_blocks_total: 1000,
        prefix_queries: 4000,
        prefix_hits: 1000,
        preemptions: 2,
        prompt_tokens: 5000,
        generated_tokens: 1500,
        items: 7,
        steps: 300,
        busy: Duration::from_millis(1250),
        resident_bytes: 3 << 30,
        accelerator_bytes: 60 << 30,
        accelerator_bytes_total: 80 << 30,
        power_watts: 512.5,
        ..State::default()
    }
}

/// A few requests that went every way, and one that is under way.
fn go_every_way(metrics: &mut Metrics) {
    for (job, (how, tokens)) in
        (0..).map(JobId).zip([(End::Length, 3), (End::Stop, 1), (End::Cancelled, 2), (End::Failed, 0)])
    {
        metrics.taken(job, Life::new(ms(100), 512, 3), how);
        metrics.happened(job, ms(350), Event::Started);
        for token in 0..tokens {
            metrics.happened(job, ms(400 + 20 * token), Event::Tokens(1 + u32::from(token > 0)));
        }
        metrics.happened(job, ms(460), Event::Finished);
    }
    for status in [400, 429, 500, 503] {
        metrics.refused(status);
    }
    metrics.taken(JobId(9), Life::new(ms(500), 700, 300), End::Length);
    metrics.happened(JobId(9), ms(500), Event::Started);
}

fn metrics(flavour: Flavour) -> Metrics {
    let mut metrics = Metrics::new(identity(flavour), &State::default());
    go_every_way(&mut metrics);
    metrics
        .look(ms(1000), &State { busy: Duration::from_millis(750), power_watts: 300.0, ..State::default() });
    metrics
}

#[test]
fn each_flavour_has_its_page() {
    for flavour in WITH_PAGE {
        insta::assert_snapshot!(flavour.name(), metrics(flavour).page(ms(2000), &state()).unwrap());
    }
    insta::assert_snapshot!("dcgm", metrics(Flavour::Openai).accelerator_page(ms(2000), &state()));
    assert_eq!(metrics(Flavour::Openai).page(ms(2000), &state()), None);
}

/// The names on which people scale and build dashboards, by server.
const EXPECTED: [(Flavour, &[&str]); 5] = [
    (
        Flavour::Vllm,
        &[
            "vllm:num_requests_waiting",
            "vllm:num_requests_waiting_by_reason",
            "vllm:num_requests_running",
            "vllm:kv_cache_usage_perc",
            "vllm:num_preemptions_total",
            "vllm:request_queue_time_seconds",
            "vllm:time_to_first_token_seconds",
            "vllm:inter_token_latency_seconds",
            "vllm:request_time_per_output_token_seconds",
            "vllm:e2e_request_latency_seconds",
            "vllm:prompt_tokens_total",
            "vllm:generation_tokens_total",
            "vllm:request_success_total",
            "vllm:prefix_cache_queries_total",
            "vllm:prefix_cache_hits_total",
            "vllm:admission_rejections_total",
            "vllm:cache_config_info",
        ],
    ),
    (
        Flavour::Sglang,
        &[
            "sglang:num_queue_reqs",
            "sglang:num_running_reqs",
            "sglang:token_usage",
            "sglang:queue_time_seconds",
            "sglang:time_to_first_token_seconds",
            "sglang:inter_token_latency_seconds",
            "sglang:e2e_request_latency_seconds",
            "sglang:gen_throughput",
            "sglang:cache_hit_rate",
        ],
    ),
    (
        Flavour::Tgi,
        &[
            "tgi_queue_size",
            "tgi_batch_current_size",
            "tgi_batch_current_max_tokens",
            "tgi_request_queue_duration",
            "tgi_request_mean_time_per_token_duration",
            "tgi_request_duration",
            "tgi_request_count",
            "tgi_request_success",
            "tgi_request_failure",
        ],
    ),
    (
        Flavour::Triton,
        &[
            "nv_inference_pending_request_count",
            "nv_inference_queue_duration_us",
            "nv_inference_request_success",
            "nv_inference_request_duration_us",
            "nv_inference_compute_infer_duration_us",
            "nv_inference_count",
            "nv_inference_exec_count",
            "nv_inference_first_response_histogram_ms",
            "nv_gpu_utilization",
            "nv_gpu_memory_used_bytes",
        ],
    ),
    (
        Flavour::Torchserve,
        &[
            "ts_inference_requests_total",
            "ts_inference_latency_microseconds",
            "ts_queue_latency_microseconds",
            "QueueTime",
        ],
    ),
];

#[test]
fn the_names_that_autoscalers_use_are_there() {
    for (flavour, names) in EXPECTED {
        let page = Page::read(&metrics(flavour).page(ms(2000), &state()).unwrap());
        for name in names {
            assert!(page.types.contains_key(*name), "{flavour}: {name}");
        }
    }
    let page = Page::read(&metrics(Flavour::Vllm).accelerator_page(ms(2000), &state()));
    for name in [
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "DCGM_FI_DEV_FB_USED",
        "DCGM_FI_DEV_FB_FREE",
        "DCGM_FI_DEV_POWER_USAGE",
    ] {
        assert!(page.types.contains_key(name), "{name}");
    }
}

#[test]
fn what_only_grows_never_falls_during_a_run() {
    for flavour in WITH_PAGE {
        let mut run = Run::new(flavour);
        let mut before = run.page();
        for step in 1..=40 {
            run.advance(ms(100 * step));
            let page = run.page();
            for (sample, value) in page.growing() {
                let earlier = before.samples.get(sample).copied().unwrap_or_default();
                assert!(*value >= earlier, "{flavour}: {sample} fell from {earlier} to {value}");
            }
            before = page;
        }
        assert_eq!(run.engine.state(ms(4000)).running, 0, "the run is over");
        let grown = before.growing().filter(|(_, value)| **value > 0.0).count();
        assert!(grown > 3, "{flavour}: {grown} samples grew");
    }
}

#[test]
fn the_distributions_agree_with_the_engine_at_the_end_of_a_run() {
    let mut run = Run::new(Flavour::Vllm);
    run.advance(ms(5000));
    let page = run.page();
    let at = |name: &str| page.sum(name);
    let state = run.engine.state(ms(5000));
    assert_eq!(at("vllm:generation_tokens_total"), state.generated_tokens as f64);
    assert_eq!(at("vllm:request_generation_tokens_sum"), state.generated_tokens as f64);
    assert_eq!(at("vllm:request_prompt_tokens_sum"), state.prompt_tokens as f64);
    assert_eq!(at("vllm:e2e_request_latency_seconds_count"), 20.0);
    // 20 requests of 50 ms and 9 gaps of 10 ms in 2 slots, all at once: the last of each slot waits for 9 others.
    assert_eq!(at("vllm:time_to_first_token_seconds_count"), 20.0);
    assert_eq!(at("vllm:inter_token_latency_seconds_count"), 180.0);
    assert!((at("vllm:inter_token_latency_seconds_sum") - 1.8).abs() < 1e-9);
    assert!((at("vllm:request_queue_time_seconds_sum") - 2.0 * 45.0 * 0.14).abs() < 1e-9);
}

#[test]
fn a_process_that_dies_takes_its_counters_with_it_but_not_those_of_the_accelerator() {
    let mut metrics = metrics(Flavour::Vllm);
    let down = State { phase: Phase::Down, ..state() };
    metrics.look(ms(2000), &down);
    metrics.gone(JobId(9), ms(2000), End::Failed);
    let again = State { generated_tokens: 1600, busy: Duration::from_millis(2250), ..state() };
    metrics.taken(JobId(10), Life::new(ms(2500), 1, 1), End::Length);
    let page = Page::read(&metrics.page(ms(3000), &again).unwrap());
    assert_eq!(page.sum("vllm:generation_tokens_total"), 100.0);
    assert_eq!(page.sum("vllm:prompt_tokens_total"), 0.0);
    assert_eq!(page.sum("vllm:request_success_total"), 0.0);
    assert_eq!(page.sum("vllm:num_requests_running"), 5.0, "gauges tell of now");
    let page = Page::read(&metrics.accelerator_page(ms(3000), &again));
    assert_eq!(page.sum("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"), 812_500.0);
    assert_eq!(page.sum("DCGM_FI_DEV_GPU_UTIL"), 100.0);
}

/// Twenty requests in two slots, as a server would play them.
struct Run {
    engine: Engine,
    metrics: Metrics,
    now: Offset,
}

impl Run {
    fn new(flavour: Flavour) -> Self {
        let options = FixedOptions {
            ttft: Duration::from_millis(50),
            itl: Duration::from_millis(10),
            slots: NonZeroU32::new(2).unwrap(),
            queue: None,
            jitter: 0.0,
            tokens_per_step: NonZeroU32::MIN,
            stall: Duration::ZERO,
            stall_rate: 0.0,
            seed: Seed(0),
        };
        let mut engine = Engine::Fixed(Fixed::new(options));
        let mut metrics = Metrics::new(identity(flavour), &engine.state(Offset::ZERO));
        let ask = Ask { prompt_tokens: 64, output_tokens: 10, items: 1, prefix: Arc::default() };
        for job in (0..20).map(JobId) {
            engine.arrive(Offset::ZERO, job, &ask).unwrap();
            metrics.taken(job, Life::new(Offset::ZERO, ask.prompt_tokens, ask.output_tokens), End::Length);
        }
        Run { engine, metrics, now: Offset::ZERO }
    }

    fn advance(&mut self, now: Offset) {
        let mut emissions = Vec::new();
        self.engine.advance(now, &mut emissions);
        for Emission { at, job, event } in emissions {
            self.metrics.happened(job, at, event);
        }
        self.now = now;
    }

    fn page(&mut self) -> Page {
        let state = self.engine.state(self.now);
        Page::read(&self.metrics.page(self.now, &state).unwrap())
    }
}

/// A page, read back.
struct Page {
    types: BTreeMap<String, String>,
    /// By name and labels.
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Page { types: BTreeMap::new(), samples: BTreeMap::new() };
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                let again = page.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(again, None, "{name} has one type");
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let again = page.samples.insert(sample.to_owned(), value.parse().unwrap());
                assert_eq!(again, None, "{sample} has one value");
            }
        }
        page
    }

    /// All samples of this name added up.
    fn sum(&self, name: &str) -> f64 {
        let named = self.samples.iter().filter(|(sample, _)| sample.split('{').next() == Some(name));
        let values: Vec<f64> = named.map(|(_, value)| *value).collect();
        assert!(!values.is_empty(), "no {name}");
        values.iter().sum()
    }

    /// Samples of counters and histograms.
    fn growing(&self) -> impl Iterator<Item = (&String, &f64)> {
        self.samples.iter().filter(|(sample, _)| {
            let name = sample.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
                let family = name.strip_suffix(suffix)?;
                self.types.contains_key(family).then_some(family)
            });
            matches!(self.types[family.unwrap_or(name)].as_str(), "counter" | "histogram")
        })
    }
}
