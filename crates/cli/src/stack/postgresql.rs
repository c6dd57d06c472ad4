//! The dashboard of the tables of locust-plugins: one run or several, request by request.

use super::dashboard::{Dashboard, Kind, Panel, Row, Source, Unit, Variable};

pub(super) const PLANS: &[Variable] = &[Variable {
    name: "testplan",
    label: "Plan",
    query: "SELECT DISTINCT testplan FROM testrun ORDER BY testplan",
}];

pub(super) const DASHBOARD: Dashboard = Dashboard {
    uid: "plimsoll-postgresql",
    title: "Plimsoll: requests, from PostgreSQL",
    tells: "Every request of the chosen plans in the chosen time, as --timescale writes them. The figures of the answers are \
            rows of type METRIC, kept apart from the requests.",
    source: Source::Postgresql,
    variables: PLANS,
    rows: &[
        Row { title: "At a glance", panels: GLANCE },
        Row { title: "Over time", panels: TIMES },
        Row { title: "The figures of the answers", panels: FIGURES },
        Row { title: "Requests by name", panels: NAMES },
    ],
};

const GLANCE: &[Panel] = &[
    Panel {
        title: "Requests",
        tells: "Requests that started in the chosen time, failed ones included.",
        kind: Kind::Stat,
        unit: Unit::Count,
        width: 6,
        queries: &[(
            "",
            "SELECT count(*) AS requests FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC'",
        )],
    },
    Panel {
        title: "Failed requests",
        tells: "Requests that failed. What this client cancelled or never sent is none of them.",
        kind: Kind::Stat,
        unit: Unit::Count,
        width: 6,
        queries: &[(
            "",
            "SELECT count(exception) AS failed FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC'",
        )],
    },
    Panel {
        title: "Error rate",
        tells: "Failed requests among all.",
        kind: Kind::Stat,
        unit: Unit::Share,
        width: 6,
        queries: &[(
            "",
            "SELECT count(exception)::float8 / NULLIF(count(*), 0) AS \"error rate\" FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC'",
        )],
    },
    Panel {
        title: "TTFT, 99th percentile",
        tells: "99 of 100 answers began sooner than this. Exact: from the rows, not from a histogram.",
        kind: Kind::Stat,
        unit: Unit::Milliseconds,
        width: 6,
        queries: &[(
            "",
            "SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99 FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type = 'METRIC' AND name = 'time_to_first_token'",
        )],
    },
    Panel {
        title: "Requests by name and type",
        tells: "Counts, failures and response times of each kind of request, in milliseconds.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 14,
        queries: &[(
            "",
            "SELECT name, request_type AS type, count(*) AS requests, count(exception) AS failed, 100.0 * count(exception) / count(*) AS \"error %\", avg(response_time) AS average, percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time) AS p95, percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99, max(response_time) AS max FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' GROUP BY name, request_type ORDER BY requests DESC",
        )],
    },
    Panel {
        title: "Failures",
        tells: "What failed, and how often. Empty where nothing did.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 10,
        queries: &[(
            "",
            "SELECT name, left(exception, 300) AS error, count(*) AS requests FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND exception IS NOT NULL GROUP BY 1, 2 ORDER BY requests DESC",
        )],
    },
];

