//! `plimsoll report`: another report of what is stored.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use plimsoll_drive::recorder::write_whole;

use super::compare::against;
use crate::args::report::{Format, ReportArgs};
use crate::exit::{Exit, UsageError, refuse};
use crate::report::page::{Chart, Page, comparison, verdict_of};
use crate::report::style::Style;
use crate::report::{emit, html, markdown, svg, table_csv};
use crate::stored::Stored;

/// Runs the command.
///
/// # Errors
/// Nothing that can be reported, or a file that cannot be written.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let format = format(args)?;
    let stored = Stored::read(&args.result)?;
    let text = match format {
        Format::Terminal => stored.terminal(style(args)),
        Format::Json => stored.json()?,
        Format::Html => html::render(&page(&stored, args)?, &stored.json()?)?,
        Format::Md => markdown::render(&page(&stored, args)?),
        Format::Csv => match stored.page().main_table() {
            Some(table) => table_csv::render(table)?,
            None => return Err(nothing(args, "table: nothing was measured")),
        },
        Format::Svg => {
            let page = stored.page();
            svg::render(&chosen(&page, args)?)
        }
    };
    match &args.output {
        Some(file) => write(file, &text)?,
        None => emit::result(&text)?,
    }
    Ok(Exit::Passed.into())
}

/// The format asked for, or that of the file.
fn format(args: &ReportArgs) -> Result<Format, UsageError> {
    let format = match (args.format, &args.output) {
        (Some(format), _) => format,
        (None, None) => Format::Terminal,
        (None, Some(file)) => Format::of(file).ok_or_else(|| {
            UsageError(format!(
                "--output {}: its name does not say the format: end it with .html, .md, .csv, .json, .svg or .txt, or give \
                 --format",
                file.display()
            ))
        })?,
    };
    if args.baseline.is_some() && !matches!(format, Format::Html | Format::Md) {
        refuse!("--baseline is for --format html and md: leave it out, or use `plimsoll compare`");
    }
    if !args.charts.is_empty() && format != Format::Svg {
        refuse!("--chart is for --format svg: the other formats have all charts, or none");
    }
    Ok(format)
}

/// A file is plain text, whoever reads it.
fn style(args: &ReportArgs) -> Style {
    let style = Style::of_stdout(args.color);
    if args.output.is_some() { Style { color: false, ..style } } else { style }
}

/// The page, with what differs from the baseline.
fn page(stored: &Stored, args: &ReportArgs) -> anyhow::Result<Page> {
    let mut page = stored.page();
    if let Some(baseline) = &args.baseline {
        let change = against(baseline, &args.result)?;
        page.verdicts.push(verdict_of(&change));
        page.sections.insert(0, comparison(&change));
    }
    Ok(page)
}

/// The charts asked for, or the main ones.
fn chosen<'a>(page: &'a Page, args: &ReportArgs) -> anyhow::Result<Vec<&'a Chart>> {
    let known = || page.charts().map(|chart| chart.id.as_str()).collect::<Vec<_>>().join(", ");
    let found: Vec<&Chart> = if args.charts.is_empty() {
        page.charts().filter(|chart| chart.main).collect()
    } else {
        let named = |name: &String| {
            page.charts().find(|chart| chart.id == *name).ok_or_else(|| {
                UsageError(format!("--chart {name}: there is no such chart here, but: {}", known()))
            })
        };
        args.charts.iter().map(named).collect::<Result<_, _>>()?
    };
    if found.is_empty() {
        return Err(nothing(args, "chart: --format html shows what there is"));
    }
    Ok(found)
}

fn nothing(args: &ReportArgs, what: &str) -> anyhow::Error {
    UsageError(format!("`{}` has no {what}", args.result.display())).into()
}

/// Writes a report where the user wants it.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    write_whole(file, text.as_bytes()).with_context(|| "the report is lost")
}
