//! Summaries for the tests of reports.

use std::collections::BTreeMap;

use plimsoll_core::record::{Outcome, TokenSource};
use plimsoll_core::slo::{SloVerdict, Verdict};
use plimsoll_core::spec::Api;
use plimsoll_core::summary::{
    Counts, Distribution, ErrorClass, Goodput, HealthSummary, Percentile, Rates, RunHeader, SUMMARY_SCHEMA,
    Summary, Tokens, Truth, Validity, WindowTimes,
};
use plimsoll_core::testing;

/// A chat, streamed.
pub(crate) fn api() -> Api {
    Api { temperature: 1.0, ignore_eos: true, ..testing::chat() }
}

/// The header of a run of 8 users.
pub(crate) fn header() -> RunHeader {
    RunHeader {
        name: "run".to_owned(),
        tool: "0.1.0".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        target: "http://localhost:8000".to_owned(),
        provider: "vllm".to_owned(),
        model: "tiny".to_owned(),
        api: "chat, streaming".to_owned(),
        load: "closed loop, 8 users at 2/s".to_owned(),
        workload: "512-token prompts, 128 tokens out".to_owned(),
        seed: 7,
        threads: 2,
        simulated: false,
        ended: "completed".to_owned(),
        stopped_by: None,
        items_per_request: None,
        without_tokens: false,
    }
}

fn distribution(n: u64, mean: f64) -> Distribution {
    let percentile = |p: f64, factor: f64| Percentile {
        p,
        value: Some(mean * factor),
        low: Some(mean * factor * 0.95),
        high: Some(mean * factor * 1.05),
    };
    let few = Percentile { p: 99.9, value: None, low: None, high: None };
    Distribution {
        n,
        mean: Some(mean),
        stdev: Some(mean / 10.0),
        min: Some(mean / 2.0),
        max: Some(mean * 1.5),
        percentiles: vec![
            percentile(50.0, 0.98),
            percentile(75.0, 1.05),
            percentile(90.0, 1.1),
            percentile(95.0, 1.2),
            Percentile { high: None, ..percentile(99.0, 1.3) },
            few,
        ],
    }
}

/// A run that went well.
pub(crate) fn valid() -> Summary {
    let metrics = [
        ("ttft", 0.0512),
        ("ttfvt", 0.0512),
        ("tpot", 0.01),
        ("llm_bench_latency_per_token", 0.009_92),
        ("latency", 1.321),
        ("response_time", 1.321),
        ("e2e_per_token", 0.010_32),
        ("output_tokens", 128.0),
        ("input_tokens", 512.0),
    ];
    Summary {
        server: None,
        schema: SUMMARY_SCHEMA.to_owned(),
        run: header(),
        window: WindowTimes { ramp: 4.0, warmup: 0.0, measured: 60.0, drain: 1.25, steady_after: Some(0.5) },
        counts: Counts {
            bytes_sent: 0,
            bytes_received: 0,
            scheduled: 363,
            sent: 363,
            ok: 360,
            failed: 2,
            outcomes: BTreeMap::from([(Outcome::Ok, 360), (Outcome::Http5xx, 2), (Outcome::Unfinished, 1)]),
            total: 380,
            total_failed: 2,
        },
        rates: Rates {
            item_rate: None,
            offered_rate: 6.05,
            sent_rate: 6.05,
            completed_rate: 6.0,
            output_token_rate: 768.0,
            input_token_rate: 3072.0,
            total_token_rate: 3840.0,
            concurrency_mean: 7.93,
            concurrency_max: 8,
        },
        metrics: metrics.map(|(name, mean)| (name.to_owned(), distribution(360, mean))).into(),
        tokens: Tokens {
            input: 184_320,
            output: 46_080,
            sources: BTreeMap::from([(TokenSource::Server, 360)]),
            ..Tokens::default()
        },
        speculation: Vec::new(),
        errors: vec![ErrorClass {
            outcome: Outcome::Http5xx,
            status: Some(503),
            count: 2,
            example: "{\"error\":\"no free slot\"}".to_owned(),
            first: 12.5,
            last: 40.25,
        }],
        health: HealthSummary {
            busy_max: 0.031,
            waiting_max: 0.002,
            others_max: 0.01,
            stolen_max: 0.004,
            timer_lag_p99: Some(0.000_061),
            read_lag_p99: Some(0.000_018),
            kernel_timestamps: true,
            ..HealthSummary::default()
        },
        validity: Validity { valid: true, reasons: Vec::new(), overloaded: false },
        slos: Vec::new(),
        goodput: None,
        interventions: Vec::new(),
        warnings: Vec::new(),
        feeds: Vec::new(),
        truth: None,
    }
}

