//! `plimsoll sweep`: every combination of some settings, each a run of its own.

pub(crate) mod book;
mod hook;
mod matrix;
mod runner;
mod settings;
pub(crate) mod stored;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

use self::book::Book;
pub(crate) use self::matrix::Matrix;
use self::runner::{Runner, Step};
use self::settings::Settings;
use self::stored::Status;
use crate::args::sweep::{OrderName, SweepArgs};
use crate::args::values::ViewName;
use crate::config::Origin;
use crate::config::table::Table;
use crate::exit::{Exit, UsageError};
use crate::report::style::Style;
use crate::report::{emit, sweep};
use crate::session::{CommandFolder, pages};

/// Runs the command.
///
/// # Errors
/// Bad usage, of which everything is found before the first request; or a host that cannot keep results.
pub(crate) fn run(matches: &ArgMatches, args: &SweepArgs) -> anyhow::Result<ExitCode> {
    let matrix = Matrix::of(&args.sweep, &Table::of_run())?;
    let settings = Settings { matches, args, matrix: &matrix };
    let Some(first) = settings.begin()? else { return Ok(Exit::Passed.into()) };
    settings.check_all(first.seed)?;
    let (mut book, said) = match &args.sweep.resume {
        Some(path) => Book::resume(path, &matrix, &first.stored)?,
        None => {
            let folder = CommandFolder::create(&first.outputs.out, &first.name, &first.outputs.settings)?;
            (Book::begin(folder, &matrix, first.seed, first.stored.clone())?, Vec::new())
        }
    };
    said.iter().for_each(|line| emit::note(line));
    let todo = todo(&book, args.sweep.order);
    let done = matrix.cells.len() - todo.len();
    emit::note(&sweep::opening(&book, matrix.cells.len(), done));

    let mut runner = Runner::new(&settings, book.asked());
    let clock = Clock::start();
    let mut ended = Step::Goes;
    for (place, &index) in todo.iter().enumerate() {
        if first.outputs.view != ViewName::Off {
            let mean = clock.now().since(Offset::ZERO).checked_div(u32::try_from(place).unwrap_or(u32::MAX));
            emit::note(&announced(&matrix, index, todo.len() - place, mean));
        }
        let (outcome, step) = runner.cell(&matrix.cells[index], &book)?;
        if first.outputs.view != ViewName::Off {
            emit::note(&sweep::outcome(outcome.status, outcome.error.as_deref(), outcome.summary.as_ref()));
        }
        book.enter(index, outcome)?;
        ended = step;
        if ended != Step::Goes || (place + 1 < todo.len() && runner.settle(args.sweep.settle)?) {
            ended = if ended == Step::Goes { Step::Stopped } else { ended };
            break;
        }
    }
    runner.close()?;
    let code = conclude(&book, args, first.outputs.json, ended)?;
    pages::write(book.folder.path(), &first.outputs.pages)?;
    Ok(code)
}

/// The cells that are not done, in the order in which they are run.
fn todo(book: &Book, order: OrderName) -> Vec<usize> {
    let cells = &book.stored.cells;
    let mut todo: Vec<usize> =
        (0..cells.len()).filter(|&index| cells[index].status != Status::Done).collect();
    if order == OrderName::Random {
        // Repetitions stay one after the other, each in an order of its own.
        let key = |&index: &usize| {
            let draw = Seed(book.stored.seed).shuffle_key("sweep order", index as u64);
            (cells[index].repeat, draw)
        };
        todo.sort_by_key(key);
    }
    todo
}

/// What is about to be run, and how long the rest will take if cells go on as they did.
fn announced(matrix: &Matrix, index: usize, left: usize, mean: Option<Duration>) -> String {
    let cell = &matrix.cells[index];
    let time = mean.map(|mean| mean.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX)));
    let time = time.filter(|time| time.as_secs() > 0);
    let time = time.map(|time| format!(", about {} left", sweep::clock(time))).unwrap_or_default();
    format!("cell {} of {}: {}{time}", cell.number, matrix.cells.len(), matrix.describe(cell))
}

fn conclude(book: &Book, args: &SweepArgs, json: bool, ended: Step) -> anyhow::Result<ExitCode> {
    if json {
        emit::result(&(serde_json::to_string_pretty(&book.stored)? + "\n"))?;
    } else {
        let style = Style::of_stdout(args.run.output.color);
        emit::result(&sweep::report(book, &args.sweep.draw, style))?;
    }
    let cells = &book.stored.cells;
    let left = cells.iter().filter(|cell| cell.status != Status::Done).count();
    if ended != Step::Goes {
        let folder = book.folder.path().display();
        emit::note(&format!(
            "stopped with {left} cells left: the same command with --resume {folder} goes on"
        ));
    }
    Ok(match ended {
        Step::StoppedAtOnce => Exit::Interrupted.into(),
        _ if left > 0 => Exit::Failed.into(),
        _ if book.summaries.iter().flatten().any(|summary| !summary.validity.valid) => Exit::Invalid.into(),
        _ if book.summaries.iter().flatten().any(|summary| summary.missed()) => Exit::ObjectiveMissed.into(),
        _ => Exit::Passed.into(),
    })
}

/// An error with its cell in front, in place of the words by which options set by a command are known.
fn in_cell(matrix: &Matrix, cell: &matrix::Cell, error: &anyhow::Error) -> UsageError {
    let text = format!("{error:#}").replace(&format!("{}: ", Origin::Command), "");
    UsageError(format!("cell {} ({}): {text}", cell.number, matrix.describe(cell)))
}
