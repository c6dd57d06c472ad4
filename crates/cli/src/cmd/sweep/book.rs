//! What a sweep has done so far, from which it can go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plimsoll_core::summary::Summary;

use super::matrix::{Cell, Matrix};
use super::stored::{SCHEMA, Status, Stored, StoredCell, read, summary_of};
use super::table;
use crate::exit::{UsageError, refuse};
use crate::session::CommandFolder;

/// A sweep with what has been measured.
pub(crate) struct Book {
    pub(crate) folder: CommandFolder,
    pub(crate) stored: Stored,
    /// The summary of each cell that has one.
    pub(crate) summaries: Vec<Option<Summary>>,
}

impl Book {
    /// Begins a new sweep in a folder of its own.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn begin(
        folder: CommandFolder,
        matrix: &Matrix,
        seed: u64,
        settings: BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let stored = Stored {
            schema: SCHEMA.to_owned(),
            seed,
            axes: matrix.axes.iter().map(|axis| axis.name.clone()).collect(),
            settings,
            cells: matrix.cells.iter().map(waiting).collect(),
        };
        let book = Book { folder, summaries: vec![None; stored.cells.len()], stored };
        book.save()?;
        Ok(book)
    }

    /// Goes on with the sweep in `path`; also returns what is to be said of a matrix that has changed.
    ///
    /// # Errors
    /// It is no folder of a sweep, or that of another one.
    pub(super) fn resume(
        path: &Path,
        matrix: &Matrix,
        settings: &BTreeMap<String, String>,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let stored = read(path)?;
        same_sweep(path, &stored, matrix, settings)?;
        let known = |cell: &Cell| {
            stored.cells.iter().find(|old| old.values == cell.values && old.repeat == cell.repeat)
        };
        let mut said = Vec::new();
        let mut cells: Vec<StoredCell> = Vec::new();
        for cell in &matrix.cells {
            match known(cell) {
                Some(old) => cells.push(StoredCell { number: cell.number, ..old.clone() }),
                None => {
                    said.push(format!("new since then: {}", matrix.describe(cell)));
                    cells.push(waiting(cell));
                }
            }
        }
        let is_kept = |old: &StoredCell| {
            cells.iter().any(|cell| cell.values == old.values && cell.repeat == old.repeat)
        };
        for old in stored.cells.iter().filter(|old| !is_kept(old)) {
            let values = old.values.join(", ");
            said.push(format!(
                "no longer asked for, and left out of the tables: {values}, repetition {}",
                old.repeat
            ));
        }
        let folder = CommandFolder::open(path.to_owned());
        let mut summaries = Vec::new();
        for cell in &mut cells {
            let summary = cell.folder.as_ref().and_then(|folder| summary_of(&path.join(folder)));
            if cell.status != Status::Done || summary.is_none() {
                *cell = StoredCell { status: Status::Waiting, error: None, folder: None, ..cell.clone() };
            }
            summaries.push(summary.filter(|_| cell.status == Status::Done));
        }
        let book = Book { folder, stored: Stored { cells, ..stored }, summaries };
        book.save()?;
        Ok((book, said))
    }

    /// Reads the sweep in `path`, for a report.
    ///
    /// # Errors
    /// It is no folder of a sweep.
    pub(crate) fn open(path: &Path) -> Result<Self, UsageError> {
        let stored = read(path)?;
        let summary = |cell: &StoredCell| {
            let folder = cell.folder.as_ref().filter(|_| cell.status == Status::Done)?;
            summary_of(&path.join(folder))
        };
        let summaries = stored.cells.iter().map(summary).collect();
        Ok(Book { folder: CommandFolder::open(path.to_owned()), stored, summaries })
    }

    /// Keeps what became of the cell at `index`.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn enter(&mut self, index: usize, outcome: Outcome) -> anyhow::Result<()> {
        let cell = &mut self.stored.cells[index];
        (cell.status, cell.error) = (outcome.status, outcome.error);
        cell.folder = outcome.folder.and_then(|folder| {
            let within = folder.strip_prefix(self.folder.path()).ok()?;
            Some(within.display().to_string())
        });
        self.summaries[index] = outcome.summary;
        self.save()
    }

    /// Requests that the cells which are done have asked.
    pub(super) fn asked(&self) -> u64 {
        self.summaries.iter().flatten().map(|summary| summary.counts.total).sum()
    }

    fn save(&self) -> anyhow::Result<()> {
        self.folder.write_json("sweep.json", &self.stored)?;
        table::write(self.folder.path(), &self.stored, &self.summaries).context("the sweep cannot be kept")
    }
}

/// What became of a cell.
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) error: Option<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) summary: Option<Summary>,
}

fn waiting(cell: &Cell) -> StoredCell {
    StoredCell {
        number: cell.number,
        values: cell.values.clone(),
        repeat: cell.repeat,
        status: Status::Waiting,
        error: None,
        folder: None,
    }
}

/// Whether the folder is that of the sweep that is asked for.
fn same_sweep(
    path: &Path,
    stored: &Stored,
    matrix: &Matrix,
    settings: &BTreeMap<String, String>,
) -> Result<(), UsageError> {
    let axes: Vec<&str> = matrix.axes.iter().map(|axis| axis.name.as_str()).collect();
    if stored.axes != axes {
        refuse!(
            "`{}` is another sweep: it varies {}, and this one {}",
            path.display(),
            stored.axes.join(", "),
            axes.join(", ")
        );
    }
    let keys: std::collections::BTreeSet<&String> = stored.settings.keys().chain(settings.keys()).collect();
    let shown = |value: Option<&String>| value.cloned().unwrap_or_else(|| "not set".to_owned());
    let differing: String = keys
        .into_iter()
        .filter(|key| stored.settings.get(*key) != settings.get(*key))
        .map(|key| {
            format!("\n  {key}: {} there, {} now", shown(stored.settings.get(key)), shown(settings.get(key)))
        })
        .collect();
    if !differing.is_empty() {
        refuse!(
            "`{}` is another sweep:{differing}\ngive the same options, or leave out --resume",
            path.display()
        );
    }
    Ok(())
}
