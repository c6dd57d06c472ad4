//! Failures by class, each with its count, its first and last occurrence and one example.

use std::collections::BTreeMap;

use crate::record::{Outcome, Record, RequestId};
use crate::refusal::Refusal;
use crate::summary::ErrorClass;
use crate::time::Offset;

/// Failures of the whole run by outcome, HTTP status and the reason of a refusal: a bounded number of classes, whatever
/// servers write.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Errors {
    classes: BTreeMap<Key, Class>,
}

type Key = (Outcome, Option<u16>, Option<Refusal>);

#[derive(Clone, Debug, PartialEq)]
struct Class {
    count: u64,
    /// The earliest failure, and its text as the example: the same whatever the order of records.
    first: (Offset, RequestId),
    example: String,
    last: Offset,
}

impl Errors {
    /// Counts `record` if it failed.
    pub(super) fn add(&mut self, record: &Record) {
        if !record.outcome.is_failure() {
            return;
        }
        let at = record.done.or(record.sent).unwrap_or(record.scheduled);
        let class = Class {
            count: 1,
            first: (at, record.id),
            example: record.error.clone().unwrap_or_default(),
            last: at,
        };
        let refusal = record.error.as_deref().and_then(Refusal::told_by);
        self.fold((record.outcome, record.status, refusal), class);
    }

    pub(super) fn merge(&mut self, other: &Errors) {
        for (&key, class) in &other.classes {
            self.fold(key, class.clone());
        }
    }

    fn fold(&mut self, key: Key, class: Class) {
        let Some(mine) = self.classes.get_mut(&key) else {
            self.classes.insert(key, class);
            return;
        };
        mine.count += class.count;
        mine.last = mine.last.max(class.last);
        if class.first < mine.first {
            (mine.first, mine.example) = (class.first, class.example);
        }
    }

    /// The classes, most frequent first.
    pub(super) fn list(&self) -> Vec<ErrorClass> {
        let mut list: Vec<ErrorClass> = self
            .classes
            .iter()
            .map(|(&(outcome, status, _), class)| ErrorClass {
                outcome,
                status,
                count: class.count,
                example: class.example.clone(),
                first: class.first.0.as_secs_f64(),
                last: class.last.as_secs_f64(),
            })
            .collect();
        list.sort_by_key(|class| std::cmp::Reverse(class.count));
        list
    }
}
