//! Prompts of exactly so many tokens, made of the pieces of a corpus.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rand::RngExt;
use thiserror::Error;

use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::Corpus;
use crate::workload::Tokenizer;
use crate::workload::corpus::BREAK;
use crate::workload::draft::{Draft, fillers, join};
use crate::workload::numbers::random_numbers;
use crate::workload::pieces::{Piece, shared_prefix, start_paragraph};

/// Room to be left for the last piece: a paragraph of its own needs a few tokens.
const LEAST_TAIL: usize = 6;
/// A prompt and its length in tokens.
type Made = (Arc<str>, u32);

/// The stream of random numbers that chooses the pieces.
const PROMPT: &str = "prompt";
/// Short prompts that are remembered, each at most about as long as the longest piece.
const MAX_SHORT: usize = 4_096;

/// How the prompts of a corpus are made.
#[derive(Clone, Debug)]
pub struct CorpusOptions {
    /// Which corpus.
    pub corpus: Corpus,
    /// The instruction at the end in place of the corpus's own.
    pub instruction: Option<String>,
    /// About how many leading tokens all prompts share.
    pub shared_prefix_tokens: u32,
    /// Put random numbers after the shared prefix, so that no two prompts are alike.
    pub randomize: bool,
    /// Count for a chat rather than for a completion.
    pub chat: bool,
}

/// Makes prompts of exactly as many tokens as asked for:
///
/// ```text
/// [shared prefix][random numbers][pieces at random, the last one cut short, filled up][instruction]
/// ```
///
/// The parts are chosen by their own counts, but only a count of the whole rendered prompt decides, because tokens may
/// merge where parts meet. The instruction is left out of prompts so short that it would take more than half.
pub struct CorpusPrompts {
    tokenizer: Arc<dyn Tokenizer>,
    chat: bool,
    seed: Seed,
    randomize: bool,
    pieces: Vec<Piece>,
    prefix: Piece,
    instruction: Piece,
    /// Tokens of a prompt without text.
    overhead: usize,
    fillers: Vec<&'static str>,
    /// The prompts made so far that are no more than one piece cut short, by the number of the piece and the tokens asked for.
    short: RwLock<HashMap<(usize, u32), Made>>,
    inexact: AtomicU64,
}

/// A prompt length that cannot be had.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "a prompt of {asked} tokens is too short: the server itself adds {overhead} around an empty one; \
     ask for at least {least}"
)]
pub struct PromptTooShort {
    asked: u32,
    overhead: usize,
    least: u32,
}

impl CorpusPrompts {
    /// Counts the corpus once; building a prompt then costs little more than one count of it.
    pub fn new(options: &CorpusOptions, tokenizer: Arc<dyn Tokenizer>, seed: Seed) -> Self {
        let count = tokenizer.as_ref();
        let pieces: Vec<Piece> =
            options.corpus.pieces().map(|text| Piece::new(text.to_owned(), count)).collect();
        let instruction = options.instruction.as_deref().unwrap_or(options.corpus.instruction());
        CorpusPrompts {
            prefix: shared_prefix(&pieces, options.shared_prefix_tokens as usize, seed, count),
            instruction: Piece::new(instruction.trim().to_owned(), count),
            overhead: count.prompt_tokens("", options.chat),
            fillers: fillers(count),
            short: RwLock::default(),
            inexact: AtomicU64::new(0),
            chat: options.chat,
            randomize: options.randomize,
            pieces,
            tokenizer,
            seed,
        }
    }

    /// Checks that prompts of this length can be made.
    ///
    /// # Errors
    /// The server adds more tokens around an empty prompt, or the prompt would be empty without a chat around it.
    pub fn check(&self, tokens: u32) -> Result<(), PromptTooShort> {
        let least = u32::try_from(self.overhead).unwrap_or(u32::MAX).max(1);
        if tokens >= least {
            Ok(())
        } else {
            Err(PromptTooShort { asked: tokens, overhead: self.overhead, least })
        }
    }

