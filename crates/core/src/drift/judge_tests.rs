//! Series of known drift, and what is made of them.

use rand::RngExt;

use super::super::Quantiles;
use super::*;

fn criteria() -> Criteria {
    Criteria {
        tolerance: 0.1,
        alpha: 0.01,
        horizon: Duration::from_secs(7 * 86_400),
        limits: Limits::new(),
        seed: Seed(1),
    }
}

/// Windows of a minute with latencies that `level` gives by the minute, with noise of `noise` that remembers `memory` of
/// itself.
fn windows(seed: u64, minutes: u32, noise: f64, memory: f64, level: impl Fn(f64) -> f64) -> Vec<SoakWindow> {
    let mut rng = Seed(seed).stream("windows");
    let mut off = 0.0;
    (0..minutes)
        .map(|minute| {
            off = memory * off + noise * rng.random_range(-1.0..1.0);
            let latency = level(f64::from(minute)) * (1.0 + off);
            let tail = 2.0 * latency * (1.0 + noise * rng.random_range(-1.0..1.0));
            SoakWindow {
                start: 60.0 * f64::from(minute),
                length: 60.0,
                ok: 600,
                latency: Quantiles { p50: Some(latency), p99: Some(tail), ..Quantiles::default() },
                ..SoakWindow::default()
            }
        })
        .collect()
}

fn with_memory(mut windows: Vec<SoakWindow>, bytes: impl Fn(f64) -> f64) -> Vec<SoakWindow> {
    for (minute, window) in windows.iter_mut().enumerate() {
        window.resident_bytes = Some(bytes(minute as f64));
    }
    windows
}

fn finding<'a>(report: &'a SoakReport, series: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.series == series).unwrap()
}

#[test]
fn a_drift_of_a_tenth_of_a_percent_per_minute_is_found_and_dated() {
    let limits = Limits::from([("latency.p99".to_owned(), 0.4)]);
    let report = judge(
        &windows(1, 240, 0.05, 0.3, |minute| 0.1 * (1.0 + 0.001 * minute)),
        &Criteria { limits, ..criteria() },
    );
    assert_eq!(report.verdict, SoakVerdict::Drifting, "{report:#?}");
    let tail = finding(&report, "latency.p99");
    assert_eq!(tail.shape, Shape::Lasting);
    assert!(tail.growth.low <= 0.001 && 0.001 <= tail.growth.high, "{tail:?}");
    // From 0.248 s after four hours to 0.4 s at 0.0002 s a minute: 12.7 hours.
    let end = tail.exhaustion.unwrap();
    let truth = (0.4 - 0.2 * 1.239) / 0.0002 * 60.0;
    assert!(end.earliest <= truth && truth <= end.latest.unwrap(), "{end:?} and {truth}");
    assert!(report.reasons.iter().any(|reason| reason.contains("passes 400 ms in")), "{:?}", report.reasons);
}

#[test]
fn of_a_hundred_steady_servers_few_are_called_drifting() {
    for memory in [0.0, 0.5] {
        let drifting = (0..100).filter(|&seed| {
            judge(&windows(seed, 120, 0.05, memory, |_| 0.1), &criteria()).verdict == SoakVerdict::Drifting
        });
        let drifting = drifting.count();
        assert!(drifting <= 3, "{drifting} with a memory of {memory}");
    }
}

/// Memory as allocators have it: it goes up and down about a level, and remembers where it was.
#[test]
fn of_a_hundred_servers_whose_memory_only_moves_about_few_are_called_drifting() {
    for memory in [0.0, 0.5, 0.9] {
        let drifting = (0..100).filter(|&seed| {
            let mut rng = Seed(seed).stream("resident");
            let mut off = 0.0;
            let mut steady = windows(seed, 120, 0.02, 0.0, |_| 0.1);
            for window in &mut steady {
                off = memory * off + 0.02 * rng.random_range(-1.0..1.0);
                window.resident_bytes = Some(2e9 * (1.0 + off));
                window.kv_usage = Some(0.5 + off);
            }
            let report = judge(&steady, &criteria());
            let called = |series| finding(&report, series).verdict == SoakVerdict::Drifting;
            called("resident_bytes") || called("kv_usage")
        });
        let drifting = drifting.count();
        assert!(drifting <= 5, "{drifting} with a memory of {memory}");
    }
}

