//! Runs made by hand, and what is said of them.

use super::*;
use crate::record::{Delta, DeltaKind, Outcome, Phase, Record, RequestId};
use crate::time::Offset;

fn at(seconds: f64) -> Offset {
    Offset::from_secs_f64(seconds)
}

/// A request that was due at `scheduled` and took `latency`, with one token at a quarter of it and three more at its end.
fn request(id: u64, scheduled: f64, latency: f64, outcome: Outcome) -> Record {
    let mut record = Record::due(RequestId(id), Phase::Measure, 0, at(scheduled));
    (record.sent, record.done, record.outcome) =
        (Some(at(scheduled)), Some(at(scheduled + latency)), outcome);
    record.status = Some(200);
    let delta = |share: f64| Delta { at: at(scheduled + latency * share), tokens: 0, kind: DeltaKind::Text };
    record.deltas = vec![delta(0.25), delta(1.0)];
    (record.usage.output_tokens, record.usage.input_tokens) = (Some(4), Some(10));
    record
}

fn figures(names: &[&str]) -> Vec<Figure> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// A run of `seconds` with ten requests a second, of which request `n` takes `latency(n)`.
fn run(seconds: u32, names: &[&str], latency: impl Fn(u64) -> (f64, Outcome)) -> RunWindows {
    let mut windows = RunWindows::new(Offset::ZERO, f64::from(seconds), 1.0, &figures(names));
    for id in 0..u64::from(seconds) * 10 {
        let (latency, outcome) = latency(id);
        windows.add(&request(id, id as f64 / 10.0, latency, outcome));
    }
    windows
}

/// 0.1 s and up to a tenth more, in an order without order.
fn usual(id: u64) -> (f64, Outcome) {
    (0.1 * (1.0 + 0.1 * ((id * 7_919 % 101) as f64 / 101.0)), Outcome::Ok)
}

fn verdict_of(a: &RunWindows, b: &RunWindows, name: &str) -> Verdict {
    one(a, b, name, &Rules::default()).verdict
}

fn one(a: &RunWindows, b: &RunWindows, name: &str, rules: &Rules) -> Difference {
    let (a, b) = (std::slice::from_ref(a), std::slice::from_ref(b));
    compare_runs(a, b, &figures(&[name]), rules).remove(0)
}

#[test]
fn windows_are_long_enough_for_what_is_in_flight_and_alike_in_all_runs() {
    let extent = |seconds, latency| Extent { seconds, latency };
    for (runs, expected) in [
        (vec![extent(60.0, 0.1)], 1.0),
        (vec![extent(600.0, 0.1)], 10.0),
        (vec![extent(60.0, 3.0)], 6.0),
        (vec![extent(60.0, 0.1), extent(600.0, 0.1)], 1.0),
        (vec![extent(60.0, 0.1), extent(6_000.0, 0.1)], 10.0),
        (vec![extent(0.0, 0.0)], 1.0),
        (vec![], 1.0),
    ] {
        assert_eq!(window_seconds(&runs), expected, "{runs:?}");
    }
    let of = |seconds, each| {
        let windows = RunWindows::new(Offset::ZERO, seconds, each, &[]);
        (windows.count(), windows.window_seconds())
    };
    assert_eq!(of(10.0, 3.0), (3, 10.0 / 3.0));
    assert_eq!(of(0.5, 1.0), (1, 0.5));
}

#[test]
fn what_happened_is_counted_where_it_happened() {
    let names = ["latency.p50", "ttft.mean", "chunk_gap.p50", "itl.p50", "send_lag.p99"];
    let mut windows = RunWindows::new(at(10.0), 4.0, 1.0, &figures(&names));
    windows.add(&request(0, 10.5, 2.0, Outcome::Ok));
    windows.add(&request(1, 11.0, 0.5, Outcome::Http5xx));
    let mut early = request(2, 9.0, 1.5, Outcome::Ok);
    early.phase = Phase::WarmUp;
    windows.add(&early);
    let found: Vec<[f64; 6]> = windows
        .stretches()
        .iter()
        .map(|one| {
            let tokens = (one.output_tokens * 1e3).round() / 1e3;
            [one.scheduled, one.failed, one.sent, one.completed, tokens, one.request_seconds]
        })
        .collect();
    // The first request is in flight from 10.5 to 12.5, its tokens come from 11.0 to 12.5; the warm-up's last until 10.5.
    let early_tokens = 4.0 * 0.5 / 1.125;
    let rounded = |tokens: f64| (tokens * 1e3).round() / 1e3;
    assert_eq!(found[0], [1.0, 0.0, 1.0, 1.0, rounded(early_tokens), 1.0]);
    assert_eq!(found[1], [1.0, 1.0, 1.0, 0.0, rounded(4.0 / 1.5 + 4.0), 1.5]);
    assert_eq!(found[2], [0.0, 0.0, 0.0, 1.0, rounded(2.0 / 1.5), 0.5]);
    assert_eq!(found[3], [0.0; 6]);
    let values: Vec<(&str, u64)> =
        windows.stretches()[0].values.iter().map(|(name, values)| (*name, values.n)).collect();
    assert_eq!(values, [("chunk_gap", 1), ("itl", 1), ("latency", 1), ("send_lag", 1), ("ttft", 1)]);
    // A failed request has a lag and no latency.
    assert_eq!(windows.stretches()[1].values.keys().copied().collect::<Vec<_>>(), ["send_lag"]);
    assert_eq!(windows.whole().scheduled, 2.0);
}

