//! Rules that end a run, over their spans.

use super::{answered, ms};
use crate::record::{Outcome, Record};
use crate::slo::{Rule, Watch};
use crate::time::Offset;

/// When, in ms, a rule breaks while `of` happens every 100 ms; looked at every 200 ms for a minute.
fn broken_at(rule: &str, of: impl Fn(Offset) -> Record) -> Option<(u64, String)> {
    let rule: Rule = rule.parse().unwrap();
    let mut watch = Watch::new(&[rule]);
    (0..600).find_map(|step| {
        watch.add(&of(ms(step * 100)));
        let now = ms(step * 100 + 99);
        let breach = watch.breach(Offset::ZERO, now).filter(|_| step % 2 == 1)?;
        Some((step * 100 + 99, breach.to_string()))
    })
}

fn failing(at: Offset) -> Record {
    Record { outcome: Outcome::Http5xx, ..answered(at, 1.0) }
}

#[test]
fn rules_break_when_their_whole_span_is_bad_enough() {
    let after = |start: u64, bad: fn(Offset) -> Record| {
        move |at: Offset| if at >= ms(start) { bad(at) } else { answered(at, 20.0) }
    };
    let slow: fn(Offset) -> Record = |at| answered(at, 3_000.0);
    let found = [
        ("error_rate>5% over 10s", after(30_000, failing)),
        ("error_rate>50% over 10s", after(30_000, failing)),
        ("error_rate>5% over 10s", after(0, failing)),
        ("error_rate>5% over 10s", after(70_000, failing)),
        ("latency.p99>2s over 30s", after(20_000, slow)),
        ("latency.mean>=1s over 5s", after(20_000, slow)),
        ("latency.p99>2s over 30s", after(0, failing)),
        ("qps<1 over 10s", after(20_000, failing)),
        ("latency.p50<10ms over 5s", after(0, failing)),
        ("ttft.p50>1ms over 5s", after(70_000, failing)),
    ]
    .map(|(rule, of)| match broken_at(rule, of) {
        Some((at, breach)) => format!("{at} ms  {breach}"),
        None => format!("never     {rule}"),
    });
    insta::assert_snapshot!(found.join("\n"), @"
    31199 ms  error_rate>5% over 10s: 10.0 % of 100 requests
    36199 ms  error_rate>50% over 10s: 60.0 % of 100 requests
    10199 ms  error_rate>5% over 10s: 100.0 % of 100 requests
    never     error_rate>5% over 10s
    30199 ms  latency.p99>2s over 30s: 29.2 % of 240 requests had latency>2s
    24199 ms  latency.mean>=1s over 5s: 3.000 s over 10 requests
    30199 ms  latency.p99>2s over 30s: 100.0 % of 300 requests had latency>2s
    30199 ms  qps<1 over 10s: 0.00/s
    never     latency.p50<10ms over 5s
    never     ttft.p50>1ms over 5s
    ");
}

#[test]
fn a_stray_failure_among_few_is_no_breach_but_an_outage_is() {
    let rule: Rule = "error_rate>5% over 10s".parse().unwrap();
    for (failures, answers, broken) in [
        (1, 0, false),
        (1, 3, false),
        (2, 3, false),
        (3, 0, true),
        (5, 2, true),
        (2, 18, true),
        (1, 19, false),
    ] {
        let mut watch = Watch::new(&[rule]);
        (0..failures).for_each(|_| watch.add(&failing(ms(5_000))));
        (0..answers).for_each(|_| watch.add(&answered(ms(5_000), 1.0)));
        assert_eq!(
            watch.breach(Offset::ZERO, ms(12_000)).is_some(),
            broken,
            "{failures} failures, {answers} answers"
        );
    }
}

#[test]
fn what_is_long_past_counts_no_more() {
    let rule: Rule = "error_rate>5% over 2s".parse().unwrap();
    let mut watch = Watch::new(&[rule]);
    (0..50).for_each(|_| watch.add(&failing(ms(3_500))));
    let broken = |watch: &Watch, at| watch.breach(Offset::ZERO, ms(at)).is_some();
    assert_eq!([3_900, 4_000, 5_999, 6_000].map(|at| broken(&watch, at)), [false, true, true, false]);
    watch.add(&answered(ms(3_600_000), 1.0));
    watch.add(&failing(ms(1)));
    assert!(!broken(&watch, 3_602_000));
}
