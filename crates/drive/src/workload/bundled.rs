//! The encoding that is part of the program: cl100k_base, which needs no file and no network.
//!
//! Chosen over o200k_base because its vocabulary is half as large. Either one only estimates what another model's
//! tokenizer counts.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use plimsoll_core::workload::Tokenizer;
use rustc_hash::FxBuildHasher;

use super::WorkloadError;
use super::cl100k::{Vocabulary, pieces};

/// What OpenAI documents for a chat of one message: 3 tokens around it, 1 for its role, 3 that begin the answer
/// (OpenAI Cookbook, "How to count tokens with tiktoken").
const CHAT_OVERHEAD: usize = 7;

/// Pieces whose count is remembered: the words of every corpus, and a bound for texts that are no words.
const MAX_KNOWN: usize = 65_536;
/// Bytes of the longest piece that is remembered: scripts without spaces have pieces that do not come again.
const MAX_WORD: usize = 64;

/// Counts with cl100k_base.
pub struct BundledTokenizer {
    vocabulary: Vocabulary,
    /// Tokens of the pieces met so far: prompts are made of the same words again and again.
    known: RwLock<HashMap<Box<str>, usize, FxBuildHasher>>,
}

impl BundledTokenizer {
    /// Counts by the program's own copy of the vocabulary.
    ///
    /// # Errors
    /// The program's own copy of the vocabulary is damaged.
    pub fn new() -> Result<Self, WorkloadError> {
        let vocabulary =
            Vocabulary::bundled().map_err(|reason| WorkloadError::Bundled(reason.to_string()))?;
        Ok(BundledTokenizer { vocabulary, known: RwLock::default() })
    }
}

impl Tokenizer for BundledTokenizer {
    fn name(&self) -> &str {
        "cl100k_base (bundled)"
    }

    fn count(&self, text: &str) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut unknown = Vec::new();
        let mut sum = 0;
        for piece in pieces(text) {
            match known.get(piece) {
                Some(tokens) => sum += tokens,
                None => unknown.push(piece),
            }
        }
        drop(known);
        if unknown.is_empty() {
            return sum;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for piece in unknown {
            let tokens = self.vocabulary.count(piece);
            if known.len() < MAX_KNOWN && piece.len() <= MAX_WORD {
                known.insert(piece.into(), tokens);
            }
            sum += tokens;
        }
        sum
    }

    fn prompt_tokens(&self, text: &str, chat: bool) -> usize {
        self.count(text) + if chat { CHAT_OVERHEAD } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::RequestId;
    use plimsoll_core::seed::Seed;
    use plimsoll_core::spec::Corpus;
    use plimsoll_core::workload::{CorpusOptions, CorpusPrompts};

    use super::*;

    #[test]
    fn prompts_are_exact_by_the_bundled_encoding() {
        let tokenizer = std::sync::Arc::new(BundledTokenizer::new().unwrap());
        assert_eq!(tokenizer.count("hello world"), 2);
        assert_eq!(tokenizer.prompt_tokens("hello world", true), 9);
        for (corpus, chat) in [(Corpus::Verse, true), (Corpus::Code, false)] {
            let options =
                CorpusOptions { corpus, instruction: None, shared_prefix_tokens: 0, randomize: false, chat };
            let prompts = CorpusPrompts::new(&options, tokenizer.clone(), Seed(0));
            for (id, tokens) in [8, 9, 16, 17, 31, 64, 128, 512, 513, 2000].into_iter().enumerate() {
                let (text, got) = prompts.build(RequestId(id as u64), tokens);
                assert_eq!(got, tokens, "{text}");
                assert_eq!(tokenizer.prompt_tokens(&text, chat), tokens as usize);
            }
            assert_eq!(prompts.inexact(), 0);
        }
    }
}
