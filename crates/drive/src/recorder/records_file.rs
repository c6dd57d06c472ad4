//! Records read back from `records.parquet`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Int64Array, ListArray, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use plimsoll_core::record::{
    ConnectTimes, Delta, DeltaKind, Outcome, Record, RequestId, ServerTimes, Stamps, Usage,
};
use plimsoll_core::time::Offset;
use thiserror::Error;

use super::columns::Cell;
use super::records_table::{
    CHUNK_COLUMNS, COLUMNS, FORMAT_KEY, MEASURE_KEY, PHASES, RECORDS_FORMAT, SOURCES, WALL_KEY, phase_name,
    source_name,
};

/// Columns that the first files of this format lack.
const LATER: [&str; 7] = [
    "server_queue_ns",
    "server_tokenize_ns",
    "server_ttft_ns",
    "server_tpot_ns",
    "server_inference_ns",
    "server_total_ns",
    "acceptance",
];

/// The records of a stored run, read a few thousand at a time: an iterator over them.
#[derive(Debug)]
pub struct RecordsFile {
    /// Wall time at the start of the run, since the Unix epoch.
    pub wall: Duration,
    /// Start of the measured window.
    pub measure_start: Offset,
    /// Whether every event is there. Without, a record has only its first, first visible and last event with content:
    /// all of METRICS' per-request quantities but `chunk_gap` and `itl` can be computed, rates of tokens cannot.
    pub chunks_kept: bool,
    /// Records in the file.
    pub total: u64,
    /// Records that are read: fewer than `total` where only a part was asked for.
    pub part: u64,
    batches: ParquetRecordBatchReader,
    read: std::vec::IntoIter<Record>,
}

/// Why stored records cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot open `{path}`: {source}")]
    Open {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not Parquet, or damaged.
    #[error("cannot read records: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Damaged within a row group.
    #[error("cannot read records: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// Parquet, but not records of this program, or those of a later version.
    #[error(
        "not a file of records of format {RECORDS_FORMAT} or earlier: {0}; read it with the version that wrote it"
    )]
    Format(String),
}

