//! `--summary-file`: one row per run in a CSV file that grows, never under a header that does not fit.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::summary_block::Entry;

/// Why a row cannot be added.
#[derive(Debug, Error)]
pub(crate) enum SummaryFileError {
    /// The file holds other columns.
    #[error("{} has another header than this run ({difference}): give another --summary-file", path.display())]
    HeaderDiffers { path: PathBuf, difference: String },
    /// The file cannot be read or written.
    #[error("cannot write the summary file {} ({source}): check the folder and its rights", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// What a summary file needs before a row of these columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// The header: the file is new or empty.
    Header,
    /// A line break: its last line has none.
    LineBreak,
    Nothing,
}

/// Checks that a row of these columns could be added, and writes nothing: to be called before the run, too.
///
/// # Errors
/// The header differs, or the file cannot be opened for writing.
pub(crate) fn check(path: &Path, columns: &[String]) -> Result<Prefix, SummaryFileError> {
    let io = |source| SummaryFileError::Io { path: path.to_owned(), source };
    if !path.exists() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Creating a file and leaving it empty would be an effect of a check.
        return std::fs::read_dir(folder).map(|_| Prefix::Header).map_err(io);
    }
    let mut text = String::new();
    let mut file: File = OpenOptions::new().read(true).append(true).open(path).map_err(io)?;
    file.read_to_string(&mut text).map_err(io)?;
    if text.is_empty() {
        return Ok(Prefix::Header);
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| io(error.into()))?;
    let header: Vec<&str> = header.iter().collect();
    match difference(&header, columns) {
        Some(difference) => Err(SummaryFileError::HeaderDiffers { path: path.to_owned(), difference }),
        None if text.ends_with('\n') => Ok(Prefix::Nothing),
        None => Ok(Prefix::LineBreak),
    }
}

/// Adds one row.
///
/// # Errors
/// See [`check`].
pub(crate) fn append(path: &Path, entries: &[Entry]) -> Result<(), SummaryFileError> {
    let columns: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let prefix = check(path, &columns)?;
    let write = || -> io::Result<()> {
        let mut rows = csv::WriterBuilder::new().from_writer(Vec::new());
        if prefix == Prefix::Header {
            rows.write_record(&columns)?;
        }
        rows.write_record(entries.iter().map(|entry| &entry.value))?;
        let rows = rows.into_inner().map_err(|error| error.into_error())?;
        let mut text = if prefix == Prefix::LineBreak { b"\n".to_vec() } else { Vec::new() };
        text.extend(rows);
        // One write, so that rows of runs that end together do not mix.
        OpenOptions::new().create(true).append(true).open(path)?.write_all(&text)
    };
    write().map_err(|source| SummaryFileError::Io { path: path.to_owned(), source })
}

/// How a header differs from the columns of this run.
fn difference(header: &[&str], columns: &[String]) -> Option<String> {
    let missing: Vec<&str> =
        columns.iter().map(String::as_str).filter(|column| !header.contains(column)).collect();
    let extra: Vec<&str> = header.iter().copied().filter(|name| !columns.iter().any(|c| c == name)).collect();
    match (missing.as_slice(), extra.as_slice()) {
        ([], []) if header == columns => None,
        ([], []) => Some("the same columns in another order, or twice".to_owned()),
        (missing, []) => Some(format!("it lacks {}", missing.join(", "))),
        ([], extra) => Some(format!("it also has {}", extra.join(", "))),
        (missing, extra) => {
            Some(format!("it lacks {}, and also has {}", missing.join(", "), extra.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> Vec<Entry> {
        pairs
            .iter()
            .map(|(key, value)| Entry { key: (*key).to_owned(), value: (*value).to_owned() })
            .collect()
    }

    #[test]
    fn rows_follow_one_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        append(&path, &row(&[("A", "1"), ("B", "x, y")])).unwrap();
        append(&path, &row(&[("A", "2"), ("B", "")])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "A,B\n1,\"x, y\"\n2,\n");
    }

    #[test]
    fn a_last_line_without_its_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        std::fs::write(&path, "A\r\n1").unwrap();
        append(&path, &row(&[("A", "2")])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "A\r\n1\n2\n");
    }

    #[test]
    fn another_header_is_refused_by_name_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        for (header, said) in [
            ("A\n", "it lacks B"),
            ("A,B,C\n", "it also has C"),
            ("A,Z\n", "it lacks B, and also has Z"),
            ("B,A\n", "another order"),
        ] {
            std::fs::write(&path, header).unwrap();
            let error = append(&path, &row(&[("A", "1"), ("B", "2")])).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), header);
        }
    }

    #[test]
    fn a_check_leaves_no_file_and_finds_a_missing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        assert_eq!(check(&path, &["A".to_owned()]).unwrap(), Prefix::Header);
        assert!(!path.exists());
        let nowhere = folder.path().join("no/results.csv");
        assert!(matches!(check(&nowhere, &[]), Err(SummaryFileError::Io { .. })));
    }
}
