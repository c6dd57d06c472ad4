//! What is varied: from axes and lists to cells.

use std::path::Path;

use crate::args::sweep::MatrixArgs;
use crate::config::table::Table;
use crate::exit::{UsageError, refuse};

/// One combination of values, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its place in the matrix, from 1.
    pub(crate) number: usize,
    /// A value for each axis, in the order of the axes.
    pub(crate) values: Vec<String>,
    /// Which repetition it is, from 1.
    pub(crate) repeat: u32,
}

/// All cells, and what tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// Names of what is varied.
    pub(crate) axes: Vec<Axis>,
    pub(crate) cells: Vec<Cell>,
}

/// Something that is varied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// The long name of an option, or that of a variable.
    pub(crate) name: String,
    /// Whether it is an option of `run`; else a variable of the hook.
    pub(crate) is_option: bool,
}

/// Options that are not about what is measured: they cannot be varied, and may change when a sweep goes on.
pub(super) const ASIDE: [&str; 14] = [
    "html",
    "no-report",
    "name",
    "out",
    "json",
    "no-progress",
    "view",
    "color",
    "loglevel",
    "logfile",
    "print-config",
    "config",
    "seed",
    "show-request",
];
/// Further options that cannot be varied: what they say is not of a run, or must not be written into a table.
const FIXED: [&str; 3] = ["summary-file", "csv", "exit-code-on-error"];

/// Columns of a sweep's tables that are no axis.
const COLUMNS: [&str; 6] = ["cell", "repeat", "status", "error", "folder", "started"];

impl Matrix {
    /// The matrix that was asked for.
    ///
    /// # Errors
    /// An axis is unknown, given twice or empty, or the list cannot be read.
    pub(crate) fn of(args: &MatrixArgs, table: &Table) -> Result<Self, UsageError> {
        let hook = args.each_cmd.as_deref();
        let mut axes = Vec::new();
        let mut rows: Vec<Vec<String>> = vec![Vec::new()];
        if let Some(path) = &args.list {
            let (names, listed) = read_list(path)?;
            for name in &names {
                add_axis(&mut axes, name, hook, table)?;
            }
            rows = listed;
        }
        for over in &args.over {
            let Some((name, values)) = over.split_once('=') else {
                refuse!("--over `{over}` is no axis: write OPTION=VALUES, such as users=1,2,4");
            };
            add_axis(&mut axes, name.trim(), hook, table)?;
            let values = values_of(name, values)?;
            let with_each = |row: &Vec<String>| {
                let row = row.clone();
                values
                    .iter()
                    .map(move |value| [row.clone(), vec![value.clone()]].concat())
                    .collect::<Vec<_>>()
            };
            rows = rows.iter().flat_map(with_each).collect();
        }
        if axes.is_empty() {
            refuse!("nothing is varied: give --over OPTION=VALUES or --list FILE");
        }
        let repeats = (1..=args.repeat.get()).flat_map(|repeat| rows.iter().map(move |row| (repeat, row)));
        let cells = repeats.enumerate().map(|(index, (repeat, values))| Cell {
            number: index + 1,
            values: values.clone(),
            repeat,
        });
        Ok(Matrix { axes, cells: cells.collect() })
    }

    /// A cell in words: `users=4, prompt-tokens=128`, with its repetition if there are several.
    pub(crate) fn describe(&self, cell: &Cell) -> String {
        let pairs = self.axes.iter().zip(&cell.values);
        let mut text =
            pairs.map(|(axis, value)| format!("{}={value}", axis.name)).collect::<Vec<_>>().join(", ");
        if self.cells.iter().any(|other| other.repeat > 1) {
            text += &format!(", repetition {}", cell.repeat);
        }
        text
    }
}

/// The axis called `name`, unless it is there already or cannot be.
fn add_axis(axes: &mut Vec<Axis>, name: &str, hook: Option<&str>, table: &Table) -> Result<(), UsageError> {
    let axis = match table.find(name) {
        Some(found) if found.negated => refuse!("`{name}` is no axis: write {}=true,false", found.long),
        Some(found) if Table::is_secret(found.long) => {
            refuse!("`{}` cannot be varied: its values are secret, and sweep.csv would show them", found.long)
        }
        Some(found) if ASIDE.contains(&found.long) || FIXED.contains(&found.long) => {
            refuse!("`{}` cannot be varied: it says nothing of what a run asks", found.long)
        }
        Some(found) => Axis { name: found.long.to_owned(), is_option: true },
        None if is_variable(name, hook) => Axis { name: name.to_owned(), is_option: false },
        None => {
            let hint = match table.nearest(name) {
                Some(near) => format!("did you mean {near}?"),
                None => "`plimsoll run --help` lists them.".to_owned(),
            };
            refuse!(
                "`{name}` is no option of run: {hint} (A variable of --each-cmd must stand in it as {{{name}}}.)"
            )
        }
    };
    if !axis.is_option && COLUMNS.contains(&axis.name.as_str()) {
        refuse!("`{name}` is a column of sweep.csv already: give the variable another name");
    }
    if axes.iter().any(|other: &Axis| other.name == axis.name) {
        refuse!("`{}` is varied twice: give each axis once", axis.name);
    }
    axes.push(axis);
    Ok(())
}

