//! Tests made by hand: servers of each kind, and what is made of them.

use std::time::Duration;

use super::*;

/// A server that bears 100/s, at 80/s for 10 s, at 200/s for 10 s, and at 80/s for 20 s.
fn plan() -> Plan {
    let seconds = Duration::from_secs;
    Plan::new(100.0, (0.8, seconds(10)), &[2.0], seconds(10), seconds(20)).unwrap()
}

/// What a server does with the requests of the plan: `of` tells response time and fate of the request with this number
/// within its step, due so many seconds into the load.
fn judged(of: impl Fn(StepKind, u32, f64) -> (f64, Fate)) -> StressReport {
    let plan = plan();
    let mut seen = Vec::new();
    for (step, begin, end) in plan.spans() {
        let rate = step.multiple * plan.capacity;
        for number in 0..((end - begin) * rate) as u32 {
            let scheduled = begin + f64::from(number) / rate;
            let (response_time, fate) = of(step.kind, number, scheduled);
            seen.push(Seen { scheduled, response_time, latency: Some(response_time), fate, status: None });
        }
    }
    classify(&plan, &seen, Terms { useful_within: None })
}

const WELL: (f64, Fate) = (0.1, Fate::Answered);

#[test]
fn a_server_that_refuses_at_once_what_is_too_much_is_graceful() {
    let report = judged(|step, number, _| match step {
        StepKind::Overload if number % 2 == 0 => (0.002, Fate::Shed),
        _ => WELL,
    });
    assert_eq!((report.verdict, report.modes.as_slice()), (StressVerdict::Graceful, &[Mode::Sheds][..]));
    assert_eq!((report.kept, report.recovery.after, report.useful_within), (1.0, Some(0.0), 0.5));
    insta::assert_debug_snapshot!(report.reasons);
}

#[test]
fn refusals_that_take_long_are_no_grace() {
    let report = judged(|step, number, _| match step {
        StepKind::Overload if number % 2 == 0 => (3.0, Fate::Shed),
        _ => WELL,
    });
    assert_eq!((report.verdict, report.modes.as_slice()), (StressVerdict::Degraded, &[Mode::ShedsLate][..]));
}

#[test]
fn a_queue_without_bound_collapses_or_degrades() {
    // Each second of overload adds half a second of waiting; then it drains by a fifth of a second each second.
    let queue = |_, _, at: f64| match at {
        10.0..20.0 => (0.1 + 0.5 * (at - 10.0), Fate::Answered),
        20.0.. => ((5.1 - 0.5 * (at - 20.0)).max(0.1), Fate::Answered),
        _ => WELL,
    };
    let report = judged(queue);
    assert_eq!((report.verdict, report.modes[0]), (StressVerdict::Collapsed, Mode::Queues), "{report:#?}");
    let growth = report.steps[1].queue_growth.unwrap();
    // Of 200 that come in a second 133 are answered.
    assert!((growth - 200.0 / 3.0).abs() < 2.0, "{growth}");
    let after = report.recovery.after.unwrap();
    assert!((after - 10.0).abs() < 0.1, "{after}");
    insta::assert_debug_snapshot!(report.reasons);
    let forever = judged(|step, number, at| match step {
        StepKind::Recovery => (5.0, Fate::Answered),
        _ => queue(step, number, at),
    });
    assert_eq!((forever.verdict, forever.recovery.after), (StressVerdict::Collapsed, None));
}

/// One that gets faster as more wait for it, as continuous batching does, still queues without bound: what it lacks of a
/// straight line must not hide that.
#[test]
fn a_queue_that_grows_more_slowly_with_time_is_one() {
    let queue = |_, _, at: f64| match at {
        10.0..20.0 => (0.1 + 0.7 * (at - 10.0) - 0.02 * (at - 10.0).powi(2), Fate::Answered),
        20.0.. => (5.1, Fate::Answered),
        _ => WELL,
    };
    let report = judged(queue);
    assert_eq!(report.modes.first(), Some(&Mode::Queues), "{report:#?}");
}

