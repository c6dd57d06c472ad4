//! The view of fixed moments, for each command and at several sizes.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::drift::{SOAK_SCHEMA, SoakReport, SoakVerdict};
use plimsoll_core::load::HandLoad;
use plimsoll_core::search::{Bound, Effort, TierCapacity, TrialOutcome, Variable};
use plimsoll_core::slo::{SloVerdict, Verdict};
use plimsoll_core::stress::Plan;
use plimsoll_core::watch::{Canonical, Figure, Source};
use ratatui_core::backend::TestBackend;
use ratatui_core::style::Color;
use ratatui_core::terminal::Terminal;
use ratatui_core::text::Span;

use super::fit::fitted;
use super::*;
use crate::live::history::Second;
use crate::live::moment::Can;
use crate::live::story::{SearchStory, SoakStory, Story, StressStory, Trying};
use crate::report::fixture;

const SIZES: [(u16, u16); 3] = [(80, 24), (60, 15), (120, 40)];

fn drawn(picture: Picture<'_>, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, picture, Look::of(true, None))).unwrap();
    terminal
}

/// The moment at all sizes.
fn seen(moment: &Moment) -> String {
    let picture = Picture { moment, message: None, help: false };
    SIZES.map(|size| drawn(picture, size).backend().to_string()).join("\n")
}

/// A server that slows down and speeds up again, every twenty seconds.
fn history(seconds: u64, streamed: bool) -> Vec<Second> {
    let second = |second: u64| {
        let wave = 1.0 + 0.5 * (second as f64 * std::f64::consts::TAU / 20.0).sin();
        Second {
            second,
            offered: 20.0 + (second % 3) as f64,
            completed: 20.0,
            failed: second.is_multiple_of(7).into(),
            in_flight: (26.0 * wave).round(),
            ttft: streamed.then_some((0.05 * wave, 0.09 * wave)),
            latency: (second > 1).then_some((1.3 * wave, 1.7 * wave)),
            busy: 0.041,
            waiting: 0.012,
            timer_lag: 0.000_23,
        }
    };
    (0..seconds).map(second).collect()
}

fn found(slo: &str, verdict: Verdict, estimate: Option<f64>) -> SloVerdict {
    let judged = fixture::judged();
    SloVerdict { slo: slo.parse().unwrap(), verdict, estimate, ..judged.slos[0].clone() }
}

fn measuring() -> Moment {
    Moment {
        command: "run",
        title: "open loop, Poisson at 20/s -> http://localhost:8000 (vllm, model tiny)".to_owned(),
        watched: Duration::from_millis(75_400),
        elapsed: Duration::from_millis(75_400),
        left: Some(Duration::from_millis(44_600)),
        phase: "measuring",
        offered_rate: 20.0,
        sent_rate: 19.96,
        completed_rate: 19.9,
        output_token_rate: 2547.0,
        in_flight: 26,
        ttft: Some((0.0512, 0.0893)),
        latency: Some((1.321, 1.75)),
        ok: 1480,
        errors: vec![("timeout".to_owned(), 1), ("http_429 (429)".to_owned(), 3)],
        streamed: true,
        history: history(75, true),
        objectives: vec![
            found("ttft.p95<500ms", Verdict::Pass, Some(0.081)),
            found("latency.p99<1.5s", Verdict::Fail, Some(1.75)),
            found("error_rate<1%", Verdict::Undecided, Some(0.0027)),
        ],
        can: Can { pause: true, change: true },
        ..Moment::default()
    }
}

#[test]
fn a_run_with_a_server_that_is_watched() {
    let figure = |metric, value| Figure { metric, source: Source::Vllm, value };
    let server = vec![
        figure(Canonical::QueueDepth, 12.0),
        figure(Canonical::Running, 64.0),
        figure(Canonical::KvUsage, 0.973),
        figure(Canonical::GpuUtilization, 0.62),
        figure(Canonical::GpuPower, 310.0),
    ];
    insta::assert_snapshot!(seen(&Moment { server, ..measuring() }));
}

#[test]
fn a_run_that_is_not_streamed_has_just_begun_and_is_paused() {
    insta::assert_snapshot!(seen(&Moment {
        title: "closed loop, 8 users -> http://localhost:8000 (triton, model resnet)".to_owned(),
        elapsed: Duration::from_millis(3_100),
        left: None,
        phase: "warm-up",
        output_token_rate: 0.0,
        ttft: None,
        errors: Vec::new(),
        objectives: Vec::new(),
        streamed: false,
        history: history(3, false),
        by_hand: Some(HandLoad::Paused),
        ..measuring()
    }));
}

fn trial(load: f64, effort: Effort, verdict: Verdict) -> TrialOutcome {
    TrialOutcome {
        load,
        effort,
        seconds: 30.0,
        steady_after: None,
        spent: 34.0,
        tiers: vec![vec![found("ttft.p95<500ms", verdict, Some(0.4))]],
        overloaded: false,
        invalid: None,
        stopped_by: None,
        gone: false,
        rate_limited: 0,
        throughput: load,
        latency: Some(1.2),
        latency_p99: Some(2.4),
        latency_p99_low: None,
        latency_p99_high: None,
        concurrency: 20.0,
        server: None,
    }
}

