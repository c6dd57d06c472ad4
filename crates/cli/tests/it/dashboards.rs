//! The shipped dashboards: each query of each panel is put to the real database, as Grafana would, and has an answer.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::postgresql::Database;
use crate::program::{Place, deserved, wait_until};
use crate::prometheus::answer;
use crate::real_servers::Server;
use crate::servers::{Sim, get};

/// A query with the panel that it belongs to.
struct Query {
    panel: String,
    kind: String,
    text: String,
    /// Asked for one moment, not over time.
    instant: bool,
}

/// The queries of the dashboards for this kind of source, those of variables and annotations among them.
fn queries(plugin: &str) -> Vec<Query> {
    let place = Place::new();
    let ended = place.line("stack files --folder it");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "it\n"), "{ended:?}");
    let mut queries = Vec::new();
    for entry in fs::read_dir(place.path().join("it/grafana/dashboards")).unwrap() {
        let dashboard: Value =
            serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        if dashboard["templating"]["list"][0]["query"] == plugin {
            queries.extend(of_panels(&dashboard));
            queries.extend(of_choices(&dashboard));
        }
    }
    assert!(queries.len() > 20, "{plugin}: {}", queries.len());
    queries
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn of_panels(dashboard: &Value) -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let written = [&target["expr"], &target["rawSql"]].into_iter().find(|query| query.is_string());
            queries.push(Query {
                panel: format!("{}: {}", dashboard["title"], panel["title"]),
                kind: text(&panel["type"]),
                text: text(written.unwrap()),
                instant: target["instant"] == true,
            });
        }
    }
    queries
}

fn of_choices(dashboard: &Value) -> Vec<Query> {
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables =
        variables.filter(|variable| variable["type"] == "query").map(|variable| &variable["definition"]);
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let annotations = annotations.map(|annotation| &annotation["target"]["rawSql"]);
    let query = |query: &Value| Query {
        panel: format!("{}: a choice or an event", dashboard["title"]),
        kind: "choice".to_owned(),
        text: text(query),
        instant: true,
    };
    variables.chain(annotations).map(query).collect()
}

/// Replaces a macro by what `expand` makes of its arguments.
fn expanded(sql: &str, name: &str, expand: impl Fn(&[&str]) -> String) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(name) {
        let (arguments, after) = rest[at + name.len()..].strip_prefix('(').unwrap().split_once(')').unwrap();
        out += &rest[..at];
        out += &expand(&arguments.split(',').map(str::trim).collect::<Vec<_>>());
        rest = after;
    }
    out + rest
}

/// The query as Grafana sends it for the last hour, in steps of a second.
fn as_grafana_sends(sql: &str, plan: &str) -> String {
    let sql = expanded(sql, "$__timeFilter", |arguments| {
        format!("{} BETWEEN now() - interval '1 hour' AND now() + interval '1 minute'", arguments[0])
    });
    let sql = expanded(&sql, "$__timeGroupAlias", |arguments| {
        assert_eq!(arguments[1], "$__interval");
        format!("floor(extract(epoch from {})/1)*1 AS \"time\"", arguments[0])
    });
    let sql = sql.replace("$__interval_ms", "1000").replace("$testplan", plan);
    assert!(!sql.contains('$'), "nothing is left to be replaced in {sql}");
    sql
}

