//! Templates: what they make of rows and numbers, and how mistakes in them are told.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::{HttpSpec, Pick, Secret, VarsSpec};
use crate::testing::own_requests;
use crate::workload::{Payload, Prompt, RequestSpec, Workload};

/// A run that sends `body` of this type to `path`, with rows of CSV.
struct Asking<'a> {
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
    content_type: &'a str,
    rows: &'a str,
    order: Pick,
    checked: bool,
}

const PLAIN: Asking<'static> = Asking {
    path: "/p",
    headers: &[],
    body: "{}",
    content_type: "application/json",
    rows: "",
    order: Pick::Cycle,
    checked: false,
};

impl Asking<'_> {
    fn build(&self) -> Result<HttpRequests, HttpError> {
        let spec = HttpSpec {
            path: self.path.to_owned(),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
                .collect(),
            vars: (!self.rows.is_empty()).then(|| VarsSpec { path: "data".to_owned(), order: self.order }),
            ..own_requests()
        };
        let table = match self.rows {
            "" => None,
            rows if rows.starts_with('{') => Some(Table::from_jsonl("data", rows)?),
            rows => Some(Table::from_csv("data", rows, b',')?),
        };
        let content = [Content {
            origin: "--body".to_owned(),
            bytes: self.body.to_owned().into(),
            content_type: Some(self.content_type.to_owned()),
            form: None,
            checked: self.checked,
        }];
        HttpRequests::new(&spec, &content, table, Seed(7))?.ready(Some(Arc::new(Questions)), &content)
    }

    fn payload(&self, id: u64) -> Arc<Payload> {
        let requests = self.build().unwrap_or_else(|error| panic!("{error}"));
        payload(&requests, id)
    }

    fn body(&self, id: u64) -> String {
        String::from_utf8(self.payload(id).body.concat()).unwrap()
    }

    fn refused(&self) -> String {
        self.build().err().expect("an error").to_string()
    }
}

/// A workload whose prompts say their number.
struct Questions;

impl Workload for Questions {
    fn request(&self, id: RequestId) -> RequestSpec {
        RequestSpec {
            id,
            prompt: Prompt::Text(format!("\"What?\"\n{}", id.0).into()),
            images: Arc::default(),
            max_tokens: 9,
            prompt_tokens: None,
            cancel: false,
        }
    }

    fn describe(&self) -> String {
        "questions".to_owned()
    }
}

fn payload(requests: &HttpRequests, id: u64) -> Arc<Payload> {
    match requests.request(RequestId(id)).prompt {
        Prompt::Payload(payload) => payload,
        other => panic!("{other:?}"),
    }
}

const ROWS: &str = "id,text,tag\n7,\"say \"\"hi\"\"\",a b\n8,ü,c/d\n";

