//! `plimsoll sweep` as a user meets it, mostly in simulated time.

use std::fs;
use std::path::Path;

use plimsoll_drive::recorder::StoredTable;
use serde_json::Value;

use crate::program::{Ended, Place, wait_until};
use crate::redactor::Redactor;
use crate::servers::Sim;

const SERVER: &str = "-H sim://?ttft=50ms&itl=5ms&slots=4&queue=400&jitter=0.2&seed=5&time=virtual -t 10s -r 1000 \
                      --seed 7 -o 8 --no-progress --max-fail-ratio 1";

fn sweep(place: &Place, line: &str) -> Ended {
    place.line(&format!("sweep {SERVER} {line}"))
}

fn printed(place: &Place, ended: &Ended) -> String {
    let text = format!("{}\n{}\nexit code {}\n", ended.stderr, ended.stdout, ended.code.unwrap());
    Redactor::default().hide(place.path().display().to_string(), "FOLDER").redact(&text)
}

/// The rows of sweep.csv without what differs from sweep to sweep.
fn rows(folder: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(folder.join("sweep.csv")).unwrap();
    let started = reader.headers().unwrap().iter().position(|name| name == "started").unwrap();
    let row = |record: csv::StringRecord| {
        record
            .iter()
            .enumerate()
            .filter(|(column, _)| *column != started)
            .map(|(_, cell)| cell.to_owned())
            .collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn state(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("sweep.json")).unwrap()).unwrap()
}

#[test]
fn two_axes_are_a_table_a_heat_map_and_files() {
    let place = Place::new();
    let ended = sweep(&place, "--over users=1,4,8 --over prompt-tokens=32,128");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(printed(&place, &ended));
    let folder = place.result();
    insta::assert_snapshot!(fs::read_to_string(folder.join("sweep.csv")).unwrap().lines().next().unwrap());
    assert_eq!(rows(&folder).len(), 6);
    assert!(folder.join("trials/006/records.parquet").exists());
    let table = StoredTable::read(&folder.join("sweep.parquet")).unwrap();
    let mut reader = csv::Reader::from_path(folder.join("sweep.csv")).unwrap();
    let names = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    for name in ["users", "prompt-tokens", "ok", "latency_p90", "latency_p90_low", "completed_rate"] {
        let column = names.iter().position(|column| column == name).unwrap();
        let written: Vec<Option<f64>> = rows.iter().map(|row| row[column].parse().ok()).collect();
        assert_eq!(table.numbers(name), Some(written), "{name}");
    }
    // Each cell has a seed of its own.
    let specs: Vec<String> = (1..=6)
        .map(|n| fs::read_to_string(folder.join(format!("trials/{n:03}/spec.toml"))).unwrap())
        .collect();
    assert!(specs[0].contains("seed = 7\n") && specs[5].contains("seed = 12\n"), "{}", specs[5]);
}

#[test]
fn one_axis_is_a_curve_and_repetitions_are_its_median() {
    let place = Place::new();
    let ended =
        sweep(&place, "--over qps=10,20,40 --arrival poisson --repeat 2 --order random --draw latency.p99");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(printed(&place, &ended));
    let json = sweep(&place, "--over qps=10 --json");
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["schema"], &json["cells"][0]["status"]), (&"plimsoll.sweep/1".into(), &"done".into()));
}

#[test]
fn each_cell_has_its_verdict() {
    let place = Place::new();
    let line = "--over users=1,4,8 --slo ttft.p90<100ms --slo error_rate<5%";
    let ended = sweep(&place, line);
    assert_eq!(ended.code, Some(99), "{ended:?}");
    insta::assert_snapshot!(printed(&place, &ended));
    let mut reader = csv::Reader::from_path(place.result().join("sweep.csv")).unwrap();
    let names = reader.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|column| column == name).unwrap();
    let columns = ["verdict", "slo ttft.p90<100ms", "slo error_rate<5%"].map(column);
    let verdicts = reader.records().map(|row| columns.map(|at| row.as_ref().unwrap()[at].to_owned()));
    let expected = [["PASS"; 3], ["PASS"; 3], ["FAIL", "FAIL", "PASS"]];
    assert_eq!(verdicts.collect::<Vec<_>>(), expected.map(|row| row.map(str::to_owned)));

    let place = Place::new();
    let varied = sweep(&place, "--over users=4 --over slo=ttft.p90<100ms,ttft.p90<1s");
    assert_eq!(varied.code, Some(0), "{varied:?}");
}

