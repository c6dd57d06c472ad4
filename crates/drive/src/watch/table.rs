//! `server.parquet`: what was watched, one row for each scrape and canonical metric.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Sample, Source};

use crate::recorder::{Cell, Column, ParquetFile, RecorderError, RunFolder, Table};

/// Version of the columns of `server.parquet`.
const SERVER_FORMAT: u32 = 1;
/// The name of the file in the results folder.
const FILE: &str = "server.parquet";

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) at: Offset,
    /// The target's name.
    pub(super) target: Arc<str>,
    pub(super) source: Source,
    pub(super) metric: Canonical,
    pub(super) instance: Arc<str>,
    pub(super) value: f64,
}

impl Row {
    /// The row of a sample of the target with this name.
    pub(super) fn of(sample: Sample, target: &Arc<str>) -> Row {
        Row {
            at: sample.at,
            target: Arc::clone(target),
            source: sample.source,
            metric: sample.metric,
            instance: sample.instance,
            value: sample.value,
        }
    }
}

static COLUMNS: [Column<Row>; 7] = [
    Column { name: "at_ns", cell: Cell::Int(|row| i64::try_from(row.at.as_nanos()).ok()) },
    Column { name: "target", cell: Cell::Text(|row| Some(&row.target)) },
    Column { name: "source", cell: Cell::Text(|row| Some(row.source.name())) },
    Column { name: "metric", cell: Cell::Text(|row| Some(row.metric.name())) },
    Column { name: "unit", cell: Cell::Text(|row| Some(row.metric.unit().name())) },
    Column { name: "instance", cell: Cell::Text(|row| Some(&row.instance)) },
    Column { name: "value", cell: Cell::Real(|row| Some(row.value)) },
];

/// Creates the file of a run that started at `wall` since the Unix epoch.
///
/// # Errors
/// It cannot be written there.
pub(super) fn create(folder: &RunFolder, wall: Duration) -> Result<ParquetFile<Row>, RecorderError> {
    let notes = [
        ("plimsoll.server_format", SERVER_FORMAT.to_string()),
        ("plimsoll.start_unix_ns", wall.as_nanos().to_string()),
    ];
    ParquetFile::create(folder.file(FILE), Table::new(COLUMNS.iter().collect(), &notes))
}
