//! Files, environment and the printed configuration.

use super::*;

fn layer(path: &str, text: &str) -> Result<Layer, String> {
    file::parse(path, text, &Table::of_run()).map_err(|error| error.to_string())
}

fn values(layer: &Layer) -> Vec<(&str, Vec<&str>)> {
    layer
        .iter()
        .map(|(long, setting)| (long.as_str(), setting.values.iter().map(String::as_str).collect()))
        .collect()
}

#[test]
fn both_forms_say_the_same() {
    let toml = "host = 'http://a:1'\nusers = 5\nqps = 0.5\nno_chat = true\nheader = ['A: 1', 'B: 2']\nrun-time = '5m'\n";
    let conf = "# settings\n[section]\nhost = http://a:1\nusers: 5\n--qps 0.5\nchat = no ; not\nheader = [A: 1, \"B: 2\"]\nrun-time = 5m\n";
    let expected = vec![
        ("chat", vec!["false"]),
        ("header", vec!["A: 1", "B: 2"]),
        ("host", vec!["http://a:1"]),
        ("qps", vec!["0.5"]),
        ("run-time", vec!["5m"]),
        ("users", vec!["5"]),
    ];
    for (path, text) in [("a.toml", toml), ("a.conf", conf), ("named", toml), ("named", conf)] {
        assert_eq!(values(&layer(path, text).unwrap()), expected, "{path}");
    }
}

#[test]
fn files_are_refused_with_line_and_nearest_name() {
    let cases = [
        ("plimsoll.toml", "users = 5\nqsp = 1\n"),
        ("plimsoll.toml", "users = \n"),
        ("plimsoll.toml", "[run]\nusers = 5\n"),
        ("plimsoll.toml", "users = [1, 2]\n"),
        ("plimsoll.toml", "chat = 'maybe'\n"),
        ("locust.conf", "users = 5\n\nspawnrate = 1\n"),
        ("locust.conf", "config = other.conf\n"),
        ("locust.conf", "zzz = 1\n"),
        ("locust.conf", "= 1\n"),
    ];
    let answers: Vec<String> = cases.iter().map(|(path, text)| layer(path, text).unwrap_err()).collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn a_bad_value_is_refused_with_its_place() {
    let table = Table::of_run();
    let file = layer("plimsoll.toml", "name = 'x'\nqps = 0\n").unwrap();
    let env = BTreeMap::from([("MAX_TOKENS".to_owned(), "many".to_owned())]);
    let (env, _) = from_environment(&env, &table).unwrap();
    let answers =
        [file, env].map(|layer| parse::<crate::args::RunArgs>(&layer, &table).unwrap_err().to_string());
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn variables_that_set_nothing_are_named() {
    let env = [("PLIMSOLL_QSP", "1"), ("LOCUST_USERS", "3"), ("PLIMSOLL_RATE", "2"), ("HOME", "/")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (layer, warnings) = from_environment(&env, &Table::of_run()).unwrap();
    assert_eq!(values(&layer), [("qps", vec!["2"]), ("users", vec!["3"])]);
    assert_eq!(
        warnings,
        ["the environment variable PLIMSOLL_QSP sets no option: did you mean PLIMSOLL_QPS?"]
    );
}

#[test]
fn every_variable_sets_an_option() {
    let table = Table::of_run();
    let variables = table.environment();
    for name in ["MODEL", "PROMPT_CACHE_MAX_LEN", "LOCUST_LOGFILE", "LOCUST_STOP_TIMEOUT", "PLIMSOLL_SPIN"] {
        assert!(variables.iter().any(|(variable, _)| variable == name), "{name}");
    }
    let foreign = variables.iter().filter(|(variable, _)| !variable.starts_with(table::OWN_PREFIX)).count();
    assert_eq!(foreign, 12 + 7 + 1 + 17, "the load test's, PostgreSQL's, OpenTelemetry's, Locust's");
}

#[test]
fn printed_config() {
    let table = Table::of_run();
    let text = "host = 'http://me:hunter2@h:1'\nusers = 5\nstages = ['1m:5']\nspin = true\napi-key = 'hunter2'\n\
                pgpassword = 'hunter2'\nheader = 'A: hunter2'\nmodel = '7'\n";
    let merged = layer("plimsoll.toml", text).unwrap();
    let shown = print::render(&merged, &[("seed", "7".to_owned(), "new for this run")], &table);
    insta::assert_snapshot!(shown);
    // What is printed can be used as a file, and says the same (but for what is secret).
    let again = layer("again.toml", &shown).unwrap();
    assert_eq!(again["users"].values, ["5"]);
    assert_eq!(again["stages"].values, ["1m:5"]);
    parse::<crate::args::RunArgs>(&again, &table).unwrap();
}
