//! A Parquet file that grows while the run goes on and is whole at every instant, even if the process is killed.
//!
//! Parquet keeps its table of contents at the end, so a file cannot be appended to without being broken for a moment.
//! Hence two hidden twins that take turns: one is published under the file's name while the other is brought up to
//! date, and then a rename swaps them.
//!
//! ```text
//!   records.parquet ──(the same file)── .records.parquet.a   [PAR1][group][group][group]        [footer]
//!                                       .records.parquet.b   [PAR1][group][group][group][group] [footer]   being written
//! ```
//!
//! A published file is left alone until its twin has taken its place, so that who opens it has at least one interval
//! of publication to read what is new in it; row groups that are older than that never change.
//!
//! Rows come in small groups, twice a second. So that their number stays small, 32 neighbours of one size are merged
//! into one of the next size, as in a log-structured merge tree, until a group has 100,000 rows or 8 MiB. Every row is
//! encoded a few times in all, memory holds the groups that may still be merged, and a footer names a few dozen small
//! groups beside the large ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData};

use super::columns::Table;
use super::error::RecorderError;
use super::segment::{MAGIC, Segment};

/// Groups of one size that are merged into one of the next size.
const FAN: usize = 32;
/// A group of so many rows is final …
const ROWS_FINAL: usize = 100_000;
/// … and so is one of so many bytes.
const BYTES_FINAL: u64 = 8 << 20;

/// A table of `T`s on its way into a file.
pub(crate) struct ParquetFile<T: 'static> {
    path: PathBuf,
    table: Table<T>,
    /// Schema and notes.
    frame: FileMetaData,
    groups: Vec<Group>,
    twins: [Twin; 2],
    /// The twin that is written next; the other one is published.
    next: usize,
    /// Whether there are rows that are not published.
    dirty: bool,
    /// Rows of the published file.
    published_rows: usize,
}

/// A row group at its place in the file.
struct Group {
    start: u64,
    length: u64,
    rows: usize,
    metadata: RowGroupMetaData,
    /// Merges that it came from; groups of one level are merged with one another.
    level: u32,
    /// Whether it is too large to be merged again.
    is_final: bool,
    /// Its content, until both twins have it and it is final.
    segment: Option<Segment>,
}

/// One of the two files.
struct Twin {
    path: PathBuf,
    file: File,
    /// Leading groups that it holds as they are now.
    holds: usize,
}

impl<T> ParquetFile<T> {
    /// Creates the file, without rows.
    ///
    /// # Errors
    /// It cannot be written there.
    pub(crate) fn create(path: PathBuf, table: Table<T>) -> Result<Self, RecorderError> {
        let (_, frame) = Segment::encode(&table.schema, &table.properties, [])
            .map_err(|error| RecorderError::write(&path, encoding_error(error)))?;
        let twins = [Twin::create(hidden(&path, "a"))?, Twin::create(hidden(&path, "b"))?];
        let mut file = ParquetFile {
            path,
            table,
            frame,
            groups: Vec::new(),
            twins,
            next: 0,
            dirty: true,
            published_rows: 0,
        };
        file.publish()?;
        Ok(file)
    }

    /// Adds rows. They are in the file after the next [`ParquetFile::publish`].
    ///
    /// # Errors
    /// The rows cannot be encoded.
    pub(crate) fn append(&mut self, rows: &[T]) -> Result<(), RecorderError> {
        if rows.is_empty() {
            return Ok(());
        }
        let batch = self.table.batch(rows).map_err(ParquetError::from);
        let added = self.add_group([batch], 0).and_then(|()| self.merge_neighbours());
        added.map_err(|error| RecorderError::write(&self.path, encoding_error(error)))
    }

    /// Makes all added rows part of the file.
    ///
    /// # Errors
    /// The disk is full or broken. The file is then what it was after the last publication that succeeded.
    pub(crate) fn publish(&mut self) -> Result<(), RecorderError> {
        if !self.dirty {
            return Ok(());
        }
        let footer =
            self.footer().map_err(|error| RecorderError::write(&self.path, encoding_error(error)))?;
        self.twins[self.next]
            .update(&self.groups, &footer)
            .and_then(|()| replace(&self.twins[self.next].path, &self.path))
            .map_err(|source| RecorderError::write(&self.path, source))?;
        self.next = 1 - self.next;
        self.dirty = false;
        self.published_rows = self.groups.iter().map(|group| group.rows).sum();
        self.release();
        Ok(())
    }

    /// Rows of the published file.
    pub(super) fn published_rows(&self) -> usize {
        self.published_rows
    }

    /// Publishes all rows for good, and removes what is hidden.
    ///
    /// # Errors
    /// As for [`ParquetFile::publish`].
    pub(crate) fn finish(&mut self) -> Result<(), RecorderError> {
        let settled = self.settle(self.first_open());
        settled.map_err(|error| RecorderError::write(&self.path, encoding_error(error)))?;
        self.publish()?;
        let published = &self.twins[1 - self.next];
        let sync = published.file.sync_all();
        sync.map_err(|source| RecorderError::write(&self.path, source))?;
        for twin in &self.twins {
            fs::remove_file(&twin.path).map_err(|source| RecorderError::write(&twin.path, source))?;
        }
        Ok(())
    }

