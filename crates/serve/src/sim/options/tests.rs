//! Targets that are understood, and those that are not.

use std::num::NonZeroU32;

use plimsoll_core::time::Offset;
use plimsoll_sim::batch::Batching;
use plimsoll_sim::conditions::{Crash, Exhausted, Leak, RateLimit, Stall, WarmUp};
use plimsoll_sim::fixed::FixedOptions;

use super::*;

#[test]
fn an_empty_query_is_the_default() {
    for text in ["", "?"] {
        assert_eq!(SimOptions::parse(text), Ok(SimOptions::default()));
    }
}

#[test]
fn every_key_of_every_endpoint_sets_its_field() {
    let query = "full=429&error_rate=0.01&error_429_rate=0.02&stream_error_rate=0.03&truncate_rate=0.04\
        &empty_rate=0.05&wrong_length_rate=0.06&wrong_usage_rate=0.07&bad_json_rate=0.08&bad_chunk_rate=0.09\
        &events_per_write=8&usage=finish&done=false&reasoning=9&retry_after=7s&slow_client=drop&client_buffer=99\
        &truth=true&truth_file=t.csv&model=a%2Fb&flavour=tgi&metrics_port=8002&strict_model=true\
        &inputs=a:BYTES[1]&outputs=b:BOOL[2]&owned_by=me&seed=12&core=13&non_loopback=true";
    let seeded = FixedOptions { seed: Seed(12), ..fixed::default() };
    let expected = SimOptions {
        engine: EngineOptions::Fixed { grid: seeded, conditions: ConditionOptions::default() },
        full: WhenFull::TooManyRequests,
        error_rate: 0.01,
        error_429_rate: 0.02,
        stream_error_rate: 0.03,
        truncate_rate: 0.04,
        empty_rate: 0.05,
        wrong_length_rate: 0.06,
        wrong_usage_rate: 0.07,
        bad_json_rate: 0.08,
        bad_chunk_rate: 0.09,
        events_per_write: 8,
        usage: UsageForm::Finish,
        done: false,
        reasoning: 9,
        retry_after: Duration::from_secs(7),
        slow_client: SlowClient::Drop,
        client_buffer: 99,
        truth: true,
        truth_file: Some("t.csv".into()),
        model: "a/b".to_owned(),
        flavour: Flavour::Tgi,
        metrics_port: Some(8002),
        strict_model: true,
        inputs: "a:BYTES[1]".parse().unwrap(),
        outputs: "b:BOOL[2]".parse().unwrap(),
        owned_by: "me".to_owned(),
        seed: Seed(12),
        core: Some(13),
        non_loopback: true,
    };
    assert_eq!(SimOptions::parse(query), Ok(expected));
    assert_eq!(keys(query), COMMON);
}

#[test]
fn every_key_of_the_fixed_grid_sets_its_field() {
    let query = "ttft=1ms&itl=2ms&slots=3&queue=4&jitter=0.5&tokens_per_chunk=7&stall=10s&stall_rate=0.11";
    let expected = FixedOptions {
        ttft: Duration::from_millis(1),
        itl: Duration::from_millis(2),
        slots: NonZeroU32::new(3).unwrap(),
        queue: Some(4),
        jitter: 0.5,
        tokens_per_step: NonZeroU32::new(7).unwrap(),
        stall: Duration::from_secs(10),
        stall_rate: 0.11,
        seed: Seed(0),
    };
    match SimOptions::parse(query).unwrap().engine {
        EngineOptions::Fixed { grid, .. } => assert_eq!(grid, expected),
        other => panic!("{other:?}"),
    }
    assert_eq!(keys(query), fixed::KEYS);
}

