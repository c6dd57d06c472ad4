//! A recorder from its start to its files.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use plimsoll_core::metrics::Totals;
use plimsoll_core::record::{Delta, DeltaKind, Outcome, Phase, TokenSource};
use plimsoll_core::seed::Seed;
use plimsoll_core::slo::Slos;
use plimsoll_core::spec::{RunSpec, Secret};
use plimsoll_core::testing;

use super::*;
use crate::recorder::{RecordsFile, WindowRow};

fn spec() -> RunSpec {
    let mut spec = RunSpec { name: "a run/with spaces".to_owned(), record_chunks: true, ..testing::run() };
    spec.target.headers = vec![("X-Tenant".to_owned(), Secret::new("hunter2"))];
    spec.target.api_key = Some(Secret::new("sk-hunter2"));
    spec
}

fn options() -> Options {
    Options {
        clock: Clock::start(),
        threads: 1,
        open_loop: false,
        measure_start: Offset::ZERO,
        measure_end: None,
        keep_chunks: true,
        count_tokens: None,
        slos: Slos::default(),
        windows: Vec::new(),
        each: Vec::new(),
    }
}

fn at(millis: u64) -> Offset {
    Offset::from_nanos(millis * 1_000_000)
}

fn record(id: u64, sent: u64) -> Record {
    let mut record = Record::due(RequestId(id), Phase::Measure, 0, at(sent));
    (record.sent, record.done, record.outcome) = (Some(at(sent)), Some(at(sent + 50)), Outcome::Ok);
    record.max_tokens = Some(2);
    let kind = DeltaKind::Text;
    record.deltas = [10, 20].map(|after| Delta { at: at(sent + after), tokens: 0, kind }).to_vec();
    record.error = Some("x".repeat(200));
    record
}

fn end(millis: u64) -> RunEnd {
    RunEnd {
        window: Window {
            ramp_end: at(0),
            measure_start: at(0),
            measure_end: at(millis),
            end: at(millis + 100),
        },
        ended: "completed".to_owned(),
        stopped_by: None,
        health: ClientHealth::default(),
        cap_reached: false,
        interventions: Vec::new(),
        warnings: vec!["from the caller".to_owned()],
    }
}

/// Sends as I/O threads do: what does not fit is kept and tried again.
fn send(handle: &RecorderHandle, mut batch: Batch) {
    while let Err(back) = handle.try_send(batch) {
        batch = back;
        std::thread::yield_now();
    }
}

struct Seen(Arc<Mutex<Vec<(u64, u64)>>>);

impl WindowSink for Seen {
    fn on_window(&mut self, row: &WindowRow, so_far: &Totals) {
        self.0.lock().unwrap().push((row.second, so_far.ok));
    }

    fn ended(&mut self, summary: &mut Summary) {
        summary.warnings.push(format!("seen: {}", self.0.lock().unwrap().len()));
    }
}

