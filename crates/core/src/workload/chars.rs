//! Prompts of exactly so many characters, made of the pieces of a corpus.

use std::sync::Arc;

use rand::RngExt;

use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::Corpus;
use crate::workload::Tokenizer;
use crate::workload::corpus::BREAK;
use crate::workload::numbers::random_numbers;
use crate::workload::pieces::{Piece, shared_prefix, start_paragraph};

/// Makes prompts of a number of characters: shared prefix, random numbers, pieces at random, instruction. The corpora
/// are ASCII, so characters are bytes here.
pub struct CharPrompts {
    pieces: Vec<&'static str>,
    instruction: &'static str,
    chars: usize,
    prefix: String,
    randomize: bool,
    seed: Seed,
}

impl CharPrompts {
    /// Prompts of `chars` characters of `corpus`.
    pub fn new(corpus: Corpus, chars: u32, randomize: bool, seed: Seed) -> Self {
        CharPrompts {
            pieces: corpus.pieces().collect(),
            instruction: corpus.instruction(),
            chars: chars as usize,
            prefix: String::new(),
            randomize,
            seed,
        }
    }

    /// Texts of `chars` characters of `corpus` that ask for nothing at their end.
    pub fn text(corpus: Corpus, chars: u32, seed: Seed) -> Self {
        CharPrompts { instruction: "", ..CharPrompts::new(corpus, chars, false, seed) }
    }

    /// Lets all prompts begin with the same text of about `tokens` tokens.
    pub fn with_shared_prefix(mut self, tokens: u32, tokenizer: &dyn Tokenizer) -> Self {
        let pieces: Vec<Piece> =
            self.pieces.iter().map(|&text| Piece::new(text.to_owned(), tokenizer)).collect();
        let prefix = shared_prefix(&pieces, tokens as usize, self.seed, tokenizer);
        self.prefix = prefix.text().to_owned();
        self
    }

    /// The prompt for one request. The instruction is left out where it would take more than half.
    pub fn build(&self, id: RequestId) -> Arc<str> {
        let ending = format!("{BREAK}{}", self.instruction);
        let fits = ending.len() * 2 <= self.chars && !self.instruction.is_empty();
        let ending = if fits { ending.as_str() } else { "" };
        let length = self.chars - ending.len();
        let mut body = self.prefix.clone();
        if self.randomize {
            start_paragraph(&mut body);
            body.push_str(&random_numbers(self.seed, id));
        }
        let mut rng = self.seed.keyed("prompt", id.0);
        while body.len() < length {
            start_paragraph(&mut body);
            body.push_str(self.pieces[rng.random_range(0..self.pieces.len())]);
        }
        body.truncate(length);
        // White space at the end of a prompt is dropped by some chat templates.
        let kept = body.trim_end().len();
        body.truncate(kept);
        body.push_str(&".".repeat(length - kept));
        body.push_str(ending);
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::workload::tokenizer::tests::Words;

    #[test]
    fn every_length_is_exact_and_without_white_space_at_its_ends() {
        for corpus in [Corpus::Verse, Corpus::Code] {
            for chars in (0..400).chain([4096, 100_000]) {
                let prompt = CharPrompts::new(corpus, chars, true, Seed(3)).build(RequestId(1));
                assert_eq!(prompt.chars().count(), chars as usize);
                assert_eq!(prompt.trim(), &*prompt);
                let text = CharPrompts::text(corpus, chars, Seed(3)).build(RequestId(1));
                assert!(text.len() == chars as usize && !text.contains(corpus.instruction()));
            }
        }
    }

    #[test]
    fn prompts_differ_by_id_and_seed_and_share_their_prefix() {
        let prompts = |seed| {
            let made = CharPrompts::new(Corpus::Verse, 600, true, Seed(seed)).with_shared_prefix(40, &Words);
            (made.prefix.clone(), (0..200).map(|id| made.build(RequestId(id))).collect::<Vec<_>>())
        };
        let (prefix, made) = prompts(1);
        assert!(Words.count(&prefix) >= 30, "{prefix}");
        assert!(made.iter().all(|prompt| prompt.starts_with(&prefix)));
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), 200);
        assert_eq!((prefix.clone(), made), prompts(1));
        assert_ne!(prefix, prompts(2).0);
    }
}
