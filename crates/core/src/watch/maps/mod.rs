//! From the names of servers, exporters and client libraries to canonical ones: a table for each of them.

mod accelerators;
mod language;
mod models;
mod rule;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use rule::{Only, Reading, Rule};

/// All tables.
static TABLES: [&[Rule]; 3] = [language::RULES, models::RULES, accelerators::RULES];

/// The rules for each name.
static BY_NAME: LazyLock<HashMap<&'static str, Vec<Numbered>>> = LazyLock::new(|| {
    let mut by_name: HashMap<&'static str, Vec<Numbered>> = HashMap::new();
    for (number, rule) in all().enumerate() {
        by_name.entry(rule.name).or_default().push(Numbered { number, rule });
    }
    by_name
});

/// A rule and its place among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    pub(super) number: usize,
    pub(super) rule: &'static Rule,
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The rules for a series of this name.
pub(super) fn of(name: &str) -> &'static [Numbered] {
    BY_NAME.get(name).map_or(&[], Vec::as_slice)
}

/// Whether anything is made of series of this name.
pub fn is_wanted(name: &str) -> bool {
    BY_NAME.contains_key(name)
}
