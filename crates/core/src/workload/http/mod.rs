//! Requests of the user's own making: path, header fields and body from templates, each a function of the request's
//! number.

mod error;
mod escape;
mod requests;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod variable;

use bytes::Bytes;

pub use error::HttpError;
pub use requests::HttpRequests;
pub use table::Table;

/// A body as the user gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Where it was written, for error texts: `--body`, or a file.
    pub origin: String,
    /// A template, or bytes that are no text.
    pub bytes: Bytes,
    /// What it is, if that is known.
    pub content_type: Option<String>,
    /// What is put before and after it: the field of a form.
    pub form: Option<Form>,
    /// Whether its type was guessed here, so that a body that is not of it is a mistake.
    pub checked: bool,
}

/// The field of a form around a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The content type of the form.
    pub content_type: String,
    /// What comes before the body.
    pub head: Bytes,
    /// What comes after it.
    pub tail: Bytes,
}
