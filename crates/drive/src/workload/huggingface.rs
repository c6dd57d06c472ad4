//! Tokenizers in the files of Hugging Face: `tokenizer.json`, `tokenizer_config.json` and a chat template.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use plimsoll_core::workload::Tokenizer;
use serde_json::Value;
use tokenizers::Tokenizer as Vocabulary;

use super::WorkloadError;
use super::chat_template::ChatTemplate;
use crate::clock;

/// Counts as a server does that has these files.
pub struct HuggingFaceTokenizer {
    name: String,
    vocabulary: Vocabulary,
    template: Option<ChatTemplate>,
    /// Special tokens that a server adds around a text completion.
    completion_overhead: usize,
    /// Chats are not counted as the server will, and that has been said.
    warned: Once,
}

impl HuggingFaceTokenizer {
    /// Reads a `tokenizer.json` and what stands beside it.
    ///
    /// # Errors
    /// A file cannot be read or is not what its name says.
    pub fn open(tokenizer_json: &Path) -> Result<Self, WorkloadError> {
        let broken = |reason: String| WorkloadError::Tokenizer { path: tokenizer_json.to_owned(), reason };
        let bytes = read(tokenizer_json)?;
        let mut vocabulary = Vocabulary::from_bytes(&bytes).map_err(|error| broken(error.to_string()))?;
        vocabulary.with_truncation(None).map_err(|error| broken(error.to_string()))?;
        vocabulary.with_padding(None);
        let folder = tokenizer_json.parent().unwrap_or(Path::new("."));
        let config = Config::open(folder)?;
        let template = match config.chat_template(folder)? {
            None => None,
            Some((path, source)) => Some(
                ChatTemplate::new(
                    &source,
                    &config.token("bos_token"),
                    &config.token("eos_token"),
                    (clock::now(libc::CLOCK_REALTIME) / 1_000_000_000) as i64,
                )
                .map_err(|error| WorkloadError::Tokenizer { path, reason: error.to_string() })?,
            ),
        };
        let completion_overhead = config.completion_overhead(&vocabulary).map_err(broken)?;
        Ok(HuggingFaceTokenizer {
            name: tokenizer_json.display().to_string(),
            vocabulary,
            template,
            completion_overhead,
            warned: Once::new(),
        })
    }

    /// The text that a server makes of a chat of one message.
    fn rendered(&self, text: &str) -> Option<String> {
        let reason = match &self.template {
            None => "there is no chat template beside it".to_owned(),
            Some(template) => match template.render(text) {
                Ok(rendered) => return Some(rendered),
                Err(error) => format!("its chat template refuses a message: {error}"),
            },
        };
        self.warned.call_once(|| {
            tracing::warn!(
                tokenizer = self.name,
                reason,
                "prompts of chats are counted without what the server puts around them"
            );
        });
        None
    }
}

impl Tokenizer for HuggingFaceTokenizer {
    fn name(&self) -> &str {
        &self.name
    }

    fn count(&self, text: &str) -> usize {
        // Encoding fails only in a normalizer or model that rejects the text, of which none exist for byte-level text.
        self.vocabulary.encode_fast(text, false).map_or(0, |encoding| encoding.len())
    }

    fn prompt_tokens(&self, text: &str, chat: bool) -> usize {
        let rendered = if chat { self.rendered(text) } else { None };
        // Templates write their special tokens themselves, and servers then add none.
        rendered.map_or_else(|| self.count(text) + self.completion_overhead, |rendered| self.count(&rendered))
    }
}

/// The content of `tokenizer_config.json`; empty if there is none.
struct Config {
    path: PathBuf,
    json: Value,
}

impl Config {
    fn open(folder: &Path) -> Result<Self, WorkloadError> {
        let path = folder.join("tokenizer_config.json");
        if !path.is_file() {
            return Ok(Config { path, json: Value::Null });
        }
        let json = serde_json::from_slice(&read(&path)?)
            .map_err(|error| WorkloadError::Tokenizer { path: path.clone(), reason: error.to_string() })?;
        Ok(Config { path, json })
    }

    /// The text of a special token, which is written bare or as an object.
    fn token(&self, name: &str) -> String {
        let token = &self.json[name];
        token.as_str().or(token["content"].as_str()).unwrap_or_default().to_owned()
    }

    /// The chat template and the file that holds it: a file of its own, or a member here, which is a text or a list of
    /// named ones.
    fn chat_template(&self, folder: &Path) -> Result<Option<(PathBuf, String)>, WorkloadError> {
        let own = folder.join("chat_template.jinja");
        if own.is_file() {
            let source = String::from_utf8(read(&own)?)
                .map_err(|error| WorkloadError::Tokenizer { path: own.clone(), reason: error.to_string() })?;
            return Ok(Some((own, source)));
        }
        let member = &self.json["chat_template"];
        let named_default = || {
            let templates = member.as_array()?;
            templates.iter().find(|template| template["name"] == "default")?["template"].as_str()
        };
        Ok(member.as_str().or_else(named_default).map(|source| (self.path.clone(), source.to_owned())))
    }

