//! The surfaces without I/O: what requests ask of the engine, and what is written for what it did.

mod openai;
mod tgi;
mod torchserve;
mod v1;
mod v2;

use serde_json::{Value, json};

use super::*;
use crate::sim::frames::Words;

/// A server at rest.
struct Bench {
    script: Script,
    stats: Stats,
    clockwork: Clockwork,
}

impl Bench {
    fn new(query: &str) -> Self {
        let options = SimOptions::parse(query).unwrap();
        Bench {
            clockwork: Clockwork::new(options.engine.engine().unwrap(), 0),
            script: Script { options, words: Words::default(), created: 7 },
            stats: Stats::new().unwrap(),
        }
    }

    fn send(&self, request: &Request<'_>) -> (Surface, Result<Understood, Refusal>) {
        let Bench { script, stats, clockwork } = self;
        Surface::understand(request, &About { script, stats, clockwork, now: 0 })
    }

    /// What is said at once to a request without a body.
    fn told(&self, method: &str, path: &str) -> Document {
        let request = Request { method, path, content_type: "", json_length: None, body: b"" };
        match self.send(&request) {
            (_, Ok(Understood::Say(document))) => document,
            (surface, Err(refusal)) => surface.refuse(&refusal, &self.script.options),
            (_, Ok(Understood::Work(work))) => panic!("{method} {path} asks for work: {work:?}"),
        }
    }

    /// The status and the JSON that is said at once.
    fn told_json(&self, method: &str, path: &str) -> (u16, Value) {
        let document = self.told(method, path);
        (document.status, value(&document))
    }

    fn work(&self, path: &str, body: &str) -> Work {
        match self.post(path, body) {
            (_, Ok(Understood::Work(work))) => work,
            (_, other) => panic!("{path} {body} asks for no work: {other:?}"),
        }
    }

    fn post(&self, path: &str, body: &str) -> (Surface, Result<Understood, Refusal>) {
        let body = body.as_bytes();
        self.send(&Request { method: "POST", path, content_type: "", json_length: None, body })
    }

    /// Status and document of a refusal.
    fn refusal(&self, path: &str, body: &str) -> (u16, Value) {
        match self.post(path, body) {
            (surface, Err(refusal)) => {
                let document = surface.refuse(&refusal, &self.script.options);
                (document.status, value(&document))
            }
            (_, Ok(other)) => panic!("{path} {body} is not refused: {other:?}"),
        }
    }

    /// The answer that is one document, when the engine has done all that was asked, and before that its raw form.
    fn document(&self, path: &str, body: &str) -> Document {
        self.conclude(self.work(path, body))
    }

    fn conclude(&self, work: Work) -> Document {
        let full = |ask: &Ask| ending(ask.output_tokens);
        let endings: Vec<Ending> = work.jobs.iter().map(full).collect();
        let Reply::Whole(whole) = work.reply else { panic!("a stream") };
        whole.document(&endings, &self.moment())
    }

    fn answer(&self, path: &str, body: &str) -> Value {
        let document = self.document(path, body);
        assert_eq!(document.status, 200);
        value(&document)
    }

    /// The events of a streamed answer: all jobs take turns, a token at a time.
    fn events(&self, path: &str, body: &str) -> Vec<String> {
        let work = self.work(path, body);
        let asked: Vec<u32> = work.jobs.iter().map(|ask| ask.output_tokens).collect();
        let Reply::Stream(mut stream) = work.reply else { panic!("no stream") };
        let mut out = Vec::new();
        let at = self.moment();
        stream.say(&Said::Opening, &at, &mut out);
        for from in 0..asked[0] {
            for (job, tokens) in asked.iter().enumerate() {
                let ending = ending(*tokens);
                let last = (from + 1 == *tokens).then_some(ending);
                stream.say(&Said::Tokens(Tokens { job, from, count: 1, last }), &at, &mut out);
                if last.is_some() {
                    stream.say(&Said::Finished { job, ending }, &at, &mut out);
                }
            }
        }
        stream.say(&Said::Closing, &at, &mut out);
        events(&out)
    }

    fn moment(&self) -> Moment<'_> {
        Moment { stamp: Stamp { sent: 5, due: None }, script: &self.script }
    }
}

/// The end of a job that had so many tokens, as asked.
fn ending(tokens: u32) -> Ending {
    Ending { tokens, told: tokens, short: false }
}

/// The JSON of a document.
fn value(document: &Document) -> Value {
    serde_json::from_slice(&document.body).unwrap_or_else(|error| panic!("{error}: {document:?}"))
}

