//! Objectives and rules as they are written, and the errors of those that are not.

use proptest::prelude::*;

use crate::slo::{Metric, Rule, Slo};

#[test]
fn objectives_read_as_they_print() {
    for (text, printed) in [
        ("ttft.p99<500ms", "ttft.p99<500ms"),
        ("tpot.p95<=40ms", "tpot.p95<=40ms"),
        ("latency.p99.9<2s", "latency.p99.9<2s"),
        ("response_time.mean<1s", "response_time.mean<1s"),
        (" latency . p50 < 0.0015 s ", "latency.p50<1500us"),
        ("error_rate<1%", "error_rate<1%"),
        ("error_rate<0.07", "error_rate<7%"),
        ("qps>=100", "qps>=100"),
        ("completed_rate>2.5/s", "qps>2.5"),
        ("output_token_rate>5000", "output_token_rate>5000"),
        ("attainment>=99.5%", "attainment>=99.5%"),
        ("ttft<500ms & tpot<40ms @ 99%", "ttft<500ms & tpot<40ms @ 99%"),
        ("ttft<=2min@0.9", "ttft<=120s @ 90%"),
        ("itl.median<20ms", "itl.p50<20ms"),
    ] {
        let slo: Slo = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(slo.to_string(), printed);
        assert_eq!(printed.parse::<Slo>().as_ref(), Ok(&slo));
        let json = serde_json::to_string(&slo).unwrap();
        assert_eq!(serde_json::from_str::<Slo>(&json).unwrap(), slo);
    }
}

#[test]
fn each_bad_text_has_an_error_that_points_at_the_place() {
    let errors = [
        "",
        "tfft.p99<500ms",
        "ttft.p99",
        "ttft.p99<",
        "ttft.p99<500",
        "ttft.p99<500mb",
        "ttft<500ms",
        "ttft.p100<1s",
        "ttft.q99<1s",
        "latency.max<1s",
        "latency.p99=1s",
        "latency.p99<-1s",
        "latency.p99<0s",
        "qps.p99>5",
        "qps>5ms",
        "qps>0",
        "error_rate<0%",
        "error_rate<5",
        "attainment>=100%",
        "gpu_utilization.mean<90%",
        "cheese<1s",
        "ttft.p99<1s tpot.p99<2s",
        "ttft<1s & tpot<2s",
        "ttft.p99<1s & tpot<2s @ 99%",
        "itl<1s @ 99%",
        "ttft>1s @ 99%",
        "ttft<1s @ 99% or so",
        "ttft<1s & @ 99%",
        "größe.p99<1s",
    ]
    .map(|text| text.parse::<Slo>().unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn rules_name_a_breach_and_a_span() {
    for text in
        ["error_rate>5% over 10s", "ttft.p99>2s over 30s", "qps<1 over 60s", "latency.mean>=10s over 5s"]
    {
        assert_eq!(text.parse::<Rule>().unwrap_or_else(|error| panic!("{error}")).to_string(), text);
    }
    let errors = [
        "error_rate>5%",
        "error_rate>5% in 10s",
        "error_rate>5% over",
        "error_rate>5% over 10ms",
        "tpot.p99>1s over 10s",
        "error_rate>5% over 10s please",
    ]
    .map(|text| text.parse::<Rule>().unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn every_metric_is_found_by_its_name() {
    for metric in Metric::ALL {
        assert_eq!(Metric::from_name(metric.name()), Some(metric));
    }
}

proptest! {
    #[test]
    fn whatever_is_read_prints_what_reads_the_same(text in slo_text()) {
        let slo: Slo = text.parse().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        prop_assert_eq!(slo.to_string().parse::<Slo>(), Ok(slo));
    }

    #[test]
    fn no_text_is_too_much_and_every_error_points_within_it(text in "\\PC{0,40}|[a-z_.<>=&@%0-9 ]{0,40}") {
        if let Err(error) = text.parse::<Slo>() {
            prop_assert!(error.at().end <= text.chars().count().max(error.at().start) + 1);
        }
        let _ = text.parse::<Rule>();
    }
}

fn slo_text() -> impl Strategy<Value = String> {
    let time = (1u32..100_000, prop::sample::select(vec!["us", "ms", "s", "min"]))
        .prop_map(|(n, unit)| format!("{n}{unit}"));
    let share = (0.001..99.9f64).prop_map(|percent| format!("{percent}%"));
    let sign = || prop::sample::select(vec!["<", "<=", ">", ">="]);
    let upper = || prop::sample::select(vec!["<", "<="]);
    let times = || prop::sample::select(vec!["ttft", "tpot", "latency", "response_time", "e2e_per_token"]);
    let stat = prop_oneof![Just("mean".to_owned()), (0.1..99.99f64).prop_map(|p| format!("p{p}"))];
    let condition =
        (times(), upper(), time.clone()).prop_map(|(name, sign, limit)| format!("{name}{sign}{limit}"));
    prop_oneof![
        (times(), stat, sign(), time)
            .prop_map(|(name, stat, sign, limit)| format!("{name}.{stat} {sign} {limit}")),
        (prop::sample::select(vec!["error_rate", "attainment"]), sign(), share.clone())
            .prop_map(|(name, sign, limit)| format!("{name}{sign}{limit}")),
        (prop::sample::select(vec!["qps", "goodput", "total_token_rate"]), sign(), 0.001..1e6f64)
            .prop_map(|(name, sign, limit)| format!("{name}{sign}{limit}")),
        (prop::collection::vec(condition, 1..4), share)
            .prop_map(|(conditions, share)| format!("{} @ {share}", conditions.join(" & "))),
    ]
}