/// The same with a verdict of each kind.
pub(crate) fn judged() -> Summary {
    let found = |text: &str, verdict, [estimate, low, high]: [Option<f64>; 3]| SloVerdict {
        slo: text.parse().unwrap(),
        verdict,
        estimate,
        low,
        high,
        n: 4_812,
        misses: 0,
        allowed: Some(0.01),
        failed: 0,
        effective_n: 4_000.0,
        more_requests: None,
        more_seconds: None,
        reason: None,
    };
    let some = |values: [f64; 3]| values.map(Some);
    let mut summary = valid();
    summary.slos = vec![
        found("ttft.p99<500ms", Verdict::Pass, some([0.212, 0.198, 0.231])),
        SloVerdict {
            misses: 190,
            failed: 3,
            ..found("latency.p99<2s", Verdict::Fail, [Some(2.61), Some(2.5), None])
        },
        SloVerdict {
            misses: 2,
            more_requests: Some(190),
            more_seconds: Some(11.3),
            ..found("error_rate<1%", Verdict::Undecided, some([0.006, 0.0002, 0.02]))
        },
        SloVerdict {
            allowed: None,
            more_seconds: Some(80.0),
            reason: Some("met so far, but too short to tell from a slow overload".to_owned()),
            ..found("qps>=5", Verdict::Undecided, some([6.05, 5.9, 6.2]))
        },
        SloVerdict {
            n: 0,
            reason: Some("no request says anything of it".to_owned()),
            ..found("tpot.p95<=40ms", Verdict::Undecided, [None; 3])
        },
        SloVerdict {
            misses: 700,
            failed: 700,
            ..found("ttft<1s & tpot<40ms @ 99%", Verdict::Fail, some([0.855, 0.84, 0.87]))
        },
        SloVerdict { misses: 4_000, failed: 700, ..found("ttft.p90<1s", Verdict::Fail, [None; 3]) },
    ];
    summary.goodput = Some(Goodput {
        limits: vec!["ttft<1s".to_owned(), "tpot<40ms".to_owned()],
        good: 4_112,
        goodput: 5.17,
        attainment: Some(0.855),
        low: Some(0.84),
        high: Some(0.87),
        confidence: 0.95,
    });
    summary
}

/// The same without streaming, with tokens from the server's cache.
pub(crate) fn not_streamed() -> Summary {
    let mut summary = valid();
    summary.metrics.remove("ttft");
    summary.metrics.remove("llm_bench_latency_per_token");
    summary.metrics.insert("cached_tokens".to_owned(), distribution(360, 64.0));
    summary
}

/// A run in which the client was late.
pub(crate) fn invalid() -> Summary {
    let mut summary = valid();
    summary.validity = Validity {
        valid: false,
        reasons: vec!["an I/O thread was busy 93 % of the window: more than 80 %".to_owned()],
        overloaded: true,
    };
    summary.health =
        HealthSummary { busy_max: 0.93, send_lag_p99: Some(0.025), records_lost: 3, ..summary.health };
    summary.warnings = vec!["12 answers were not of the length asked for".to_owned()];
    summary.truth = Some(Truth {
        first_token_error: distribution(360, 0.000_05),
        last_token_error: distribution(360, 0.000_06),
    });
    summary
}

/// A run of which nothing came back.
pub(crate) fn nothing_answered() -> Summary {
    let mut summary = valid();
    summary.metrics.clear();
    summary.counts = Counts {
        bytes_sent: 0,
        bytes_received: 0,
        scheduled: 4,
        sent: 0,
        ok: 0,
        failed: 4,
        outcomes: BTreeMap::from([(Outcome::Connect, 4)]),
        total: 4,
        total_failed: 4,
    };
    summary.rates = Rates { offered_rate: 4.0, ..Rates::default() };
    summary.tokens = Tokens::default();
    summary.errors = Vec::new();
    summary
}