    /// The prompt for one request, and its length: `tokens`, or in rare cases the nearest possible below.
    pub fn build(&self, id: RequestId, tokens: u32) -> (Arc<str>, u32) {
        let (text, got) = match self.only_piece(id, tokens) {
            None => self.compose(id, tokens),
            Some(piece) => self.remembered((piece, tokens)).unwrap_or_else(|| {
                let made = self.compose(id, tokens);
                self.remember((piece, tokens), &made);
                made
            }),
        };
        if got != tokens {
            self.inexact.fetch_add(1, Ordering::Relaxed);
        }
        (text, got)
    }

    /// The number of the piece of which alone the prompt of a request is made, so that all requests that draw it have the same
    /// one. Nothing where there is room for several, or for numbers of its own.
    fn only_piece(&self, id: RequestId, tokens: u32) -> Option<usize> {
        let prefix = if self.prefix.words() > 0 { self.prefix.tokens() } else { 0 };
        let room = (tokens as usize).saturating_sub(self.overhead + prefix);
        let drawn = self.seed.keyed(PROMPT, id.0).random_range(0..self.pieces.len());
        (!self.randomize && is_last(&self.pieces[drawn], room)).then_some(drawn)
    }

    fn remembered(&self, key: (usize, u32)) -> Option<Made> {
        self.short.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn remember(&self, key: (usize, u32), made: &Made) {
        let mut short = self.short.write().unwrap_or_else(PoisonError::into_inner);
        if short.len() < MAX_SHORT {
            short.insert(key, made.clone());
        }
    }

    /// Makes a prompt from its parts.
    fn compose(&self, id: RequestId, tokens: u32) -> Made {
        let target = tokens as usize;
        let mut best = (String::new(), self.overhead);
        // Without instruction and numbers there is more room to move.
        for dressed in [true, false] {
            match self.fit(&self.draft(id, target, dressed), target) {
                Some(fitted) if fitted.1 > best.1 || fitted.1 == target => best = fitted,
                _ => {}
            }
            if best.1 == target {
                break;
            }
        }
        let (text, got) = best;
        (text.into(), u32::try_from(got).unwrap_or(u32::MAX))
    }

    /// Prompts built so far that are not of exactly the length asked for.
    pub fn inexact(&self) -> u64 {
        self.inexact.load(Ordering::Relaxed)
    }

    /// Chooses the parts by their own counts. `dressed` is with instruction and numbers, if they find room.
    fn draft(&self, id: RequestId, target: usize, dressed: bool) -> Draft<'_> {
        let mut room = target.saturating_sub(self.overhead);
        let mut ending = String::new();
        let mut ending_tokens = 0;
        if dressed && self.instruction.tokens() * 2 <= room {
            ending.push_str(self.instruction.text());
            ending_tokens = self.instruction.tokens();
            room -= ending_tokens;
        }
        let mut numbers = String::new();
        let mut numbers_tokens = 0;
        if dressed && self.randomize {
            let drawn = random_numbers(self.seed, id);
            let tokens = self.tokenizer.count(&(drawn.clone() + BREAK));
            if tokens <= room {
                (numbers, numbers_tokens) = (drawn, tokens);
                room -= tokens;
            }
        }
        if self.prefix.tokens() > room {
            let ending = join(&numbers, &ending);
            let ending_tokens = ending_tokens + numbers_tokens;
            return Draft { head: String::new(), head_tokens: 0, tail: &self.prefix, ending, ending_tokens };
        }
        let mut head = join(self.prefix.text(), &numbers);
        let mut head_tokens = numbers_tokens;
        if self.prefix.words() > 0 {
            head_tokens += self.prefix.tokens();
            room -= self.prefix.tokens();
        }
        let mut rng = self.seed.keyed(PROMPT, id.0);
        loop {
            let piece = &self.pieces[rng.random_range(0..self.pieces.len())];
            if is_last(piece, room) {
                return Draft { head, head_tokens, tail: piece, ending, ending_tokens };
            }
            start_paragraph(&mut head);
            head.push_str(piece.text());
            head_tokens += piece.tokens();
            room -= piece.tokens().max(1); // ends even with a tokenizer that counts nothing
        }
    }

