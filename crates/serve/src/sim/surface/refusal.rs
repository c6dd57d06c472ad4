//! A request that is turned down, before a surface puts it into its own words.

use std::time::Duration;

/// Why a request is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It cannot be understood or asks for what cannot be.
    Invalid,
    /// Nothing is at this path.
    NoSuchPath,
    /// There is no model of that name.
    NoSuchModel,
    /// The path takes other methods.
    Method,
    /// There is no room for it now.
    Overloaded,
    /// The model is not loaded.
    NotReady,
    /// The server failed.
    Failed,
}

/// A request that is turned down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) cause: Cause,
    /// A fragment in lower case, for the reader of the client's log.
    pub(crate) message: String,
    /// The field of the request that is to blame.
    pub(crate) param: Option<String>,
    /// When to try again, where the server knows better than its options.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal whose cause is the usual one of its status.
    pub(crate) fn new(status: u16, message: &str) -> Self {
        let cause = match status {
            404 => Cause::NoSuchPath,
            405 => Cause::Method,
            429 | 503 => Cause::Overloaded,
            500.. => Cause::Failed,
            _ => Cause::Invalid,
        };
        Refusal { status, cause, message: message.to_owned(), param: None, retry_after: None }
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Refusal::new(400, message)
    }

    /// Status 400 for one field.
    pub(crate) fn bad_field(param: &str, message: &str) -> Self {
        Refusal { param: Some(param.to_owned()), ..Refusal::bad_request(message) }
    }

    pub(crate) fn unknown_model(name: &str) -> Self {
        let shown: String = name.chars().take(200).collect();
        Refusal {
            status: 404,
            cause: Cause::NoSuchModel,
            message: format!("the model `{shown}` does not exist"),
            param: Some("model".to_owned()),
            retry_after: None,
        }
    }

    /// The model is not loaded.
    pub(crate) fn not_ready(status: u16) -> Self {
        Refusal { cause: Cause::NotReady, ..Refusal::new(status, "the model is loading: try again later") }
    }
}
