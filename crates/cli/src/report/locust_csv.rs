//! `--csv PREFIX`: Locust's four files, with its columns.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use csv::Writer;

use super::numbers::python_float;

/// The percentiles of these files.
pub(crate) const PERCENTILES: [f64; 11] =
    [50.0, 66.0, 75.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.9, 99.99, 100.0];

const STATS: [&str; 11] = [
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
];
const HISTORY_FIRST: [&str; 6] = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"];
const HISTORY_LAST: [&str; 7] = [
    "Total Request Count",
    "Total Failure Count",
    "Total Median Response Time",
    "Total Average Response Time",
    "Total Min Response Time",
    "Total Max Response Time",
    "Total Average Content Size",
];
const FAILURES: [&str; 6] = ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"];
const EXCEPTIONS: [&str; 4] = ["Count", "Message", "Traceback", "Nodes"];

/// The figures of one kind of request, of a metric that the load test reports as a request of type `METRIC`, or of all
/// requests together (`Aggregated`).
///
/// Times are milliseconds; the values of a metric that is no time stand in their place, as in the load test.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocustRow {
    /// The method, `METRIC`, or nothing for `Aggregated`.
    pub(crate) kind: String,
    /// The request's path, the metric's name, or `Aggregated`.
    pub(crate) name: String,
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) average: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Bytes of body received, on average.
    pub(crate) average_size: f64,
    pub(crate) requests_per_s: f64,
    pub(crate) failures_per_s: f64,
    /// One for each of [`PERCENTILES`]; nothing without requests.
    pub(crate) percentiles: Option<[f64; PERCENTILES.len()]>,
}

/// The figures of one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HistoryRow {
    /// Unix time, seconds.
    pub(crate) timestamp: u64,
    /// Users, or requests in flight in an open loop.
    pub(crate) users: u32,
    /// Rates of the last seconds, everything else since the start.
    pub(crate) row: LocustRow,
}

/// One class of failure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailureRow {
    pub(crate) method: String,
    pub(crate) name: String,
    pub(crate) error: String,
    pub(crate) occurrences: u64,
    /// Unix time, seconds.
    pub(crate) first_seen: f64,
    /// See `first_seen`.
    pub(crate) last_seen: f64,
}

/// The four files of one run.
#[derive(Debug)]
pub(crate) struct LocustFiles {
    prefix: String,
    history: Writer<File>,
}

impl LocustFiles {
    /// Creates the files with their headers.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub(crate) fn create(prefix: &str) -> io::Result<Self> {
        let mut history = open(prefix, "stats_history")?;
        history.write_record(history_header())?;
        history.flush()?;
        let mut files = LocustFiles { prefix: prefix.to_owned(), history };
        files.replace(&[], &[])?;
        Ok(files)
    }

    /// Adds the figures of one moment to the history.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn add_history(&mut self, rows: &[HistoryRow]) -> io::Result<()> {
        for row in rows {
            self.history.write_record(history_record(row))?;
        }
        self.history.flush()
    }

    /// Writes the present figures in place of the earlier ones.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn replace(&mut self, stats: &[LocustRow], failures: &[FailureRow]) -> io::Result<()> {
        let mut file = open(&self.prefix, "stats")?;
        file.write_record(stats_header())?;
        for row in stats {
            file.write_record(stats_record(row))?;
        }
        file.flush()?;
        let mut file = open(&self.prefix, "failures")?;
        file.write_record(FAILURES)?;
        for row in failures {
            file.write_record(failure_record(row))?;
        }
        file.flush()?;
        // This program has no exceptions in a user's code to report.
        let mut file = open(&self.prefix, "exceptions")?;
        file.write_record(EXCEPTIONS)?;
        file.flush()
    }
}

fn open(prefix: &str, name: &str) -> io::Result<Writer<File>> {
    let path = PathBuf::from(format!("{prefix}_{name}.csv"));
    let file = File::create(&path).map_err(|error| {
        let why =
            format!("cannot write {} ({error}): check the folder of --csv and its rights", path.display());
        io::Error::new(error.kind(), why)
    })?;
    Ok(Writer::from_writer(file))
}

