//! What a folder or file holds, whichever command wrote it, and what each kind of report makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plimsoll_core::certificate::{CERTIFICATE_SCHEMA, Certificate};
use plimsoll_core::cold_start::{COLD_START_SCHEMA, ColdStartReport};
use plimsoll_core::drift::{SOAK_SCHEMA, SoakReport, SoakWindow};
use plimsoll_core::stress::{STRESS_SCHEMA, StressReport};
use plimsoll_drive::recorder::StoredSpec;
use plimsoll_plan::Plan;
use plimsoll_plan::plan::PLAN_SCHEMA;
use serde_json::Value;

use super::run::{self, name};
use super::{read_json, read_versioned};
use crate::cmd::sweep::book::Book;
use crate::exit::{UsageError, refuse};
use crate::report::compare_json::{COMPARE_SCHEMA, Comparison};
use crate::report::page::{self, Material, Page, Setting};
use crate::report::style::Style;
use crate::report::{capacity, coldstart, fleet_plan, soak, stress, sweep, terminal};

/// What a folder holds. The large ones are boxed.
pub(crate) struct Stored {
    /// Where it lies.
    path: PathBuf,
    kind: Kind,
    /// Every option of the command, if they were stored.
    settings: Vec<Setting>,
}

enum Kind {
    Run(Box<Material>),
    Capacity(Box<Certificate>),
    Soak(Box<(SoakReport, Vec<SoakWindow>, Material)>),
    Stress(Box<(StressReport, Material)>),
    ColdStart(Box<ColdStartReport>),
    Sweep(Box<Book>),
    Plan(Box<Plan>),
    Compare(Box<Comparison>),
}

impl Stored {
    /// Reads the folder of a run or of another command, or the file of a comparison.
    ///
    /// # Errors
    /// It is nothing of this program, or cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, UsageError> {
        let kind = if path.is_file() { comparison(path)? } else { folder(path)? };
        Ok(Stored { path: path.to_owned(), kind, settings: run::settings(path) })
    }

    /// Its page.
    pub(crate) fn page(&self) -> Page {
        let folder = name(&self.path);
        match &self.kind {
            Kind::Run(material) => page::run(material),
            Kind::Capacity(certificate) => page::capacity(certificate, &self.settings, &folder),
            Kind::Soak(soak) => page::soak(&soak.0, &soak.1, &self.with_settings(&soak.2, folder)),
            Kind::Stress(stress) => page::stress(&stress.0, &self.with_settings(&stress.1, folder)),
            Kind::ColdStart(report) => page::cold_start(report, &self.target(), &folder),
            Kind::Sweep(book) => page::sweep(book, &self.settings, &folder),
            Kind::Plan(plan) => page::plan(plan, &folder),
            Kind::Compare(comparison) => page::compare(comparison),
        }
    }

    /// The run of a command, under the folder and the options of that command.
    fn with_settings(&self, run: &Material, folder: String) -> Material {
        Material { settings: self.settings.clone(), folder, ..run.clone() }
    }

    /// Its run, if it is of one load.
    pub(crate) fn run(&self) -> Option<&Material> {
        match &self.kind {
            Kind::Run(run) => Some(run),
            Kind::Soak(soak) => Some(&soak.2),
            Kind::Stress(stress) => Some(&stress.1),
            _ => None,
        }
    }

    /// What was measured, as it is stored: the text of its file, to the last digit.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let file = match &self.kind {
            Kind::Run(material) => {
                let file = self.path.join("summary.json");
                if !file.exists() {
                    return Ok(serde_json::to_string_pretty(&material.summary)? + "\n");
                }
                file
            }
            Kind::Capacity(_) => self.path.join("certificate.json"),
            Kind::Soak(_) => self.path.join("soak.json"),
            Kind::Stress(_) => self.path.join("stress.json"),
            Kind::ColdStart(_) => self.path.join("coldstart.json"),
            Kind::Sweep(_) => self.path.join("sweep.json"),
            Kind::Plan(_) => self.path.join("plan.json"),
            Kind::Compare(_) => self.path.clone(),
        };
        fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))
    }

    /// The report for a terminal, as its command printed it. A comparison is printed by `compare` itself, from more than
    /// it stores: here it is its table.
    pub(crate) fn terminal(&self, style: Style) -> String {
        let shown = self.path.display().to_string();
        match &self.kind {
            Kind::Run(material) => terminal::report(&material.summary, &shown, style),
            Kind::Capacity(certificate) => {
                capacity::text(certificate, &self.path.join("certificate.json"), style)
            }
            Kind::Soak(stored) => soak::render(&stored.0, &stored.2.summary, &shown, style),
            Kind::Stress(stored) => stress::render(&stored.0, &stored.1.summary, &shown, style),
            Kind::ColdStart(report) => coldstart::render(report, &self.target(), &shown, style),
            Kind::Sweep(book) => sweep::report(book, &[], style),
            Kind::Plan(plan) => fleet_plan::text(plan, &self.path, style),
            Kind::Compare(comparison) => crate::report::plain::render(&page::compare(comparison), style),
        }
    }

    /// Where the requests of a command went, as its first trial says.
    fn target(&self) -> String {
        let spec = trials(&self.path).into_iter().find_map(|trial| StoredSpec::read(&trial).ok());
        spec.map_or_else(|| "a server".to_owned(), |spec| spec.target.url)
    }
}