/// What the panels of locust-plugins' own dashboards ask: the panel, and its query for a plan.
const THEIRS: [(&str, &str); 17] = [
    (
        "Requests",
        "SELECT name, request_type, count(*), count(exception), count(exception) * 100.0 / count(*), avg(response_time), percentile_cont(0.95) WITHIN GROUP (ORDER BY response_time), percentile_cont(0.99) WITHIN GROUP (ORDER BY response_time), max(response_time) FROM request WHERE $where GROUP BY request_type, name",
    ),
    (
        "Failures",
        "SELECT name, left(exception, 300), count(*) FROM request WHERE $where AND exception IS NOT NULL GROUP BY name, left(exception, 300)",
    ),
    (
        "Requests per second",
        "SELECT floor(extract(epoch FROM time)), count(*) / 1.0 FROM request WHERE $where GROUP BY 1 ORDER BY 1",
    ),
    (
        "Active users",
        "SELECT floor(extract(epoch FROM time)), max(user_count) FROM user_count WHERE $where GROUP BY 1 ORDER BY 1",
    ),
    ("Total requests", "SELECT count(*) FROM request WHERE $where"),
    ("Failed requests", "SELECT count(*) FROM request WHERE $where AND exception IS NOT NULL"),
    (
        "Error rate",
        "SELECT count(exception)::numeric / count(*) FROM request WHERE $where HAVING count(*) > 0",
    ),
    (
        "Errors per second, by end",
        "SELECT floor(extract(epoch FROM time + response_time * interval '1 ms')), count(*) FROM request WHERE $where AND success = 0 GROUP BY 1",
    ),
    (
        "Requests per second, by request",
        "SELECT floor(extract(epoch FROM time)), name, count(*) FROM request WHERE $where GROUP BY 1, name",
    ),
    (
        "Response times, by request",
        "SELECT floor(extract(epoch FROM time)), name, avg(response_time) FROM request WHERE $where GROUP BY 1, name",
    ),
    (
        "99 percentile, by request",
        "SELECT floor(extract(epoch FROM time)), name, percentile_cont(0.99) WITHIN GROUP (ORDER BY response_time) FROM request WHERE $where GROUP BY 1, name",
    ),
    (
        "Errors per second, by request",
        "SELECT floor(extract(epoch FROM time)), name, count(*) FROM request WHERE $where AND exception IS NOT NULL GROUP BY 1, name",
    ),
    (
        "Response length, by request",
        "SELECT floor(extract(epoch FROM time)), name, avg(response_length) FROM request WHERE $where GROUP BY 1, name",
    ),
    (
        "Requests table",
        "SELECT name, time, response_time, exception, context->>'request', url FROM request WHERE $where AND (success = 0 OR 'false' = 'false') ORDER BY time",
    ),
    ("Scatter plot", "SELECT time, name, response_time FROM request WHERE $where ORDER BY time"),
    (
        "Test runs",
        "SELECT testplan, num_clients, rps_avg, resp_time_avg, fail_ratio, requests, end_time - id, env, description, username, gitrepo, changeset_guid, exit_code FROM testrun WHERE id > now() - interval '1 hour' AND (testplan = '$plan' OR '$plan' = 'All') AND end_time IS NOT NULL",
    ),
    (
        "Events",
        "SELECT time, text FROM events WHERE time > now() - interval '1 hour' AND text LIKE '%finished with exit code%'",
    ),
];

#[test]
fn postgresql_answers_every_panel_ours_and_those_of_locust_plugins() {
    let (database, sim, place) =
        (Database::start(), Sim::start("ttft=2ms&itl=1ms&error_rate=0.2"), Place::new());
    let ended = place.line(&format!(
        "run {} --qps 50 -t 2s -o 4 --max-fail-ratio 1 --name nightly --postgres {}",
        sim.url,
        database.url()
    ));
    assert_eq!(ended.code, deserved(&place.summary()), "{ended:?}");
    for query in queries("grafana-postgresql-datasource") {
        let rows = database.ask(&as_grafana_sends(&query.text, "'nightly'"));
        assert!(
            rows.iter().any(|row| row.iter().all(Option::is_some)) || is_full(&query, &rows),
            "{}",
            query.panel
        );
    }
    for plan in ["nightly", "All"] {
        let chosen = "time > now() - interval '1 hour' AND (testplan = '$plan' OR '$plan' = 'All')";
        for (panel, query) in THEIRS {
            let rows = database.ask(&query.replace("$where", chosen).replace("$plan", plan));
            assert!(!rows.is_empty(), "{panel} for {plan}");
        }
    }
    let records = place.records().len().to_string();
    let counted = "SELECT count(*) FROM request WHERE request_type <> 'METRIC'";
    assert_eq!(database.ask(counted), [[Some(records)]]);
}

