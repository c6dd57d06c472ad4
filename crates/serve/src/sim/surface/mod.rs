//! The wire interfaces of the server: which of them a request speaks, what it asks for, and how the answer is written.
//!
//! ```text
//!  Request --> Surface::read --> Say(Document)                 answered at once
//!                            '-> Work { jobs, reply } --> engine --> tokens --> Reply --> bytes
//! ```
//! All of it is pure. A surface is a file of its own and an arm in each `match` of this one.

mod openai;
mod prompt;
mod refusal;
mod tgi;
mod torchserve;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use std::fmt;

use plimsoll_sim::{Ask, Phase, State};
use serde::Deserialize;

use super::answer::Script;
use super::clockwork::Clockwork;
use super::flavour::Flavour;
use super::frames::Stamp;
use super::options::SimOptions;
use super::reply::Document;
use super::stats::Stats;

pub(crate) use refusal::{Cause, Refusal};
pub use v2::{BadTensors, ModelTensors};

/// Tokens generated when the request does not say (the default of the OpenAI completions API).
const TOKENS_DEFAULT: u32 = 16;
/// The longest answer, tokens.
const TOKENS_MAX: u32 = 1_000_000;
/// Most sequences that one request may ask for.
const JOBS_MAX: usize = 4096;

/// A complete request, as far as a surface looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    /// `Inference-Header-Content-Length`: where the JSON of the body ends and tensors begin.
    pub(crate) json_length: Option<usize>,
    pub(crate) body: &'a [u8],
}

impl Request<'_> {
    /// Refuses other methods than `allowed`.
    fn only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        if allowed.contains(&self.method) {
            return Ok(());
        }
        let message = format!("this path takes {} requests only", allowed.join(" and "));
        Err(Refusal::new(405, &message))
    }
}

/// What a surface may know of the server when it reads a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) script: &'a Script,
    pub(crate) stats: &'a Stats,
    pub(crate) clockwork: &'a Clockwork,
    /// CLOCK_MONOTONIC, ns.
    pub(crate) now: u64,
}

impl About<'_> {
    /// The number that the request will have, if it asks for work.
    fn index(&self) -> u64 {
        self.stats.requests
    }

    fn state(&self) -> State {
        self.clockwork.state(self.now)
    }

    /// Whether the model is loaded.
    fn is_ready(&self) -> bool {
        self.state().phase == Phase::Ready
    }

    fn flavour(&self) -> Flavour {
        self.script.options.flavour
    }

    fn model(&self) -> &str {
        &self.script.options.model
    }

    /// Refuses a model that the server does not have, if it was told to look.
    fn check_model(&self, name: &str) -> Result<(), Refusal> {
        if self.script.options.strict_model && name != self.model() {
            return Err(Refusal::unknown_model(name));
        }
        Ok(())
    }
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Understood {
    /// It is answered at once.
    Say(Document),
    /// The engine has to work for it.
    Work(Work),
}

/// What the engine has to do for a request, and how the answer is written.
#[derive(Debug)]
pub(crate) struct Work {
    /// One for each sequence, at least one.
    pub(crate) jobs: Vec<Ask>,
    pub(crate) reply: Reply,
}

/// How an answer is written.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Event by event.
    Stream(Box<dyn Stream>),
    /// One document, when all jobs are done.
    Whole(Box<dyn Whole>),
}

/// Writes the events of a streamed answer, each as one HTTP chunk.
pub(crate) trait Stream: fmt::Debug + Send {
    /// Appends what is to be said at `at` to `out`; that can be nothing.
    fn say(&mut self, said: &Said<'_>, at: &Moment<'_>, out: &mut Vec<u8>);
}

/// Writes an answer that is one document.
pub(crate) trait Whole: fmt::Debug + Send {
    /// The document, sent at `at`.
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document;
}

/// What a stream has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    /// The answer begins.
    Opening,
    /// A job has generated tokens.
    Tokens(Tokens),
    /// A job is over.
    Finished {
        /// Its place among the jobs of the request.
        job: usize,
        ending: Ending,
    },
    /// All jobs are over.
    Closing,
    /// The answer breaks off.
    Failure(&'a Refusal),
}

/// Some tokens of a job, at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    /// Its place among the jobs of the request.
    pub(crate) job: usize,
    /// Tokens of the job that came before.
    pub(crate) from: u32,
    pub(crate) count: u32,
    /// Set with the job's last tokens, unless the answer breaks off.
    pub(crate) last: Option<Ending>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Tokens that were given.
    pub(crate) tokens: u32,
    /// Tokens that the counts tell: the same, unless they are to be wrong.
    pub(crate) told: u32,
    /// Whether that is less than was asked for: the answer ends by itself, or, of a classic model, is empty.
    pub(crate) short: bool,
}

