//! The shape of the house: which crate may know which, and what every file has.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is longer than this hides something that deserves a name.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All source files of the crates, tests included.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 100, "{found:?}");
    found
}

/// What a crate is built from; what only its tests use is not part of it.
fn dependencies(name: &str) -> Vec<String> {
    let path = root().join("crates").join(name).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn arrows_between_crates_point_downward() {
    let crates = fs::read_dir(root().join("crates")).unwrap().count();
    let rules = [
        ("core", ["plimsoll-", "tokio", "mio", "clap", "rustls", "libc", "socket2", "parquet"].as_slice()),
        (
            "sim",
            &["plimsoll-drive", "plimsoll-serve", "plimsoll-cli", "tokio", "mio", "clap", "libc", "socket2"],
        ),
        (
            "plan",
            &["plimsoll-drive", "plimsoll-serve", "plimsoll-cli", "tokio", "mio", "clap", "libc", "socket2"],
        ),
        ("drive", &["plimsoll-sim", "plimsoll-serve", "plimsoll-cli", "clap", "anyhow"]),
        ("serve", &["plimsoll-cli", "clap", "anyhow"]),
        ("cli", &[]),
        ("bench", &["plimsoll-"]),
    ];
    assert_eq!(crates, rules.len(), "a new crate needs a rule here");
    for (name, banned) in rules {
        let dependencies = dependencies(name);
        let broken: Vec<&String> =
            dependencies.iter().filter(|name| banned.iter().any(|banned| name.starts_with(banned))).collect();
        assert!(broken.is_empty(), "{name} must not depend on {broken:?}");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{} does not begin with a `//!` sentence", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: more than {LINES_MAX}", path.display());
    }
}

/// The code of a file without its tests.
fn product_code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

#[test]
fn core_reads_no_clock_no_file_and_no_socket() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("crates/core/src")) {
        for banned in
            ["std::fs", "std::net", "std::thread", "std::env", "std::process", "Instant::now", "SystemTime"]
        {
            assert!(!product_code(&text).contains(banned), "{} uses {banned}", path.display());
        }
    }
}

#[test]
fn only_the_report_prints() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("crates/cli/src")) {
        let code = product_code(&text);
        let prints = ["stdout().lock()", "stderr().lock()"].iter().any(|stream| code.contains(stream));
        let may = ["report/emit.rs", "report/console.rs"].iter().any(|place| path.ends_with(place));
        assert!(!prints || may, "{} prints by itself", path.display());
    }
}

#[test]
fn a_lint_is_silenced_only_with_a_reason() {
    // In two parts, or this file would be its own culprit.
    let silenced = ["#[", "allow("].concat();
    let blanket = ["#![", "allow("].concat();
    for (path, text) in sources() {
        assert!(!text.contains(&silenced) && !text.contains(&blanket), "{} silences a lint", path.display());
    }
}
