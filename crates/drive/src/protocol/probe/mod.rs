//! Recognises a server by its own endpoints: what to ask it next, and what its answers mean.

mod fingerprints;
mod models;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use plimsoll_core::spec::Provider;

pub use models::{Guess, MODELS_PATH, Model, guess_provider, parse_models, provider_of_host};

use self::fingerprints::{FINGERPRINTS, Fingerprint, Said};
use super::error_excerpt;

/// Something that a server is asked about itself. None of it makes a server work, and all of it may be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The list of models, of servers with OpenAI's API and of KServe.
    Models,
    /// The same of KServe, by the Open Inference Protocol (V2).
    ModelsV2,
    /// Triton's and MLServer's list of models and their states.
    Index,
    /// Name and version of a server of the Open Inference Protocol.
    MetadataV2,
    /// text-generation-inference about its model and itself.
    Info,
    /// TorchServe's health.
    Ping,
    /// TorchServe about its interface, with its version.
    Description,
    /// LiteLLM's sign of life.
    Liveliness,
    /// vLLM's version.
    Version,
    /// SGLang about its settings, with its version.
    ServerInfo,
    /// llama.cpp about its settings, with its build.
    Props,
    /// The paths of a server made with FastAPI.
    OpenApi,
    /// A model that nobody has: a `transformers serve` that was started for one model says which.
    Pinned,
}

impl Question {
    /// All of them.
    pub const ALL: [Question; 13] = [
        Question::Models,
        Question::ModelsV2,
        Question::Index,
        Question::MetadataV2,
        Question::Info,
        Question::Ping,
        Question::Description,
        Question::Liveliness,
        Question::Version,
        Question::ServerInfo,
        Question::Props,
        Question::OpenApi,
        Question::Pinned,
    ];

    /// The path, to be appended to the target's base path.
    pub const fn path(self) -> &'static str {
        match self {
            Question::Models => MODELS_PATH,
            Question::ModelsV2 => "/v2/models",
            Question::Index => "/v2/repository/index",
            Question::MetadataV2 => "/v2",
            Question::Info => "/info",
            Question::Ping => "/ping",
            Question::Description => "/api-description",
            Question::Liveliness => "/health/liveliness",
            Question::Version => "/version",
            Question::ServerInfo => "/server_info",
            Question::Props => "/props",
            Question::OpenApi => "/openapi.json",
            Question::Pinned => "/v1/chat/completions",
        }
    }

    /// The JSON that goes with it by `POST`; nothing if it is a `GET`.
    pub const fn body(self) -> Option<&'static str> {
        match self {
            Question::Index => Some("{}"), // MLServer 1.7 answers 422 to no body
            Question::Pinned => Some(r#"{"model":"?"}"#),
            _ => None,
        }
    }

    /// The method.
    pub const fn method(self) -> &'static str {
        if self.body().is_some() { "POST" } else { "GET" }
    }

    /// The models that an answer to this lists, those that are ready; nothing if it is no such list.
    pub fn models(self, answer: &Answer) -> Option<Vec<String>> {
        Said::new(answer, None).models(self)
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// A server that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is, as its makers call it.
    pub name: &'static str,
    /// Its version, if it tells.
    pub version: Option<String>,
    /// How it is spoken to.
    pub provider: Provider,
    /// Its models that are ready, in its own order; none if it does not tell them here.
    pub models: Vec<String>,
    /// Present if little spoke for it: says so, and how to name another. To be printed.
    pub note: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask this, and tell [`Probe::heard`].
    Ask(Question),
    /// It is this.
    Found(Found),
    /// No server that is known answers like this.
    Unknown,
}

/// What a server was asked so far.
#[derive(Clone, Debug)]
pub struct Probe {
    host: String,
    wanted: Option<String>,
    heard: Vec<(Question, Result<Answer, String>)>,
}

impl Probe {
    /// Begins with a server on `host`, of which the user wants a certain model, or any.
    pub fn new(host: &str, wanted: Option<&str>) -> Self {
        Probe { host: host.to_owned(), wanted: wanted.map(str::to_owned), heard: Vec::new() }
    }

    /// Takes the answer to a question, or why there is none.
    pub fn heard(&mut self, question: Question, answer: Result<Answer, String>) {
        self.heard.push((question, answer));
    }

    /// What to do next: the first fingerprint that fits is what the server is.
    pub fn next(&self) -> Step {
        for fingerprint in FINGERPRINTS {
            match self.fits(fingerprint) {
                Fit::Asks(question) => return Step::Ask(question),
                Fit::No => {}
                Fit::Yes => {
                    let details = [fingerprint.version.map(|(question, _)| question), fingerprint.models];
                    let open =
                        details.into_iter().flatten().find(|question| self.answer(*question).is_none());
                    return open.map_or_else(|| Step::Found(self.found(fingerprint)), Step::Ask);
                }
            }
        }
        Step::Unknown
    }

    /// How many questions had no answer at all.
    pub fn silences(&self) -> usize {
        self.heard.iter().filter(|(_, answer)| answer.is_err()).count()
    }

    /// Whether the server answers only those whom it knows.
    pub fn refuses_strangers(&self) -> bool {
        let refuses = |answer: &Answer| matches!(answer.status, 401 | 403);
        self.heard.iter().any(|(_, answer)| answer.as_ref().is_ok_and(refuses))
    }

    /// A line for each question, with what came back.
    pub fn report(&self) -> String {
        self.heard.iter().fold(String::new(), |mut text, (question, answer)| {
            let asked = format!("{} {}", question.method(), question.path());
            // A String takes whatever is written.
            let _ = match answer {
                Ok(answer) => {
                    write!(text, "\n  {asked}: {} {}", answer.status, error_excerpt(&answer.body))
                }
                Err(reason) => write!(text, "\n  {asked}: {reason}"),
            };
            text
        })
    }

    fn fits(&self, fingerprint: &Fingerprint) -> Fit {
        for (question, mark) in fingerprint.marks {
            match self.answer(*question) {
                None => return Fit::Asks(*question),
                Some(Ok(answer)) if mark(&Said::new(answer, self.wanted.as_deref())) => {}
                Some(_) => return Fit::No,
            }
        }
        Fit::Yes
    }

    fn answer(&self, question: Question) -> Option<&Result<Answer, String>> {
        self.heard.iter().find(|(asked, _)| *asked == question).map(|(_, answer)| answer)
    }

    fn said(&self, question: Question) -> Option<Said<'_>> {
        let answer = self.answer(question)?.as_ref().ok()?;
        Some(Said::new(answer, self.wanted.as_deref()))
    }

    fn found(&self, fingerprint: &Fingerprint) -> Found {
        let version = fingerprint.version.and_then(|(question, read)| read(&self.said(question)?));
        let names = |question| self.said(question)?.models(question);
        // Where nothing is said in the server's own place, there is still the common one.
        let models = fingerprint.models.and_then(names).or_else(|| names(Question::Models));
        let (mut provider, mut note) = (fingerprint.provider, None);
        if provider == Provider::Openai
            && let Some(said) = self.said(Question::Models)
        {
            let relevant: Vec<Model> = said.relevant().into_iter().collect();
            let guess = guess_provider(&self.host, &relevant);
            (provider, note) = (guess.provider, guess.note);
        }
        Found { name: fingerprint.name, version, provider, models: models.unwrap_or_default(), note }
    }
}

/// Whether a fingerprint is that of the server.
enum Fit {
    Yes,
    No,
    /// That cannot be said before this is answered.
    Asks(Question),
}