    fn fit(&self, draft: &Draft<'_>, target: usize) -> Option<(String, usize)> {
        let tokenizer = self.tokenizer.as_ref();
        draft.fit(target, self.overhead, tokenizer, &self.fillers, |text| {
            tokenizer.prompt_tokens(text, self.chat)
        })
    }
}

/// Whether a piece is the last one of a prompt that has room for so many tokens.
fn is_last(piece: &Piece, room: usize) -> bool {
    piece.tokens() + LEAST_TAIL > room
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::workload::tokenizer::tests::Words;

    /// Merges everything with everything: one token for every so many bytes of the whole text.
    struct Bytes(usize);

    /// Cannot make an odd number of tokens.
    struct Even;

    impl Tokenizer for Bytes {
        fn name(&self) -> &str {
            "bytes"
        }

        fn count(&self, text: &str) -> usize {
            text.len().div_ceil(self.0)
        }

        fn prompt_tokens(&self, text: &str, chat: bool) -> usize {
            self.count(text) + if chat { 7 } else { 0 }
        }
    }

    impl Tokenizer for Even {
        fn name(&self) -> &str {
            "even"
        }

        fn count(&self, text: &str) -> usize {
            Words.count(text) * 2
        }

        fn prompt_tokens(&self, text: &str, _chat: bool) -> usize {
            self.count(text) + 4
        }
    }

    fn options(corpus: Corpus) -> CorpusOptions {
        CorpusOptions { corpus, instruction: None, shared_prefix_tokens: 0, randomize: false, chat: true }
    }

    fn tokenizer(which: usize) -> Arc<dyn Tokenizer> {
        match which {
            0 => Arc::new(Words),
            n => Arc::new(Bytes(n)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

        #[test]
        fn prompts_have_exactly_the_tokens_asked_for(
            which in 0_usize..5, code: bool, chat: bool, randomize: bool, prefix in 0_u32..300,
            tokens in 8_u32..1500, seed: u64, id: u64,
        ) {
            let options = CorpusOptions {
                corpus: if code { Corpus::Code } else { Corpus::Verse },
                instruction: None,
                shared_prefix_tokens: prefix,
                randomize,
                chat,
            };
            let prompts = CorpusPrompts::new(&options, tokenizer(which), Seed(seed));
            let (text, got) = prompts.build(RequestId(id), tokens);
            prop_assert_eq!(got, tokens, "{}", text);
            prop_assert_eq!(prompts.tokenizer.prompt_tokens(&text, chat), tokens as usize);
            prop_assert_eq!(text.trim(), &*text);
            prop_assert_eq!(prompts.inexact(), 0);
            prop_assert_eq!(prompts.build(RequestId(id), tokens), (text, got));
        }
    }

    #[test]
    fn corrections_that_go_to_and_fro_are_topped_up() {
        let options = CorpusOptions { shared_prefix_tokens: 85, ..options(Corpus::Verse) };
        let prompts = CorpusPrompts::new(&options, Arc::new(Bytes(4)), Seed(4_273_380_455_041_731_127));
        let (text, got) = prompts.build(RequestId(13_405_052_973_162_894_395), 1174);
        assert_eq!((got, prompts.tokenizer.prompt_tokens(&text, true)), (1174, 1174));
    }

    #[test]
    fn prompts_read_as_described() {
        let options = CorpusOptions { randomize: true, shared_prefix_tokens: 60, ..options(Corpus::Verse) };
        let prompts = CorpusPrompts::new(&options, Arc::new(Words), Seed(2));
        let made: Vec<_> = (0..500).map(|id| prompts.build(RequestId(id), 256).0).collect();
        let prefix = prompts.prefix.text();
        assert!((50..=60).contains(&Words.count(prefix)), "{} tokens: {prefix}", Words.count(prefix));
        for prompt in &made {
            assert!(prompt.starts_with(prefix), "{prompt}");
            assert!(prompt[prefix.len()..].starts_with("\n\n"), "{prompt}");
            assert!(prompt.ends_with("\n\nTranslate the verses above to Spanish."), "{prompt}");
            assert!(!prompt.contains(&prompts.fillers[0].repeat(8)), "too much filler: {prompt}");
        }
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), 500);
    }

    #[test]
    fn remembered_prompts_are_those_that_would_be_made() {
        for shared_prefix_tokens in [0, 30] {
            let options = CorpusOptions { shared_prefix_tokens, ..options(Corpus::Verse) };
            let prompts = CorpusPrompts::new(&options, Arc::new(Words), Seed(2));
            for id in (0..1000).map(RequestId) {
                let tokens = 5 + (id.0 % 7) as u32 * 17;
                assert_eq!(prompts.build(id, tokens), prompts.compose(id, tokens), "{tokens}");
            }
            let remembered = prompts.short.read().unwrap().len();
            assert!((100..700).contains(&remembered), "{remembered}");
        }
    }

    #[test]
    fn the_shared_prefix_depends_on_the_seed() {
        let prefix = |seed| {
            let options = CorpusOptions { shared_prefix_tokens: 100, ..options(Corpus::Code) };
            CorpusPrompts::new(&options, Arc::new(Words), Seed(seed)).prefix.text().to_owned()
        };
        assert_eq!(prefix(1), prefix(1));
        assert_ne!(prefix(1), prefix(2));
    }

    #[test]
    fn a_prefix_longer_than_the_prompt_fills_it() {
        let options = CorpusOptions { shared_prefix_tokens: 1000, ..options(Corpus::Verse) };
        let prompts = CorpusPrompts::new(&options, Arc::new(Words), Seed(2));
        let (first, second) = (prompts.build(RequestId(0), 200), prompts.build(RequestId(1), 200));
        assert_eq!(first, second);
        assert_eq!(first.1, 200);

        let options = CorpusOptions { randomize: true, ..options };
        let prompts = CorpusPrompts::new(&options, Arc::new(Words), Seed(2));
        assert_ne!(prompts.build(RequestId(0), 200).0, prompts.build(RequestId(1), 200).0);
    }

    #[test]
    fn tiny_prompts_do_without_the_instruction_and_impossible_ones_are_refused() {
        let prompts = CorpusPrompts::new(&options(Corpus::Verse), Arc::new(Words), Seed(0));
        for tokens in 5..40 {
            let (text, got) = prompts.build(RequestId(9), tokens);
            assert_eq!((got, text.contains("Translate")), (tokens, tokens >= 33), "{text}");
            assert_eq!(prompts.check(tokens), Ok(()));
        }
        let error = prompts.check(4).unwrap_err().to_string();
        assert!(error.contains("adds 5 around an empty one") && error.contains("at least 5"), "{error}");
        assert_eq!(prompts.build(RequestId(9), 4).1, 5, "nothing shorter can be had");

        let completions = CorpusOptions { chat: false, ..options(Corpus::Verse) };
        let prompts = CorpusPrompts::new(&completions, Arc::new(Words), Seed(0));
        assert!(prompts.check(0).is_err());
        assert_eq!(prompts.build(RequestId(9), 1).1, 1);
    }

    #[test]
    fn a_length_that_cannot_be_had_becomes_the_nearest_below_and_is_counted() {
        let prompts = CorpusPrompts::new(&options(Corpus::Verse), Arc::new(Even), Seed(0));
        assert_eq!(prompts.build(RequestId(0), 200).1, 200);
        assert_eq!(prompts.inexact(), 0);
        assert_eq!(prompts.build(RequestId(1), 201).1, 200);
        assert_eq!(prompts.inexact(), 1);
    }
}
