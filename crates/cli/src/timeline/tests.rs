//! Small databases as Nsight Systems exports them, and files that are none.

use std::path::{Path, PathBuf};

use plimsoll_core::summary::WindowTimes;
use rusqlite::Connection;

use super::*;

/// A second on 22 November 2026.
const RUN: i64 = 1_795_334_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Two accelerators, a session that begins two seconds into the run. Of the first: from 1 to 3 s one kernel, over it a copy
/// from 2.5 to 3.5 s, from 4 to 5 s another kernel. Of the second: a graph from 1 to 2 s.
const EXPORT: &str = "
CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO StringIds VALUES (7, 'gemm'), (8, 'softmax');
CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL,
  demangledName INTEGER NOT NULL, shortName INTEGER NOT NULL);
INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1000000000, 3000000000, 0, 9, 7), (4000000000, 5000000000, 0, 9, 8);
CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL,
  bytes INTEGER NOT NULL, copyKind INTEGER NOT NULL);
INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (2500000000, 3500000000, 0, 4000000000, 1);
CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start INTEGER NOT NULL, end INTEGER, deviceId INTEGER NOT NULL);
INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (1000000000, 2000000000, 1), (2000000000, NULL, 1);
CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER, utcTime TEXT, localTime TEXT);
INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (1795334402000000000, '', '');
CREATE TABLE ANALYSIS_DETAILS (globalVid INTEGER, duration INTEGER, startTime INTEGER, stopTime INTEGER);
INSERT INTO ANALYSIS_DETAILS VALUES (0, 6000000000, 0, 6000000000);
";

/// A file in a folder of its own with these tables.
fn database(tables: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.sqlite");
    Connection::open(&path).unwrap().execute_batch(tables).unwrap();
    (folder, path)
}

/// Three seconds of warm-up, four measured, one of drain.
fn windows() -> WindowTimes {
    WindowTimes { warmup: 3.0, measured: 4.0, drain: 1.0, ..WindowTimes::default() }
}

fn report(tables: &str) -> TimelineReport {
    let (_folder, path) = database(tables);
    TimelineReport::of(Timeline::read(&path).unwrap(), Some(RUN), &windows())
}

#[test]
fn stretches_that_overlap_are_one() {
    assert_eq!(merged(vec![(5, 7), (0, 2), (1, 3), (3, 4), (6, 6)]), [(0, 4), (5, 7)]);
    let spans = [(0, 4), (5, 7), (9, 10)];
    assert_eq!(within(&spans, 3, 9).collect::<Vec<_>>(), [(3, 4), (5, 7)]);
    assert_eq!(within(&spans, 4, 5).count(), 0);
}

#[test]
fn a_timeline_lies_beside_the_parts_of_the_run() {
    let report = report(EXPORT);
    assert_eq!((report.joined, report.from, report.until, report.of), (true, 2.0, 8.0, "measured"));
    let shown = |part: &Part| {
        format!("{} {}: {} of {} s, idle {}", part.name, part.gpu, part.busy, part.traced, part.longest_idle)
    };
    let parts: Vec<String> = report.parts.iter().map(shown).collect();
    // In the time of the run the first is busy from 3 to 5.5 and from 6 to 7 s, the second from 3 to 4 s.
    let expected = [
        "warm-up 0: 0 of 1 s, idle 1",
        "warm-up 1: 0 of 1 s, idle 1",
        "measured 0: 0.875 of 4 s, idle 0.5",
        "measured 1: 0.25 of 4 s, idle 3",
        "drain 0: 0 of 1 s, idle 1",
        "drain 1: 0 of 1 s, idle 1",
        "all 0: 0.5833333333333334 of 6 s, idle 1",
        "all 1: 0.16666666666666666 of 6 s, idle 4",
    ];
    assert_eq!(parts, expected);
    let named = |all: &[Activity]| -> Vec<String> {
        all.iter()
            .map(|one| format!("{} {}x {} s {} B", one.name, one.calls, one.seconds, one.bytes))
            .collect()
    };
    let graphs = "CUDA graphs, each traced as one 1x 1 s 0 B";
    assert_eq!(named(&report.kernels), ["gemm 1x 2 s 0 B", "softmax 1x 1 s 0 B", graphs]);
    assert_eq!(named(&report.copies), ["host to device 1x 1 s 4000000000 B"]);
    assert_eq!(report.busy(0, 5.0, 6.0), Some(0.5));
    assert_eq!((report.busy(0, 1.5, 2.5), report.busy(7, 5.0, 6.0)), (None, None), "not traced; not there");
}

#[test]
fn without_a_clock_figures_are_of_the_whole_timeline() {
    let report = report(&EXPORT.replace("TARGET_INFO_SESSION_START_TIME", "OTHER"));
    assert_eq!((report.joined, report.of, report.from, report.until), (false, "all", 0.0, 6.0));
    assert_eq!(report.parts.len(), 2);
    let (_folder, path) = database(EXPORT);
    let timeline = Timeline::read(&path).unwrap();
    let another = TimelineReport::of(timeline, Some(RUN + 100 * SECOND), &windows());
    assert_eq!(another.of, "all", "the run was later");
}

#[test]
fn many_kernels_are_added_up_and_nothing_makes_it_panic() {
    let rows: Vec<String> =
        (1..=40).map(|n| format!("({0}, {0} + {1}, {n}, 0)", n * SECOND, SECOND / n)).collect();
    let tables = format!(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, shortName INTEGER, deviceId INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES {}, (-9223372036854775808, 9223372036854775807, 1, 0), (5, 4, 1, 0);",
        rows.join(", ")
    );
    let report = report(&tables);
    assert_eq!((report.kernels.len(), report.kernels[0].name.as_str()), (13, "kernel 1"));
    assert_eq!((report.kernels[12].name.as_str(), report.kernels[12].calls), ("28 others", 28));
}

#[test]
fn what_is_no_timeline_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let said = |path: &Path| match Timeline::read(path) {
        Ok(timeline) => panic!("{timeline:?}"),
        Err(error) => error.to_string(),
    };
    let damaged = [b"SQLite format 3\0".as_slice(), &[7; 200]].concat();
    for (path, expected) in [
        (folder.path().join("nowhere.sqlite"), "cannot be read: No such file"),
        (folder.path().to_owned(), "cannot be read: Is a directory"),
        (file("empty.sqlite", b""), "is empty: export the report with `nsys export --type sqlite"),
        (file("a.nsys-rep", b"something else altogether"), "is no SQLite database: export the report"),
        (file("damaged.sqlite", &damaged), "cannot be used: "),
    ] {
        let said = said(&path);
        assert!(said.starts_with("--nsys: `") && said.contains(expected), "{said}");
    }
    for (tables, expected) in [
        ("CREATE TABLE other (a INTEGER);", "has nothing of CUDA: neither kernels"),
        (
            "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, finish INTEGER, shortName INTEGER);",
            "its table CUPTI_ACTIVITY_KIND_KERNEL has no column end, but start, finish, shortName",
        ),
        (
            "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, end, shortName);
             INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES ('then', 5, 1);",
            "cannot be used: Invalid column type Text",
        ),
    ] {
        let (_folder, path) = database(tables);
        let said = said(&path);
        assert!(said.contains(expected), "{said}");
    }
}
