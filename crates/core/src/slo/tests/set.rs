//! Objectives together: which contradict each other, and which a run cannot have.

use crate::slo::{Confidence, Kind, Observable, Slo, Slos, SlosError};

fn slos(texts: &[&str]) -> Result<Slos, SlosError> {
    let list = texts.iter().map(|text| text.parse::<Slo>().unwrap()).collect();
    Slos::new(list, Confidence::default())
}

#[test]
fn contradictions_and_repetitions_are_refused() {
    for (texts, expected) in [
        (&["ttft.p99<1s", "ttft.p99>2s"][..], "contradict"),
        (&["ttft.p99<1s", "ttft.p99>=1s"], "contradict"),
        (&["latency.p50>2s", "latency.p99<1s"], "contradict"),
        (&["qps>100", "tpot.p99<1s", "qps<50"], "contradict"),
        (&["attainment>=99%", "attainment<90%"], "contradict"),
        (&["ttft.p99<1s", "ttft.p99<=2s"], "same figure"),
        (&["ttft<1s @ 99%", "ttft<1s @ 90%"], "same figure"),
        (&["ttft.p99<=1s", "ttft.p99>=1s"], ""),
        (&["latency.p50<1s", "latency.p99>2s"], ""),
        (&["ttft.p99<1s", "ttft.p50<500ms", "ttft.mean<500ms", "error_rate<1%"], ""),
        (&[], ""),
    ] {
        let found = slos(texts).map_or_else(|error| error.to_string(), |_| String::new());
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{texts:?}: {found}");
    }
}

#[test]
fn what_a_run_cannot_have_is_refused() {
    let (all, whole, tensors) = (
        Observable { streaming: true, tokens: true },
        Observable { streaming: false, tokens: true },
        Observable { streaming: false, tokens: false },
    );
    for (text, streamed, unstreamed, without_tokens) in [
        ("ttft.p99<1s", true, false, false),
        ("tpot.p99<1s", true, false, false),
        ("ttft<1s & latency<2s @ 99%", true, false, false),
        ("e2e_per_token.mean<1s", true, true, false),
        ("output_token_rate>5", true, true, false),
        ("latency.p99<1s", true, true, true),
        ("error_rate<1%", true, true, true),
        ("attainment>=99%", true, true, true),
    ] {
        let set = slos(&[text]).unwrap();
        let found = [all, whole, tensors].map(|observable| set.check(observable).is_ok());
        assert_eq!(found, [streamed, unstreamed, without_tokens], "{text}");
    }
}

#[test]
fn good_requests_keep_the_limits_given_or_those_of_the_highest_percentiles() {
    for (texts, expected) in [
        (
            &["ttft.p50<100ms", "ttft.p99<500ms", "latency.mean<1s", "tpot.p95<=40ms", "itl.p99<1s"][..],
            "ttft<500ms, tpot<=40ms",
        ),
        (&["ttft.p99<500ms", "tpot<40ms & latency<5s @ 90%"], "tpot<40ms, latency<5s"),
        (&["error_rate<1%", "latency.p99>1s"], ""),
    ] {
        let conditions = slos(texts).unwrap().each_request();
        let found: Vec<String> = conditions.iter().map(ToString::to_string).collect();
        assert_eq!(found.join(", "), expected);
    }
}

#[test]
fn the_defaults_are_sound_and_fit_their_kind() {
    for (kind, observable, expected) in [
        (Kind::Streamed, (true, true), "ttft.p99<=2s; tpot.p99<=200ms; error_rate<1%"),
        (Kind::WholeText, (false, true), "latency.p99<=30s; error_rate<1%"),
        (Kind::Classic, (false, false), "latency.p99<=100ms; error_rate<1%"),
    ] {
        let set = Slos::default_for(kind);
        assert_eq!(set.to_string(), expected);
        assert_eq!(set.check(Observable { streaming: observable.0, tokens: observable.1 }), Ok(()));
        assert_eq!(Slos::new(set.iter().cloned().collect(), set.confidence()), Ok(set));
    }
}

#[test]
fn a_confidence_is_a_probability_above_one_half() {
    for (value, fine) in [
        (0.95, true),
        (0.5, true),
        (0.999, true),
        (1.0, false),
        (0.4, false),
        (95.0, false),
        (f64::NAN, false),
    ] {
        assert_eq!(Confidence::try_from(value).is_ok(), fine, "{value}");
    }
}
