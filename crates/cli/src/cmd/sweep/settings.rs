//! The options of `run` for each cell.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::ArgMatches;

use super::in_cell;
use super::matrix::{ASIDE, Cell, Matrix};
use crate::args::sweep::SweepArgs;
use crate::config::table::Table;
use crate::config::{Origin, from_flags};
use crate::exit::{UsageError, refuse};
use crate::resolve::{Outputs, Resolved};
use crate::session::{Presets, resolve_again, settings};

/// What was typed, and what of it is varied.
pub(super) struct Settings<'a> {
    pub(super) matches: &'a ArgMatches,
    pub(super) args: &'a SweepArgs,
    pub(super) matrix: &'a Matrix,
}

/// What all cells share.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) outputs: Outputs,
    /// Where the seeds of cells begin.
    pub(super) seed: u64,
    /// The settings that all cells share, for a later command that goes on.
    pub(super) stored: BTreeMap<String, String>,
}

const COMMAND: &str = "sweep";

/// Further settings that may change when a sweep goes on.
const NOT_KEPT: [&str; 2] = ["threads", "show-response"];

impl Settings<'_> {
    /// Resolves the first cell, starts the log and says what is to be said. Nothing comes back where only the
    /// configuration was to be printed.
    ///
    /// # Errors
    /// Bad usage.
    pub(super) fn begin(&self) -> anyhow::Result<Option<Shared>> {
        self.check_flags()?;
        let Some(first) = self.matrix.cells.first() else { return Ok(None) };
        let named = |error: anyhow::Error| anyhow::Error::from(in_cell(self.matrix, first, &error));
        let resolved =
            settings(self.matches, COMMAND, &self.args.run, self.presets(first)?).map_err(named)?;
        let Some(resolved) = resolved else { return Ok(None) };
        resolved.refuse_profiler("sweep")?;
        let printing = self.presets(first)?.with("print-config", "true");
        let printed = resolve_again(self.matches, COMMAND, &self.args.run, printing)?.printed_config;
        let table: toml::Table =
            printed.unwrap_or_default().parse().context("the settings cannot be read again")?;
        let is_aside = |name: &str| ASIDE.contains(&name) || NOT_KEPT.contains(&name);
        let is_axis = |name: &str| self.matrix.axes.iter().any(|axis| axis.name == name);
        let mut stored: BTreeMap<String, String> = table
            .iter()
            .filter(|(name, _)| !is_aside(name) && !is_axis(name))
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        if let Some(hook) = &self.args.sweep.each_cmd {
            stored.insert("each-cmd".to_owned(), hook.clone());
        }
        let outputs = resolved.outputs;
        Ok(Some(Shared {
            name: resolved.draft.name().to_owned(),
            seed: resolved.draft.seed().0,
            outputs,
            stored,
        }))
    }

    /// Resolves every cell, so that a bad one is found before anything is sent.
    ///
    /// # Errors
    /// A cell cannot be: which, and why.
    pub(super) fn check_all(&self, seed: u64) -> anyhow::Result<()> {
        for cell in self.matrix.cells.iter().filter(|cell| cell.repeat == 1) {
            let checked = self.of(cell, seed).and_then(|mut resolved| {
                // The instants of a trace are read only when the cell is run.
                let is_traced = resolved.trace.is_some();
                let load = resolved.draft.load_mut();
                if is_traced { Ok(()) } else { Ok(load.validate()?) }
            });
            checked.map_err(|error| in_cell(self.matrix, cell, &error))?;
        }
        Ok(())
    }

    /// The settings of a cell. Its seed is its own, so that it asks other prompts than the others.
    ///
    /// # Errors
    /// They do not fit together.
    pub(super) fn of(&self, cell: &Cell, seed: u64) -> anyhow::Result<Resolved> {
        let own = seed.wrapping_add(cell.number as u64 - 1).to_string();
        resolve_again(self.matches, COMMAND, &self.args.run, self.presets(cell)?.with("seed", own))
    }

    /// The values of a cell that are options.
    fn presets(&self, cell: &Cell) -> Result<Presets, UsageError> {
        let table = Table::of_run();
        let mut presets = Presets::default().or("name", COMMAND);
        for (axis, value) in self.matrix.axes.iter().zip(&cell.values).filter(|(axis, _)| axis.is_option) {
            let Some(name) = table.find(&axis.name) else { continue };
            let setting = table.setting(name, vec![value.clone()], Origin::Command);
            let setting = setting.map_err(|error| in_cell(self.matrix, cell, &error.into()))?;
            presets.above.insert(axis.name.clone(), setting);
        }
        Ok(presets)
    }

    /// What a sweep has no use for, and what would be said twice.
    fn check_flags(&self) -> anyhow::Result<()> {
        let matches = self.matches.subcommand_matches(COMMAND).context("the command line has no `sweep`")?;
        let flags = from_flags(matches, &Table::of_run());
        self.check_given(&|name| flags.contains_key(name))?;
        Ok(())
    }

    fn check_given(&self, given: &dyn Fn(&str) -> bool) -> Result<(), UsageError> {
        if let Some(axis) = self.matrix.axes.iter().find(|axis| axis.is_option && given(&axis.name)) {
            refuse!("--{} is given and varied: leave one of them out", axis.name);
        }
        for (name, instead) in
            [("summary-file", "sweep.csv has a row for each cell"), ("csv", "each cell has its records")]
        {
            if given(name) {
                refuse!("--{name} is for one run, and a sweep makes many: leave it out; {instead}");
            }
        }
        Ok(())
    }
}
