//! Counting tokens as a server would.

/// Counts tokens. What is counted never leaves this process.
pub trait Tokenizer: Send + Sync {
    /// Its name, for people: a path, or the name of the bundled encoding.
    fn name(&self) -> &str;

    /// Tokens of a text on its own, without any special tokens that a server adds.
    fn count(&self, text: &str) -> usize;

    /// The prompt tokens that a server reports for `text`: sent as the one user message of a chat (the whole template
    /// rendered, the beginning of the answer included), or else as the prompt of a completion; with the special
    /// tokens that the server adds.
    fn prompt_tokens(&self, text: &str, chat: bool) -> usize;
}

/// A tokenizer for tests whose counts are easy to foresee.
#[cfg(test)]
pub(crate) mod tests {
    use super::Tokenizer;

    /// A word of up to four letters is one token, every four further letters one more; so is every line break, and
    /// any other sign on its own. A chat costs 5 tokens more.
    pub(crate) struct Words;

    impl Tokenizer for Words {
        fn name(&self) -> &str {
            "words"
        }

        fn count(&self, text: &str) -> usize {
            let mut tokens = 0;
            let mut letters = 0usize;
            for c in text.chars() {
                if c.is_alphanumeric() {
                    tokens += usize::from(letters.is_multiple_of(4));
                    letters += 1;
                } else {
                    letters = 0;
                    tokens += usize::from(c != ' ');
                }
            }
            tokens
        }

        fn prompt_tokens(&self, text: &str, chat: bool) -> usize {
            self.count(text) + if chat { 5 } else { 0 }
        }
    }
}
