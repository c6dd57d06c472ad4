//! The bundled corpora: texts of this project's own, cut into pieces that prompts are made of.

use crate::spec::Corpus;

/// What stands between two pieces, and before the instruction.
pub(crate) const BREAK: &str = "\n\n";

impl Corpus {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Corpus::Verse => "verse",
            Corpus::Code => "code",
        }
    }

    /// What a prompt of this corpus asks for at its end: a long answer, so that servers do not stop early.
    pub const fn instruction(self) -> &'static str {
        match self {
            Corpus::Verse => "Translate the verses above to Spanish.",
            Corpus::Code => "Translate the code above to C++.",
        }
    }

    /// The pieces, none of which begins or ends with white space or holds a blank line.
    pub fn pieces(self) -> impl Iterator<Item = &'static str> {
        let text = match self {
            Corpus::Verse => include_str!("corpora/verse.txt"),
            Corpus::Code => include_str!("corpora/code.txt"),
        };
        text.split(BREAK).map(str::trim_end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pieces_are_many_distinct_and_clean() {
        for (corpus, least) in [(Corpus::Verse, 80), (Corpus::Code, 55)] {
            let pieces: Vec<&str> = corpus.pieces().collect();
            assert!(pieces.len() >= least, "{}: {}", corpus.name(), pieces.len());
            assert_eq!(pieces.iter().collect::<HashSet<_>>().len(), pieces.len());
            for piece in pieces {
                assert!(!piece.is_empty() && piece.trim() == piece, "{piece}");
                assert!(piece.is_ascii() && !piece.contains("<image>"), "{piece}");
                assert!(piece.lines().all(|line| !line.is_empty() && line.trim_end() == line), "{piece}");
            }
        }
    }

    #[test]
    fn verses_have_five_lines() {
        for piece in Corpus::Verse.pieces() {
            assert_eq!(piece.lines().count(), 5, "{piece}");
        }
    }
}
