//! How many tokens of cl100k_base a text is: the pieces that it is parted into, and the tokens that these are merged from.

mod merge;
mod pieces;
#[cfg(test)]
mod tests;

use fst::Map;

pub(super) use self::pieces::pieces;

/// The vocabulary: the bytes of each token with its rank, in a form that is searched where it lies. To build tables of it when
/// the program starts would take longer than all else. README.md says where it comes from.
static VOCABULARY: &[u8] = include_bytes!("vocabulary.fst");

/// The tokens of cl100k_base and their ranks.
pub(super) struct Vocabulary(Map<&'static [u8]>);

impl Vocabulary {
    /// That which is part of the program.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn bundled() -> Result<Self, fst::Error> {
        Map::new(VOCABULARY).map(Vocabulary)
    }

    /// How many tokens a piece is.
    pub(super) fn count(&self, piece: &str) -> usize {
        match self.rank(piece.as_bytes()) {
            Some(_) => 1,
            None => merge::parts(piece.as_bytes(), |bytes| self.rank(bytes)),
        }
    }

    fn rank(&self, bytes: &[u8]) -> Option<u64> {
        self.0.get(bytes)
    }
}
