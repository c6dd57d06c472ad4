//! `plimsoll report`: another report of what is stored.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use plimsoll_drive::recorder::write_whole;

use super::compare::against;
use crate::args::report::{Format, ReportArgs};
use crate::exit::{Exit, UsageError, refuse};
use crate::report::page::{Chart, Material, Page, add_timeline, comparison, timeline_section, verdict_of};
use crate::report::picture::{png, svg};
use crate::report::style::Style;
use crate::report::{emit, html, markdown, plain, table_csv};
use crate::stored::Stored;
use crate::timeline::{Timeline, TimelineReport};

/// Runs the command.
///
/// # Errors
/// Nothing that can be reported, or a file that cannot be written.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let format = format(args)?;
    let stored = Stored::read(&args.result)?;
    let beside = args.nsys.as_deref().map(|file| beside(&stored, file)).transpose()?;
    let text = match format {
        Format::Terminal => {
            let text = stored.terminal(style(args));
            beside
                .iter()
                .fold(text, |text, (timeline, run)| text + &plain::section(&timeline_section(timeline, run)))
        }
        Format::Json => json(&stored, beside.as_ref())?,
        Format::Html => {
            html::render(&page(&stored, args, beside.as_ref())?, &json(&stored, beside.as_ref())?)?
        }
        Format::Md => markdown::render(&page(&stored, args, beside.as_ref())?),
        Format::Csv => match stored.page().main_table() {
            Some(table) => table_csv::render(table)?,
            None => return Err(nothing(args, "table: nothing was measured")),
        },
        Format::Svg => {
            let page = page(&stored, args, beside.as_ref())?;
            svg::render(&chosen(&page, args)?)
        }
        Format::Png => {
            let page = page(&stored, args, beside.as_ref())?;
            let picture = png::render(&chosen(&page, args)?)?;
            // There is one: `format` asked for it.
            args.output.iter().try_for_each(|file| write(file, &picture))?;
            return Ok(Exit::Passed.into());
        }
    };
    match &args.output {
        Some(file) => write(file, text.as_bytes())?,
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
                "--output {}: its name does not say the format: end it with .html, .md, .csv, .json, .svg, .png or .txt, or give \
                 --format",
                file.display()
            ))
        })?,
    };
    if args.baseline.is_some() && !matches!(format, Format::Html | Format::Md) {
        refuse!("--baseline is for --format html and md: leave it out, or use `plimsoll compare`");
    }
    if args.nsys.is_some() && format == Format::Csv {
        refuse!("--nsys is not for --format csv, which has one table only: the others have the timeline");
    }
    if format == Format::Png && args.output.is_none() {
        refuse!("--format png is no text: name its file, as by --output charts.png");
    }
    if !args.charts.is_empty() && !matches!(format, Format::Svg | Format::Png) {
        refuse!("--chart is for --format svg and png: the other formats have all charts, or none");
    }
    Ok(format)
}

/// A file is plain text, whoever reads it.
fn style(args: &ReportArgs) -> Style {
    let style = Style::of_stdout(args.color);
    if args.output.is_some() { Style { color: false, ..style } } else { style }
}

/// A timeline, and the run that it lies beside.
type Beside<'a> = (TimelineReport, &'a Material);

/// The timeline in `file` beside the run.
fn beside<'a>(stored: &'a Stored, file: &Path) -> Result<Beside<'a>, UsageError> {
    let Some(run) = stored.run() else {
        refuse!(
            "--nsys is for the results of run, soak and stress: of the others give the folder of one of their runs, in `trials`"
        );
    };
    Ok((TimelineReport::of(Timeline::read(file)?, run.began, &run.summary.window), run))
}

/// What was measured, with the timeline as its member `nsys`.
fn json(stored: &Stored, beside: Option<&Beside<'_>>) -> anyhow::Result<String> {
    let text = stored.json()?;
    let Some((timeline, _)) = beside else { return Ok(text) };
    let mut whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    whole.insert("nsys".to_owned(), serde_json::to_value(timeline)?);
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

/// The page, with the timeline, and with what differs from the baseline.
fn page(stored: &Stored, args: &ReportArgs, beside: Option<&Beside<'_>>) -> anyhow::Result<Page> {
    let mut page = stored.page();
    if let Some((timeline, run)) = beside {
        add_timeline(&mut page, timeline, run);
    }
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
pub(super) fn write(file: &Path, report: &[u8]) -> anyhow::Result<()> {
    write_whole(file, report).with_context(|| "the report is lost")
}
