//! What is stored is what is read.

use plimsoll_core::health::ClientHealth;
use plimsoll_core::metrics::{Conduct, Tally, Window};
use plimsoll_core::seed::Seed;
use plimsoll_core::summary::{RunHeader, Summary};
use rand::RngExt;

use super::*;
use crate::recorder::columns::Table;
use crate::recorder::parquet_file::ParquetFile;
use crate::recorder::records_table::table;

fn at(micros: u64) -> Offset {
    Offset::from_nanos(micros * 1_000 + 7)
}

/// Records of every shape: failed, refused, streamed, not streamed, reasoning first, stamped, with and without usage.
fn records(count: u64) -> Vec<Record> {
    let mut random = Seed(1).stream("records");
    (0..count)
        .map(|id| {
            let due = id * 1_000;
            let phase = PHASES[usize::from(due >= 20_000) + usize::from(due >= 60_000)];
            let mut record = Record::due(RequestId(id), phase, (id % 3) as u16, at(due));
            record.outcome = Outcome::ALL[(id % 20).saturating_sub(5) as usize];
            record.prompt_tokens = Some(100);
            record.max_tokens = (id % 4 > 0).then_some(8);
            if record.outcome == Outcome::Connect {
                (record.error, record.done) = (Some("refused: \"é\"".to_owned()), Some(at(due + 5)));
                return record;
            }
            record.sent = Some(at(due + id % 3));
            if id % 5 == 0 {
                let span = Duration::from_nanos;
                record.connect = Some(ConnectTimes { dns: span(0), tcp: span(41_001), tls: span(id) });
            }
            (record.headers, record.first_byte) = (Some(at(due + 300)), Some(at(due + 310)));
            let mut arrival = due + 320;
            for event in 0..id % 7 {
                let kind = if event < id % 3 { DeltaKind::Reasoning } else { DeltaKind::Text };
                record.deltas.push(Delta { at: at(arrival), tokens: (id % 2) as u32 * 2, kind });
                arrival += random.random_range(1..900);
            }
            (record.done, record.status) = (Some(at(arrival + 9)), Some(200 + (id % 2) as u16 * 303));
            record.usage = Usage {
                input_tokens: (id % 2 == 0).then_some(99 + (id % 3) as u32),
                output_tokens: Some((id % 7) as u32 * 2),
                cached_tokens: (id % 3 == 0).then_some(0),
                reasoning_tokens: (id % 6 == 0).then_some(4),
                source: SOURCES[(id % 5) as usize],
            };
            (record.events, record.coalesced_events, record.chars) = (9, (id % 3) as u32, 400);
            (record.bytes_sent, record.bytes_received) = (1_000, 5_000 + id);
            record.server.prompt = (id % 4 == 0).then_some(Duration::from_micros(77));
            record.stamps = (id % 3 == 0)
                .then(|| Stamps { first_token: Some(at(due + 319)), last_token: record.last_token() });
            record
        })
        .collect()
}

fn store(records: &[Record], keep_chunks: bool) -> (tempfile::TempDir, RecordsFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.parquet");
    let table = table(Duration::from_nanos(1_795_328_073_000_000_123), at(60_000), keep_chunks);
    let mut file = ParquetFile::create(path.clone(), table).unwrap();
    for part in records.chunks(61) {
        file.append(part).unwrap();
        file.publish().unwrap();
    }
    file.finish().unwrap();
    let file = RecordsFile::open(&path).unwrap();
    (folder, file)
}

fn summary<'a>(records: impl IntoIterator<Item = &'a Record>) -> Summary {
    let window = Window {
        ramp_end: at(20_000),
        measure_start: at(60_000),
        measure_end: at(400_000),
        end: at(500_000),
    };
    let mut tally = Tally::new(window.measure_start);
    tally.measured_until(window.measure_end);
    records.into_iter().for_each(|record| tally.add(record));
    let conduct = Conduct {
        window,
        open_loop: true,
        cap_reached: false,
        health: &ClientHealth::default(),
        interventions: &[],
    };
    tally.summary(RunHeader::default(), &conduct)
}

#[test]
fn with_chunks_every_record_comes_back_as_it_was() {
    let records = records(500);
    let (_folder, file) = store(&records, true);
    assert_eq!((file.wall.as_nanos(), file.measure_start), (1_795_328_073_000_000_123, at(60_000)));
    assert!(file.chunks_kept);
    let back: Vec<Record> = file.map(Result::unwrap).collect();
    assert_eq!(back, records);
    assert_eq!(summary(&back), summary(&records));
}

#[test]
fn without_chunks_all_but_the_gaps_and_token_rates_can_be_computed_again() {
    let records = records(500);
    let (_folder, file) = store(&records, false);
    assert!(!file.chunks_kept);
    let back: Vec<Record> = file.map(Result::unwrap).collect();
    let (mut recomputed, mut original) = (summary(&back), summary(&records));
    assert!(original.metrics["ttft"].n > 50 && original.metrics["ttfvt"].n < original.metrics["ttft"].n);
    for summary in [&mut recomputed, &mut original] {
        assert!(summary.metrics.remove("chunk_gap").is_some());
        assert!(summary.metrics.remove("itl").is_some());
        (summary.rates.output_token_rate, summary.rates.total_token_rate) = (0.0, 0.0);
        summary.tokens.itl_estimated = 0;
        summary.warnings.retain(|warning| !warning.starts_with("itl"));
    }
    assert_eq!(recomputed, original);
}

#[test]
fn what_is_not_ours_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.parquet");
    let reason = |path: &Path| RecordsFile::open(path).unwrap_err().to_string();
    assert!(reason(&path).contains("cannot open"));
    std::fs::write(&path, "not parquet").unwrap();
    assert!(reason(&path).contains("cannot read records"));
    for (key, value, expected) in [("other", "1", "lacks the note"), (FORMAT_KEY, "2", "it has format 2")] {
        std::fs::remove_file(&path).unwrap();
        let table = Table::new(COLUMNS.iter().collect(), &[(key, value.to_owned())]);
        ParquetFile::create(path.clone(), table).unwrap().finish().unwrap();
        assert!(reason(&path).contains(expected), "{}", reason(&path));
    }
}