    /// Special tokens around a completion: those of the post-processor, unless `add_bos_token` or `add_eos_token` says
    /// otherwise. llama.cpp's converter reads them so (gguf-py, `vocab.py`); so do transformers' Llama and Gemma classes.
    fn completion_overhead(&self, vocabulary: &Vocabulary) -> Result<usize, String> {
        let ids = |special| {
            let encoding = vocabulary.encode("a", special).map_err(|error| error.to_string())?;
            Ok::<_, String>(encoding.get_ids().to_vec())
        };
        let (bare, whole) = (ids(false)?, ids(true)?);
        let mut overhead = whole.len() - bare.len().min(whole.len());
        let ends =
            [("add_bos_token", "bos_token", whole.first()), ("add_eos_token", "eos_token", whole.last())];
        for (option, token, end) in ends {
            let id = vocabulary.token_to_id(&self.token(token));
            let present = id.is_some() && id.as_ref() == end;
            match self.json[option].as_bool() {
                Some(true) if id.is_some() && !present => overhead += 1,
                Some(false) if present => overhead = overhead.saturating_sub(1),
                _ => {}
            }
        }
        Ok(overhead)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, WorkloadError> {
    fs::read(path).map_err(|reason| WorkloadError::Read { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/workload/testdata");

    /// The project's tiny tokenizer in a folder of its own, with changes to its files.
    fn tiny(
        vocabulary: impl Fn(&mut Value),
        config: &Value,
        template: Option<&str>,
    ) -> Result<HuggingFaceTokenizer, WorkloadError> {
        let folder = tempfile::tempdir().unwrap();
        let mut json: Value =
            serde_json::from_slice(&fs::read(format!("{TESTDATA}/tokenizer.json")).unwrap()).unwrap();
        vocabulary(&mut json);
        fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
        fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        if let Some(template) = template {
            fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
        }
        HuggingFaceTokenizer::open(&folder.path().join("tokenizer.json"))
    }

    /// Makes the post-processor begin every text with `<s>`.
    fn begin_with_bos(json: &mut Value) {
        json["post_processor"]["single"] = serde_json::json!([
            {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
        ]);
        json["post_processor"]["special_tokens"] =
            serde_json::json!({"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}});
    }

    #[test]
    fn counts_are_those_that_llama_cpp_reports_for_the_same_files() {
        let tokenizer = HuggingFaceTokenizer::open(Path::new(&format!("{TESTDATA}/tokenizer.json"))).unwrap();
        // Asked of a real llama.cpp server with this model: usage.prompt_tokens.
        for (text, chat, tokens) in [
            ("hello", false, 3),
            ("<s>hello", false, 4),
            ("a", false, 1),
            ("hello", true, 6),
            ("", true, 3),
            ("  hello  ", true, 9),
            ("hello\n", true, 7),
            ("</s>x", true, 5),
            ("é 中 😀", true, 14),
        ] {
            assert_eq!(tokenizer.prompt_tokens(text, chat), tokens, "{text:?} {chat}");
        }
        assert_eq!(tokenizer.count("hello"), 3);
    }

    #[test]
    fn special_tokens_follow_the_post_processor_unless_the_configuration_decides() {
        let none = |_: &mut Value| {};
        let json = |text| serde_json::from_str::<Value>(text).unwrap();
        for (with_bos, config, tokens) in [
            (false, "{}", 3),
            (false, r#"{"bos_token": "<s>", "add_bos_token": true}"#, 4),
            (
                false,
                r#"{"bos_token": {"content": "<s>"}, "add_bos_token": true, "eos_token": "</s>", "add_eos_token": true}"#,
                5,
            ),
            (false, r#"{"bos_token": "<s>", "add_bos_token": false}"#, 3),
            (true, "{}", 4),
            (true, r#"{"bos_token": "<s>", "add_bos_token": true}"#, 4),
            (true, r#"{"bos_token": "<s>", "add_bos_token": false}"#, 3),
        ] {
            let vocabulary = |json: &mut Value| {
                if with_bos { begin_with_bos(json) } else { none(json) }
            };
            let tokenizer = tiny(vocabulary, &json(config), None).unwrap();
            assert_eq!(tokenizer.prompt_tokens("hello", false), tokens, "{with_bos} {config}");
        }
    }

    #[test]
    fn templates_are_found_in_every_place_and_add_their_own_special_tokens() {
        let bos_and_text = "{{ bos_token }}{{ messages[0].content }}";
        let in_config = serde_json::json!({"bos_token": "<s>", "chat_template": bos_and_text});
        let named = serde_json::json!({"bos_token": "<s>", "chat_template": [
            {"name": "tool_use", "template": "x"}, {"name": "default", "template": bos_and_text},
        ]});
        let own_file = serde_json::json!({"bos_token": "<s>", "chat_template": "not this one"});
        for (config, file) in [(in_config, None), (named, None), (own_file, Some(bos_and_text))] {
            let tokenizer = tiny(begin_with_bos, &config, file).unwrap();
            assert_eq!(tokenizer.prompt_tokens("hello", true), 4, "{config}");
        }
        let without = tiny(|_| {}, &serde_json::json!({}), None).unwrap();
        assert_eq!(without.prompt_tokens("hello", true), 3);
    }

    #[test]
    fn broken_files_are_named() {
        let error =
            |made: Result<_, WorkloadError>| made.map(|_: HuggingFaceTokenizer| ()).unwrap_err().to_string();
        let broken = error(tiny(|json| *json = serde_json::json!({"model": 3}), &Value::Null, None));
        assert!(broken.contains("tokenizer.json: "), "{broken}");
        let broken = error(tiny(|_| {}, &Value::Null, Some("{% if %}")));
        assert!(broken.contains("chat_template.jinja: syntax error"), "{broken}");
    }
}