impl RecordsFile {
    /// Opens `records.parquet` at `path`, of a finished, running or killed run.
    ///
    /// # Errors
    /// It is not there, not readable, or of a later format.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        RecordsFile::open_part(path, u64::MAX)
    }

    /// The same, but of a file with more than `most` records only about so many: every second, third, … stretch of some
    /// thousand records, so that all times of the run are in it.
    ///
    /// # Errors
    /// As [`RecordsFile::open`].
    pub fn open_part(path: &Path, most: u64) -> Result<Self, ReadError> {
        let file = File::open(path)
            .map_err(|source| ReadError::Open { path: path.display().to_string(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let notes = builder.metadata().file_metadata().key_value_metadata();
        let note = |key: &str| -> Result<u64, ReadError> {
            let value =
                notes.into_iter().flatten().find(|note| note.key == key).and_then(|note| note.value.as_ref());
            let value = value.ok_or_else(|| ReadError::Format(format!("it lacks the note `{key}`")))?;
            value.parse().map_err(|_| ReadError::Format(format!("its note `{key}` is `{value}`")))
        };
        let format = note(FORMAT_KEY)?;
        if format > u64::from(RECORDS_FORMAT) {
            return Err(ReadError::Format(format!("it has format {format}")));
        }
        let groups: Vec<u64> =
            builder.metadata().row_groups().iter().map(|group| group.num_rows().unsigned_abs()).collect();
        let total: u64 = groups.iter().sum();
        let chosen = spread(&groups, total.div_ceil(most.max(1)));
        Ok(RecordsFile {
            total,
            part: chosen.iter().map(|&group| groups[group]).sum(),
            wall: Duration::from_nanos(note(WALL_KEY)?),
            measure_start: Offset::from_nanos(note(MEASURE_KEY)?),
            chunks_kept: builder.schema().field_with_name(CHUNK_COLUMNS[0].name).is_ok(),
            batches: builder.with_row_groups(chosen).with_batch_size(4_096).build()?,
            read: Vec::new().into_iter(),
        })
    }
}

/// Groups of about one `every`-th of all rows, evenly spread.
fn spread(rows: &[u64], every: u64) -> Vec<usize> {
    let (mut passed, mut taken) = (0, 0);
    let mut chosen = Vec::new();
    for (group, &rows) in rows.iter().enumerate() {
        if taken * every.max(1) <= passed {
            chosen.push(group);
            taken += rows;
        }
        passed += rows;
    }
    chosen
}

impl Iterator for RecordsFile {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.read.next() {
                return Some(Ok(record));
            }
            match self.batches.next()?.map_err(ReadError::from).and_then(|batch| records(&batch)) {
                Ok(records) => self.read = records.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn records(batch: &RecordBatch) -> Result<Vec<Record>, ReadError> {
    let cells = Cells::of(batch)?;
    (0..batch.num_rows()).map(|row| cells.record(row)).collect()
}

/// The columns of a batch by name.
struct Cells<'a> {
    ints: BTreeMap<&'a str, &'a Int64Array>,
    texts: BTreeMap<&'a str, &'a StringArray>,
    lists: BTreeMap<&'a str, &'a ListArray>,
}

impl<'a> Cells<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ReadError> {
        let mut cells = Cells { ints: BTreeMap::new(), texts: BTreeMap::new(), lists: BTreeMap::new() };
        for column in &COLUMNS {
            let array = batch.column_by_name(column.name);
            if array.is_none() && LATER.contains(&column.name) {
                continue;
            }
            let array =
                array.ok_or_else(|| ReadError::Format(format!("it lacks the column `{}`", column.name)))?;
            let other = || ReadError::Format(format!("its column `{}` has another type", column.name));
            match column.cell {
                Cell::Int(_) => {
                    cells.ints.insert(column.name, array.as_primitive_opt().ok_or_else(other)?);
                }
                Cell::Text(_) => {
                    cells.texts.insert(column.name, array.as_string_opt().ok_or_else(other)?);
                }
                Cell::Reals(_) => {
                    cells.lists.insert(column.name, array.as_list_opt().ok_or_else(other)?);
                }
                Cell::Real(_) | Cell::Ints(_) => {} // derived from the others
            }
        }
        for column in &CHUNK_COLUMNS {
            if let Some(list) = batch.column_by_name(column.name).and_then(|array| array.as_list_opt()) {
                cells.lists.insert(column.name, list);
            }
        }
        Ok(cells)
    }

    fn record(&self, row: usize) -> Result<Record, ReadError> {
        let text = |name| self.text(name, row).unwrap_or_default();
        let unknown = |what: &str| ReadError::Format(format!("row {row} has the {what} of no known name"));
        let phase = PHASES.into_iter().find(|&phase| phase_name(phase) == text("phase"));
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == text("outcome"));
        let source = SOURCES.into_iter().find(|&source| source_name(source) == text("token_source"));
        Ok(Record {
            id: RequestId(self.number("id", row)),
            phase: phase.ok_or_else(|| unknown("phase"))?,
            thread: self.number("thread", row) as u16,
            scheduled: Offset::from_nanos(self.number("scheduled_ns", row)),
            sent: self.offset("sent_ns", row),
            connect: self.connect(row),
            headers: self.offset("headers_ns", row),
            first_byte: self.offset("first_byte_ns", row),
            deltas: self.deltas(row),
            done: self.offset("done_ns", row),
            outcome: outcome.ok_or_else(|| unknown("outcome"))?,
            status: self.int("status", row).map(|status| status as u16),
            error: self.text("error", row).map(str::to_owned),
            usage: Usage {
                input_tokens: self.count("input_tokens", row),
                output_tokens: self.count("output_tokens", row),
                cached_tokens: self.count("cached_tokens", row),
                reasoning_tokens: self.count("reasoning_tokens", row),
                source: source.ok_or_else(|| unknown("token source"))?,
            },
            prompt_tokens: self.count("prompt_tokens", row),
            max_tokens: self.count("max_tokens", row),
            events: self.number("events", row) as u32,
            coalesced_events: self.number("coalesced_events", row) as u32,
            bytes_sent: self.number("bytes_sent", row),
            bytes_received: self.number("bytes_received", row),
            chars: self.number("chars", row) as u32,
            server: ServerTimes {
                queue: self.span("server_queue_ns", row),
                tokenize: self.span("server_tokenize_ns", row),
                prompt: self.span("server_prompt_ns", row),
                first_token: self.span("server_ttft_ns", row),
                generation: self.span("server_generation_ns", row),
                per_token: self.span("server_tpot_ns", row),
                inference: self.span("server_inference_ns", row),
                total: self.span("server_total_ns", row),
            },
            acceptance: self.reals("acceptance", row),
            stamps: (self.number("stamped", row) == 1).then(|| Stamps {
                first_token: self.offset("stamp_first_token_ns", row),
                last_token: self.offset("stamp_last_token_ns", row),
            }),
        })
    }

    fn connect(&self, row: usize) -> Option<ConnectTimes> {
        let span = |name| self.span(name, row);
        Some(ConnectTimes { dns: span("dns_ns")?, tcp: span("tcp_ns")?, tls: span("tls_ns")? })
    }

    /// The events with content, or those of them that are stored without chunks.
    fn deltas(&self, row: usize) -> Vec<Delta> {
        let Some(first) = self.offset("first_token_ns", row) else {
            return Vec::new();
        };
        let visible = self.offset("first_visible_token_ns", row);
        let kind = |at| match visible {
            Some(visible) if visible <= at => DeltaKind::Text,
            _ => DeltaKind::Reasoning,
        };
        let delta = |at, tokens: i64| Delta { at, tokens: tokens as u32, kind: kind(at) };
        if let (Some(gaps), Some(tokens)) = (self.list("chunk_gaps_ns", row), self.list("chunk_tokens", row))
        {
            let later = gaps.values().iter().scan(first, |at, &gap| {
                *at = *at + Duration::from_nanos(gap.unsigned_abs());
                Some(*at)
            });
            let arrivals = std::iter::once(first).chain(later);
            return arrivals.zip(tokens.values()).map(|(at, &tokens)| delta(at, tokens)).collect();
        }
        let mut deltas = vec![delta(first, self.int("first_event_tokens", row).unwrap_or(0))];
        deltas.extend(visible.filter(|&visible| visible > first).map(|visible| delta(visible, 0)));
        let last = self.offset("last_token_ns", row).unwrap_or(first);
        if self.number("content_events", row) > deltas.len() as u64 {
            deltas.push(delta(last, 0));
        }
        deltas
    }

    fn reals(&self, name: &str, row: usize) -> Vec<f64> {
        let list = self.lists.get(name).map(|lists| lists.value(row));
        let reals = list.as_ref().and_then(|list| list.as_primitive_opt::<Float64Type>());
        reals.map(|reals| reals.values().to_vec()).unwrap_or_default()
    }

    fn list(&self, name: &str, row: usize) -> Option<Int64Array> {
        self.lists.get(name)?.value(row).as_primitive_opt::<Int64Type>().cloned()
    }

    fn text(&self, name: &str, row: usize) -> Option<&str> {
        let texts = self.texts.get(name)?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    fn int(&self, name: &str, row: usize) -> Option<i64> {
        let ints = self.ints.get(name)?;
        ints.is_valid(row).then(|| ints.value(row))
    }

    fn number(&self, name: &str, row: usize) -> u64 {
        self.int(name, row).map_or(0, i64::unsigned_abs)
    }

    fn count(&self, name: &str, row: usize) -> Option<u32> {
        self.int(name, row).map(|count| count as u32)
    }

    fn offset(&self, name: &str, row: usize) -> Option<Offset> {
        self.int(name, row).map(|nanos| Offset::from_nanos(nanos.unsigned_abs()))
    }

    fn span(&self, name: &str, row: usize) -> Option<Duration> {
        self.int(name, row).map(|nanos| Duration::from_nanos(nanos.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests;
