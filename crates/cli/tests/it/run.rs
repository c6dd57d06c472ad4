//! `plimsoll run` as a user meets it: streams and exit codes. Nothing here sends a request.

use crate::program::Place;

#[test]
fn bad_usage_is_one_clear_error_on_stderr() {
    let place = Place::new();
    for (args, said) in [
        (["run", "--qsp", "5"].as_slice(), "error: unknown option --qsp: did you mean --qps?\n"),
        (&["run", "--users", "0"], "write a whole number of 1 or more"),
        (&["run", "--qps", "5", "--burst", "1"], "error: --qps and --burst exclude each other"),
        (&["run", "--config", "none.toml"], "error: cannot read the configuration file"),
        (&["rum"], "run"),
    ] {
        let ended = place.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {ended:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let place = Place::new();
    for args in [["run", "--help"].as_slice(), &["--help"], &["--version"]] {
        let ended = place.run(args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(!ended.stdout.is_empty());
    }
}
