//! `--print-config`: every value with the layer that it comes from, in a form that can be read again.

use crate::program::Place;

/// The value and the origin of an option as printed.
fn find<'a>(printed: &'a str, option: &str) -> (&'a str, &'a str) {
    let line = printed.lines().find(|line| line.trim_start_matches("# ").starts_with(&format!("{option} =")));
    let (value, origin) = line.unwrap().rsplit_once("  # ").unwrap();
    (value.trim_end(), origin)
}

#[test]
fn each_value_comes_from_the_topmost_layer_that_has_it() {
    let place = Place::new();
    place.write(
        "plimsoll.toml",
        "users = 3\nspawn-rate = 3\nprompt-tokens = 3\nmax-tokens = 3\nname = \"three\"\n",
    );
    place.write(
        "locust.conf",
        "locustfile = load_test.py\nheadless = yes\nusers = 4\nspawn-rate = 4\nprompt-tokens = 4\n",
    );
    let args =
        ["run", "--config", "locust.conf", "-u", "6", "-H", "localhost:1", "-k", "hunter2", "--print-config"];
    let mut command = place.command(&args);
    command.env("LOCUST_USERS", "5").env("PLIMSOLL_SPAWN_RATE", "5").env("MAX_TOKENS", "5");
    let ended = place.start_command(command).wait();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (option, value, origin) in [
        ("users", "users = 6", "command line"),
        ("spawn-rate", "spawn-rate = 5", "environment variable PLIMSOLL_SPAWN_RATE"),
        ("max-tokens", "max-tokens = 5", "environment variable MAX_TOKENS"),
        ("prompt-tokens", "prompt-tokens = 4", "locust.conf, line 5"),
        ("name", "name = \"three\"", "plimsoll.toml, line 5"),
        ("temperature", "# temperature = 1", "default"),
        ("qps", "# qps =", "not set"),
        ("api-key", "# api-key = \"***\"", "command line"),
    ] {
        assert_eq!(find(&ended.stdout, option), (value, origin), "{ended:?}");
    }
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"), "{ended:?}");
    assert!(ended.stderr.starts_with("warning: locustfile"), "{ended:?}");
    assert!(place.results().is_empty());
}

#[test]
fn what_is_printed_can_be_read_again() {
    let (first, second) = (Place::new(), Place::new());
    let line = "run --print-config -u 5 -r 0.5 --stages 1m:5 --stages 2m:7.5 --arrival poisson --seed 4 --no-chat \
        --prompt-text 'what \"is\" this' --extra-body {\"a\":1} --threads 1";
    let printed = first.line(line);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    second.write("plimsoll.toml", &printed.stdout);
    let again = second.line("run --print-config");
    assert_eq!(again.code, Some(0), "{again:?}");
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once("  # ").unwrap().0.trim_end().to_owned()).collect()
    };
    assert_eq!(values(&again.stdout), values(&printed.stdout));
}