/// A table has rows, though a run need not have all that its columns could tell.
fn is_full(query: &Query, rows: &[Vec<Option<String>>]) -> bool {
    query.kind == "table" && !rows.is_empty()
}

/// Answers of an instant query, or of one over time, that have a number in them.
fn answers(prometheus: &Server, query: &Query, since: SystemTime) -> usize {
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let now = seconds(wall());
    let expression = match query.text.strip_prefix("label_values(") {
        Some(rest) => rest.split_once(',').unwrap().0,
        None => &query.text,
    };
    let range = format!("{}s", (now - seconds(since)).ceil() as u64 + 1);
    let expression = expression
        .replace("$__rate_interval", "4s")
        .replace("$__range", &range)
        .replace("$testid", ".*")
        .replace("$phase", ".*");
    assert!(!expression.contains('$'), "nothing is left to be replaced in {expression}");
    let encoded = utf8_percent_encode(&expression, NON_ALPHANUMERIC);
    let path = match query.instant {
        true => format!("/api/v1/query?query={encoded}&time={now}"),
        false => format!("/api/v1/query_range?query={encoded}&start={}&end={now}&step=1", seconds(since)),
    };
    let (status, body) = get(&prometheus.url, &path).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["status"]),
        (200, &Value::from("success")),
        "{}: {expression}: {body}",
        query.panel
    );
    body["data"]["result"].as_array().unwrap().iter().filter(|series| has_number(series)).count()
}

fn has_number(series: &Value) -> bool {
    let is_number = |sample: &Value| sample[1].as_str().is_some_and(|value| value != "NaN");
    let samples = series["values"].as_array().into_iter().flatten().chain(series.get("value"));
    samples.into_iter().any(is_number)
        || series.get("histogram").is_some()
        || series.get("histograms").is_some()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what Prometheus is asked for lies between two moments of wall time"
)]
fn wall() -> SystemTime {
    SystemTime::now()
}

#[test]
fn prometheus_answers_every_panel() {
    let sim = Sim::start("llama-3-8b-h100?flavour=vllm");
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("prometheus.yml"), folder.path().join("data"));
    let target = sim.url.strip_prefix("http://").unwrap();
    let scraped = |job: &str, path: &str| {
        format!("- {{job_name: {job}, metrics_path: {path}, static_configs: [{{targets: ['{target}']}}]}}\n")
    };
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}",
        scraped("vllm", "/metrics"),
        scraped("dcgm", "/dcgm/metrics")
    );
    fs::write(&config, text).unwrap();
    let arguments = [
        config.to_str().unwrap(),
        data.to_str().unwrap(),
        "--web.enable-remote-write-receiver",
        "--enable-feature=native-histograms",
    ];
    let prometheus = Server::start_with("prometheus", "/-/ready", &arguments);
    let (place, since) = (Place::new(), wall());
    let run = place.start_line(&format!(
        "run {} --qps 30 -p 64 -o 16 --slo 'latency.p99<60s;ttft<60s @ 1%' --testid nightly \
         --remote-write {}/api/v1/write --remote-write-interval 1s",
        sim.url, prometheus.url
    ));
    // Rates take two samples of the last four seconds, which a machine that stands still may miss for a while.
    for told in ["up", "plimsoll_requests_sent_total"] {
        let samples = format!("min(count_over_time({told}[1h]))");
        wait_until(&samples, || answer(&prometheus, &samples).is_some_and(|samples| samples >= 8.0));
    }
    run.signal(libc::SIGINT);
    let ended = run.wait();
    assert_eq!(ended.code, deserved(&place.summary()), "{ended:?}");
    for query in queries("prometheus") {
        wait_until(&query.panel, || answers(&prometheus, &query, since - Duration::from_secs(1)) > 0);
    }
}