/// The environment variable of the hook that has a cell's value of `name`.
pub(super) fn variable(name: &str) -> String {
    format!("SWEEP_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// Whether the hook uses a variable of this name.
fn is_variable(name: &str, hook: Option<&str>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty()
        && name.chars().all(plain)
        && hook.is_some_and(|hook| hook.contains(&format!("{{{name}}}")) || hook.contains(&variable(name)))
}

fn values_of(name: &str, text: &str) -> Result<Vec<String>, UsageError> {
    let separator = if text.contains(';') { ';' } else { ',' };
    let values: Vec<String> = text.split(separator).map(|value| value.trim().to_owned()).collect();
    if values.iter().all(String::is_empty) {
        refuse!("--over {name}= has no values: write {name}=1,2,4");
    }
    if values.iter().any(String::is_empty) {
        refuse!("--over {name}={text} has an empty value: write {name}=1,2,4");
    }
    for (index, value) in values.iter().enumerate() {
        if values[..index].contains(value) {
            refuse!("--over {name}={text} has {value} twice: to run a cell several times there is --repeat");
        }
    }
    Ok(values)
}

/// The header and the rows of a list of settings.
fn read_list(path: &Path) -> Result<(Vec<String>, Vec<Vec<String>>), UsageError> {
    let wrong = |error: &dyn std::fmt::Display| {
        UsageError(format!("cannot read the list `{}`: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().map_err(|error| wrong(&error))?.iter().map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(&error))?;
        let row: Vec<String> = record.iter().map(str::to_owned).collect();
        let line = record.position().map_or(0, csv::Position::line);
        if let Some(empty) = row.iter().position(String::is_empty) {
            refuse!("`{}`, line {line}: {} has no value", path.display(), names[empty]);
        }
        if rows.contains(&row) {
            refuse!(
                "`{}`, line {line}: this row is there twice; to run it several times there is --repeat",
                path.display()
            );
        }
        rows.push(row);
    }
    if names.iter().all(String::is_empty) || rows.is_empty() {
        refuse!("the list `{}` is empty: it needs a header with names of options, and rows", path.display());
    }
    Ok((names, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn matrix(line: &str) -> Result<Matrix, String> {
        let words = ["plimsoll", "sweep"].into_iter().chain(line.split_whitespace());
        let Command::Sweep(args) = Cli::try_parse_from(words).unwrap().command else { panic!("{line}") };
        Matrix::of(&args.sweep, &Table::of_run()).map_err(|error| error.to_string())
    }

    #[test]
    fn axes_become_every_combination_the_last_changing_first() {
        let found = matrix("--over users=1,2 --over rate=5;6 --repeat 2").unwrap();
        let cells: Vec<String> = found.cells.iter().map(|cell| found.describe(cell)).collect();
        assert_eq!(cells.len(), 8);
        assert_eq!(cells[1], "users=1, qps=6, repetition 1");
        assert_eq!(cells[2], "users=2, qps=5, repetition 1");
        assert_eq!(cells[4], "users=1, qps=5, repetition 2");
        let variable = matrix("--over batch=8 --each-cmd restart{batch}").unwrap();
        assert!(!variable.axes[0].is_option);
        let stages = matrix("--over stages=1s:2,3s:4;5s:6").unwrap();
        assert_eq!(stages.cells[0].values, ["1s:2,3s:4"]);
    }

    #[test]
    fn a_list_is_read_row_by_row() {
        let folder = tempfile::tempdir().unwrap();
        let list = |text: &str| {
            let path = folder.path().join("list.csv");
            std::fs::write(&path, text).unwrap();
            matrix(&format!("--list {} --over max_tokens=1,2", path.display()))
                .map_err(|error| error.replace(&path.display().to_string(), "LIST"))
        };
        let found = list("users, prompt_tokens\n1,128\n4,1024\n").unwrap();
        assert_eq!(found.describe(&found.cells[3]), "users=4, prompt-tokens=1024, max-tokens=2");
        let refused = [
            "users\n",
            "users,qps\n1\n",
            "users,qps\n1,\n",
            "users\n1\n1\n",
            "usres\n1\n",
            "max-tokens\n1\n",
        ];
        let answers: Vec<String> = refused.iter().map(|text| list(text).unwrap_err()).collect();
        insta::assert_snapshot!(answers.join("\n"));
    }

    #[test]
    fn what_cannot_be_varied_is_refused_with_what_to_write() {
        let refused = [
            "",
            "--over users",
            "--over users=",
            "--over users=1,,2",
            "--over users=1,1",
            "--over usres=1,2",
            "--over zzzzzzzz=1,2",
            "--over users=1 --over users=2",
            "--over qps=1 --over rate=2",
            "--over api-key=a,b",
            "--over name=a,b",
            "--over no-chat=true",
            "--over batch=1,2",
            "--over batch=1,2 --each-cmd restart",
            "--over status=1,2 --each-cmd restart{status}",
        ];
        let answers: Vec<String> = refused.iter().map(|line| matrix(line).unwrap_err()).collect();
        insta::assert_snapshot!(answers.join("\n"));
    }
}