/// The data of the events in the chunks of a body; each chunk is one event.
fn events(mut chunks: &[u8]) -> Vec<String> {
    let mut events = Vec::new();
    while !chunks.is_empty() {
        let end = chunks.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        let event = std::str::from_utf8(&chunks[end + 2..end + 2 + size]).unwrap();
        events
            .push(event.strip_prefix("data:").unwrap().strip_suffix("\n\n").unwrap().trim_start().to_owned());
        chunks = chunks[end + 2 + size..].strip_prefix(b"\r\n").unwrap();
    }
    events
}

#[test]
fn what_belongs_to_no_surface_is_refused_in_the_shape_of_the_flavour() {
    for (flavour, member) in [
        ("vllm", "/error/message"),
        ("tgi", "/error_type"),
        ("triton", "/error"),
        ("kserve", "/error"),
        ("torchserve", "/type"),
    ] {
        let bench = Bench::new(&format!("flavour={flavour}"));
        let (status, document) = bench.told_json("GET", "/nowhere");
        assert_eq!(status, 404, "{flavour}");
        assert!(document.pointer(member).is_some_and(Value::is_string), "{flavour}: {document}");
    }
}

#[test]
fn every_path_knows_its_methods() {
    let bench = Bench::new("");
    for (method, path) in [
        ("GET", "/v1/chat/completions"),
        ("GET", "/inference/v1/completions"),
        ("GET", "/v1/embeddings"),
        ("PUT", "/rerank"),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/sim"),
        ("GET", "/generate"),
        ("GET", "/generate_stream"),
        ("POST", "/info"),
        ("GET", "/"),
        ("POST", "/v2"),
        ("POST", "/v2/health/ready"),
        ("GET", "/v2/repository/index"),
        ("GET", "/v2/models/m/infer"),
        ("GET", "/v2/models/m/versions/1/generate"),
        ("POST", "/v2/models/m/ready"),
        ("GET", "/v1/models/m:predict"),
        ("POST", "/ping"),
        ("GET", "/predictions/m"),
        ("POST", "/models"),
    ] {
        assert_eq!(bench.told_json(method, path).0, 405, "{method} {path}");
    }
}

#[test]
fn a_strict_server_has_one_model() {
    let bench = Bench::new("strict_model=true&model=m");
    let chat = |model| format!(r#"{{"model":"{model}","messages":[]}}"#);
    let infer = r#"{"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1],"data":["x"]}]}"#;
    for (path, body) in [
        ("/v1/chat/completions", chat("other").as_str()),
        ("/v1/embeddings", r#"{"model":"other","input":"x"}"#),
        ("/rerank", r#"{"model":"other","query":"x","documents":["y"]}"#),
        ("/v2/models/other/infer", infer),
        ("/v2/models/other/versions/1/generate", r#"{"text_input":"x"}"#),
        ("/v1/models/other:predict", r#"{"instances":[1]}"#),
        ("/predictions/other", "x"),
    ] {
        assert_eq!(bench.refusal(path, body).0, 404, "{path}");
        Bench::new("model=m").work(path, body);
    }
    bench.work("/v1/chat/completions", &chat("m"));
    bench.work("/v1/chat/completions", r#"{"messages":[]}"#);
    bench.work("/v2/models/m/infer", infer);
}

#[test]
fn a_server_that_loads_says_so_to_every_probe() {
    for (flavour, path, status) in [
        ("tgi", "/health", 503),
        ("triton", "/v2/health/ready", 400),
        ("triton", "/v2/models/sim/ready", 400),
        ("triton", "/v2/health/live", 200),
        ("vllm", "/v2/health/ready", 503),
        ("kserve", "/v2/health/ready", 503),
        ("kserve", "/v2/models/sim/ready", 503),
        ("kserve", "/v1/models/sim", 503),
        ("torchserve", "/ping", 500),
        ("openai", "/ping", 503),
    ] {
        let bench = Bench::new(&format!("flavour={flavour}&starts_cold=true&load=1s"));
        assert_eq!(bench.told("GET", path).status, status, "{flavour} {path}");
    }
    let bench = Bench::new("starts_cold=true&load=1s");
    assert_eq!(bench.told_json("POST", "/v2/repository/index").1[0]["state"], "UNAVAILABLE");
    assert_eq!(bench.told_json("GET", "/models/sim").1[0]["workers"][0]["status"], "LOADING");
}
