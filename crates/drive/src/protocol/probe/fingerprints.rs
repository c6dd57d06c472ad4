//! What tells servers apart: a table, of which the first row that fits counts.

use plimsoll_core::spec::Provider;

use super::models::{Model, parse_models, provider_of_owner};
use super::{Answer, Question};
use crate::protocol::json_scan::Value;
use crate::protocol::v2_metadata::parse_index;

/// Something that must be true of the answer to a question.
type Mark = (Question, fn(&Said<'_>) -> bool);
/// Reads a version.
type ReadVersion = fn(&Said<'_>) -> Option<String>;

/// A server as its answers show it.
pub(super) struct Fingerprint {
    /// What its makers call it.
    pub(super) name: &'static str,
    pub(super) provider: Provider,
    /// What must be true of answers, all of it. Asked for in this order, and no further than needed.
    pub(super) marks: &'static [Mark],
    /// Where its version stands.
    pub(super) version: Option<(Question, ReadVersion)>,
    /// Where its models are listed, if that is not where OpenAI has them.
    pub(super) models: Option<Question>,
}

/// In the order in which they are tried: the list of models tells most servers, and a server may have the endpoints of
/// another (vLLM answers at `/ping`, llama.cpp at Ollama's), so what says most comes first.
///
/// Checked against Triton 2.51, KServe 0.21, MLServer 1.7, TorchServe 0.12, llama.cpp (xllamacpp 2026.10) and
/// transformers 5.23, all running. By their sources: vLLM (`owned_by: "vllm"`, `/version`), SGLang (`owned_by: "sglang"`,
/// `/server_info`), text-generation-inference 3 (`owned_by` is the model's own name, `/info`) and LiteLLM 1.9
/// (`owned_by: "openai"`, `/health/liveliness`).
pub(super) const FINGERPRINTS: &[Fingerprint] = &[
    Fingerprint {
        name: "vLLM",
        provider: Provider::Vllm,
        marks: &[(Question::Models, |said| said.owner_is("vllm"))],
        version: Some((Question::Version, |said| said.text(&["version"]))),
        models: None,
    },
    Fingerprint {
        name: "SGLang",
        provider: Provider::Sglang,
        marks: &[(Question::Models, |said| said.owner_is("sglang"))],
        version: Some((Question::ServerInfo, |said| said.text(&["version"]))),
        models: None,
    },
    Fingerprint {
        name: "llama.cpp",
        provider: Provider::LlamaCpp,
        marks: &[(Question::Models, |said| said.owner_is("llamacpp"))],
        version: Some((Question::Props, llama_cpp_build)),
        models: None,
    },
    Fingerprint {
        name: "text-generation-inference",
        provider: Provider::Tgi,
        marks: &[(Question::Models, owner_is_tgi), (Question::Info, |said| said.has("model_id"))],
        version: Some((Question::Info, |said| said.text(&["version"]))),
        models: None,
    },
    Fingerprint {
        name: "KServe",
        provider: Provider::Kserve,
        marks: &[(Question::Models, lists_names), (Question::MetadataV2, |said| said.has("name"))],
        version: Some((Question::MetadataV2, |said| said.text(&["version"]))),
        models: Some(Question::ModelsV2),
    },
    Fingerprint {
        name: "KServe (V1)",
        provider: Provider::KserveV1,
        marks: &[(Question::Models, lists_names)],
        version: None,
        models: None,
    },
    Fingerprint {
        name: "LiteLLM",
        provider: Provider::Openai,
        marks: &[(Question::Models, |said| said.owner_is("openai")), (Question::Liveliness, is_alive)],
        version: None,
        models: None,
    },
    Fingerprint {
        name: "transformers",
        provider: Provider::Transformers,
        marks: &[(Question::Models, owner_tells_nothing), (Question::OpenApi, has_paths_of_transformers)],
        version: None,
        models: Some(Question::Pinned),
    },
    Fingerprint {
        name: "a server with OpenAI's API",
        provider: Provider::Openai,
        marks: &[(Question::Models, |said| said.list().is_some())],
        version: None,
        models: None,
    },
    Fingerprint {
        name: "Triton",
        provider: Provider::Triton,
        marks: &[(Question::MetadataV2, |said| said.text(&["name"]).as_deref() == Some("triton"))],
        version: Some((Question::MetadataV2, |said| said.text(&["version"]))),
        models: Some(Question::Index),
    },
    Fingerprint {
        name: "MLServer",
        provider: Provider::Mlserver,
        marks: &[(Question::MetadataV2, |said| said.text(&["name"]).as_deref() == Some("mlserver"))],
        version: Some((Question::MetadataV2, |said| said.text(&["version"]))),
        models: Some(Question::Index),
    },
    Fingerprint {
        name: "a server of the Open Inference Protocol",
        provider: Provider::Kserve,
        marks: &[(Question::MetadataV2, |said| said.has("name") && said.has("version"))],
        version: Some((Question::MetadataV2, |said| said.text(&["version"]))),
        models: Some(Question::ModelsV2),
    },
    // Before version 2 it had no list of models. `max_total_tokens` is not in the `/info` of its sibling for embeddings.
    Fingerprint {
        name: "text-generation-inference",
        provider: Provider::Tgi,
        marks: &[(Question::Info, |said| said.has("model_id") && said.has("max_total_tokens"))],
        version: Some((Question::Info, |said| said.text(&["version"]))),
        models: Some(Question::Info),
    },
    Fingerprint {
        name: "TorchServe",
        provider: Provider::Torchserve,
        marks: &[(Question::Ping, |said| said.text(&["status"]).as_deref() == Some("Healthy"))],
        version: Some((Question::Description, |said| said.text(&["info", "version"]))),
        models: None,
    },
];

/// An answer, read.
pub(super) struct Said<'a> {
    answer: &'a Answer,
    json: Option<Value<'a>>,
    /// The model that the user wants.
    wanted: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn new(answer: &'a Answer, wanted: Option<&'a str>) -> Self {
        Said { answer, json: Value::parse(&answer.body).ok(), wanted }
    }

    /// The JSON of a success.
    fn json(&self) -> Option<Value<'a>> {
        self.json.filter(|_| self.answer.status == 200)
    }

    fn has(&self, member: &str) -> bool {
        self.json().is_some_and(|json| json.get(member).is_some())
    }

    /// The text at the end of a path of members.
    fn text(&self, path: &[&str]) -> Option<String> {
        let member = path.iter().try_fold(self.json()?, |json, name| json.get(name))?;
        Some(member.string()?.unescape().into_owned())
    }

    /// The models as OpenAI lists them.
    fn list(&self) -> Option<Vec<Model>> {
        parse_models(&self.answer.body).ok().filter(|_| self.answer.status == 200)
    }

    /// The model whose owner says most: the one that is wanted, else the first.
    pub(super) fn relevant(&self) -> Option<Model> {
        let mut models = self.list()?;
        let wanted = models.iter().position(|model| Some(model.id.as_str()) == self.wanted);
        let at = wanted.unwrap_or(0);
        (at < models.len()).then(|| models.swap_remove(at))
    }

    fn owner_is(&self, name: &str) -> bool {
        self.relevant().is_some_and(|model| model.owned_by.as_deref() == Some(name))
    }

    /// The names of the models in an answer to `question`.
    pub(super) fn models(&self, question: Question) -> Option<Vec<String>> {
        match question {
            Question::Pinned => Some(vec![self.pinned()?]),
            Question::Info => Some(vec![self.text(&["model_id"])?]),
            _ if self.answer.status != 200 => None,
            Question::Models if self.list().is_some() => {
                Some(self.list()?.into_iter().map(|model| model.id).collect())
            }
            _ => parse_index(&self.answer.body).ok(),
        }
    }

    /// The model in transformers' `Server is pinned to 'NAME'; requested '?'.`
    fn pinned(&self) -> Option<String> {
        let detail = self.json?.get("detail")?.string()?.unescape().into_owned();
        let (_, rest) = detail.split_once("pinned to '")?;
        Some(rest.rsplit_once("'; requested")?.0.to_owned())
    }
}

/// `b1234`, of `b1234-0a1b2c3`. A build that nobody numbered says nothing.
fn llama_cpp_build(said: &Said<'_>) -> Option<String> {
    let info = said.text(&["build_info"])?;
    let build = info.split('-').next()?;
    (build != "b0").then(|| build.to_owned())
}

fn owner_is_tgi(said: &Said<'_>) -> bool {
    let own = |model: Model| model.owned_by.is_some_and(|owner| owner == model.id || owner == "tgi");
    said.relevant().is_some_and(own)
}

/// `{"models":["…"]}`, without the `data` that llama.cpp puts beside it.
fn lists_names(said: &Said<'_>) -> bool {
    let names = said.json().and_then(|json| json.get("models"));
    names.is_some_and(|names| names.is_array() && names.items().all(|name| name.string().is_some()))
        && !said.has("data")
}

/// `"I'm alive!"`
fn is_alive(said: &Said<'_>) -> bool {
    said.answer.status == 200 && said.answer.body.windows(5).any(|word| word == b"alive")
}

/// There is something at the place, be it an error, but nothing that names a kind of server. transformers answers 500
/// where nothing was ever downloaded, else with everything that was, whether it serves that or not.
fn owner_tells_nothing(said: &Said<'_>) -> bool {
    let owner = said.relevant().and_then(|model| model.owned_by);
    said.answer.status != 404 && owner.is_none_or(|owner| provider_of_owner(&owner).is_none())
}

fn has_paths_of_transformers(said: &Said<'_>) -> bool {
    let paths = said.json().and_then(|json| json.get("paths"));
    paths.is_some_and(|paths| {
        ["/load_model", "/reset", "/v1/chat/completions"].iter().all(|path| paths.get(path).is_some())
    })
}
