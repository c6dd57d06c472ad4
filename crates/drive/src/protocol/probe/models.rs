//! What a server's list of models tells: which models it has and which provider it is.

use plimsoll_core::spec::Provider;

use crate::protocol::Malformed;
use crate::protocol::body_reader::malformed;
use crate::protocol::json_scan::Value;

/// Where the list of models is asked for.
pub const MODELS_PATH: &str = "/v1/models";

/// One entry of the list of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name to ask for.
    pub id: String,
    /// Who the server says that it belongs to.
    pub owned_by: Option<String>,
}

/// Reads an answer to [`MODELS_PATH`]: the models in the server's order, possibly none.
///
/// # Errors
/// The body is not JSON with a list of models.
pub fn parse_models(body: &[u8]) -> Result<Vec<Model>, Malformed> {
    let refused = || malformed("a response without a list of models in `data`", body);
    let json = Value::parse(body).map_err(|_| refused())?;
    // Together answers with the bare list.
    let list = json.get("data").unwrap_or(json);
    if !list.is_array() {
        return Err(refused());
    }
    let text = |entry: Value<'_>, name| Some(entry.get(name)?.string()?.unescape().into_owned());
    let model = |entry| Some(Model { id: text(entry, "id")?, owned_by: text(entry, "owned_by") });
    Ok(list.items().filter_map(model).collect())
}

/// A guess at the provider, and what the user should be told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The provider.
    pub provider: Provider,
    /// Present if nothing spoke for this provider: says so, and how to name another. To be printed.
    pub note: Option<String>,
}

/// Guesses the provider by the host's name, else by the owner of the first model.
pub fn guess_provider(host: &str, models: &[Model]) -> Guess {
    if let Some(provider) = provider_of_host(host) {
        return Guess { provider, note: None };
    }
    let owner = models.first().and_then(|model| model.owned_by.as_deref());
    if let Some(provider) = owner.and_then(provider_of_owner) {
        return Guess { provider, note: None };
    }
    let why = match owner {
        Some(owner) => format!("its models belong to `{}`, which is not known", owner.escape_debug()),
        None => "it does not say whose its models are".to_owned(),
    };
    let note = format!("taking {host} for a server with OpenAI's API: {why}; name another with --provider");
    Guess { provider: Provider::Openai, note: Some(note) }
}

/// The provider that a host's name tells.
pub fn provider_of_host(host: &str) -> Option<Provider> {
    let host = host.to_ascii_lowercase();
    let known = [
        ("fireworks.ai", Provider::Fireworks),
        ("together", Provider::Together),
        ("openai", Provider::Openai),
        ("anyscale", Provider::Anyscale),
        ("anthropic", Provider::Anthropic),
    ];
    known.into_iter().find(|(part, _)| host.contains(part)).map(|(_, provider)| provider)
}

/// The provider that a model's owner tells.
pub(super) fn provider_of_owner(owner: &str) -> Option<Provider> {
    let owner = owner.to_ascii_lowercase();
    match owner.as_str() {
        "llamacpp" => Some(Provider::LlamaCpp),
        "system" | "openai-internal" => Some(Provider::Openai),
        _ => Provider::from_name(&owner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(host: &str, owner: Option<&str>) -> Guess {
        guess_provider(host, &[Model { id: "m".to_owned(), owned_by: owner.map(str::to_owned) }])
    }

    #[test]
    fn the_provider_is_guessed_or_the_guess_is_noted() {
        for (host, owner, provider) in [
            ("api.fireworks.ai", Some("vllm"), Provider::Fireworks),
            ("API.Together.xyz", None, Provider::Together),
            ("api.openai.com", Some("system"), Provider::Openai),
            ("x.anyscale.com", None, Provider::Anyscale),
            ("127.0.0.1", Some("vllm"), Provider::Vllm),
            ("127.0.0.1", Some("sglang"), Provider::Sglang),
            ("127.0.0.1", Some("llamacpp"), Provider::LlamaCpp),
            ("api.anthropic.com", None, Provider::Anthropic),
        ] {
            assert_eq!(guess(host, owner), Guess { provider, note: None }, "{host} {owner:?}");
        }
        for owner in [None, Some("somebody")] {
            let guess = guess("10.0.0.1", owner);
            assert_eq!(guess.provider, Provider::Openai);
            assert!(guess.note.unwrap().contains("--provider"));
        }
    }

    #[test]
    fn lists_of_models_are_read_or_refused() {
        let models = parse_models(
            br#"{"models":[{"name":"x"}],"object":"list","data":[{"id":"a","owned_by":"vllm"},{"id":"b"}]}"#,
        );
        let model =
            |id: &str, owner: Option<&str>| Model { id: id.to_owned(), owned_by: owner.map(str::to_owned) };
        assert_eq!(models, Ok(vec![model("a", Some("vllm")), model("b", None)]));
        assert_eq!(parse_models(br#"[{"id":"a"}]"#), Ok(vec![model("a", None)]));
        assert_eq!(parse_models(br#"{"data":[]}"#), Ok(vec![]));
        for body in ["", "<html>", "{}", r#"{"data":{}}"#, r#"{"error":"no"}"#] {
            assert!(parse_models(body.as_bytes()).is_err(), "{body}");
        }
    }
}
