//! Whatever is typed, or stands in a configuration file, is taken or refused with a text. Nothing panics.

use std::path::Path;

use proptest::prelude::*;

use super::tests::{context, resolve_in};
use crate::config;
use crate::config::table::Table;

/// Texts that look like values, or like nothing.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9.e]{0,12}(ms|s|m|h|/s|/m|%|k)?",
        "[a-z0-9:,;@.=*x \\[\\]{}\"'/-]{0,20}",
        "(exp:|@|sim://\\?|http://)?[a-z0-9=&:,.-]{0,20}",
        "\\PC{0,12}",
    ]
}

fn options() -> Vec<String> {
    Table::of_run().options().map(|(long, ..)| long.to_owned()).collect()
}

fn refusal_has_a_text(args: &[&str]) {
    if let Err(error) = resolve_in(args, &context(&[], Path::new("/nonexistent"))) {
        assert!(!error.to_string().trim().is_empty(), "{args:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_is_taken_or_refused(
        first in prop::sample::select(options()),
        second in prop::sample::select(options()),
        values in prop::array::uniform2(value()),
    ) {
        let typed = [format!("--{first}={}", values[0]), format!("--{second}={}", values[1])];
        refusal_has_a_text(&[&typed[0]]);
        refusal_has_a_text(&[&typed[0], &typed[1]]);
    }

    #[test]
    fn whatever_is_a_target_is_taken_or_refused(target in value()) {
        refusal_has_a_text(&["-H", &target]);
        refusal_has_a_text(&["-H", &format!("sim://?{target}")]);
    }

    #[test]
    fn whatever_stands_in_a_file_is_taken_or_refused(
        lines in prop::collection::vec((prop::sample::select(options()), value(), 0..4_u8), 0..4),
        name in prop::sample::select(vec!["plimsoll.toml", "locust.conf", "settings"]),
    ) {
        let line = |(key, value, form): &(String, String, u8)| match form {
            0 => format!("{key} = {value}\n"),
            1 => format!("{key} = {value:?}\n"),
            2 => format!("{key} = [{value:?}, 5]\n"),
            _ => format!("[{key}]\n{value}\n"),
        };
        let text: String = lines.iter().map(line).collect();
        if let Err(error) = config::file::parse(name, &text, &Table::of_run()) {
            prop_assert!(error.to_string().contains(name), "{error}: {text}");
        }
    }
}