#[test]
fn a_recorded_run_is_a_folder_with_all_its_files() {
    let results = tempfile::tempdir().unwrap();
    let wall = Duration::from_secs(1_795_328_073);
    let folder = RunFolder::create(results.path(), wall, &spec()).unwrap();
    assert_eq!(folder.path().file_name().unwrap(), "2026-11-22T06-14-33Z-a-run-with-spaces");
    let second = RunFolder::create(results.path(), wall, &spec()).unwrap();
    assert_eq!(second.path().file_name().unwrap(), "2026-11-22T06-14-33Z-a-run-with-spaces-2");
    let stored = std::fs::read_to_string(folder.path().join("spec.toml")).unwrap();
    assert!(stored.contains("X-Tenant") && stored.contains("***") && !stored.contains("hunter2"), "{stored}");

    let path = folder.path().to_owned();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let count_tokens: CountTokens = Arc::new(|text| text.len());
    let options = Options {
        count_tokens: Some(count_tokens),
        windows: vec![Box::new(Seen(Arc::clone(&seen)))],
        each: Vec::new(),
        ..options()
    };
    let (recorder, handle) = Recorder::start(Some(folder), RunHeader::default(), options).unwrap();
    let texts = vec![(RequestId(1), "twelve chars".to_owned())];
    let window =
        ThreadWindow { start: at(0), length: Duration::from_secs(1), sent: 3, ..ThreadWindow::default() };
    let records = vec![record(0, 100), record(1, 200), record(2, 1_960)];
    send(&handle, Batch { records, texts, windows: vec![window] });
    handle.measured_until(at(2_000));
    send(&handle, Batch { records: vec![record(3, 1_970)], ..Batch::default() });
    let finished = recorder.finish(end(2_000)).unwrap();

    assert!(finished.failure.is_none(), "{:?}", finished.failure);
    let summary = &finished.summary;
    assert_eq!((summary.counts.ok, summary.run.ended.as_str()), (4, "completed"));
    assert_eq!(summary.tokens.output, 12 + 3 * 2);
    assert_eq!(summary.tokens.sources[&TokenSource::Tokenizer], 1);
    assert_eq!(summary.tokens.sources[&TokenSource::Chunks], 3);
    assert_eq!(seen.lock().unwrap().iter().map(|row| row.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(
        summary.warnings.last().unwrap(),
        "seen: 3",
        "told of the end once all seconds were given out"
    );
    let stored: Summary = serde_json::from_slice(&std::fs::read(path.join("summary.json")).unwrap()).unwrap();
    assert_eq!(&stored, summary);
    let back: Vec<u64> = RecordsFile::open(&path.join("records.parquet"))
        .unwrap()
        .map(|record| record.unwrap().id.0)
        .collect();
    assert_eq!(back, [0, 1, 2, 3]);
    let mut names: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["records.parquet", "series.parquet", "spec.toml", "summary.json"]);
}

#[test]
fn without_a_folder_there_is_still_a_summary_and_nothing_is_lost_when_the_channel_is_full() {
    let (recorder, handle) = Recorder::start(None, RunHeader::default(), options()).unwrap();
    let senders: Vec<_> = (0..4)
        .map(|thread| {
            let handle = handle.clone();
            std::thread::spawn(move || {
                (0..400).for_each(|number| {
                    let records = vec![record(thread * 1_000 + number, number)];
                    send(&handle, Batch { records, ..Batch::default() });
                });
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let finished = recorder.finish(end(1_000)).unwrap();
    assert_eq!((finished.summary.counts.ok, finished.folder), (1_600, None));
    assert_eq!(finished.summary.warnings.last().map(String::as_str), Some("from the caller"));
    assert_eq!(finished.tally.samples("latency").unwrap().percentile(66.0), Some(50_000_000));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_its_place() {
    let results = tempfile::tempdir().unwrap();
    let file = results.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = RunFolder::create(&file.join("runs"), Duration::ZERO, &spec()).unwrap_err().to_string();
    assert!(error.contains("file/runs") && error.contains("choose another folder"), "{error}");
}

/// Says to the child process of a test where to write.
const CHILD: &str = "PLIMSOLL_TEST_FULL_DISK";

/// The child: files of this process may not grow beyond some kilobytes, as on a full disk.
fn record_onto_a_full_disk(results: &Path) {
    let limit = libc::rlimit { rlim_cur: 40_000, rlim_max: 40_000 };
    // SAFETY: plain system calls on this process alone, with valid arguments.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
    let folder = RunFolder::create(results, Duration::ZERO, &spec()).unwrap();
    let (recorder, handle) = Recorder::start(Some(folder), RunHeader::default(), options()).unwrap();
    let mut id = 0;
    let failure = loop {
        let mut records: Vec<Record> = (id..id + 50).map(|id| record(id, id)).collect();
        // Texts that cannot be compressed away.
        records
            .iter_mut()
            .for_each(|record| record.error = Some(format!("{:?}", Seed(record.id.0).stream("text"))));
        send(&handle, Batch { records, ..Batch::default() });
        id += 50;
        if let Some(failure) = recorder.live().failure {
            break failure;
        }
    };
    assert!(failure.contains("records.parquet") && failure.contains("make room there"), "{failure}");
    send(&handle, Batch { records: vec![record(id, id)], ..Batch::default() });
    let finished = recorder.finish(end(1_000)).unwrap();
    assert_eq!(finished.summary.counts.total, id + 1, "all are counted");
    assert!(!finished.summary.validity.valid && finished.failure.is_some());
    let kept = RecordsFile::open(&finished.folder.unwrap().join("records.parquet"))
        .unwrap()
        .map(Result::unwrap)
        .count();
    assert_eq!(finished.summary.health.records_lost, id + 1 - kept as u64);
}

#[test]
fn a_full_disk_fails_the_run_and_loses_no_count() {
    if let Some(results) = std::env::var_os(CHILD) {
        return record_onto_a_full_disk(Path::new(&results));
    }
    let results = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recorder::handle::tests::a_full_disk_fails_the_run_and_loses_no_count"])
        .env(CHILD, results.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
