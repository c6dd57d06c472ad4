//! A prompt in the making: whole pieces, then one that is cut and filled up until the count is right.

use crate::workload::Tokenizer;
use crate::workload::corpus::BREAK;
use crate::workload::pieces::Piece;

/// Places at which the last piece is tried to be cut. One of the first two nearly always serves.
const CUTS: usize = 12;

/// Counts of the whole prompt before the nearest length below is taken.
const ROUNDS: usize = 6;

/// Candidates for a text that adds exactly one token however often it is repeated: short words that nearly every
/// vocabulary has with a leading space, then signs for vocabularies of characters or bytes.
const FILLERS: [&str; 14] =
    [" so", " and", " the", " to", " we", " no", " me", " do", " he", " a", " x", " 1", "!", "."];

/// The parts of a prompt: `head`, as much of `tail` as fits, `ending`, with blank lines between them.
pub(crate) struct Draft<'a> {
    /// Kept as it is.
    pub head: String,
    /// About the tokens of the head and the blank line after it.
    pub head_tokens: usize,
    /// To be cut.
    pub tail: &'a Piece,
    /// Kept as it is, at the end.
    pub ending: String,
    /// About the tokens of the ending and the blank line before it.
    pub ending_tokens: usize,
}

impl Draft<'_> {
    /// The prompt of `target` tokens, or else the longest one found below, with its length as `count` has it for the
    /// whole.
    ///
    /// The tail is fitted by counts of its own, which are short. The whole is counted to correct what those miss:
    /// nothing, where tokens do not reach over blank lines.
    pub(crate) fn fit(
        &self,
        target: usize,
        overhead: usize,
        tokenizer: &dyn Tokenizer,
        fillers: &[&str],
        count: impl Fn(&str) -> usize,
    ) -> Option<(String, usize)> {
        let mut wanted = target.saturating_sub(overhead + self.head_tokens);
        let mut nearest = None;
        for _ in 0..ROUNDS {
            let text = join(&self.head, &self.fit_tail(wanted, tokenizer, fillers));
            let tokens = count(&text);
            if tokens == target {
                return Some((text, tokens));
            }
            if tokens < target && nearest.as_ref().is_none_or(|&(_, most)| tokens > most) {
                nearest = Some((text, tokens));
            }
            wanted = (wanted + target).saturating_sub(tokens);
        }
        nearest.map(|nearest| self.topped_up(nearest, target, fillers, count))
    }

    /// `nearest` with the filler that it lacks at the end of its tail, if that is exact. Where tokens do reach over
    /// blank lines, one more in the tail can be two more in the whole, and corrections go to and fro for ever.
    fn topped_up(
        &self,
        nearest: (String, usize),
        target: usize,
        fillers: &[&str],
        count: impl Fn(&str) -> usize,
    ) -> (String, usize) {
        let missing = target - nearest.1;
        let body = nearest.0.strip_suffix(self.ending.as_str()).unwrap_or(&nearest.0).trim_end();
        if body.len() <= self.head.len() {
            return nearest; // the head is kept as it is
        }
        let mut topped = fillers.iter().map(|filler| join(&fill(body, filler, missing), &self.ending));
        match topped.find(|text| count(text) == target) {
            Some(text) => (text, target),
            None => nearest,
        }
    }

    /// Tail and ending of `wanted` tokens by their own count, or else the longest found below, or else the ending.
    fn fit_tail(&self, wanted: usize, tokenizer: &dyn Tokenizer, fillers: &[&str]) -> String {
        // Words may be cheaper than counted, so the first try is one word more than should fit.
        let most = self.tail.words_within(wanted.saturating_sub(self.ending_tokens)) + 1;
        let mut nearest = (self.ending.clone(), 0);
        for filler in fillers {
            for words in (0..=most.min(self.tail.words())).rev().take(CUTS) {
                let start = self.tail.beginning(words);
                let bare = join(start, &self.ending);
                let tokens = tokenizer.count(&bare);
                if tokens == wanted {
                    return bare;
                }
                let Some(missing) = wanted.checked_sub(tokens) else {
                    continue;
                };
                if tokens > nearest.1 {
                    nearest = (bare, tokens);
                }
                // The first filler may add one token more, by parting what was one token before; and where no filler
                // adds just one, two are likely.
                for times in [missing, missing - 1, missing / 2] {
                    let text = join(&fill(start, filler, times), &self.ending);
                    let tokens = tokenizer.count(&text);
                    if tokens == wanted {
                        return text;
                    }
                    if tokens < wanted && tokens > nearest.1 {
                        nearest = (text, tokens);
                    }
                }
            }
        }
        nearest.0
    }
}

/// Two texts as paragraphs; an empty one leaves no trace.
pub(crate) fn join(first: &str, second: &str) -> String {
    let between = if first.is_empty() || second.is_empty() { "" } else { BREAK };
    [first, between, second].concat()
}

/// Adds filler. No text begins with white space: chat templates are free to drop it.
fn fill(start: &str, filler: &str, times: usize) -> String {
    let filled = start.to_owned() + &filler.repeat(times);
    if start.is_empty() { filled.trim_start().to_owned() } else { filled }
}

/// Those of [`FILLERS`] that add one token each, best first, or the first one where none does.
pub(crate) fn fillers(tokenizer: &dyn Tokenizer) -> Vec<&'static str> {
    let base = "the river";
    let alone = tokenizer.count(base);
    let adds_one = |filler: &&str| {
        [1, 2, 3, 8]
            .into_iter()
            .all(|times| tokenizer.count(&(base.to_owned() + &filler.repeat(times))) == alone + times)
    };
    let mut found: Vec<&'static str> = FILLERS.into_iter().filter(adds_one).take(3).collect();
    if found.is_empty() {
        found.push(FILLERS[0]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::tokenizer::tests::Words;

    #[test]
    fn the_tail_is_cut_and_filled() {
        let tail = Piece::new("one two extraordinary four".to_owned(), &Words);
        let draft = Draft {
            head: "Head.".to_owned(),
            head_tokens: 4,
            tail: &tail,
            ending: "End.".to_owned(),
            ending_tokens: 4,
        };
        let fillers = fillers(&Words);
        assert_eq!(fillers[0], " so");
        for (target, expected) in [
            (6, "Head.\n\nEnd."),
            (7, "Head.\n\nso\n\nEnd."),
            (9, "Head.\n\none\n\nEnd."),
            (10, "Head.\n\none two\n\nEnd."),
            (12, "Head.\n\none two so so\n\nEnd."),
            (14, "Head.\n\none two extraordinary\n\nEnd."),
            (17, "Head.\n\none two extraordinary four so so\n\nEnd."),
        ] {
            let fitted = draft.fit(target, 0, &Words, &fillers, |text| Words.count(text));
            let (text, tokens) = fitted.unwrap_or_default();
            assert!(tokens <= target, "{text}");
            if tokens == target {
                assert_eq!(text, expected);
            } else {
                assert_eq!(target, 7, "only one more token cannot be a paragraph of its own: {text}");
            }
        }
        assert_eq!(draft.fit(5, 0, &Words, &fillers, |text| Words.count(text)), None);
    }
}
