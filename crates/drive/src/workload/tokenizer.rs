//! Finding the tokenizer that the user named.

use std::path::Path;
use std::sync::Arc;

use plimsoll_core::workload::Tokenizer;

use super::{BundledTokenizer, HuggingFaceTokenizer, WorkloadError};

/// The tokenizer at `named`, a tokenizer.json or a folder that holds one; without a name the bundled encoding.
///
/// # Errors
/// There is nothing at `named`, or it is no tokenizer.
pub fn load_tokenizer(named: Option<&str>) -> Result<Arc<dyn Tokenizer>, WorkloadError> {
    let Some(named) = named else {
        return Ok(Arc::new(BundledTokenizer::new()?));
    };
    let path = Path::new(named);
    if path.is_file() {
        return Ok(Arc::new(HuggingFaceTokenizer::open(path)?));
    }
    if path.is_dir() {
        let file = path.join("tokenizer.json");
        if !file.is_file() {
            return Err(WorkloadError::NoTokenizerJson(path.to_owned()));
        }
        return Ok(Arc::new(HuggingFaceTokenizer::open(&file)?));
    }
    Err(if looks_like_a_model_id(named) {
        WorkloadError::ModelId(named.to_owned())
    } else {
        WorkloadError::NoTokenizer(path.to_owned())
    })
}

/// `organisation/name`, and nothing that only a path has.
fn looks_like_a_model_id(named: &str) -> bool {
    let is_path = named.starts_with(['/', '.', '~']) || named.ends_with(".json");
    !is_path && named.split('/').count() == 2 && named.split('/').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_tokenizer_is_refused_with_the_next_step() {
        let empty = tempfile::tempdir().unwrap();
        let folder = empty.path().to_str().unwrap();
        for (named, expected) in [
            ("meta-llama/Llama-3.1-8B", "Plimsoll downloads nothing"),
            ("/nowhere/tokenizer.json", "no tokenizer at /nowhere/tokenizer.json"),
            ("./nowhere", "no tokenizer at ./nowhere"),
            ("nowhere/tokenizer.json", "no tokenizer at nowhere/tokenizer.json"),
            ("nowhere", "no tokenizer at nowhere"),
            (folder, "holds no tokenizer.json"),
        ] {
            let error = load_tokenizer(Some(named)).err().unwrap().to_string();
            assert!(error.contains(expected), "{named}: {error}");
        }
    }

    #[test]
    fn a_folder_and_its_file_are_the_same_tokenizer() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/workload/testdata");
        let by_folder = load_tokenizer(Some(folder)).unwrap();
        let by_file = load_tokenizer(Some(&format!("{folder}/tokenizer.json"))).unwrap();
        assert_eq!(by_folder.name(), by_file.name());
        assert_eq!(by_folder.prompt_tokens("hello", true), by_file.prompt_tokens("hello", true));
    }
}
