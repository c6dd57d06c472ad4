//! The search for a capacity against servers whose capacity is known: closed forms, or very long runs.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod proof;
mod searching;
mod server;