/// A queue that is full after a part of the step grows no more.
#[test]
fn a_queue_with_a_bound_is_none_without() {
    let bounded = |_, _, at: f64| match at {
        10.0..20.0 => ((0.1 + 2.0 * (at - 10.0)).min(3.1), Fate::Answered),
        _ => WELL,
    };
    let report = judged(bounded);
    assert_eq!(
        (report.steps[1].queue_growth, report.modes.first()),
        (None, Some(&Mode::Late)),
        "{report:#?}"
    );
}

#[test]
fn every_other_way_of_failing_has_its_name() {
    for (what, fate, share, verdict, mode) in [
        ("time limits", Fate::TimedOut, 2, StressVerdict::Degraded, Mode::TimesOut),
        ("no connection for some", Fate::Unconnected, 3, StressVerdict::Degraded, Mode::RefusesConnections),
        ("errors", Fate::Error, 3, StressVerdict::Degraded, Mode::Errors),
        ("wrong answers", Fate::Wrong, 3, StressVerdict::Degraded, Mode::WrongAnswers),
        ("broken answers", Fate::Broken, 3, StressVerdict::Degraded, Mode::Breaks),
        ("wrong answers only", Fate::Wrong, 1, StressVerdict::Collapsed, Mode::WrongAnswers),
    ] {
        let report = judged(|step, number, _| match step {
            StepKind::Overload if number % share == 0 => (0.1, fate),
            _ => WELL,
        });
        assert_eq!((report.verdict, report.modes[0]), (verdict, mode), "{what}: {report:#?}");
    }
}

#[test]
fn a_server_that_goes_down_has_crashed() {
    let report = judged(|_, number, at| match at {
        12.0..15.0 if number % 5 == 0 => (0.0, Fate::Broken),
        12.0..15.0 => (0.0, Fate::Unconnected),
        _ => WELL,
    });
    assert_eq!((report.verdict, report.modes.as_slice()), (StressVerdict::Collapsed, &[Mode::Crashes][..]));
    assert_eq!((report.outages[0].start, report.outages[0].end), (12.0, Some(15.0)));
    let for_good = judged(|_, _, at| if at < 12.0 { WELL } else { (0.0, Fate::Unconnected) });
    assert_eq!((for_good.verdict, for_good.recovery.after), (StressVerdict::Collapsed, None));
    insta::assert_debug_snapshot!(for_good.reasons);
}

#[test]
fn what_was_no_overload_or_no_baseline_is_said() {
    let absorbed = judged(|_, _, _| WELL);
    assert_eq!(
        (absorbed.verdict, absorbed.modes.as_slice()),
        (StressVerdict::Graceful, &[Mode::Absorbs][..])
    );
    let never_well = judged(|_, number, _| if number % 5 == 0 { (0.0, Fate::Error) } else { WELL });
    assert_eq!(never_well.verdict, StressVerdict::Undecided);
    let nothing = classify(&plan(), &[], Terms { useful_within: None });
    assert_eq!((nothing.verdict, nothing.reasons.len()), (StressVerdict::Undecided, 1));
}

#[test]
fn an_objective_says_what_is_useful() {
    let plan = plan();
    let slow: Vec<Seen> = plan
        .spans()
        .flat_map(|(step, begin, end)| {
            let overload = step.kind == StepKind::Overload;
            (0..400).map(move |number| {
                let scheduled = begin + (end - begin) * f64::from(number) / 400.0;
                let response_time = if overload { 0.3 } else { 0.1 };
                Seen { scheduled, response_time, latency: None, fate: Fate::Answered, status: None }
            })
        })
        .collect();
    let within = |seconds| classify(&plan, &slow, Terms { useful_within: Some(seconds) }).steps[1].late;
    assert_eq!((within(0.2), within(0.4)), (400, 0));
}