/// The folders of a command's trials, in order.
fn trials(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join("trials")) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

/// What the file of a comparison holds.
fn comparison(path: &Path) -> Result<Kind, UsageError> {
    let value = read_json(path)?;
    match value.get("schema").and_then(Value::as_str) {
        Some(COMPARE_SCHEMA) => Ok(Kind::Compare(Box::new(read_versioned(path, COMPARE_SCHEMA)?))),
        Some(other) if other.starts_with("plimsoll.") => refuse!(
            "`{}` is of {other}: of files only comparisons ({COMPARE_SCHEMA}, from `plimsoll compare A B --json`) are \
             rendered; for all else give the folder that it lies in",
            path.display()
        ),
        _ => refuse!(
            "`{}` is no result of this program: give a folder such as runs/2026-11-22T06-14-33Z-run",
            path.display()
        ),
    }
}

/// What a folder holds, by the files that are in it.
fn folder(path: &Path) -> Result<Kind, UsageError> {
    let file = |name: &str| Some(path.join(name)).filter(|file| file.is_file());
    if let Some(file) = file("certificate.json") {
        return Ok(Kind::Capacity(Box::new(read_versioned(&file, CERTIFICATE_SCHEMA)?)));
    }
    if let Some(file) = file("soak.json") {
        let report = read_versioned(&file, SOAK_SCHEMA)?;
        return Ok(Kind::Soak(Box::new((report, windows(&path.join("windows.jsonl"))?, only_trial(path)?))));
    }
    if let Some(file) = file("stress.json") {
        return Ok(Kind::Stress(Box::new((read_versioned(&file, STRESS_SCHEMA)?, only_trial(path)?))));
    }
    if let Some(file) = file("coldstart.json") {
        return Ok(Kind::ColdStart(Box::new(read_versioned(&file, COLD_START_SCHEMA)?)));
    }
    if let Some(file) = file("plan.json") {
        return Ok(Kind::Plan(Box::new(read_versioned(&file, PLAN_SCHEMA)?)));
    }
    if file("sweep.json").is_some() {
        return Ok(Kind::Sweep(Box::new(Book::open(path)?)));
    }
    if file("spec.toml").is_none() && !trials(path).is_empty() {
        refuse!(
            "`{}` is the folder of a command that has not come to its end, so there is no result: report one of its runs, \
             such as {}",
            path.display(),
            trials(path)[0].display()
        );
    }
    run::read(path).map(|material| Kind::Run(Box::new(material)))
}

/// The one run of a soak or of a stress test.
fn only_trial(folder: &Path) -> Result<Material, UsageError> {
    match trials(folder).first() {
        Some(trial) => run::read(trial),
        None => refuse!("`{}` has no run in its folder `trials`: it was moved or deleted", folder.display()),
    }
}

/// The windows of a soak. A last line that a kill has cut is left out.
fn windows(file: &Path) -> Result<Vec<SoakWindow>, UsageError> {
    let text = fs::read_to_string(file)
        .map_err(|error| UsageError(format!("cannot read `{}`: {error}", file.display())))?;
    let lines = text.lines().map(serde_json::from_str::<SoakWindow>);
    Ok(lines.map_while(Result::ok).collect())
}