#[test]
fn every_key_of_the_conditions_sets_its_field() {
    let query = "starts_cold=true&load=1s&warm_up=2s&warm_up_steps=3&warm_up_factor=4&stall_at=5s&stall_for=6s\
        &stall_every=7s&resident=8MiB&leak=9KiB&leak_limit=1GiB&leak_factor=10&drift=0.11&crash_at=12s\
        &restart_after=13s&request_timeout=14s&rate_limit=15.5&rate_burst=16";
    let seconds = Duration::from_secs;
    let expected = ConditionOptions {
        starts_cold: true,
        load: seconds(1),
        warm_up: Some(WarmUp { time: seconds(2), steps: 3, factor: 4.0 }),
        stall: Some(Stall { at: Offset::ZERO + seconds(5), length: seconds(6), every: Some(seconds(7)) }),
        resident: 8 << 20,
        leak: Some(Leak { bytes_per_request: 9 << 10, limit: 1 << 30, then: Exhausted::Slow(10.0) }),
        drift_per_hour: 0.11,
        crash: Some(Crash::At(Offset::ZERO + seconds(12))),
        restart_after: Some(seconds(13)),
        request_timeout: Some(seconds(14)),
        rate_limit: Some(RateLimit { per_second: 15.5, burst: 16 }),
    };
    match SimOptions::parse(query).unwrap().engine {
        EngineOptions::Fixed { conditions, .. } => assert_eq!(conditions, expected),
        other => panic!("{other:?}"),
    }
    let others = conditions::KEYS.iter().filter(|key| **key != "crash_after");
    assert!(keys(query).iter().eq(others));
    match SimOptions::parse("llama-3-8b-h100?crash_after=3").unwrap().engine {
        EngineOptions::Llm(options) => assert_eq!(options.conditions.crash, Some(Crash::AfterRequests(3))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_of_a_language_model_changes_the_preset() {
    let llm = |query: &str| match SimOptions::parse(&format!("llama-3-8b-h100?{query}")).unwrap().engine {
        EngineOptions::Llm(options) => options,
        other => panic!("{other:?}"),
    };
    let preset = llm("");
    let values = [
        ("max_num_seqs", "64"),
        ("max_num_batched_tokens", "4096"),
        ("max_model_len", "4000"),
        ("gpu_memory_utilization", "0.5"),
        ("kv_blocks", "1000"),
        ("block_size", "32"),
        ("prefix_caching", "false"),
        ("queue", "5"),
        ("jitter", "0.1"),
        ("speculative", "3&acceptance=0.8"),
        ("acceptance", "0.8,0.6&speculative=2"),
        ("draft_time", "1ms&speculative=2&acceptance=0.5"),
        ("step_fixed", "1e-3"),
        ("step_batched", "1e-3"),
        ("step_per_sequence", "1e-3"),
        ("step_per_context_token", "1e-9"),
        ("step_per_prefill_token", "1e-9"),
        ("step_per_prefill_pair", "1e-13"),
        ("step_experts", "1e-3"),
        ("step_expert_share", "0.3"),
        ("seed", "4"),
    ];
    for (key, value) in values {
        assert_ne!(llm(&format!("{key}={value}")), preset, "{key}");
    }
    let known: Vec<&str> = values.iter().map(|(key, _)| *key).filter(|key| *key != "seed").collect();
    assert_eq!(known, llm::KEYS);
    // Half the block size, so half the number: the same memory.
    let (one, two) = (preset.kv_tokens(), llm("block_size=32").kv_tokens());
    assert!(one.abs_diff(two) < 32, "{one} {two}");
    assert_eq!(llm("speculative=2&acceptance=0.5").speculative.unwrap().acceptance, [0.5, 0.5]);
    assert!(llm("gpu_memory_utilization=0.5").kv_blocks < preset.kv_blocks);
    assert!(llm("max_num_batched_tokens=2048").kv_blocks > preset.kv_blocks, "smaller activations");
}

#[test]
fn every_key_of_a_classic_model_changes_the_preset() {
    let batch = |query: &str| match SimOptions::parse(&format!("resnet50-t4?{query}")).unwrap().engine {
        EngineOptions::Batch { model, .. } => model,
        other => panic!("{other:?}"),
    };
    let preset = batch("");
    let values = [
        ("batching", "off"),
        ("max_batch_size", "16"),
        ("preferred_batch_size", "4,8"),
        ("max_queue_delay", "5ms"),
        ("instances", "2"),
        ("per_batch", "1ms"),
        ("per_item", "3ms"),
        ("cv", "0.5"),
        ("queue", "5"),
        ("queue_timeout", "1s"),
    ];
    for (key, value) in values {
        assert_ne!(batch(&format!("{key}={value}")), preset, "{key}");
    }
    assert_eq!(values.map(|(key, _)| key), batch::KEYS);
    assert_eq!(
        batch("batching=torchserve&max_batch_size=4&max_queue_delay=7ms").batching,
        Batching::TorchServe { size: NonZeroU32::new(4).unwrap(), max_delay: Duration::from_millis(7) }
    );
}

#[test]
fn a_preset_names_its_model_and_its_kind() {
    for (text, model, owner) in [
        ("llama-3.1-70b-4xh100", "llama-3.1-70b", "vllm"),
        ("Llama-3-8B-H100", "llama-3-8b", "vllm"),
        ("bert-base-t4", "bert-base", "triton"),
        ("bert-base-t4?model=b&owned_by=me", "b", "me"),
    ] {
        let options = SimOptions::parse(text).unwrap();
        assert_eq!((options.model.as_str(), options.owned_by.as_str()), (model, owner), "{text}");
    }
}

#[test]
fn a_flavour_names_the_owner_and_the_status_of_a_full_queue_unless_told_otherwise() {
    for (query, owner, full) in [
        ("", "openai", WhenFull::Unavailable),
        ("?flavour=vllm", "vllm", WhenFull::Unavailable),
        ("?flavour=tgi", "tgi", WhenFull::TooManyRequests),
        ("?flavour=triton", "openai", WhenFull::Unavailable),
        ("?flavour=tgi&full=503&owned_by=me", "me", WhenFull::Unavailable),
    ] {
        let options = SimOptions::parse(query).unwrap();
        assert_eq!((options.owned_by.as_str(), options.full), (owner, full), "{query}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    for (text, excerpt) in [
        ("tfft=5ms", "did you mean `ttft`"),
        ("eror_rate=0.1", "did you mean `error_rate`"),
        ("ttft=5ms&ttft=6ms", "twice"),
        ("ttft=soon", "not a duration"),
        ("itl=-1ms", "not a duration"),
        ("itl=2h", "at most 1h"),
        ("slots=0", "from 1"),
        ("?slots", "from 1"),
        ("queue=-1", "whole number"),
        ("full=500", "429 or 503"),
        ("jitter=1.5", "0 to 1"),
        ("jitter=NaN", "0 to 1"),
        ("tokens_per_chunk=0", "1 to 1024"),
        ("events_per_write=2000", "1 to 1024"),
        ("usage=sometimes", "own, finish or none"),
        ("done=yes", "true or false"),
        ("model=", "a name"),
        ("flavour=tgii", "triton, kserve"),
        ("inputs=x:FP31[1]", "INPUT0:FP32[-1,16]"),
        ("slow_client=maybe", "wait or drop"),
        ("client_buffer=lots", "number of bytes"),
        ("error_rate=0.7&truncate_rate=0.7", "add up to 1.4"),
        (
            "max_num_seqs=5",
            "one of a language model, and this is the fixed grid: leave it out, or write sim://llama",
        ),
        ("per_item=5ms", "one of a classic model, and this is the fixed grid"),
        ("llama-3-8b-h100?ttft=5ms", "one of the fixed grid, and this is a language model"),
        ("resnet50-t4?kv_blocks=5", "one of a language model, and this is a classic model"),
        ("llama-3-8b-h100?max_num_seq=5", "did you mean `max_num_seqs`"),
        ("llama-3-8b-h100?block_size=20", "multiple of 16"),
        ("llama-3-8b-h100?speculative=2", "nothing without `acceptance`"),
        ("llama-3-8b-h100?acceptance=0.5", "nothing without `speculative`"),
        ("llama-3-8b-h100?speculative=3&acceptance=0.5,0.4", "as many as"),
        ("llama-3-8b-h100?gpu_memory_utilization=0.1", "no memory is left"),
        ("llama-3-8b-h100?step_fixed=5ms", "seconds as a number"),
        ("llama-3-8b-h10", "did you mean `llama-3-8b-h100`? (`plimsoll sim --list`"),
        ("resnet5-t4", "did you mean `resnet50-t4`"),
        ("llama-3.1-70b-h100", "does not fit"),
        ("resnet50-t4?batching=off&max_queue_delay=5ms", "nothing without `batching=triton`"),
        ("resnet50-t4?batching=maybe", "triton, torchserve or off"),
        ("resnet50-t4?preferred_batch_size=4,0", "sizes from 1"),
        ("stall_at=5s", "nothing without `stall_for`"),
        ("stall_at=5s&stall_for=2s&stall_every=1s", "at least 1 ms between"),
        ("stall_every=5s", "nothing without `stall_at`"),
        ("rate_burst=5", "nothing without `rate_limit`"),
        ("rate_limit=0", "give more than 0"),
        ("leak_limit=5", "nothing without `leak`"),
        ("warm_up=5s", "nothing without `warm_up_factor`"),
        ("warm_up_factor=5", "nothing without `warm_up`"),
        ("warm_up=5s&warm_up_factor=5", "nothing without `starts_cold=true`"),
        ("restart_after=5s", "nothing without `crash_at`"),
        ("crash_at=5s&crash_after=6", "give one of them"),
        ("crash_after=0", "crash after 0 requests"),
    ] {
        let error = SimOptions::parse(text).expect_err(text).to_string();
        assert!(error.contains(excerpt), "{text}: {error}");
    }
}

fn keys(query: &str) -> Vec<&str> {
    query.split('&').map(|pair| pair.split('=').next().unwrap().trim()).collect()
}
