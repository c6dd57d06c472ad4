//! Bad input: each has one clear error that says what, where and what to do, and sends nothing.

use std::collections::BTreeSet;
use std::process::Command;

use crate::program::{Ended, Place};
use crate::redactor::Redactor;
use crate::servers::nobody;

/// What a user reads, and the exit code.
fn shown(title: &str, ended: &Ended, redactor: &Redactor) -> String {
    assert_eq!(ended.stdout, "", "{title}: {ended:?}");
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 1, "{title}: {ended:?}");
    format!("{title}\n  exit code {}\n  {}\n", ended.code.unwrap(), redactor.redact(ended.stderr.trim_end()))
}

#[test]
fn bad_usage_has_one_error_and_code_2() {
    let place = Place::new();
    place.write("prompts.jsonl", "{\"prompt\": \"good\"}\n{\"prompt\": \"good\"}\n{\"prompt\": \n");
    place.write(
        "lines.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9,10,2\nsoon,10,2\n",
    );
    place.write("plimsoll.conf", "users = 5\nspawnrate = 2\n");
    let redactor = Redactor::default();
    let lines = [
        "run sim:// --provider vlm",
        "run sim:// -d @prompts.jsonl",
        "run sim:// -d @nowhere.jsonl",
        "run sim:// -o 0 --max-tokens-distribution normal",
        "run sim:// --qps 5 --burst 2",
        "run sim:// --qps 0",
        "run sim:// --qps NaN",
        "run sim:// --qps -1",
        "run sim:// --tokenizer nowhere/tokenizer.json",
        "run sim:// --tokenizer org/model",
        "run sim:// --header nocolon",
        "run sim:// --qsp 5",
        "run sim:// --config plimsoll.conf",
        "run sim:// --trace lines.csv",
        "run sim:// --trace nowhere.csv",
        "run sim://?tfft=5ms",
        "run http://[::1 -t 1s",
        "run sim:// --cacert nowhere.pem",
        "sim eror_rate=0.5",
        "soak sim:// -t 1h",
        "soak sim:// --stages 1m:5,1m:10",
        "soak sim:// --qps 5 --tolerance 0",
        "soak sim:// --qps 5 --watch-pid 4194305",
        "soak sim:// --qps 5 --memory-limit 8GiB",
        "soak sim://?time=virtual --qps 5 -t 1h --watch-pid 1",
        "stress sim://",
        "stress sim:// --certificate nowhere.json",
        "stress sim:// --capacity 5 --qps 10",
        "stress sim:// --capacity 5 -t 1h",
        "stress sim:// --capacity 5 --steps 0.5,1",
        "stress sim:// --capacity 5 --multiple 1e6",
        "stress sim:// --capacity 5 --steps 2,3 --spike",
        "coldstart sim:// --start-cmd true",
        "coldstart sim://?time=virtual --start-cmd true",
        "coldstart http://127.0.0.1:1",
        "coldstart http://127.0.0.1:1 --stop-cmd true",
        "coldstart http://127.0.0.1:1 --start-cmd true --ready-path health",
        "coldstart http://127.0.0.1:1 --start-cmd true --max-requests 5",
    ];
    let mut all = Vec::new();
    for line in lines {
        let ended = place.line(line);
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        all.push(shown(line, &ended, &redactor));
    }
    assert_eq!(place.results(), Vec::<std::path::PathBuf>::new(), "a run was begun");
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn bad_requests_of_the_users_own_have_one_error_and_code_2() {
    let place = Place::new();
    place.write("data.csv", "id,text\n1,one\n2\n");
    place.write("good.csv", "id,text\n1,one two\n");
    place.write("data.jsonl", "{\"id\": 1}\n[2]\n");
    place.write("empty.csv", "id,text\n");
    let mut all = Vec::new();
    for options in [
        "--path items",
        "--path '/a b'",
        "--path '/{id}'",
        "--path '/{{id}'",
        "--path '/{{id}}' --vars nowhere.csv",
        "--path '/{{id}}' --vars data.csv",
        "--path '/{{id}}' --vars data.jsonl",
        "--path '/{{id}}' --vars empty.csv",
        "--path '/{{txt}}' --vars good.csv",
        "--path '/{{text|raw}}' --vars good.csv",
        "--path '/{{text|upper}}' --vars good.csv",
        "--path /x --endpoint /y",
        "--body '{\"a\": {{text}}}' --vars good.csv",
        "--body '{{random_int(5,1)}}'",
        "--body @nowhere.json",
        "--body x -p 5",
        "--body x --temperature 0.5",
        "--body x --input-data random",
        "--body x -d @data.jsonl",
        "--body x --stream",
        "--body x --stream-by line --no-stream",
        "--body x --header 'Content-Type: {{id}}' --vars good.csv",
        "--body x -k key --header 'Authorization: {{id}}' --vars good.csv",
        "--path / --multipart-field file",
        "--method 'G T'",
        "--method CONNECT",
        "--vars-order random --path /",
        "--expect-status ok",
        "--expect-status 200,700",
        "--expect-json 'ok == true'",
        "--expect-json '$.ok = true'",
        "--expect-json '$.ok == yes'",
        "--expect-regex 'a(b'",
        "--provider vllm --path /x",
        "--provider triton --expect-status 200",
        "--provider htpp",
    ] {
        let line = format!("run sim:// {options}");
        let ended = place.line(&line);
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        all.push(shown(&line, &ended, &Redactor::default()));
    }
    assert_eq!(place.results(), Vec::<std::path::PathBuf>::new(), "a run was begun");
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn failures_of_this_machine_and_of_the_way_have_code_1() {
    let place = Place::new();
    place.write("file", "");
    let target = nobody();
    let redactor =
        Redactor::default().hide(format!("port {}", target.rsplit_once(':').unwrap().1), "port PORT");
    let unreachable = |more: &str| place.line(&format!("run {target} {more}"));
    let mut all = vec![
        shown("unreachable host", &unreachable(""), &redactor),
        shown("unreachable host, all named", &unreachable("--provider openai -m m"), &redactor),
        shown("unwritable folder", &place.line("run sim:// -t 1s --out file/runs"), &redactor),
        shown("unwritable system folder", &place.line("run sim:// -t 1s --out /proc/runs"), &redactor),
        shown("unwritable csv", &place.line("run sim:// -t 1s --csv file/load"), &redactor),
        shown(
            "unwritable summary file",
            &place.line("run sim:// -t 1s --summary-file nowhere/rows.csv"),
            &redactor,
        ),
        shown("unwritable log", &place.line("run sim:// -t 1s --logfile file/log.txt"), &redactor),
    ];
    for text in &all {
        assert!(text.contains("  exit code 1\n"), "{text}");
    }
    all.push(String::new());
    insta::assert_snapshot!(all.join("\n"));
}

/// Files that may not grow beyond 64 blocks stand for a disk that is full: the same error, without a disk to fill.
#[test]
fn a_full_disk_ends_the_run_with_a_report_and_code_1() {
    let place = Place::new();
    let mut command = Command::new("sh");
    let script = "ulimit -f 64; exec \"$0\" \"$@\"";
    let args = ["run", "sim://?ttft=1ms&itl=1ms", "-u", "8", "-r", "1000", "-p", "16", "-o", "2", "-t", "1h"];
    command.args(["-c", script, env!("CARGO_BIN_EXE_plimsoll")]).args(args);
    command.current_dir(place.path()).env_clear().env("PATH", "/usr/bin:/bin");
    let ended = place.start_command(command).wait();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{ended:?}");
    insta::assert_snapshot!(Redactor::default().redact(errors[0]));
    assert!(ended.stdout.contains("= Summary ="), "what was measured is not shown: {ended:?}");
    let summary = place.summary();
    assert!(!summary.validity.valid && summary.health.records_lost > 0, "{summary:?}");
    let kept = place.records().len() as u64;
    assert_eq!(kept + summary.health.records_lost, summary.counts.total);
}

/// The long options that the help of a command offers.
fn offered(place: &Place, command: &str) -> BTreeSet<String> {
    let help = place.line(&format!("{command} --help")).stdout;
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = lines.filter_map(|line| line.split_once("--"));
    names.map(|(_, name)| name.split([' ', '[', '=']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_the_help_of_a_command_leaves_out_of_the_options_of_run_is_refused() {
    let place = Place::new();
    place.write("trace.csv", "timestamp\n0\n1\n");
    let of_run = offered(&place, "run");
    assert!(of_run.len() > 100, "{of_run:?}");
    for (command, usual, least) in [
        ("capacity", "", 15),
        ("soak", "--qps 5", 10),
        ("stress", "--capacity 5", 12),
        ("coldstart", "-n 1", 5),
        ("sweep", "--over max-tokens=1,2", 5),
    ] {
        let hidden: Vec<String> = of_run.difference(&offered(&place, command)).cloned().collect();
        assert!(hidden.len() >= least, "{command}: {hidden:?}");
        for name in hidden {
            let value = match name.as_str() {
                "trace" => "trace.csv",
                "stages" => "1m:5",
                "profile-server" => "",
                "slo" => "ttft.p99<1s",
                "abort-on" => "'error_rate>5% over 10s'",
                "profile-at" | "profile-for" => "5 --profile-start-cmd true",
                "ramping-warmup-time" => "5 --ramping-time 5",
                _ => "5",
            };
            let ended = place.line(&format!("{command} {} {usual} --{name} {value}", nobody()));
            assert_eq!(ended.code, Some(2), "{command} --{name}: {ended:?}");
        }
    }
}