#[test]
fn values_are_escaped_for_the_place_where_they_stand() {
    let json = "application/json";
    for (body, content_type, id, expected) in [
        (r#"{"t":"{{text}}","n":{{id}}}"#, json, 0, r#"{"t":"say \"hi\"","n":7}"#),
        (r#"{"t":"{{ text }}","n":{{id}}}"#, json, 3, r#"{"t":"ü","n":8}"#),
        (r#"{"t":{{text|json}},"n":"{{id}}"}"#, json, 0, r#"{"t":"say \"hi\"","n":"7"}"#),
        (r#"["{{text|raw}}"]"#, json, 0, r#"["say "hi""]"#),
        (r#"["\"{{text}}\\",{{id}}]"#, json, 0, r#"["\"say \"hi\"\\",7]"#),
        (
            r#"{"q":"{{prompt}}","m":{{max_tokens}},"r":{{prompt}}}"#,
            json,
            5,
            r#"{"q":"\"What?\"\n5","m":9,"r":"\"What?\"\n5"}"#,
        ),
        (r#"{{{counter}}:{{counter(10)}},{{index}}}"#, "text/plain", 2, "{3:12,2}"),
        ("t={{text}}&n={{id|raw}}", "application/x-www-form-urlencoded", 0, "t=say%20%22hi%22&n=7"),
        ("{{text}} {{text|url}} {{tag|json}}", "text/plain", 0, "say \"hi\" say%20%22hi%22 \"a b\""),
        (r#"\{{text}} }} { {{id}}"#, "text/plain", 0, "{{text}} }} { 7"),
        (r#"{"t":"{{text}}"}"#, "application/vnd.api+json; charset=utf-8", 0, r#"{"t":"say \"hi\""}"#),
    ] {
        let asking = Asking { body, content_type, rows: ROWS, ..PLAIN };
        assert_eq!(asking.body(id), expected, "{body}");
    }
    let path = |path, id| Asking { path, rows: ROWS, ..PLAIN }.payload(id).path.clone();
    assert_eq!(path("/x/{{tag}}?q={{text}}", 0).unwrap(), "/x/a%20b?q=say%20%22hi%22");
    assert_eq!(path("/x/{{id|raw}}", 1).unwrap(), "/x/8");
    assert_eq!(path("{{id}}/x", 1).unwrap(), "/8/x");
    assert_eq!(path("/x", 1), None);
}

#[test]
fn values_of_jsonl_keep_their_types() {
    let rows = "{\"a\":\"x\\ny\",\"b\":[1,\"z\"],\"c\":null}";
    let asking = Asking { body: r#"{"s":"{{a}} {{b}}","a":{{a}},"b":{{b}},"c":{{c|json}}}"#, rows, ..PLAIN };
    assert_eq!(asking.body(0), r#"{"s":"x\ny [1,\"z\"]","a":"x\ny","b":[1,"z"],"c":null}"#);
}

#[test]
fn random_values_are_in_their_range_and_of_their_seed() {
    let body = r#"{{uuid}} {{uuid}} {{random_int(-3, 5)}} {{random_float(0.5,2)}} {{random_text(300)}}"#;
    let asking = Asking { body, content_type: "text/plain", ..PLAIN };
    let requests = asking.build().unwrap();
    let mut ints = std::collections::BTreeSet::new();
    let mut bodies = std::collections::BTreeSet::new();
    for id in 0..200 {
        let body = String::from_utf8(payload(&requests, id).body.concat()).unwrap();
        assert_eq!(body, asking.body(id), "request {id} is always the same");
        let parts: Vec<&str> = body.splitn(5, ' ').collect();
        assert!(parts[0] != parts[1] && parts[0].len() == 36 && parts[4].len() == 300, "{body}");
        let (int, float): (i64, f64) = (parts[2].parse().unwrap(), parts[3].parse().unwrap());
        assert!((-3..=5).contains(&int) && (0.5..2.0).contains(&float), "{body}");
        ints.insert(int);
        bodies.insert(body);
    }
    assert_eq!((ints.len(), bodies.len()), (9, 200));
}

#[test]
fn rows_come_in_turn_or_at_random() {
    let asking = |order| Asking { body: "{{id}}", content_type: "", rows: "id\n1\n2\n3\n", order, ..PLAIN };
    let ids = |order| -> Vec<String> {
        let requests = asking(order).build().unwrap();
        let body = |id| String::from_utf8(payload(&requests, id).body.concat()).unwrap();
        (0..300).map(body).collect()
    };
    assert_eq!(ids(Pick::Cycle)[..5], ["1", "2", "3", "1", "2"]);
    let drawn = ids(Pick::Random);
    for id in ["1", "2", "3"] {
        let times = drawn.iter().filter(|drawn| *drawn == id).count();
        assert!((60..140).contains(&times), "{id}: {times} of 300");
    }
}

#[test]
fn what_has_no_variables_is_shared() {
    let long = "x".repeat(10_000);
    let fixed = Asking { body: &long, ..PLAIN }.build().unwrap();
    assert!(Arc::ptr_eq(&payload(&fixed, 0), &payload(&fixed, 9)));
    let body = format!("{long}{{{{index}}}}{long}");
    let requests = Asking { body: &body, content_type: "", path: "/{{index}}", ..PLAIN }.build().unwrap();
    let (one, other) = (payload(&requests, 0), payload(&requests, 1));
    assert_eq!(one.body.pieces.len(), 3);
    assert_eq!(one.body.pieces[0].as_ptr(), other.body.pieces[0].as_ptr());
    assert_ne!(one.body.pieces[1], other.body.pieces[1]);
}

#[test]
fn what_a_header_or_a_filter_calls_secret_is_known() {
    let headers = [("Authorization", "Bearer {{tag|url}}"), ("X-N", "{{id}}")];
    let asking = Asking { headers: &headers, body: r#"{"k":"{{text|secret}}"}"#, rows: ROWS, ..PLAIN };
    let payload = asking.payload(0);
    let fields: Vec<(&str, &str)> =
        payload.fields.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    let expected = [("Authorization", "Bearer a%20b"), ("X-N", "7"), ("Content-Type", "application/json")];
    assert_eq!(fields, expected);
    assert_eq!(payload.secrets, ["Bearer a%20b", "7", "say \\\"hi\\\"", "say \"hi\""]);
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let body = |body| Asking { body, rows: ROWS, ..PLAIN }.refused();
    let path = |path| Asking { path, rows: ROWS, ..PLAIN }.refused();
    let header = |value| Asking { headers: &[("x", value)], rows: ROWS, ..PLAIN }.refused();
    for (error, expected) in [
        (body("{\"a\": {{id}"), "--body opens {{ at character 7 and never closes it: add }}, or write \\{{"),
        (
            body("{{txt}}"),
            "--body has the unknown variable `txt`: did you mean `text`? there are id, text, tag, counter,",
        ),
        (body("{{uid}}"), "did you mean `id`?"),
        (body("{{nothing_like_it}}"), "`nothing_like_it`: there are id,"),
        (body("{{}}"), "unknown variable ``"),
        (body("{{text|upper}}"), "{{text|upper}}, and what follows the bar can be raw, json, url or secret"),
        (body("{{text|raw|url}}"), "only one of raw, json and url"),
        (body("{{random_int(5,1)}}"), "two whole numbers, the smaller first: write random_int(1,100)"),
        (body("{{random_int}}"), "write random_int(1,100)"),
        (body("{{random_float(0,inf)}}"), "write random_float(0,1)"),
        (body("{{random_text(0)}}"), "write random_text(1000)"),
        (body("{{counter(-1)}}"), "write counter(1000)"),
        (body("{{uuid(4)}}"), "takes nothing between parentheses"),
        (body("{{counter(1}}"), "its ( has no ) at the end"),
        (path("/a b"), "--path has a space in it, which a URL cannot carry: write it with percent signs"),
        (path("/{id}"), "variables have two braces, as in {{id}}"),
        (
            path("/{{prompt|raw}}"),
            "--path has {{prompt}} as it is, which a URL cannot carry: write {{prompt|url}}",
        ),
        (
            path("/{{tag|raw}}"),
            "line 2 of data has a space in its `tag`, which --path cannot carry: write {{tag|url}}",
        ),
        (
            header("{{random_text(5)}}"),
            "--header x has {{random_text(5)}} as it is, which a header cannot carry",
        ),
        (header("{{text}}"), "line 3 of data has `ü` in its `text`, which --header x cannot carry"),
        (
            Asking { body: "{{b}}", rows: "{\"a\":1,\"b\":2}\n{\"a\":1}\n", ..PLAIN }.refused(),
            "line 2 of data has no `b`, which --body names: add it",
        ),
        (
            Asking { body: r#"{"t": {{text}}}"#, rows: ROWS, checked: true, ..PLAIN }.refused(),
            "the first request's body from --body is no JSON (expected value at line 1 column 7)",
        ),
    ] {
        assert!(error.contains(expected), "{error}");
    }
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_value_survives_json_and_urls(value in any::<String>(), before in "[a-z\"\\\\{}: ]{0,8}") {
        let row = serde_json::json!({"v": value, "w": before}).to_string();
        let asking = Asking { body: r#"{"a":"{{v}}","b":{{v}},"c":["{{w}}{{v}}"]}"#, rows: &row, path: "/{{v}}", ..PLAIN };
        let json: serde_json::Value = serde_json::from_str(&asking.body(0)).unwrap();
        prop_assert_eq!(&json["a"], &value);
        prop_assert_eq!(&json["b"], &value);
        let joined = format!("{before}{value}");
        prop_assert_eq!(&json["c"][0], &joined);
        let path = asking.payload(0).path.clone().unwrap();
        prop_assert_eq!(percent_decoded(&path[1..]), value);
    }

    #[test]
    fn no_text_is_too_strange_for_a_template(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["{{", "}}", "{", "}", "\\", "id", "|", "raw", "(", ")", ",", "9", "\"", "ü", " ", "counter"]),
            0..24,
        ),
    ) {
        let body = pieces.concat();
        if let Ok(requests) = (Asking { body: &body, content_type: "text/plain", rows: ROWS, ..PLAIN }).build() {
            let (once, again) = (payload(&requests, 3), payload(&requests, 3));
            prop_assert_eq!(once, again);
        }
    }
}
