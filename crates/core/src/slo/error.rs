//! What is wrong with the text of an objective, and where.

use std::fmt;

use thiserror::Error;

/// A text that is not an objective. Prints as a message, the text, and a line that points at the place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct SloError {
    pub(super) text: String,
    /// The characters at fault, counted from 0.
    pub(super) at: std::ops::Range<usize>,
    pub(super) message: String,
}

impl SloError {
    /// What is wrong, without the text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The characters at fault, counted from 0; at least one, perhaps just after the end of the text.
    pub fn at(&self) -> std::ops::Range<usize> {
        self.at.clone()
    }
}

impl fmt::Display for SloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message)?;
        writeln!(f, "    {}", self.text)?;
        write!(f, "    {}{}", " ".repeat(self.at.start), "^".repeat(self.at.len().max(1)))
    }
}