#[test]
fn a_figure_is_that_of_the_summary() {
    let names = [
        "latency.p50",
        "latency.p99",
        "latency.mean",
        "qps",
        "error_rate",
        "output_token_rate",
        "concurrency",
    ];
    let a = run(60, &names, |id| if id % 100 == 7 { (0.1, Outcome::Http5xx) } else { usual(id) });
    let found =
        compare_runs(std::slice::from_ref(&a), std::slice::from_ref(&a), &figures(&names), &Rules::default());
    let mut sorted: Vec<f64> = (0..600).filter(|id| id % 100 != 7).map(|id| usual(id).0).collect();
    sorted.sort_by(f64::total_cmp);
    let close = |found: Option<f64>, expected: f64, by: f64| {
        assert!((found.unwrap() / expected - 1.0).abs() <= by, "{found:?} for {expected}");
    };
    close(found[0].a, sorted[296], 0.000_6);
    close(found[1].a, sorted[588], 0.000_6);
    close(found[2].a, sorted.iter().sum::<f64>() / 594.0, 1e-9);
    close(found[3].a, 593.0 / 60.0, 0.002); // the last one may end after the window
    close(found[4].a, 0.01, 1e-9);
    close(found[5].a, 600.0 * 4.0 / 60.0, 0.01);
    close(found[6].a, (sorted.iter().sum::<f64>() + 0.6) / 60.0, 0.01);
    assert!(found.iter().all(|one| one.a == one.b && one.p == Some(1.0)), "{found:?}");
}

#[test]
fn verdicts_know_which_way_is_better() {
    let names = ["latency.p50", "qps", "concurrency", "output_tokens.mean"];
    let a = run(60, &names, usual);
    let slower = run(60, &names, |id| (usual(id).0 * 1.2, Outcome::Ok));
    assert_eq!(verdict_of(&a, &slower, "latency.p50"), Verdict::Worse);
    assert_eq!(verdict_of(&slower, &a, "latency.p50"), Verdict::Better);
    assert_eq!(verdict_of(&a, &slower, "concurrency"), Verdict::Higher);
    assert_eq!(verdict_of(&slower, &a, "concurrency"), Verdict::Lower);
    assert_eq!(verdict_of(&a, &slower, "qps"), Verdict::Same);
    assert_eq!(verdict_of(&a, &slower, "output_tokens.mean"), Verdict::Same);
    let wide = Rules { threshold: 0.5, ..Rules::default() };
    let difference = one(&a, &slower, "latency.p50", &wide);
    assert_eq!(difference.verdict, Verdict::Same);
    assert!(
        difference.exceeds(0.1, true) && !difference.exceeds(0.3, true) && !difference.exceeds(-0.1, false)
    );
    let own = Rules { own_thresholds: vec![("latency.p50".parse().unwrap(), 0.0)], ..wide };
    assert_eq!(one(&a, &slower, "latency.p50", &own).verdict, Verdict::Worse);
}

#[test]
fn what_is_open_says_what_is_missing() {
    let open = |verdict| match verdict {
        Verdict::Undecided(open) => open,
        verdict => panic!("{verdict:?}"),
    };
    let names = ["latency.p50", "latency.p99", "ttft.p50", "tpot.p50", "error_rate", "server_queue.p50"];
    let short = run(19, &names, usual);
    let found = open(verdict_of(&short, &short, "latency.p50"));
    assert_eq!(found, Open::FewWindows { have: 19, need: 20, seconds: 1.0 });
    assert_eq!(open(verdict_of(&short, &short, "latency.p99")), Open::FewValues { have: 190, need: 368 });
    assert_eq!(open(verdict_of(&short, &short, "server_queue.p50")), Open::NoValue);
    // No failure in 200 requests does not mean that there are none: it may be one in a hundred.
    let some = run(20, &names, usual);
    assert!(matches!(open(verdict_of(&some, &some, "error_rate")), Open::MoreSeconds(more) if more < 100.0));
    let many = run(90, &names, usual);
    assert_eq!(verdict_of(&many, &many, "error_rate"), Verdict::Same);
    // All that is slow comes in one bad moment: nobody knows how often such moments are.
    let moment = |id: u64| if (300..320).contains(&id) { (0.5, Outcome::Ok) } else { usual(id) };
    let bad = run(90, &names, moment);
    assert!(matches!(open(verdict_of(&many, &bad, "latency.p99")), Open::MoreSeconds(_) | Open::TooNear));
    assert_eq!(verdict_of(&many, &bad, "latency.p50"), Verdict::Same);
}

#[test]
fn the_verdict_on_all_is_the_worst_of_them() {
    let names = ["latency.p50", "qps", "server_queue.p50"];
    let a = run(60, &names, usual);
    let slower = run(60, &names, |id| (usual(id).0 * 1.2, Outcome::Ok));
    let all = |a: &RunWindows, b: &RunWindows| {
        overall(&compare_runs(
            std::slice::from_ref(a),
            std::slice::from_ref(b),
            &figures(&names),
            &Rules::default(),
        ))
    };
    assert_eq!(all(&a, &slower), Verdict::Worse);
    assert_eq!(all(&slower, &a), Verdict::Better);
    assert_eq!(all(&a, &a), Verdict::Same);
}

#[test]
fn the_same_seed_says_the_same() {
    let names = ["latency.p99", "latency.mean"];
    let a = run(60, &names, usual);
    let b = run(60, &names, |id| usual(id + 13));
    let with = |seed| {
        let rules = Rules { seed: crate::seed::Seed(seed), ..Rules::default() };
        compare_runs(std::slice::from_ref(&a), std::slice::from_ref(&b), &figures(&names), &rules)
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}
