//! What a sweep has done so far: `sweep.json`, from which it can go on, and the tables made of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plimsoll_core::summary::Summary;
use serde::{Deserialize, Serialize};

use super::matrix::{Cell, Matrix};
use super::table;
use crate::exit::{UsageError, refuse};
use crate::session::CommandFolder;

/// The version of `sweep.json`.
pub(crate) const SCHEMA: &str = "plimsoll.sweep/1";

/// `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) schema: String,
    /// Where the seeds of cells begin.
    pub(crate) seed: u64,
    /// What is varied.
    pub(crate) axes: Vec<String>,
    /// The other settings, as in a configuration file.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) cells: Vec<StoredCell>,
}

/// A cell, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredCell {
    pub(crate) number: usize,
    pub(crate) values: Vec<String>,
    pub(crate) repeat: u32,
    pub(crate) status: Status,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// Its results, within the folder of the sweep.
    pub(crate) folder: Option<String>,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Nothing yet.
    Waiting,
    /// It was measured.
    Done,
    /// It could not be; the error says why.
    Failed,
    /// The user ended it.
    Interrupted,
}

impl Status {
    /// The word for it in files and tables.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Interrupted => "interrupted",
        }
    }
}

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
        table::write(self).context("the sweep cannot be kept")
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

fn read(path: &Path) -> Result<Stored, UsageError> {
    let file = path.join("sweep.json");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        UsageError(format!(
            "`{}` is no folder of a sweep: cannot read its sweep.json: {error}",
            path.display()
        ))
    })?;
    let stored: Stored = serde_json::from_str(&text)
        .map_err(|error| UsageError(format!("`{}` is no sweep of this program: {error}", file.display())))?;
    if stored.schema != SCHEMA {
        refuse!("`{}` is of {}, and this version reads {SCHEMA}", file.display(), stored.schema);
    }
    Ok(stored)
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

fn summary_of(folder: &Path) -> Option<Summary> {
    serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).ok()?).ok()
}
