//! Texts that know roughly how many tokens each of their beginnings has, so that prompts need not be counted to be cut.

use rand::RngExt;

use crate::seed::Seed;
use crate::workload::Tokenizer;
use crate::workload::corpus::BREAK;

/// A text that can be cut at the end of any word.
pub(crate) struct Piece {
    text: String,
    /// Tokens of the text and the blank line after it.
    tokens: usize,
    /// The end of each word, in bytes, and about how many tokens the text up to there has.
    ends: Vec<(usize, usize)>,
}

impl Piece {
    /// Counts a text, as a whole and word by word.
    pub(crate) fn new(text: String, tokenizer: &dyn Tokenizer) -> Self {
        let tokens = tokenizer.count(&format!("{text}{BREAK}"));
        let mut ends = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for end in word_ends(&text) {
            sum += tokenizer.count(&text[start..end]);
            ends.push((end, sum));
            start = end;
        }
        // Some tokenizers count words dearer when they stand alone. The whole text is the measure.
        if sum > tokens {
            ends.iter_mut().for_each(|(_, until)| *until = *until * tokens / sum);
        }
        Piece { text, tokens, ends }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Tokens of the text and the blank line after it.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// How many words it has.
    pub(crate) fn words(&self) -> usize {
        self.ends.len()
    }

    /// How many of its first words have together about at most `tokens` tokens.
    pub(crate) fn words_within(&self, tokens: usize) -> usize {
        self.ends.partition_point(|&(_, sum)| sum <= tokens)
    }

    /// The text up to the end of the first `words` words.
    pub(crate) fn beginning(&self, words: usize) -> &str {
        words.checked_sub(1).and_then(|last| self.ends.get(last)).map_or("", |&(end, _)| &self.text[..end])
    }
}

/// Begins a new paragraph, unless the text is empty.
pub(crate) fn start_paragraph(body: &mut String) {
    if !body.is_empty() {
        body.push_str(BREAK);
    }
}

/// A text of about `tokens` tokens, the same for all requests of a seed.
pub(crate) fn shared_prefix(pieces: &[Piece], tokens: usize, seed: Seed, tokenizer: &dyn Tokenizer) -> Piece {
    let mut rng = seed.stream("shared-prefix");
    let mut text = String::new();
    let mut room = tokens;
    while room > 0 && !pieces.is_empty() {
        let piece = &pieces[rng.random_range(0..pieces.len())];
        let words = if piece.tokens() <= room { piece.words() } else { piece.words_within(room) };
        if words > 0 {
            start_paragraph(&mut text);
            text.push_str(piece.beginning(words));
        }
        room = room.saturating_sub(piece.tokens());
    }
    Piece::new(text, tokenizer)
}

/// The byte offsets at which words end.
fn word_ends(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let ends_at = |&end: &usize| {
        !bytes[end - 1].is_ascii_whitespace() && bytes.get(end).is_none_or(u8::is_ascii_whitespace)
    };
    (1..=bytes.len()).filter(ends_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::tokenizer::tests::Words;

    #[test]
    fn a_piece_is_cut_at_words_by_tokens() {
        let piece = Piece::new("one seventeen\n  two, é three".to_owned(), &Words);
        assert_eq!(piece.tokens(), 1 + 3 + 1 + 2 + 1 + 2 + 2);
        for (tokens, beginning) in [
            (0, ""),
            (1, "one"),
            (3, "one"),
            (4, "one seventeen"),
            (6, "one seventeen"),
            (7, "one seventeen\n  two,"),
            (8, "one seventeen\n  two, é"),
            (99, "one seventeen\n  two, é three"),
        ] {
            assert_eq!(piece.beginning(piece.words_within(tokens)), beginning, "{tokens}");
        }
        assert_eq!(Piece::new(String::new(), &Words).words_within(9), 0);
    }
}