#[test]
fn a_search() {
    let bound = |load| Some(Bound { load, seconds: 60.0, confirmed: false });
    let tier = TierCapacity {
        name: String::new(),
        low: bound(21.3),
        high: bound(24.8),
        ceiling: None,
        binding: Some("ttft.p95<500ms".to_owned()),
        needs_seconds: None,
    };
    let mut trials: Vec<TrialOutcome> =
        [1.5, 3.0, 6.0, 12.0].map(|load| trial(load, Effort::Look, Verdict::Pass)).into();
    trials.push(TrialOutcome { overloaded: true, ..trial(48.0, Effort::Look, Verdict::Fail) });
    trials.push(trial(24.8, Effort::Decide, Verdict::Fail));
    trials.push(TrialOutcome {
        invalid: Some("I/O thread 0 was busy 93 % of the window".to_owned()),
        ..trial(22.0, Effort::Decide, Verdict::Undecided)
    });
    trials.push(trial(21.3, Effort::Decide, Verdict::Pass));
    let story = SearchStory {
        variable: Variable::Rate,
        trying: Some(Trying { number: 9, load: 22.9, effort: Effort::Decide }),
        tiers: [tier].into(),
        trials: trials.into(),
        found: vec![(String::new(), found("ttft.p95<500ms", Verdict::Undecided, Some(0.44)))],
    };
    insta::assert_snapshot!(seen(&Moment {
        command: "capacity",
        objectives: Vec::new(),
        story: Story::Search(story),
        can: Can { pause: true, change: false },
        ..measuring()
    }));
}

#[test]
fn a_soak() {
    let report = SoakReport {
        schema: SOAK_SCHEMA.to_owned(),
        complete: false,
        verdict: SoakVerdict::Drifting,
        reasons: vec!["latency.p99 grows 0.21 %/min (0.18 to 0.25): 12 % over these 58 min".to_owned()],
        covered: 3480.0,
        window: 60.0,
        windows: 58,
        tolerance: 0.1,
        alpha: 0.01,
        horizon: 86_400.0,
        findings: Vec::new(),
    };
    let story = SoakStory { windows: 58, length: 60.0, report: Some(Arc::new(report)), ago: 12.3 };
    insta::assert_snapshot!(seen(&Moment {
        command: "soak",
        elapsed: Duration::from_secs(3_500),
        left: Some(Duration::from_secs(10_900)),
        story: Story::Soak(story),
        can: Can { pause: true, change: false },
        ..measuring()
    }));
}

#[test]
fn a_stress_test() {
    let seconds = Duration::from_secs;
    let plan =
        Plan::new(50.0, (0.7, seconds(60)), &[1.0, 1.5, 2.0, 3.0, 5.0], seconds(60), seconds(120)).unwrap();
    let story = StressStory { plan: Arc::new(plan), at: 275.4 };
    insta::assert_snapshot!(seen(&Moment {
        command: "stress",
        story: Story::Stress(story),
        can: Can { pause: true, change: false },
        ..measuring()
    }));
}

#[test]
fn help_and_a_message_above_a_run_that_drains() {
    let moment = Moment { phase: Moment::DRAINING, left: None, can: Can::default(), ..measuring() };
    let message = Some("stopping: waiting up to 60s for requests in flight; Ctrl+C again ends at once");
    let ending = drawn(Picture { moment: &moment, message, help: false }, (80, 24)).backend().to_string();
    let helped = drawn(Picture { moment: &measuring(), message: None, help: true }, (60, 15));
    insta::assert_snapshot!([ending, helped.backend().to_string()].join("\n"));
}

#[test]
fn a_line_that_does_not_fit_says_so_and_no_number_is_cut() {
    let line = || Line::from(vec![Span::raw("p99 "), Span::raw("2 461"), Span::raw(" ms 漢字")]);
    for (columns, expected) in
        [(17, "p99 2 461 ms 漢字"), (15, "p99 2 461 ms …"), (12, "p99 2 461 m…"), (6, "p99 2…"), (1, "…")]
    {
        assert_eq!(fitted(line(), columns).to_string(), expected, "{columns}");
    }
    let moment = Moment {
        elapsed: Duration::from_secs(8_130),
        left: Some(Duration::from_secs(78_275)),
        offered_rate: 12_345.0,
        sent_rate: 12_345.0,
        completed_rate: 12_345.0,
        ok: 12_345_678,
        latency: Some((1.972, 2.461)),
        by_hand: Some(HandLoad::RateFactor(1.1)),
        ..measuring()
    };
    insta::assert_snapshot!(
        drawn(Picture { moment: &moment, message: None, help: false }, (60, 15)).backend().to_string()
    );
}

#[test]
fn a_terminal_that_became_too_small_has_a_line() {
    let seen = drawn(Picture { moment: &measuring(), message: None, help: false }, (40, 8));
    insta::assert_snapshot!(seen.backend().to_string());
}

#[test]
fn only_the_sixteen_colours_are_used_and_none_where_none_are_wanted() {
    let moment = measuring();
    let picture = Picture { moment: &moment, message: Some("a message"), help: true };
    for wanted in [true, false] {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, picture, Look::of(wanted, None))).unwrap();
        let cells = &terminal.backend().buffer().content;
        let colours = cells.iter().flat_map(|cell| [cell.fg, cell.bg]);
        let (named, others): (Vec<_>, Vec<_>) = colours
            .filter(|colour| *colour != Color::Reset)
            .partition(|colour| !matches!(colour, Color::Rgb(..) | Color::Indexed(_)));
        assert_eq!((named.is_empty(), others), (!wanted, Vec::new()));
    }
}
