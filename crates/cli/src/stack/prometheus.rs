//! The dashboard of the client's own metrics in Prometheus, with the server's beside them. docs/FEEDS.md has the names.

use super::dashboard::{Dashboard, Kind, Panel, Row, Source, Unit, Variable};

pub(super) const DASHBOARD: Dashboard = Dashboard {
    uid: "plimsoll-prometheus",
    title: "Plimsoll: a run, from Prometheus",
    tells: "One run or several while they go on: what was asked, how the server answered, and whether the figures can be \
            believed. Needs --metrics-addr or --remote-write, and native histograms in Prometheus.",
    source: Source::Prometheus,
    variables: &[
        Variable { name: "testid", label: "Run", query: "label_values(plimsoll_run_info, testid)" },
        Variable { name: "phase", label: "Phase", query: "label_values(plimsoll_requests_total, phase)" },
    ],
    rows: &[
        Row { title: "At a glance", panels: GLANCE },
        Row { title: "Load", panels: LOAD },
        Row { title: "Waiting", panels: WAITING },
        Row { title: "Tokens and bytes", panels: TOKENS },
        Row { title: "The client: can the figures be believed?", panels: CLIENT },
        Row { title: "The server, where Prometheus reads its metrics", panels: SERVER },
    ],
};

const GLANCE: &[Panel] = &[
    Panel {
        title: "Answered per second",
        tells: "Requests that ended ok, per second, over the chosen time. Below what is offered, the server does not keep up.",
        kind: Kind::Stat,
        unit: Unit::RequestsPerSecond,
        width: 4,
        queries: &[(
            "",
            r#"sum(rate(plimsoll_requests_total{testid=~"$testid",phase=~"$phase",outcome="ok"}[$__range]))"#,
        )],
    },
    Panel {
        title: "Failed",
        tells: "Share of the requests that failed. What this client cancelled or never sent is no failure of the server's.",
        kind: Kind::Stat,
        unit: Unit::Share,
        width: 4,
        queries: &[(
            "",
            r#"(sum(increase(plimsoll_requests_total{testid=~"$testid",phase=~"$phase",outcome!~"ok|cancelled|unfinished|shed"}[$__range])) or vector(0)) / sum(increase(plimsoll_requests_total{testid=~"$testid",phase=~"$phase"}[$__range]))"#,
        )],
    },
    Panel {
        title: "TTFT, 99th percentile",
        tells: "99 of 100 answers began sooner than this after their request had been sent. From the histogram of all requests \
                in the chosen time, not a mean of percentiles.",
        kind: Kind::Stat,
        unit: Unit::Seconds,
        width: 4,
        queries: &[(
            "",
            r#"histogram_quantile(0.99, sum(rate(plimsoll_ttft_seconds{testid=~"$testid",phase=~"$phase"}[$__range])))"#,
        )],
    },
    Panel {
        title: "Latency, 99th percentile",
        tells: "99 of 100 answers were complete sooner than this after their request had been sent.",
        kind: Kind::Stat,
        unit: Unit::Seconds,
        width: 4,
        queries: &[(
            "",
            r#"histogram_quantile(0.99, sum(rate(plimsoll_latency_seconds{testid=~"$testid",phase=~"$phase"}[$__range])))"#,
        )],
    },
    Panel {
        title: "Output tokens per second",
        tells: "Tokens generated per second, over the chosen time and all chosen runs: what the server is worth.",
        kind: Kind::Stat,
        unit: Unit::PerSecond,
        width: 4,
        queries: &[("", r#"sum(rate(plimsoll_output_tokens_total{testid=~"$testid"}[$__range]))"#)],
    },
    Panel {
        title: "Valid",
        tells: "1 where the figures can be believed, 0 where this client or its host was too slow (INVALID); the worst of the \
                chosen runs. There once a run is over.",
        kind: Kind::Stat,
        unit: Unit::Count,
        width: 4,
        queries: &[("", r#"min(last_over_time(plimsoll_run_valid{testid=~"$testid"}[$__range]))"#)],
    },
    Panel {
        title: "Runs",
        tells: "The chosen runs: model, provider and version of Plimsoll.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 12,
        queries: &[("", r#"last_over_time(plimsoll_run_info{testid=~"$testid"}[$__range])"#)],
    },
    Panel {
        title: "Objectives",
        tells: "The objectives (--slo) and their state: pending while the run goes on, then pass, fail or undecided. Empty \
                where there are none.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 12,
        queries: &[("", r#"last_over_time(plimsoll_slo{testid=~"$testid"}[$__range]) == 1"#)],
    },
];

const LOAD: &[Panel] = &[
    Panel {
        title: "Offered, sent, answered",
        tells: "Requests per second that were due, that were sent, and that ended ok. Sent below offered: this client held them \
                back (a cap, or too slow). Answered below sent: they pile up in the server, or fail.",
        kind: Kind::Lines,
        unit: Unit::RequestsPerSecond,
        width: 12,
        queries: &[
            (
                "offered",
                r#"sum(rate(plimsoll_requests_scheduled_total{testid=~"$testid"}[$__rate_interval]))"#,
            ),
            ("sent", r#"sum(rate(plimsoll_requests_sent_total{testid=~"$testid"}[$__rate_interval]))"#),
            (
                "answered",
                r#"sum(rate(plimsoll_requests_total{testid=~"$testid",outcome="ok"}[$__rate_interval]))"#,
            ),
        ],
    },
    Panel {
        title: "Requests in flight",
        tells: "Requests sent and not ended yet, and open connections. In an open loop a line that climbs without end is an \
                overload.",
        kind: Kind::Lines,
        unit: Unit::Count,
        width: 12,
        queries: &[
            ("in flight", r#"sum(plimsoll_in_flight_requests{testid=~"$testid"})"#),
            ("connections", r#"sum(plimsoll_connections{testid=~"$testid"})"#),
        ],
    },
    Panel {
        title: "How requests ended",
        tells: "Requests per second by outcome. docs/METRICS.md says what each means.",
        kind: Kind::Stacked,
        unit: Unit::RequestsPerSecond,
        width: 12,
        queries: &[(
            "{{outcome}}",
            r#"sum by (outcome) (rate(plimsoll_requests_total{testid=~"$testid",phase=~"$phase"}[$__rate_interval]))"#,
        )],
    },
    Panel {
        title: "Good requests",
        tells: "Share of the requests that ended ok and kept every limit for single requests. Empty where there are no \
                objectives (--slo).",
        kind: Kind::Lines,
        unit: Unit::Share,
        width: 12,
        queries: &[(
            "attainment",
            r#"sum(rate(plimsoll_requests_good_total{testid=~"$testid"}[$__rate_interval])) / sum(rate(plimsoll_requests_judged_total{testid=~"$testid"}[$__rate_interval]))"#,
        )],
    },
];

/// A panel of three percentiles of one histogram, over time.
macro_rules! percentiles {
    ($title:literal, $metric:literal, $tells:literal) => {
        Panel {
            title: $title,
            tells: $tells,
            kind: Kind::Lines,
            unit: Unit::Seconds,
            width: 8,
            queries: &[
                (
                    "p50",
                    concat!(
                        "histogram_quantile(0.5, sum(rate(",
                        $metric,
                        "{testid=~\"$testid\",phase=~\"$phase\"}[$__rate_interval])))"
                    ),
                ),
                (
                    "p95",
                    concat!(
                        "histogram_quantile(0.95, sum(rate(",
                        $metric,
                        "{testid=~\"$testid\",phase=~\"$phase\"}[$__rate_interval])))"
                    ),
                ),
                (
                    "p99",
                    concat!(
                        "histogram_quantile(0.99, sum(rate(",
                        $metric,
                        "{testid=~\"$testid\",phase=~\"$phase\"}[$__rate_interval])))"
                    ),
                ),
            ],
        }
    };
}

const WAITING: &[Panel] = &[
    percentiles!(
        "Time to the first token",
        "plimsoll_ttft_seconds",
        "From the first byte sent to the first token: queue and prompt processing. It climbs first when the server is full."
    ),
    percentiles!(
        "Latency",
        "plimsoll_latency_seconds",
        "From the first byte sent to the end of the answer. It grows with the tokens asked for."
    ),
    percentiles!(
        "Response time",
        "plimsoll_response_time_seconds",
        "From the instant at which the request was due to the end of the answer: what a user waits. Far above latency, requests \
         wait in this client, behind a cap."
    ),
    percentiles!(
        "Time per output token",
        "plimsoll_tpot_seconds",
        "Mean time per token of a request after its first: how fast the text flows. It grows with the batch."
    ),
    percentiles!(
        "Between tokens",
        "plimsoll_itl_seconds",
        "Each gap between tokens: stutter that the mean of a request hides, such as pauses for the prompts of others."
    ),
    Panel {
        title: "Latency, all of it",
        tells: "How many answers took how long, over time: two bands are two kinds of requests, a rising band is a queue.",
        kind: Kind::Heatmap,
        unit: Unit::Count,
        width: 8,
        queries: &[(
            "",
            r#"sum(rate(plimsoll_latency_seconds{testid=~"$testid",phase=~"$phase"}[$__rate_interval]))"#,
        )],
    },
];

const TOKENS: &[Panel] = &[
    Panel {
        title: "Tokens",
        tells: "Tokens per second: generated, of prompts, and those of the prompts that came from the server's prefix cache.",
        kind: Kind::Lines,
        unit: Unit::PerSecond,
        width: 8,
        queries: &[
            ("output", r#"sum(rate(plimsoll_output_tokens_total{testid=~"$testid"}[$__rate_interval]))"#),
            ("input", r#"sum(rate(plimsoll_input_tokens_total{testid=~"$testid"}[$__rate_interval]))"#),
            ("cached", r#"sum(rate(plimsoll_cached_tokens_total{testid=~"$testid"}[$__rate_interval]))"#),
        ],
    },
    Panel {
        title: "Events",
        tells: "Events of streams that carried content, per second. Far fewer than tokens: the server sends several at once.",
        kind: Kind::Lines,
        unit: Unit::PerSecond,
        width: 8,
        queries: &[(
            "events",
            r#"sum(rate(plimsoll_content_events_total{testid=~"$testid"}[$__rate_interval]))"#,
        )],
    },
    Panel {
        title: "Bytes",
        tells: "Bytes per second on the wire, heads included, without TLS.",
        kind: Kind::Lines,
        unit: Unit::BytesPerSecond,
        width: 8,
        queries: &[
            ("sent", r#"sum(rate(plimsoll_sent_bytes_total{testid=~"$testid"}[$__rate_interval]))"#),
            ("received", r#"sum(rate(plimsoll_received_bytes_total{testid=~"$testid"}[$__rate_interval]))"#),
        ],
    },
];

const CLIENT: &[Panel] = &[
    Panel {
        title: "I/O threads",
        tells: "The busiest I/O thread's share of its core, and the largest share of time in which one waited for a core. Both \
                together above 80 % make a run INVALID: the client measured itself.",
        kind: Kind::Lines,
        unit: Unit::Share,
        width: 8,
        queries: &[
            ("busy", r#"max(plimsoll_client_busy_ratio{testid=~"$testid"})"#),
            ("waiting for a core", r#"max(plimsoll_client_waiting_ratio{testid=~"$testid"})"#),
        ],
    },
    Panel {
        title: "Lag of timers",
        tells: "The longest delay of a timer in each second: other processes on this host, or its own host, took the core.",
        kind: Kind::Lines,
        unit: Unit::Seconds,
        width: 8,
        queries: &[("longest", r#"max(plimsoll_client_timer_lag_seconds{testid=~"$testid"})"#)],
    },
    Panel {
        title: "Lag of requests, 99th percentile",
        tells: "From the instant at which a request was due to its first byte. Above a millisecond, and not because of a cap or a \
                new connection, the load is not the one that was asked for.",
        kind: Kind::Lines,
        unit: Unit::Seconds,
        width: 8,
        queries: &[(
            "p99",
            r#"histogram_quantile(0.99, sum(rate(plimsoll_send_lag_seconds{testid=~"$testid"}[$__rate_interval])))"#,
        )],
    },
];

const SERVER: &[Panel] = &[
    Panel {
        title: "Running and waiting",
        tells: "Requests in the batch and in the queue, as the server counts them (vLLM, SGLang, TGI). A queue that grows while \
                the batch does not: the server is full.",
        kind: Kind::Lines,
        unit: Unit::Count,
        width: 8,
        queries: &[
            (
                "running",
                r#"sum({__name__=~"vllm:num_requests_running|sglang:num_running_reqs|tgi_batch_current_size"})"#,
            ),
            (
                "waiting",
                r#"sum({__name__=~"vllm:num_requests_waiting|sglang:num_queue_reqs|tgi_queue_size"})"#,
            ),
        ],
    },
    Panel {
        title: "KV cache",
        tells: "Share of the KV cache in use. At 100 % requests wait or are put back, whatever the GPU could still compute.",
        kind: Kind::Lines,
        unit: Unit::Share,
        width: 8,
        queries: &[(
            "in use",
            r#"max({__name__=~"vllm:kv_cache_usage_perc|vllm:gpu_cache_usage_perc|sglang:token_usage"})"#,
        )],
    },
    Panel {
        title: "GPU",
        tells: "Share of time in which the GPU worked on anything (DCGM). High says little: a small batch keeps it busy, too.",
        kind: Kind::Lines,
        unit: Unit::Percent,
        width: 4,
        queries: &[("{{gpu}}", "max by (gpu) (DCGM_FI_DEV_GPU_UTIL)")],
    },
    Panel {
        title: "Power",
        tells: "Power of the GPUs (DCGM): a better sign of work done than their use.",
        kind: Kind::Lines,
        unit: Unit::Watt,
        width: 4,
        queries: &[("{{gpu}}", "max by (gpu) (DCGM_FI_DEV_POWER_USAGE)")],
    },
];
