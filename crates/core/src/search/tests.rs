//! Searches against servers that are nothing but a share of misses.

use super::*;
use crate::slo::{Confidence, Slo, Slos};
use crate::testing;

fn tier(name: &str, text: &str) -> Tier {
    let slos = Slos::new(vec![text.parse().unwrap()], Confidence::default()).unwrap();
    Tier { name: name.to_owned(), slos }
}

fn settings(tiers: Vec<Tier>) -> Settings {
    Settings {
        variable: Variable::Rate,
        start: 10.0,
        min: 1.0,
        max: 1000.0,
        precision: 0.05,
        exceed_ratio: 0.2,
        trial_min: 5.0,
        trial_max: 300.0,
        budget: None,
        guard: Guard { arrivals: 1.0, service: 1.0, overload: 0.07 },
        tiers,
    }
}

/// A trial of independent requests of which `share` miss, as exactly as whole numbers allow.
fn outcome(plan: &TrialPlan, tiers: &[Tier], share: impl Fn(f64) -> f64) -> TrialOutcome {
    let n = (plan.load * plan.seconds).round().max(1.0) as u64;
    let judge = |slo: &Slo, share: f64| testing::evidence(slo, n, (n as f64 * share).round() as u64);
    let of_tier = |(place, tier): (usize, &Tier)| {
        tier.slos.iter().map(|slo| judge(slo, share(plan.load / (1.0 + place as f64)))).collect()
    };
    TrialOutcome {
        effort: plan.effort,
        seconds: plan.seconds,
        spent: plan.seconds + 2.0,
        tiers: tiers.iter().enumerate().map(of_tier).collect(),
        latency: Some(0.1),
        concurrency: plan.load * 0.1,
        ..testing::trial(plan.load)
    }
}

/// 5 % of the requests miss at a load of 100.
fn share(load: f64) -> f64 {
    (0.05 * (load / 100.0).powi(12)).min(1.0)
}

/// Makes trials until the search ends, or `most` of them.
fn conduct(search: &mut Search, most: usize, change: impl Fn(&mut TrialOutcome)) -> Step {
    let tiers = search.settings().tiers.clone();
    for _ in 0..most {
        match search.next() {
            Step::Trial(plan) | Step::Confirm(plan) => {
                let mut made = outcome(&plan, &tiers, share);
                change(&mut made);
                search.observe(made);
            }
            end => return end,
        }
    }
    search.next()
}

