//! What presets compute, against figures published elsewhere.

use super::*;

#[test]
fn the_kv_cache_is_computed_from_memory_and_weights() {
    // (80 x 0.92 - 14.96 - 5.5 - 0.15) GiB / (131072 B x 16)
    let preset = find("llama-3-8b-h100").unwrap();
    assert_eq!(preset.options().kv_blocks.get(), 27_132);
    assert_eq!(preset.physics.kv_bytes_per_token(), 131_072.0);
    assert_eq!(find("llama-3.1-70b-4xh100").unwrap().physics.kv_bytes_per_token(), 327_680.0);
}

#[test]
fn the_step_time_is_the_sum_of_its_physical_parts() {
    let time = find("llama-3-8b-h100").unwrap().options().step_time;
    let close =
        |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 0.001, "{value} {expected}");
    // 1.4 x 16.06 GB / 3.35 TB/s + 32 x 32 us + 126 us
    close(time.fixed, 7.8616e-3);
    close(time.per_sequence, 4e-6);
    close(time.per_context_token, 74.34e-9); // 1.9 x 131072 B / 3.35 TB/s
    close(time.per_prefill_token, 36.07e-6); // 2 x 8.03e9 / (0.45 x 989.5e12)
    close(time.per_prefill_pair, 1.1774e-9); // 4 x 32 x 4096 / (0.45 x 989.5e12)
    assert_eq!(time.experts, 0.0);
}

#[test]
fn names_are_found_corrected_or_explained() {
    assert_eq!(find("Llama-3-8B-H100").unwrap().name(), "llama-3-8b-h100");
    let typo = find("lama3-8b-h100").unwrap_err().to_string();
    assert_eq!(typo, "there is no preset `lama3-8b-h100`; did you mean `llama-3-8b-h100`?");
    let large = find("llama-3.1-70b-h100").unwrap_err().to_string();
    assert!(large.contains("weights take 131 GiB") && large.contains("`llama-3.1-70b-2xh100`"), "{large}");
    assert!(!large.contains("`llama-3.1-70b-h100`, "), "{large}");
}

#[test]
fn every_listed_preset_is_found_by_its_name_and_makes_a_server() {
    for preset in all() {
        assert_eq!(find(&preset.name()), Ok(preset));
        let options = preset.options();
        assert_eq!(options.check(), Ok(()), "{}", preset.name());
        assert!(options.longest_request() >= 8192, "{}", preset.name());
    }
    let smallest = |model: &str| {
        let of_model = all().filter(|preset| preset.physics.model.name == model);
        of_model.map(|preset| preset.physics.accelerators).collect::<Vec<_>>()
    };
    // On L4, L40S, A100, H100, H200, B200.
    assert_eq!(smallest("llama-3-8b"), [1, 1, 1, 1, 1, 1]);
    assert_eq!(smallest("llama-3.1-70b"), [8, 4, 2, 2, 2, 1]);
    assert_eq!(smallest("mixtral-8x7b"), [8, 4, 2, 2, 1, 1]);
}