impl Ending {
    /// The finish reason in OpenAI's words.
    fn reason(self) -> &'static str {
        if self.short { "stop" } else { "length" }
    }
}

/// When something is written, and what all answers share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) script: &'a Script,
}

/// A wire interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    OpenAi,
    Tgi,
    /// Triton's, and KServe's V2.
    V2,
    /// KServe's V1.
    V1,
    TorchServe,
}

impl Surface {
    const ALL: [Surface; 5] = [Surface::OpenAi, Surface::Tgi, Surface::V2, Surface::V1, Surface::TorchServe];

    /// The surface in whose shape a server of this flavour says what belongs to no surface.
    pub(crate) fn of(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Vllm | Flavour::Sglang | Flavour::Openai => Surface::OpenAi,
            Flavour::Tgi => Surface::Tgi,
            Flavour::Triton => Surface::V2,
            Flavour::Kserve => Surface::V1,
            Flavour::Torchserve => Surface::TorchServe,
        }
    }

    /// Reads a request, and says in whose shape it is answered.
    pub(crate) fn understand(
        request: &Request<'_>,
        about: &About<'_>,
    ) -> (Surface, Result<Understood, Refusal>) {
        let reads = |surface: Surface| surface.read(request, about).map(|read| (surface, read));
        Surface::ALL.into_iter().find_map(reads).unwrap_or_else(|| {
            let shown: String = request.path.chars().take(200).collect();
            let advice = "try POST /v1/chat/completions or GET /v1/models";
            let refusal = Refusal::new(404, &format!("there is nothing at `{shown}`: {advice}"));
            (Surface::of(about.flavour()), Err(refusal))
        })
    }

    /// Reads a request; nothing if its path belongs to another surface.
    fn read(self, request: &Request<'_>, about: &About<'_>) -> Option<Result<Understood, Refusal>> {
        match self {
            Surface::OpenAi => openai::read(request, about),
            Surface::Tgi => tgi::read(request, about),
            Surface::V2 => v2::read(request, about),
            Surface::V1 => v1::read(request, about),
            Surface::TorchServe => torchserve::read(request, about),
        }
    }

    /// How it says no. Those who may try again are told when.
    pub(crate) fn refuse(self, refusal: &Refusal, options: &SimOptions) -> Document {
        let body = match self {
            Surface::OpenAi => openai::refusal(refusal),
            Surface::Tgi => tgi::refusal(refusal),
            Surface::V2 | Surface::V1 => serde_json::json!({"error": refusal.message}),
            Surface::TorchServe => torchserve::refusal(refusal),
        };
        let mut document = Document::json(refusal.status, body.to_string());
        if matches!(refusal.status, 429 | 503) {
            let seconds = refusal.retry_after.unwrap_or(options.retry_after).as_secs_f64().ceil();
            document.headers = format!("retry-after: {seconds}\r\n");
        }
        document
    }
}

/// What a request for work without generated tokens asks of the engine.
fn classic(items: usize) -> Ask {
    let items = u32::try_from(items).unwrap_or(u32::MAX).max(1);
    Ask { prompt_tokens: 1, output_tokens: 0, items, prefix: std::sync::Arc::default() }
}

/// The tokens that a request wants, after the default.
///
/// # Errors
/// 400 for none and for more than [`TOKENS_MAX`]; `param` is the name of the field.
fn wanted_tokens(tokens: Option<u32>, param: &str) -> Result<u32, Refusal> {
    match tokens.unwrap_or(TOKENS_DEFAULT) {
        0 => Err(Refusal::bad_field(param, "the answer must have at least one token")),
        tokens @ 1..=TOKENS_MAX => Ok(tokens),
        _ => Err(Refusal::bad_field(param, "the answer can have at most 1000000 tokens")),
    }
}

/// What stands behind `mark` in a path.
fn behind<'a>(path: &'a str, mark: &str) -> Option<&'a str> {
    path.rsplit_once(mark).map(|(_, rest)| rest)
}

/// A piece of a path without its percent signs.
fn decoded(piece: &str) -> String {
    percent_encoding::percent_decode_str(piece).decode_utf8_lossy().into_owned()
}

/// The JSON of a body.
///
/// # Errors
/// 400: it is something else.
fn json_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(&format!("the body is not the JSON expected here: {error}")))
}
