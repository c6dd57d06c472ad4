//! The metrics of simulated servers, read by the real Prometheus and judged by its promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::program::{Place, wait_until};
use crate::real_servers::{Server, free_port, scripts};
use crate::servers::{Sim, get};

/// Requests that each server answers before it is looked at.
const REQUESTS: u64 = 12;

/// Flavours, each with a counter that says how many requests were answered.
const FLAVOURS: [(&str, &str); 6] = [
    ("vllm", "vllm:e2e_request_latency_seconds_count"),
    ("sglang", "sglang:num_requests_total"),
    ("tgi", "tgi_request_success"),
    ("triton", "nv_inference_request_success"),
    ("kserve", "request_predict_seconds_count"),
    ("torchserve", "Requests2XX"),
];

/// A server of this flavour that has answered [`REQUESTS`].
fn busy(flavour: &str) -> Sim {
    let sim = Sim::start(&format!("ttft=2ms&itl=1ms&flavour={flavour}"));
    let place = Place::new();
    let ended = place.line(&format!(
        "run {} --provider openai -m sim --no-chat -p 16 -o 5 -u 4 -r 100000 --max-requests {REQUESTS}",
        sim.url
    ));
    assert_eq!(place.summary().counts.ok, REQUESTS, "{flavour}: {ended:?}");
    sim
}

/// A page of metrics.
fn page(url: &str, path: &str) -> String {
    let (status, page) = get(url, path).unwrap();
    assert_eq!(status, 200, "{page}");
    page
}

/// Exit code and complaints of `promtool check metrics`.
pub(crate) fn promtool(page: &str) -> (Option<i32>, Vec<String>) {
    let mut child = Command::new(scripts().join("prometheus/run.sh"))
        .args(["promtool", "check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (output.status.code(), said.lines().map(str::to_owned).collect())
}

/// The page with names that are as Prometheus advises, and nothing else changed.
fn renamed(page: &str) -> String {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let number = names.len();
            names.insert(name, format!("family_x{number}{suffix}"));
        }
    }
    let rename = |line: &str| {
        let (before, rest) = match line.strip_prefix("# ") {
            Some(comment) => {
                comment.split_once(' ').map(|(word, rest)| (format!("# {word} "), rest)).unwrap()
            }
            None => (String::new(), line),
        };
        let end = rest.find(['{', ' ']).unwrap();
        let (name, rest) = rest.split_at(end);
        let parts = ["", "_bucket", "_sum", "_count"].iter().find_map(|part| {
            let family = names.get(name.strip_suffix(part)?)?;
            Some(format!("{family}{part}"))
        });
        let name = parts.unwrap_or_else(|| panic!("no TYPE of {name} in {page}"));
        let mut rest = rest.to_owned();
        for (label, advised) in
            [("UUID=", "uuid="), ("modelName=", "model="), ("ModelName=", "model="), ("Hostname=", "host=")]
        {
            rest = rest.replace(label, advised);
        }
        format!("{before}{name}{}\n", rest.replace("Level=", "level=").replace("DeviceId=", "device="))
    };
    page.lines().map(rename).collect()
}

/// promtool parses each page and finds nothing wrong but names, which are those of the real servers.
#[test]
fn promtool_accepts_every_page_but_for_the_names_that_real_servers_chose() {
    let mut pages: Vec<(&str, String)> = Vec::new();
    for (flavour, _) in FLAVOURS {
        let sim = busy(flavour);
        pages.push((flavour, page(&sim.url, "/metrics")));
        if flavour == "vllm" {
            pages.push(("dcgm", page(&sim.url, "/dcgm/metrics")));
        }
    }
    for (name, page) in pages {
        let (code, complaints) = promtool(&renamed(&page));
        assert_eq!((code, complaints), (Some(0), vec![]), "{name}, renamed");
        let (code, complaints) = promtool(&page);
        let expected = if name == "kserve" { 0 } else { 3 };
        assert_eq!(code, Some(expected), "{name}: 1 would be a page that cannot be read: {complaints:?}");
    }
}