fn stats_header() -> Vec<String> {
    STATS.iter().map(|name| (*name).to_owned()).chain(percentile_names()).collect()
}

fn history_header() -> Vec<String> {
    let owned = |name: &&str| (*name).to_owned();
    HISTORY_FIRST.iter().map(owned).chain(percentile_names()).chain(HISTORY_LAST.iter().map(owned)).collect()
}

fn percentile_names() -> impl Iterator<Item = String> {
    PERCENTILES.iter().map(|p| format!("{p}%"))
}

fn stats_record(row: &LocustRow) -> Vec<String> {
    let mut record = vec![row.kind.clone(), row.name.clone()];
    record.extend(totals(row));
    record.extend([python_float(row.requests_per_s), python_float(row.failures_per_s)]);
    record.extend(percentiles(row));
    record
}

fn history_record(moment: &HistoryRow) -> Vec<String> {
    let row = &moment.row;
    let mut record = vec![
        moment.timestamp.to_string(),
        moment.users.to_string(),
        row.kind.clone(),
        row.name.clone(),
        python_float(row.requests_per_s),
        python_float(row.failures_per_s),
    ];
    record.extend(percentiles(row));
    record.extend(totals(row));
    record
}

/// Counts, median, mean, least, greatest, size.
fn totals(row: &LocustRow) -> [String; 7] {
    let median = row.percentiles.map_or(0.0, |values| values[0]);
    [
        row.requests.to_string(),
        row.failures.to_string(),
        python_float(median),
        python_float(row.average),
        python_float(row.min),
        python_float(row.max),
        python_float(row.average_size),
    ]
}

fn percentiles(row: &LocustRow) -> Vec<String> {
    match row.percentiles {
        Some(values) => values.into_iter().map(python_float).collect(),
        None => vec!["N/A".to_owned(); PERCENTILES.len()],
    }
}

fn failure_record(row: &FailureRow) -> [String; 6] {
    [
        row.method.clone(),
        row.name.clone(),
        row.error.clone(),
        row.occurrences.to_string(),
        python_float(row.first_seen),
        python_float(row.last_seen),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_files() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("load").display().to_string();
        let mut files = LocustFiles::create(&prefix).unwrap();
        let percentiles = [5.0, 6.0, 7.0, 8.0, 9.0, 9.5, 9.8, 9.9, 9.99, 9.999, 10.0];
        let row = LocustRow {
            kind: "POST".to_owned(),
            name: "/v1/chat/completions".to_owned(),
            requests: 10,
            failures: 1,
            average: 5.25,
            min: 1.0,
            max: 10.0,
            average_size: 2048.0,
            requests_per_s: 2.0,
            failures_per_s: 0.2,
            percentiles: Some(percentiles),
        };
        let none = LocustRow { name: "Aggregated".to_owned(), ..LocustRow::default() };
        let moment = |row| HistoryRow { timestamp: 1_700_000_000, users: 8, row };
        files.add_history(&[moment(none.clone())]).unwrap();
        files.add_history(&[moment(row.clone())]).unwrap();
        let failure = FailureRow {
            method: "POST".to_owned(),
            name: row.name.clone(),
            error: "http_5xx: \"busy\", try later".to_owned(),
            occurrences: 1,
            first_seen: 1_700_000_000.5,
            last_seen: 1_700_000_000.5,
        };
        files.replace(std::slice::from_ref(&row), &[]).unwrap();
        files.replace(&[row, none], &[failure]).unwrap();
        let shown = ["stats", "stats_history", "failures", "exceptions"]
            .map(|name| std::fs::read_to_string(format!("{prefix}_{name}.csv")).unwrap());
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = LocustFiles::create("/nonexistent/load").unwrap_err().to_string();
        assert!(error.contains("/nonexistent/load_stats_history.csv") && error.contains("--csv"), "{error}");
    }
}