#[test]
fn a_sweep_that_was_cut_short_goes_on_and_ends_the_same() {
    let place = Place::new();
    let matrix = "--over users=1,4,8 --repeat 2";
    let whole = sweep(&place, &format!("{matrix} --out whole"));
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let only = |out: &str| {
        let mut folders: Vec<_> =
            fs::read_dir(place.path().join(out)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(folders.len(), 1);
        folders.remove(0)
    };
    let whole = only("whole");
    // As it would be after a crash within the third cell: later ones are waiting, its own folder is half there.
    let mut cut = state(&whole);
    for cell in cut["cells"].as_array_mut().unwrap().iter_mut().skip(2) {
        cell["status"] = "waiting".into();
        cell["folder"] = Value::Null;
    }
    let before = rows(&whole);
    fs::write(whole.join("sweep.json"), cut.to_string()).unwrap();
    for trial in 4..=6 {
        fs::remove_dir_all(whole.join(format!("trials/{trial:03}"))).unwrap();
    }
    fs::remove_file(whole.join("trials/003/summary.json")).unwrap();
    let resumed = sweep(&place, &format!("{matrix} --out whole --resume {}", whole.display()));
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(resumed.stderr.contains("6 cells, 2 of them done"), "{resumed:?}");
    let without_folder = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        rows.into_iter()
            .map(|row| row.into_iter().filter(|cell| !cell.starts_with("trials/")).collect())
            .collect()
    };
    assert_eq!(without_folder(rows(&whole)), without_folder(before), "the same cells have the same figures");

    // A matrix that has grown goes on, and says what is new.
    let grown = sweep(&place, &format!("--over users=1,4,16 --repeat 2 --resume {}", whole.display()));
    assert_eq!(grown.code, Some(0), "{grown:?}");
    insta::assert_snapshot!(printed(&place, &grown));
    // Another sweep is refused.
    let refused = [
        sweep(&place, &format!("--over qps=1,4 --resume {}", whole.display())),
        sweep(&place, &format!("--over users=1,4 --warmup 1s --resume {}", whole.display())),
        sweep(&place, "--over users=1,4 --resume nowhere"),
    ];
    for ended in &refused {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    }
    insta::assert_snapshot!(refused.map(|ended| printed(&place, &ended)).join("----\n"));
}

#[test]
fn what_cannot_be_is_found_before_anything_is_sent() {
    let place = Place::new();
    let mut answers = Vec::new();
    for line in [
        "--over usres=1,2",
        "--over users=1,0",
        "--over users=1,2 --over think-time=1s,soon",
        "--over users=1,2 -u 4",
        "--over qps=5 --over stages=1s:2;2s:3",
        "--over users=1,2 --summary-file rows.csv",
        "--list nowhere.csv",
        "--over users=1 --ready-timeout 1s",
        "--over chat=maybe",
    ] {
        let ended = sweep(&place, line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        answers.push(printed(&place, &ended));
    }
    insta::assert_snapshot!(answers.join("----\n"));
    assert!(place.results().is_empty());
}

#[test]
fn a_cell_that_fails_is_a_row_and_the_sweep_goes_on() {
    let place = Place::new();
    // The command fails for the second server, and the third one refuses every request.
    let servers =
        ["ttft=50ms", "ttft=60ms", "error_rate=1"].map(|options| format!("sim://?{options}&time=virtual"));
    let axis = format!("host={}", servers.join(";"));
    let hook = "case {host} in *60ms*) exit 5;; esac";
    let words = ["sweep", "-t", "5s", "-u", "2", "-r", "1000", "--seed", "7", "-o", "8", "--no-progress"];
    let more = ["--max-fail-ratio", "1", "--over", &axis, "--each-cmd", hook, "--ready-timeout", "0s"];
    let ended = place.run(&[&words[..], &more[..]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    insta::assert_snapshot!(printed(&place, &ended));
}

#[test]
fn one_ctrl_c_ends_the_sweep_and_leaves_it_to_be_resumed() {
    let place = Place::new();
    let line = "sweep -H sim://?ttft=5ms&itl=1ms -t 60s -r 1000 -o 4 --settle 0s --over users=1,2";
    let started = place.start_line(line);
    wait_until("the first cell to be measured", || {
        let records = place.results().first().map(|folder| folder.join("trials/001/records.parquet"));
        records.is_some_and(|path| fs::metadata(path).is_ok_and(|file| file.len() > 4_000))
    });
    started.signal(libc::SIGINT);
    let ended = started.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("stopped with 2 cells left: the same command with --resume runs/"),
        "{ended:?}"
    );
    let cells = state(&place.result())["cells"].clone();
    assert_eq!((&cells[0]["status"], &cells[1]["status"]), (&"interrupted".into(), &"waiting".into()));
}

#[test]
fn cells_of_a_watched_server_say_how_full_it_was() {
    let (sim, place) = (Sim::start("llama-3-8b-h100"), Place::new());
    let ended = place.line(&format!(
        "sweep -H {} --over users=1,4 -t 2s -r 1000 -p 64 -o 16 --settle 0s --no-progress --max-fail-ratio 1 --watch auto \
         --watch {}/dcgm/metrics --watch-interval 100ms",
        sim.url, sim.url
    ));
    assert!(ended.stdout.contains("GPU "), "{ended:?}");
    let mut reader = csv::Reader::from_path(place.result().join("sweep.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let place_of =
        |name: &str| columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
    for row in reader.records().map(Result::unwrap) {
        let number =
            |name: &str| row[place_of(name)].parse::<f64>().unwrap_or_else(|_| panic!("{name}: {row:?}"));
        assert!(number("server running") > 0.0 && number("server gpu_power") > 0.0, "{row:?}");
        assert!(!row[place_of("server")].is_empty(), "{row:?}");
        assert!(number("latency_p50_low") <= number("latency_p50"), "{row:?}");
    }
    let page = fs::read_to_string(place.result().join("report.html")).unwrap();
    assert!(page.contains("GPU "), "the page has the column too");
}