const TIMES: &[Panel] = &[
    Panel {
        title: "Requests per second",
        tells: "Requests per second by the moment of their start.",
        kind: Kind::Lines,
        unit: Unit::RequestsPerSecond,
        width: 12,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), count(*) / ($__interval_ms / 1000.0) AS \"requests\" FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' GROUP BY 1 ORDER BY 1",
        )],
    },
    Panel {
        title: "Requests in flight",
        tells: "Requests in flight at the end of each second. In a closed loop that is the users who wait, in an open loop a line \
                that climbs without end is an overload.",
        kind: Kind::Lines,
        unit: Unit::Count,
        width: 12,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), testplan AS metric, avg(user_count) AS \"in flight\" FROM user_count WHERE $__timeFilter(time) AND testplan IN ($testplan) GROUP BY 1, 2 ORDER BY 1",
        )],
    },
    Panel {
        title: "Response time",
        tells: "From the first byte sent to the end of the answer, by the moment of its start.",
        kind: Kind::Lines,
        unit: Unit::Milliseconds,
        width: 12,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), percentile_disc(0.5) WITHIN GROUP (ORDER BY response_time) AS p50, percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time) AS p95, percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99 FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' AND success = 1 GROUP BY 1 ORDER BY 1",
        )],
    },
    Panel {
        title: "Errors per second",
        tells: "Failed requests per second by the moment at which they failed.",
        kind: Kind::Stacked,
        unit: Unit::RequestsPerSecond,
        width: 12,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(\"end\", $__interval), error AS metric, count(*) / ($__interval_ms / 1000.0) AS errors FROM (SELECT time + coalesce(response_time, 0) * interval '1 millisecond' AS \"end\", split_part(exception, ':', 1) AS error FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND exception IS NOT NULL) AS failed GROUP BY 1, 2 ORDER BY 1",
        )],
    },
    Panel {
        title: "Every request",
        tells: "One point for each request, at its start: patterns that percentiles hide. At most 5,000 of them.",
        kind: Kind::Points,
        unit: Unit::Milliseconds,
        width: 24,
        queries: &[(
            "",
            "SELECT time, CASE WHEN exception IS NULL THEN 'answered' ELSE 'failed' END AS metric, response_time FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' AND response_time IS NOT NULL ORDER BY time LIMIT 5000",
        )],
    },
];

const FIGURES: &[Panel] = &[
    Panel {
        title: "Figures",
        tells: "The figures of the answers by the names of the load test: times in milliseconds, tokens as they are.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 24,
        queries: &[(
            "",
            "SELECT name, count(*) AS answers, avg(response_time) AS average, percentile_disc(0.5) WITHIN GROUP (ORDER BY response_time) AS p50, percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time) AS p95, percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99, max(response_time) AS max FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type = 'METRIC' GROUP BY name ORDER BY name",
        )],
    },
    Panel {
        title: "Time to the first token",
        tells: "From the first byte sent to the first token, by the moment of the start.",
        kind: Kind::Lines,
        unit: Unit::Milliseconds,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), percentile_disc(0.5) WITHIN GROUP (ORDER BY response_time) AS p50, percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time) AS p95, percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99 FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type = 'METRIC' AND name = 'time_to_first_token' GROUP BY 1 ORDER BY 1",
        )],
    },
    Panel {
        title: "Time per token",
        tells: "From the first token to the end of the answer, for each token: the load test's latency_per_token.",
        kind: Kind::Lines,
        unit: Unit::Milliseconds,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), percentile_disc(0.5) WITHIN GROUP (ORDER BY response_time) AS p50, percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99 FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type = 'METRIC' AND name = 'latency_per_token' GROUP BY 1 ORDER BY 1",
        )],
    },
    Panel {
        title: "Output tokens per second",
        tells: "Tokens of the answers whose requests started then, per second.",
        kind: Kind::Lines,
        unit: Unit::PerSecond,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), sum(response_time) / ($__interval_ms / 1000.0) AS tokens FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type = 'METRIC' AND name = 'num_tokens' GROUP BY 1 ORDER BY 1",
        )],
    },
];

const NAMES: &[Panel] = &[
    Panel {
        title: "Requests per second by name",
        tells: "Requests per second of each path.",
        kind: Kind::Stacked,
        unit: Unit::RequestsPerSecond,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), name AS metric, count(*) / ($__interval_ms / 1000.0) AS requests FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' GROUP BY 1, 2 ORDER BY 1",
        )],
    },
    Panel {
        title: "Mean response time by name",
        tells: "Mean response time of each path.",
        kind: Kind::Lines,
        unit: Unit::Milliseconds,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), name AS metric, avg(response_time) AS average FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' GROUP BY 1, 2 ORDER BY 1",
        )],
    },
    Panel {
        title: "Mean length by name",
        tells: "Bytes of an answer, heads included.",
        kind: Kind::Lines,
        unit: Unit::Bytes,
        width: 8,
        queries: &[(
            "",
            "SELECT $__timeGroupAlias(time, $__interval), name AS metric, avg(response_length) AS length FROM request WHERE $__timeFilter(time) AND testplan IN ($testplan) AND request_type <> 'METRIC' GROUP BY 1, 2 ORDER BY 1",
        )],
    },
];
