//! Any REST API: requests as the user makes them, answers by the user's rules.

mod checks;
mod events;
mod interface;
mod reader;
#[cfg(test)]
mod tests;

pub use checks::{PatternError, check_patterns};
pub(super) use interface::Http;
