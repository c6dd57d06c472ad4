//! What makes a search another than others: trials of two different ones must not be mixed.

use serde::{Deserialize, Serialize};

use crate::exit::{UsageError, refuse};

/// Something that was asked, by an option or by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// `--slo`, or `workload` for what many options say together.
    option: String,
    /// What it says, without anything secret.
    value: String,
}

impl Asked {
    pub(super) fn new(option: impl Into<String>, value: impl Into<String>) -> Self {
        Asked { option: option.into(), value: value.into() }
    }
}

/// Refuses to go on with a search that was about something else.
///
/// # Errors
/// It was: with the first difference.
pub(super) fn same(before: &[Asked], now: &[Asked]) -> Result<(), UsageError> {
    const DO: &str = "give the same options as then, or begin another search without --resume";
    let of = |all: &[Asked], option: &str| all.iter().find(|one| one.option == option).cloned();
    for Asked { option, value } in before {
        match of(now, option) {
            Some(other) if other.value == *value => {}
            Some(other) => {
                refuse!("--resume: {option} was `{value}` in that search, and is `{}` now: {DO}", other.value)
            }
            None => refuse!("--resume: {option} was `{value}` in that search, and is not given now: {DO}"),
        }
    }
    if let Some(Asked { option, value }) = now.iter().find(|one| of(before, &one.option).is_none()) {
        refuse!("--resume: {option} was not given in that search, and is `{value}` now: {DO}");
    }
    // Trials keep what they found in this order.
    if let Some((was, is)) = before.iter().zip(now).find(|(was, is)| was.option != is.option) {
        refuse!("--resume: {} stood where {} stands now: give them in the same order", was.option, is.option);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_search_is_told_by_its_option_and_both_values() {
        let all = |pairs: &[(&str, &str)]| -> Vec<Asked> {
            pairs.iter().map(|(option, value)| Asked::new(*option, *value)).collect()
        };
        let before = all(&[("-H", "http://a"), ("--slo-set a", "x"), ("--slo-set b", "y")]);
        assert_eq!(same(&before, &before), Ok(()));
        for (now, excerpt) in [
            (
                &[("-H", "http://b"), ("--slo-set a", "x"), ("--slo-set b", "y")][..],
                "-H was `http://a` in that search, and is `http://b` now",
            ),
            (
                &[("-H", "http://a"), ("--slo-set a", "x")],
                "--slo-set b was `y` in that search, and is not given",
            ),
            (
                &[("-H", "http://a"), ("--slo-set a", "x"), ("--slo-set b", "y"), ("--warmup", "3 s")],
                "--warmup was not given in that search, and is `3 s` now",
            ),
            (
                &[("-H", "http://a"), ("--slo-set b", "y"), ("--slo-set a", "x")],
                "--slo-set a stood where --slo-set b stands now",
            ),
        ] {
            let UsageError(error) = same(&before, &all(now)).unwrap_err();
            assert!(error.contains(excerpt), "{error}");
        }
    }
}
