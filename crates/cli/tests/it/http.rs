//! Requests of the user's own making: to a REST server written in Python, to our own surfaces, and by HTTP/2.

use std::path::Path;
use std::process::Command;

use plimsoll_core::record::{Outcome, Record, TokenSource};
use serde_json::Value;

use crate::http2_server::{Asked, answering_http2};
use crate::program::{Ended, Place, Started, count, wait_until, words};
use crate::servers::Sim;

/// `tests/servers/rest.py` on a free port. It ends with this value.
struct Rest {
    url: String,
    process: Started,
    _place: Place,
}

impl Rest {
    fn start() -> Self {
        let place = Place::new();
        let mut command = Command::new("python3");
        command.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/rest.py"));
        let process = place.start_command(command);
        wait_until("the port of the server", || process.stdout().ends_with('\n'));
        let url = format!("http://127.0.0.1:{}", process.stdout().trim());
        Rest { url, process, _place: place }
    }

    /// The requests that came so far.
    fn requests(&self) -> Vec<Value> {
        self.process.stdout().lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs six requests, one after the other.
    fn six(&self, options: &str) -> (Ended, Place) {
        six(&self.url, options)
    }
}

/// Six requests, one after the other; a run of failures ends after a while.
fn six(url: &str, options: &str) -> (Ended, Place) {
    let place = Place::new();
    place.write("items.csv", "id,text,key\n1,\"say \"\"hi\"\"\",sesame-one\n2,grüße & co,sesame-two\n");
    place.write("items.jsonl", "{\"id\": 1, \"tags\": [\"a\", 2]}\n{\"id\": 2, \"tags\": null}\n");
    let mut all = words(&format!("run {url} -u 1 -t 60s --max-requests 6 --seed 5"));
    all.extend(words(options));
    (place.run(&all.iter().map(String::as_str).collect::<Vec<_>>()), place)
}

fn all_ok(ended: &Ended, place: &Place) -> Vec<Record> {
    let records = place.records();
    assert_eq!((count(&records, Outcome::Ok), records.len()), (6, 6), "{ended:?}");
    records
}

#[test]
fn requests_arrive_as_their_templates_say() {
    let rest = Rest::start();
    let options = "--method put --path '/items/{{id}}?q={{text}}' --vars items.csv --header 'X-Trace: {{uuid}}' \
                   --header 'Authorization: Bearer {{key}}' -p 16 -o 7 --expect-json '$.ok == true' --expect-json \
                   '$.method == \"PUT\"' --expect-status 200 --expect-regex ok.*PUT \
                   --body '{\"t\": \"{{text}}\", \"n\": {{counter(100)}}, \"p\": \"{{prompt}}\", \"m\": {{max_tokens}}}'";
    let (ended, place) = rest.six(options);
    let records = all_ok(&ended, &place);
    assert!(
        records.iter().all(|record| record.bytes_sent > 100 && record.bytes_received > 50),
        "{records:?}"
    );
    assert!(ended.stderr.contains("(http): http, not streaming, PUT /items/{{id}}?q={{text}}"), "{ended:?}");
    let summary = place.summary();
    assert!(summary.run.without_tokens && summary.counts.bytes_sent > 600, "{summary:?}");
    assert!(ended.stdout.contains("Bytes      sent ") && !ended.stdout.contains("Tokens     "), "{ended:?}");

    let requests = rest.requests();
    for (number, request) in requests.iter().enumerate() {
        let (path, text, key) = match number % 2 {
            0 => ("/items/1?q=say%20%22hi%22", "say \"hi\"", "Bearer sesame-one"),
            _ => ("/items/2?q=gr%C3%BC%C3%9Fe%20%26%20co", "grüße & co", "Bearer sesame-two"),
        };
        let fields = &request["fields"];
        assert_eq!((&request["method"], &request["path"]), (&"PUT".into(), &path.into()));
        assert_eq!(
            (&fields["Authorization"], &fields["Content-Type"]),
            (&key.into(), &"application/json".into())
        );
        assert_eq!(fields["X-Trace"].as_str().map(str::len), Some(36));
        let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        assert_eq!((&body["t"], &body["n"], &body["m"]), (&text.into(), &(100 + number).into(), &7.into()));
        assert!(body["p"].as_str().unwrap().len() > 20, "{body}");
    }
    // The same seed asks the same, to the byte.
    rest.six(options);
    let all = rest.requests();
    assert_eq!(all[..6], all[6..]);
}

#[test]
fn methods_without_a_body_and_bodies_without_a_method_are_asked() {
    let rest = Rest::start();
    for (options, method, content_type, body) in [
        ("--provider rest", "GET", None, ""),
        ("--method HEAD", "HEAD", None, ""),
        ("--method delete --path /items/7", "DELETE", None, ""),
        ("--method POST", "POST", None, ""),
        (
            "--body 'a={{id}}&b={{text}}' --vars items.csv",
            "POST",
            Some("application/x-www-form-urlencoded"),
            "a=1&b=say%20%22hi%22",
        ),
        (
            "--body '{{id}}:{{tags}}' --vars items.jsonl",
            "POST",
            Some("text/plain; charset=utf-8"),
            "1:[\"a\",2]",
        ),
        ("--body '[{{tags}}]' --vars items.jsonl --vars-order random", "POST", Some("application/json"), ""),
        ("--body x --header 'Content-Type: a/b'", "POST", Some("a/b"), "x"),
    ] {
        let before = rest.requests().len();
        let (ended, place) = rest.six(options);
        all_ok(&ended, &place);
        let requests = rest.requests().split_off(before);
        let first = &requests[0];
        assert_eq!((requests.len(), &first["method"]), (6, &method.into()), "{options}");
        assert_eq!(first["fields"]["Content-Type"].as_str(), content_type, "{options}");
        assert_eq!(first["fields"]["Content-Length"].is_null(), !matches!(method, "POST"), "{options}");
        assert!(body.is_empty() || first["body"] == body, "{options}: {first}");
        assert!(first["fields"]["Accept-Encoding"].is_null(), "{first}");
    }
    let (ended, _) = rest.six("--method GET --body x");
    assert!(ended.stderr.contains("GET has no use for a body (--body): it is sent"), "{ended:?}");
}

#[test]
fn every_end_of_an_answer_has_its_outcome() {
    let rest = Rest::start();
    for (options, outcome, status, example) in [
        ("/none --expect-status 200", Outcome::Invalid, 204, "HTTP 204: expected status 200"),
        ("/moved", Outcome::Invalid, 302, "HTTP 302: redirected to /elsewhere, which is not followed"),
        ("/broken --expect-json '$.ok == true'", Outcome::Invalid, 200, "expected $.ok == true, got false"),
        (
            "/broken --expect-json '$.none'",
            Outcome::Invalid,
            200,
            "expected $.none, and there is nothing in {",
        ),
        ("/broken --expect-regex dog", Outcome::Invalid, 200, "expected a match of `dog`, got {"),
        (
            "/gzip --expect-json '$.ok'",
            Outcome::Invalid,
            200,
            "the answer is coded as gzip, which is not undone",
        ),
        ("/refuse", Outcome::Http4xx, 403, "HTTP 403: no None with /refuse"),
        ("/cut", Outcome::Truncated, 200, "the server closed the connection, within the answer"),
        (
            "/cut --expect-json '$.ok == true'",
            Outcome::Truncated,
            200,
            "the server closed the connection, within the answer",
        ),
        ("/lines --stream-by line --expect-json '$.n == 9'", Outcome::Invalid, 200, "and none of 3 has it"),
    ] {
        let place = Place::new();
        let ended = place.line(&format!("run {} --path {options} -t 500ms --qps 20", rest.url));
        let (summary, records) = (place.summary(), place.records());
        assert_eq!((count(&records, outcome), records.len()), (10, 10), "{options}: {ended:?}");
        let class = &summary.errors[0];
        assert_eq!((summary.errors.len(), class.status), (1, Some(status)), "{options}: {ended:?}");
        assert!(class.example.contains(example), "{options}: {}", class.example);
        assert!(ended.code == Some(1) && ended.stdout.contains(outcome.name()), "{options}: {ended:?}");
    }
    for options in ["/none", "/moved --expect-status 2xx,302", "/gzip", "/refuse --expect-status 403"] {
        let (ended, place) = rest.six(&format!("--path {options}"));
        all_ok(&ended, &place);
    }
}

#[test]
fn streamed_answers_are_read_by_line_event_or_chunk() {
    let rest = Rest::start();
    for options in [
        "--path /lines --stream-by line --expect-json '$.done == true'",
        "--path /events --stream-by sse --expect-json '$.done == true'",
        "--path /lines --stream-by chunk --expect-regex done",
    ] {
        let (ended, place) = rest.six(options);
        for record in all_ok(&ended, &place) {
            assert_eq!((record.events, record.usage.source), (3, TokenSource::NoTokens), "{record:?}");
        }
        let summary = place.summary();
        assert_eq!((summary.metrics["ttft"].n, summary.tokens.events), (6, 18), "{options}: {ended:?}");
        assert!(
            summary.metrics.contains_key("chunk_gap") && !summary.metrics.contains_key("itl"),
            "{ended:?}"
        );
        assert!(!ended.stdout.contains("tokens") && ended.stdout.contains("events 18"), "{ended:?}");
    }
}

#[test]
fn secrets_of_rows_are_shown_nowhere() {
    let rest = Rest::start();
    let place = Place::new();
    place.write("items.csv", "id,key\n1,sesame-one\n2,sesame-two\n");
    let ended = place.line(&format!(
        "run {} --path '/refuse?k={{{{key|secret}}}}' --vars items.csv --header 'Authorization: Bearer {{{{key}}}}' --body \
         '{{\"key\": \"{{{{key|secret}}}}\", \"id\": {{{{id}}}}}}' --show-request --show-response --csv load --qps 20 -t 500ms",
        rest.url
    ));
    let records = place.records();
    assert_eq!(count(&records, Outcome::Http4xx), 10, "{ended:?}");
    let error = records[0].error.clone().unwrap();
    assert!(error.contains("no *** with /refuse?k=*** and {\"key\": \"***\", \"id\": 1}"), "{error}");
    let kept =
        ["spec.toml", "summary.json"].map(|name| std::fs::read_to_string(place.result().join(name)).unwrap());
    let shown = [ended.stdout, ended.stderr, place.read("load_failures.csv"), format!("{records:?}")];
    for text in shown.iter().chain(&kept) {
        assert!(!text.contains("sesame-"), "{text}");
    }
    let asked = rest.requests();
    assert!(asked.iter().any(|request| request["path"] == "/refuse?k=sesame-one"), "{asked:?}");
}

#[test]
fn our_own_surfaces_answer_requests_of_the_users_making() {
    let sim = Sim::start("ttft=5ms&itl=1ms&model=m");
    for (options, events) in [
        (
            "/v1/models/m:predict --body '{\"instances\": [[{{index}}, 2]]}' --expect-json '$.predictions[0]'",
            0,
        ),
        ("/predictions/m --body {{random_text(2000)}} --expect-status 200", 0),
        (
            "/v1/chat/completions --stream-by sse -p 16 -o 5 --body '{\"model\": \"m\", \"stream\": true, \
             \"max_tokens\": {{max_tokens}}, \"messages\": [{\"role\": \"user\", \"content\": {{prompt}}}]}'",
            5,
        ),
    ] {
        let (ended, place) = six(&sim.url, &format!("--path {options}"));
        for record in all_ok(&ended, &place) {
            assert!(record.events >= events && (events > 0) == (record.events > 0), "{options}: {record:?}");
            assert!(record.latency().unwrap() >= 0.005, "{record:?}");
        }
    }
}

#[test]
fn the_same_requests_go_by_http2() {
    let asked = Asked::default();
    let url = answering_http2(asked.clone(), |path| match path {
        "/lines" => vec!["{\"n\":1}\n", "{\"n\":2}\n", "{\"ok\":true}\n"],
        _ => vec!["{\"ok\":true}"],
    });
    let templates = "--http 2 --vars items.csv --header 'X-Key: {{key}}' --header 'User-Agent: me/{{index}}'";
    let (ended, place) =
        six(&url, &format!("{templates} --path '/items/{{{{text}}}}' --body {{{{id}}}} --expect-json $.ok"));
    all_ok(&ended, &place);
    let heads = asked.take();
    assert_eq!(heads.len(), 6, "{heads:?}");
    let expected =
        ["POST", "/items/gr%C3%BC%C3%9Fe%20%26%20co", "sesame-two", "me/5", "2"].map(str::to_owned);
    assert_eq!(heads[5], expected, "{ended:?}");

    let (ended, place) = six(&url, "--http 2 --path /lines --stream-by chunk");
    assert!(all_ok(&ended, &place).iter().all(|record| record.events == 3), "{ended:?}");
    let (ended, place) = six(&url, "--http 2 --method HEAD");
    all_ok(&ended, &place);
}