#[test]
fn prometheus_scrapes_every_flavour_and_answers_with_the_servers_own_values() {
    let sims: Vec<Sim> = FLAVOURS.iter().map(|(flavour, _)| busy(flavour)).collect();
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("prometheus.yml"), folder.path().join("data"));
    let mut text = "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n".to_owned();
    for ((flavour, _), sim) in FLAVOURS.iter().zip(&sims) {
        let target = sim.url.strip_prefix("http://").unwrap();
        text += &format!("- {{job_name: {flavour}, static_configs: [{{targets: ['{target}']}}]}}\n");
        text += &format!(
            "- {{job_name: dcgm-{flavour}, metrics_path: /dcgm/metrics, static_configs: [{{targets: ['{target}']}}]}}\n"
        );
    }
    std::fs::write(&config, text).unwrap();
    let arguments = [config.to_str().unwrap(), data.to_str().unwrap()];
    let prometheus = Server::start_with("prometheus", "/-/ready", &arguments);

    wait_until("all targets to be up", || answer(&prometheus, "sum(up)") == Some(12.0));
    for ((flavour, counter), sim) in FLAVOURS.iter().zip(&sims) {
        let own = sample(&page(&sim.url, "/metrics"), counter);
        assert_eq!(own, REQUESTS as f64, "{flavour}");
        // A scrape that the machine was too busy for in time leaves a gap: then the next one counts.
        let what = format!("{flavour}: {counter} to be {own}");
        wait_until(&what, || answer(&prometheus, &format!("sum({counter})")) == Some(own));
    }
    // Metadata as Prometheus understood it, and a quantile as dashboards ask for it.
    wait_until("six accelerators", || answer(&prometheus, "count(DCGM_FI_DEV_GPU_UTIL)") == Some(6.0));
    let quantile = "histogram_quantile(0.5,sum(vllm:time_to_first_token_seconds_bucket)by(le))";
    wait_until("a median of 3 ms: all waited 2 ms, in the bucket from 1 to 5 ms", || {
        answer(&prometheus, quantile).is_some_and(|ttft| (ttft - 0.003).abs() < 1e-9)
    });
}

/// What an instant query gives, if it gives one value.
pub(crate) fn answer(prometheus: &Server, query: &str) -> Option<f64> {
    match results(prometheus, "query", query, "").as_slice() {
        [one] => Some(one["value"][1].as_str().unwrap().parse().unwrap()),
        _ => None,
    }
}

/// The series that a query gives: `kind` is `query` or `query_range`, `more` further parameters.
pub(crate) fn results(prometheus: &Server, kind: &str, query: &str, more: &str) -> Vec<Value> {
    let encoded = utf8_percent_encode(query, NON_ALPHANUMERIC);
    let (status, body) = get(&prometheus.url, &format!("/api/v1/{kind}?query={encoded}{more}")).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["status"]), (200, &Value::from("success")), "{query}: {body}");
    body["data"]["result"].as_array().unwrap().clone()
}

/// All samples of a name added up.
fn sample(page: &str, name: &str) -> f64 {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
    });
    values.sum()
}

/// Types of the families on a page, and the label names of their samples.
fn families(page: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut families = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((name, labels)) = line.split_once('{')
            && let Some((_, names)) = families.get_mut(name)
        {
            let labels = labels.split('}').next().unwrap();
            names.extend(labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())));
        }
    }
    families
}

#[test]
fn the_real_triton_has_the_same_families_with_the_same_labels() {
    let (grpc, metrics) = (free_port(), free_port());
    let arguments = [grpc.to_string(), metrics.to_string()];
    let arguments = [arguments[0].as_str(), arguments[1].as_str()];
    let _triton = Server::start_with("triton", "/v2/health/ready", &arguments);
    let url = format!("http://127.0.0.1:{metrics}");
    wait_until("Triton's metrics", || matches!(get(&url, "/metrics"), Ok((200, _))));
    let real_page = page(&url, "/metrics");
    let real = families(&real_page);
    let ours = families(&page(&busy("triton").url, "/metrics"));
    for (name, family) in real.iter().filter(|(name, _)| name.starts_with("nv_inference_")) {
        assert_eq!(ours.get(name), Some(family), "{name}");
    }
    let (code, complaints) = promtool(&real_page);
    assert_eq!(code, Some(3), "promtool complains of the real server's names, too: {complaints:?}");
}