    fn add_group(
        &mut self,
        batches: impl IntoIterator<Item = Result<RecordBatch, ParquetError>>,
        level: u32,
    ) -> Result<(), ParquetError> {
        let (Some(segment), _) = Segment::encode(&self.table.schema, &self.table.properties, batches)? else {
            return Ok(());
        };
        let start = self.groups.last().map_or(MAGIC.len() as u64, |last| last.start + last.length);
        self.groups.push(Group {
            start,
            length: segment.body().len() as u64,
            rows: segment.rows,
            metadata: segment.placed(start, self.groups.len())?,
            level,
            is_final: false,
            segment: Some(segment),
        });
        self.dirty = true;
        Ok(())
    }

    /// Merges the last groups as long as there are enough of them.
    fn merge_neighbours(&mut self) -> Result<(), ParquetError> {
        let open = self.first_open();
        let (rows, bytes) = self.groups[open..]
            .iter()
            .fold((0, 0), |(rows, bytes), group| (rows + group.rows, bytes + group.length));
        if rows >= ROWS_FINAL || bytes >= BYTES_FINAL {
            return self.settle(open);
        }
        while let Some(level) = self.groups[open..].last().map(|last| last.level) {
            let run = self.groups[open..].iter().rev().take_while(|group| group.level == level).count();
            if run < FAN {
                break;
            }
            self.merge_from(self.groups.len() - run)?;
        }
        Ok(())
    }

    /// The first group that may still be merged. All before it are final, none after it is.
    fn first_open(&self) -> usize {
        self.groups.iter().rposition(|group| group.is_final).map_or(0, |last| last + 1)
    }

    /// Makes one final group of all from the one numbered `first` on.
    fn settle(&mut self, first: usize) -> Result<(), ParquetError> {
        if self.groups.len() > first + 1 {
            self.merge_from(first)?;
        }
        if let Some(last) = self.groups[first..].last_mut() {
            last.is_final = true;
        }
        Ok(())
    }

    /// Makes one group of all from the one numbered `first` on, of the next level.
    fn merge_from(&mut self, first: usize) -> Result<(), ParquetError> {
        let parts = self.groups.split_off(first);
        let level = parts.iter().map(|part| part.level).max().unwrap_or(0) + 1;
        let segments = parts.iter().filter_map(|part| part.segment.as_ref());
        let batches = segments.map(Segment::decode).collect::<Result<Vec<_>, _>>()?;
        self.twins.iter_mut().for_each(|twin| twin.holds = twin.holds.min(first));
        self.add_group(batches.into_iter().flatten(), level)
    }

    fn footer(&self) -> Result<Vec<u8>, ParquetError> {
        let rows = self.groups.iter().map(|group| group.rows as i64).sum();
        let frame = &self.frame;
        let frame = FileMetaData::new(
            frame.version(),
            rows,
            frame.created_by().map(str::to_owned),
            frame.key_value_metadata().cloned(),
            frame.schema_descr_ptr(),
            frame.column_orders().cloned(),
        );
        let groups = self.groups.iter().map(|group| group.metadata.clone()).collect();
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &ParquetMetaData::new(frame, groups)).finish()?;
        Ok(footer)
    }

    /// Forgets the content of groups that nobody will need again.
    fn release(&mut self) {
        let in_both = self.twins.iter().map(|twin| twin.holds).min().unwrap_or(0);
        let finals = self.groups[..in_both].iter_mut().rev().filter(|group| group.is_final);
        finals.take_while(|group| group.segment.is_some()).for_each(|group| group.segment = None);
    }
}

impl Twin {
    fn create(path: PathBuf) -> Result<Self, RecorderError> {
        let open = || {
            let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
            file.write_all(MAGIC)?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Twin { path, file, holds: 0 }),
            Err(error) => Err(RecorderError::Write { path, error }),
        }
    }

    /// Makes the file hold `groups` and `footer`.
    fn update(&mut self, groups: &[Group], footer: &[u8]) -> io::Result<()> {
        let kept = self.holds.checked_sub(1).and_then(|last| groups.get(last));
        let end = kept.map_or(MAGIC.len() as u64, |last| last.start + last.length);
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        for group in &groups[self.holds..] {
            let segment = group.segment.as_ref().ok_or_else(|| io::Error::other("a row group is gone"))?;
            self.file.write_all(segment.body())?;
            self.holds += 1;
        }
        self.file.write_all(footer)
    }
}

/// The hidden file beside `path` that is told apart by `suffix`.
fn hidden(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// Makes `path` another name of the file `source`, at once.
fn replace(source: &Path, path: &Path) -> io::Result<()> {
    let link = hidden(path, "new");
    fs::hard_link(source, &link)?;
    fs::rename(&link, path)
}

fn encoding_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