#[test]
fn what_fills_and_then_stands_is_no_leak() {
    let steady = || windows(2, 240, 0.02, 0.0, |_| 0.1);
    for (what, bytes, verdict, shape) in [
        (
            "a cache that fills",
            (|m| 1e9 * (2.0 - (-m / 20.0_f64).exp())) as fn(f64) -> f64,
            SoakVerdict::Steady,
            Shape::Settled,
        ),
        (
            "a buffer that is taken at once",
            |m| if m < 100.0 { 1e9 } else { 1.3e9 },
            SoakVerdict::Steady,
            Shape::Settled,
        ),
        ("a leak", |m| 1e9 * (1.0 + 0.001 * m), SoakVerdict::Drifting, Shape::Lasting),
        (
            "a leak in steps",
            |m| 1e9 * (1.0 + 0.02 * (m / 20.0).floor()),
            SoakVerdict::Drifting,
            Shape::Lasting,
        ),
        ("nothing", |_| 1e9, SoakVerdict::Steady, Shape::Flat),
        ("memory that is given back", |m| 1e9 * (2.0 - 0.001 * m), SoakVerdict::Steady, Shape::Improving),
    ] {
        let report = judge(&with_memory(steady(), bytes), &criteria());
        let memory = finding(&report, "resident_bytes");
        assert_eq!((report.verdict, memory.shape), (verdict, shape), "{what}: {report:#?}");
    }
}

#[test]
fn a_slow_leak_matters_where_it_reaches_its_limit_in_time() {
    let slow = with_memory(windows(2, 240, 0.02, 0.0, |_| 0.1), |minute| 1e9 * (1.0 + 0.000_1 * minute));
    let within = |limit: f64| {
        let limits = Limits::from([("resident_bytes".to_owned(), limit)]);
        judge(&slow, &Criteria { limits, ..criteria() }).verdict
    };
    assert_eq!(within(1.5e9), SoakVerdict::Drifting); // in 3.3 days
    assert_eq!(within(5e9), SoakVerdict::Steady); // in a month
}

#[test]
fn a_late_step_that_stays_is_a_drift_and_a_hump_is_none() {
    let of = |level: fn(f64) -> f64| judge(&windows(3, 240, 0.05, 0.0, level), &criteria());
    let step = of(|minute| if minute < 150.0 { 0.1 } else { 0.13 });
    assert_eq!(step.verdict, SoakVerdict::Drifting, "{step:#?}");
    let tail = finding(&step, "latency.p99");
    assert!(matches!(tail.shape, Shape::Stepped | Shape::Lasting), "{tail:?}");
    let warming = of(|minute| if minute < 20.0 { 0.15 } else { 0.1 });
    assert_ne!(warming.verdict, SoakVerdict::Drifting, "{warming:#?}");
    let hump = of(|minute| if (100.0..130.0).contains(&minute) { 0.13 } else { 0.1 });
    assert_ne!(hump.verdict, SoakVerdict::Drifting, "{hump:#?}");
}

#[test]
fn a_change_that_nobody_would_notice_is_not_told() {
    // Up by a step in the last third of four hours.
    let stepped = |share: f64| {
        let level = |minute: f64| if minute < 160.0 { 0.1 } else { 0.1 * (1.0 + share) };
        let report = judge(&windows(6, 240, 1e-5, 0.0, level), &criteria());
        finding(&report, "latency.p50").changes.len()
    };
    assert_eq!((stepped(0.001), stepped(0.03)), (0, 1));
}

#[test]
fn errors_that_creep_in_are_a_drift() {
    let mut windows = windows(4, 120, 0.02, 0.0, |_| 0.1);
    for (minute, window) in windows.iter_mut().enumerate() {
        window.failed = minute as u64 / 4;
        window.ok -= window.failed;
    }
    let report = judge(&windows, &criteria());
    assert_eq!(finding(&report, "error_rate").verdict, SoakVerdict::Drifting, "{report:#?}");
}

#[test]
fn too_little_decides_nothing_and_says_how_much_would() {
    let none = judge(&[], &criteria());
    assert_eq!((none.verdict, none.reasons.len()), (SoakVerdict::Undecided, 1));
    let short = judge(&windows(1, 20, 0.05, 0.0, |_| 0.1), &criteria());
    assert_eq!(short.verdict, SoakVerdict::Undecided);
    assert_eq!(finding(&short, "latency.p50").more, Some(600.0));
    let noisy = judge(&windows(1, 60, 0.6, 0.0, |_| 0.1), &criteria());
    assert_eq!(noisy.verdict, SoakVerdict::Undecided, "{noisy:#?}");
    assert!(noisy.findings.iter().any(|finding| finding.more.is_some_and(|more| more > 900.0)), "{noisy:#?}");
}

#[test]
fn holm_corrects_in_order() {
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    };
    close(holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    close(holm(&[0.9, 0.8]), &[1.0, 1.0]);
}
