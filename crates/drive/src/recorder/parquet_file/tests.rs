//! A file that is read at every step, and after its writer was killed at any instant.

use std::io::Read;
use std::process::{Command, Stdio};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_core::seed::Seed;
use rand::RngExt;

use super::*;
use crate::recorder::columns::{Cell, Column};

static COLUMNS: [Column<i64>; 2] = [
    Column { name: "number", cell: Cell::Int(|&number| Some(number)) },
    Column { name: "parity", cell: Cell::Text(|number| Some(if number % 2 == 0 { "even" } else { "odd" })) },
];

fn create(path: &Path) -> ParquetFile<i64> {
    ParquetFile::create(path.to_owned(), Table::new(COLUMNS.iter().collect(), &[("key", "value".to_owned())]))
        .unwrap()
}

/// Reads the whole file, checks that it holds 0, 1, 2 …, and gives their number.
fn read(path: &Path) -> i64 {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let notes = builder.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(notes.iter().any(|note| note.key == "key" && note.value.as_deref() == Some("value")));
    let promised = builder.metadata().file_metadata().num_rows();
    let mut expected = 0;
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let parities = batch.column(1).as_string::<i32>();
        for (number, parity) in batch.column(0).as_primitive::<Int64Type>().values().iter().zip(parities) {
            assert_eq!(*number, expected);
            assert_eq!(parity, Some(if expected % 2 == 0 { "even" } else { "odd" }));
            expected += 1;
        }
    }
    assert_eq!(expected, promised);
    expected
}

fn append(file: &mut ParquetFile<i64>, rows: std::ops::Range<i64>) {
    file.append(&rows.collect::<Vec<_>>()).unwrap();
}

#[test]
fn every_published_state_is_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.parquet");
    let mut file = create(&path);
    assert_eq!(read(&path), 0);
    let mut rows = 0;
    // Sizes that lead to merges of the first and second level, and to final groups.
    for step in 0..120 {
        let added = if step % 40 == 39 { 60_000 } else { 37 };
        append(&mut file, rows..rows + added);
        assert!(step % 7 > 0 || read(&path) < rows + added, "not published yet");
        rows += added;
        file.publish().unwrap();
        if step % 10 == 9 {
            assert_eq!(read(&path), rows);
        }
    }
    file.finish().unwrap();
    assert_eq!(read(&path), rows);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["numbers.parquet"]);
}

#[test]
fn groups_stay_few_and_memory_holds_only_those_that_may_be_merged() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = create(&folder.path().join("numbers.parquet"));
    for step in 0..2_000 {
        append(&mut file, step * 200..(step + 1) * 200);
        if step % 50 == 49 {
            file.publish().unwrap();
            file.publish().unwrap(); // nothing new: no work, no harm
            append(&mut file, 0..0);
        }
    }
    append(&mut file, 400_000..400_001);
    file.publish().unwrap();
    append(&mut file, 400_001..400_002);
    file.publish().unwrap();
    let finals = file.groups.iter().take_while(|group| group.is_final).count();
    assert_eq!(finals, 4);
    assert!(file.groups.iter().all(|group| group.is_final == group.segment.is_none()));
    assert!(file.groups.len() < 4 + 3 * FAN, "{}", file.groups.len());
}

#[test]
fn a_publication_cut_short_leaves_the_last_one_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.parquet");
    let mut file = create(&path);
    for step in 0..100 {
        append(&mut file, step * 50..(step + 1) * 50);
        let footer = file.footer().unwrap();
        let half = &footer[..footer.len() / 2];
        file.twins[file.next].update(&file.groups, half).unwrap();
        assert_eq!(read(&path), step * 50);
        file.publish().unwrap();
        assert_eq!(read(&path), (step + 1) * 50);
    }
}

/// Says to the child process of a test where to write.
const CHILD: &str = "PLIMSOLL_TEST_GROWING_FILE";
const STEP: i64 = 900;

/// The child: publishes step after step and says so, until it is killed.
fn write_forever(path: &Path) {
    let mut file = create(path);
    for step in 0.. {
        append(&mut file, step * STEP..(step + 1) * STEP);
        file.publish().unwrap();
        io::stdout().write_all(b"!").unwrap();
        io::stdout().flush().unwrap();
    }
}

#[test]
fn a_writer_killed_at_any_instant_leaves_all_that_it_had_published() {
    if let Some(path) = std::env::var_os(CHILD) {
        return write_forever(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = Seed(20).stream("kill");
    for round in 0..20 {
        let path = folder.path().join(format!("{round}.parquet"));
        let name =
            "recorder::parquet_file::tests::a_writer_killed_at_any_instant_leaves_all_that_it_had_published";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = io::BufReader::new(child.stdout.take().unwrap());
        let mut said = stdout.bytes().map(Result::unwrap).filter(|&byte| byte == b'!');
        // Some steps, then some microseconds into the next ones.
        let steps = random.random_range(1..160);
        let mut published: i64 = said.by_ref().take(steps).count() as i64;
        (0..random.random_range(0..200_000)).for_each(|turn| _ = std::hint::black_box(turn));
        child.kill().unwrap();
        child.wait().unwrap();
        published += said.count() as i64;
        assert!(published >= steps as i64, "the child ended by itself after {published} of {steps} steps");
        let rows = read(&path);
        assert!(
            (published * STEP..=(published + 1) * STEP).contains(&rows),
            "{rows} rows after {published} publications"
        );
    }
}

#[test]
fn a_file_that_cannot_be_created_says_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("numbers.parquet");
    let table = Table::new(COLUMNS.iter().collect(), &[]);
    let error = ParquetFile::create(path, table).err().unwrap().to_string();
    assert!(error.starts_with("cannot write `") && error.contains("numbers.parquet"), "{error}");
    assert!(error.contains("No such file") && error.contains("choose another folder"), "{error}");
}
