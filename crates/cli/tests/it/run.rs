//! `plimsoll run` as a user meets it: streams and exit codes. Nothing here sends a request.

use assert_cmd::Command;

/// The binary in an empty folder and an empty environment.
pub(crate) fn plimsoll(folder: &std::path::Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn bad_usage_is_one_clear_error_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    for (args, said) in [
        (["run", "--qsp", "5"].as_slice(), "error: unknown option --qsp: did you mean --qps?\n"),
        (&["run", "--users", "0"], "write a whole number of 1 or more"),
        (&["run", "--qps", "5", "--burst", "1"], "error: --qps and --burst exclude each other"),
        (&["run", "--config", "none.toml"], "error: cannot read the configuration file"),
        (&["run", "--html", "a.html"], "error: --html comes with a later release"),
        (&["rum"], "run"),
    ] {
        let (code, stdout, stderr) = plimsoll(folder.path(), args);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[test]
fn the_printed_configuration_is_a_result_and_warnings_are_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("locust.conf"),
        "locustfile = load_test.py\nheadless = yes\nusers = 3\n",
    )
    .unwrap();
    let (code, stdout, stderr) =
        plimsoll(folder.path(), &["run", "--config", "locust.conf", "-k", "hunter2", "--print-config"]);
    assert_eq!(code, Some(0), "{stderr}");
    let users = stdout.lines().find(|line| line.starts_with("users")).unwrap();
    assert!(users.contains("= 3 ") && users.ends_with("# locust.conf, line 3"), "{users}");
    assert!(stdout.contains("# api-key = \"***\""), "{stdout}");
    assert!(!stdout.contains("hunter2") && !stderr.contains("hunter2"), "{stdout}{stderr}");
    assert!(stderr.starts_with("warning: locustfile"), "{stderr}");
}

#[test]
fn help_and_version_are_results() {
    let folder = tempfile::tempdir().unwrap();
    for args in [["run", "--help"].as_slice(), &["--help"], &["--version"]] {
        let (code, stdout, stderr) = plimsoll(folder.path(), args);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(!stdout.is_empty());
    }
}