fn capacity(step: &Step) -> &Capacity {
    match step {
        Step::Done(capacity) => capacity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tiers_share_the_trials_and_each_gets_its_own_answer() {
    let tiers = vec![tier("a", "latency.p95<1s"), tier("b", "ttft.p95<1s")];
    let mut search = Search::new(settings(tiers)).unwrap();
    let end = conduct(&mut search, 500, |_| {});
    let found = capacity(&end);
    for (place, tier) in found.tiers.iter().enumerate() {
        let truth = 100.0 * (1.0 + place as f64);
        let (low, high) = (tier.low.unwrap(), tier.high.unwrap());
        assert!(
            low.confirmed && low.load < truth && truth < high.load && low.load > 0.95 * truth,
            "{tier:?}"
        );
        assert!(tier.binding.is_some() && tier.needs_seconds.is_none());
    }
    let (both, one) = (found.trials, {
        let mut alone = Search::new(settings(vec![tier("a", "latency.p95<1s")])).unwrap();
        capacity(&conduct(&mut alone, 500, |_| {})).trials
    });
    assert!(both < 2 * one, "{both} trials for two tiers, {one} for one");
}

/// The ends of the first tier and the number of trials.
fn ends(found: &Capacity) -> (Option<f64>, Option<f64>, usize) {
    let tier = &found.tiers[0];
    (tier.low.map(|low| low.load), tier.high.map(|high| high.load), found.trials)
}

#[test]
fn a_search_goes_on_from_stored_trials_as_if_it_had_never_stopped() {
    let tiers = vec![tier("", "latency.p95<1s")];
    let mut whole = Search::new(settings(tiers.clone())).unwrap();
    let end = conduct(&mut whole, 500, |_| {});
    for stop in [0, 1, 5, whole.trials().len()] {
        let stored = serde_json::to_string(&whole.trials()[..stop]).unwrap();
        let mut resumed = Search::new(settings(tiers.clone())).unwrap();
        let trials: Vec<TrialOutcome> = serde_json::from_str(&stored).unwrap();
        trials.into_iter().for_each(|trial| resumed.observe(trial));
        let again = conduct(&mut resumed, 500, |_| {});
        assert_eq!(ends(capacity(&again)), ends(capacity(&end)), "after {stop} trials");
    }
}

/// Trials that were stored by a search with fewer tiers say nothing of the others.
#[test]
fn what_no_trial_judged_does_not_pass() {
    let alone = vec![tier("a", "latency.p95<1s")];
    let mut search = Search::new(settings(alone.clone())).unwrap();
    conduct(&mut search, 500, |_| {});
    let both = vec![alone[0].clone(), tier("b", "ttft.p95<1s")];
    let mut resumed = Search::new(settings(both)).unwrap();
    search.trials().iter().for_each(|trial| resumed.observe(trial.clone()));
    let found = resumed.so_far();
    assert!(found.tiers[0].low.is_some(), "{found:?}");
    assert_eq!((found.tiers[1].low, found.tiers[1].high), (None, None), "{found:?}");
}

#[test]
fn a_budget_is_kept_and_too_little_evidence_certifies_nothing() {
    for budget in [30.0, 120.0, 400.0] {
        let asked = Settings { budget: Some(budget), ..settings(vec![tier("", "latency.p95<1s")]) };
        let mut search = Search::new(asked).unwrap();
        let end = conduct(&mut search, 500, |_| {});
        let found = capacity(&end);
        assert!(found.seconds <= budget + 5.0 && found.cut_short == (budget < 150.0), "{found:?}");
        assert!(found.tiers[0].low.is_none_or(|low| low.load < 100.0), "{found:?}");
        if budget < 100.0 {
            assert_eq!(found.tiers[0].low, None, "{found:?}");
            assert!(found.tiers[0].needs_seconds.is_some(), "{found:?}");
        }
    }
}

#[test]
fn each_bad_ending_says_what_it_is() {
    let one = || vec![tier("", "latency.p95<1s")];
    let end = |settings: Settings, change: &dyn Fn(&mut TrialOutcome)| {
        conduct(&mut Search::new(settings).unwrap(), 500, change)
    };
    let least = Settings { start: 300.0, min: 200.0, ..settings(one()) };
    let Step::Doomed(Doom::NotSustainable { load }) = end(least, &|_| {}) else { panic!() };
    assert!((200.0..203.0).contains(&load), "{load}");

    let gone = |made: &mut TrialOutcome| made.gone = made.load > 50.0;
    let Step::Doomed(Doom::ServerGone { load, answered }) = end(settings(one()), &gone) else { panic!() };
    assert!(load > 50.0 && answered.is_some());

    let most = Settings { max: 60.0, ..settings(one()) };
    let found = end(most, &|_| {});
    let found = &capacity(&found).tiers[0];
    assert_eq!((found.ceiling, found.high), (Some(Ceiling::GreatestAllowed), None));
    assert!(found.low.unwrap().load > 55.0);

    let late = |made: &mut TrialOutcome| made.invalid = (made.load > 50.0).then(|| "late".to_owned());
    let found = end(settings(one()), &late);
    let found = &capacity(&found).tiers[0];
    assert!(matches!(found.ceiling, Some(Ceiling::Client { load }) if load > 50.0), "{found:?}");
    assert!(found.low.is_some_and(|low| low.load <= 50.0), "{found:?}");

    // A client that can look at a load, but not for long enough to decide.
    let tires =
        |made: &mut TrialOutcome| made.invalid = (made.effort != Effort::Look).then(|| "late".to_owned());
    assert!(matches!(end(settings(one()), &tires), Step::Doomed(Doom::Client { .. })));

    let always = |made: &mut TrialOutcome| made.invalid = Some("late".to_owned());
    assert!(matches!(end(settings(one()), &always), Step::Doomed(Doom::Client { .. })));
}

#[test]
fn a_trial_in_which_the_client_measured_itself_is_made_again() {
    let tiers = vec![tier("", "latency.p95<1s")];
    let mut search = Search::new(settings(tiers.clone())).unwrap();
    let Step::Trial(first) = search.next() else { panic!() };
    let spoilt = TrialOutcome { invalid: Some("late".to_owned()), ..outcome(&first, &tiers, share) };
    search.observe(spoilt);
    let Step::Trial(second) = search.next() else { panic!() };
    assert_eq!((second.load, second.effort, second.number), (first.load, first.effort, 1));
    let end = conduct(&mut search, 500, |_| {});
    let found = &capacity(&end).tiers[0];
    assert!(found.low.is_some_and(|low| (95.0..100.0).contains(&low.load)), "{found:?}");
}

#[test]
fn a_disturbed_host_is_not_taken_for_a_client_at_its_limit() {
    let spoilt = |load: f64| (96.0..98.0).contains(&load);
    for (times, believed) in [(4, false), (5, true)] {
        let mut search = Search::new(settings(vec![tier("", "latency.p95<1s")])).unwrap();
        // The search has been at greater loads by then: it doubles them until one fails.
        let left = std::cell::Cell::new(times);
        let end = conduct(&mut search, 500, |made| {
            if spoilt(made.load) && left.get() > 0 {
                left.set(left.get() - 1);
                made.invalid = Some("late".to_owned());
            }
        });
        assert_eq!(left.get(), 0, "{end:?}");
        let mut valid = search.trials().iter().filter(|trial| trial.invalid.is_none());
        assert_eq!(!valid.any(|trial| spoilt(trial.load)), believed, "{end:?}");
    }
}

#[test]
fn how_much_more_time_it_takes_is_said_even_before_the_first_trial() {
    let tiers = vec![tier("", "latency.p95<1s")];
    let needs = |search: &Search| search.so_far().tiers[0].needs_seconds;
    let hurried = Settings { budget: Some(6.0), ..settings(tiers.clone()) };
    let at_once = needs(&Search::new(settings(tiers.clone())).unwrap());
    // 7 % more than 10 a second shows after 9 * 2 / (0.07 * 0.07 * 10) s; a budget makes that no shorter.
    assert!((at_once.unwrap() - 300.0).abs() < 1e-9, "no longer than a trial may be: {at_once:?}");
    assert_eq!(needs(&Search::new(hurried).unwrap()), at_once);
    // Below a load that seems to fail another is tried.
    let mut search = Search::new(settings(tiers.clone())).unwrap();
    let Step::Trial(first) = search.next() else { panic!() };
    search.observe(outcome(&first, &tiers, |_| 0.1));
    assert!(needs(&search).is_some_and(|seconds| seconds >= 5.0), "{:?}", search.so_far());
}

/// What a rule of `--abort-on` cuts short has failed, however well its objectives look.
#[test]
fn a_load_at_which_a_rule_ends_a_trial_fails() {
    let mut search = Search::new(settings(vec![tier("", "latency.p95<1s")])).unwrap();
    let end = conduct(&mut search, 500, |made| {
        if made.load > 50.0 {
            made.stopped_by = Some("error_rate>5% over 10s: 6.0 % of 100 requests".to_owned());
            made.seconds = 0.5;
        }
    });
    let found = &capacity(&end).tiers[0];
    let (low, high) = (found.low.unwrap().load, found.high.unwrap().load);
    assert_eq!(found.binding.as_deref(), Some("error_rate>5% over 10s"));
    assert!(low <= 50.0 && high > 50.0 && high < 1.15 * low, "{found:?}");
    assert!(search.trials().iter().filter(|made| made.stopped_by.is_some()).count() < 9, "once is enough");
}

#[test]
fn an_overload_does_not_pass_however_well_it_looks() {
    let mut search = Search::new(settings(vec![tier("", "latency.p95<1s")])).unwrap();
    let end = conduct(&mut search, 500, |made| made.overloaded = made.load > 80.0);
    let found = &capacity(&end).tiers[0];
    assert!(found.low.is_some_and(|low| low.load <= 80.0), "{found:?}");
}

#[test]
fn users_are_searched_as_whole_numbers() {
    let asked = Settings {
        variable: Variable::Concurrency,
        start: 1.0,
        min: 1.0,
        max: 512.0,
        ..settings(vec![tier("", "latency.p95<1s")])
    };
    let mut search = Search::new(asked).unwrap();
    let end = conduct(&mut search, 500, |_| {});
    let found = &capacity(&end).tiers[0];
    let (low, high) = (found.low.unwrap().load, found.high.unwrap().load);
    assert!(
        low.fract() == 0.0 && high.fract() == 0.0 && (95.0..100.0).contains(&low) && high > 100.0,
        "{found:?}"
    );
}

#[test]
fn what_makes_no_search_is_refused() {
    let good = settings(vec![tier("", "latency.p95<1s")]);
    for (bad, excerpt) in [
        (Settings { min: 5.0, max: 5.0, ..good.clone() }, "not below"),
        (Settings { precision: 0.0, ..good.clone() }, "precision"),
        (Settings { exceed_ratio: 0.9, ..good.clone() }, "exceed ratio"),
        (Settings { tiers: Vec::new(), ..good.clone() }, "no objective"),
    ] {
        let error = Search::new(bad).unwrap_err().to_string();
        assert!(error.contains(excerpt), "{error}");
    }
}

#[test]
fn a_slow_overload_takes_its_time_to_show() {
    // At 26 requests a second, 7 % over and variances of 1.4 together, about 100 s.
    let guard = Guard { arrivals: 1.0, service: 0.4, overload: 0.07 };
    assert!((guard.seconds(26.0) - 98.9).abs() < 0.5);
    assert!((guard.visible_after(guard.seconds(26.0), 26.0) - 0.07).abs() < 1e-12);
}
