//! The rows of a sweep: `sweep.csv` and `sweep.parquet`, whole at every instant.

use std::collections::BTreeSet;
use std::path::Path;

use plimsoll_core::compare::{Figure, RateFigure};
use plimsoll_core::slo::Stat;
use plimsoll_core::summary::{Counts, Goodput, Percentile, Summary};
use plimsoll_core::watch::Canonical;
use plimsoll_drive::recorder::{ColumnValues, parquet_bytes, write_whole};

use super::stored::Stored;

/// The figures that have a column.
fn figures() -> Vec<(String, Figure)> {
    let of = |name: &'static str| {
        let stats = [Stat::Mean, Stat::Percentile(50.0), Stat::Percentile(90.0), Stat::Percentile(99.0)];
        stats.map(|stat| Figure::Of(name, stat))
    };
    let rates = [
        RateFigure::Offered,
        RateFigure::Completed,
        RateFigure::OutputTokens,
        RateFigure::TotalTokens,
        RateFigure::Concurrency,
    ];
    let rates = rates.map(|rate| (rate.name().to_owned(), Figure::Rate(rate)));
    let times = ["ttft", "tpot", "latency"].map(of).concat();
    let times = times.into_iter().map(|figure| (figure.to_string().replace('.', "_"), figure));
    rates.into_iter().chain([("error_rate".to_owned(), Figure::ErrorRate)]).chain(times).collect()
}

/// Writes both files into `folder`; a cell that was measured has its summary in `summaries`.
pub(super) fn write(folder: &Path, stored: &Stored, summaries: &[Option<Summary>]) -> anyhow::Result<()> {
    let columns = columns(stored, summaries);
    let path = |name: &str| folder.join(name);
    write_whole(&path("sweep.csv"), &csv_bytes(&columns)?)?;
    write_whole(&path("sweep.parquet"), &parquet_bytes(&columns)?)?;
    Ok(())
}

/// The table by columns. Rates per second, times in seconds.
fn columns(stored: &Stored, summaries: &[Option<Summary>]) -> Vec<(String, ColumnValues)> {
    let cells = &stored.cells;
    let whole = |of: &dyn Fn(usize) -> Option<i64>| ColumnValues::Int((0..cells.len()).map(of).collect());
    let text = |of: &dyn Fn(usize) -> Option<String>| ColumnValues::Text((0..cells.len()).map(of).collect());
    let summary = |index: usize| summaries[index].as_ref();
    let mut columns = vec![("cell".to_owned(), whole(&|index| i64::try_from(cells[index].number).ok()))];
    for (place, axis) in stored.axes.iter().enumerate() {
        columns.push((axis.clone(), typed(cells.iter().map(|cell| cell.values[place].as_str()))));
    }
    columns.push(("repeat".to_owned(), whole(&|index| Some(i64::from(cells[index].repeat)))));
    columns.push(("status".to_owned(), text(&|index| Some(cells[index].status.word().to_owned()))));
    columns.push(("error".to_owned(), text(&|index| cells[index].error.clone())));
    columns.push(("folder".to_owned(), text(&|index| cells[index].folder.clone())));
    columns.push(("started".to_owned(), text(&|index| Some(summary(index)?.run.started.clone()))));
    columns.push(("valid".to_owned(), text(&|index| Some(summary(index)?.validity.valid.to_string()))));
    columns.push((
        "overloaded".to_owned(),
        text(&|index| Some(summary(index)?.validity.overloaded.to_string())),
    ));
    let verdict = |index: usize| summary(index)?.verdict().map(|verdict| verdict.name().to_owned());
    columns.push(("verdict".to_owned(), text(&verdict)));
    columns.push(("binding".to_owned(), text(&|index| Some(summary(index)?.binding()?.slo.to_string()))));
    for objective in objectives(summaries) {
        let found = |index: usize| {
            let of_cell = summary(index)?.slos.iter().find(|found| found.slo.to_string() == objective)?;
            Some(of_cell.verdict.name().to_owned())
        };
        columns.push((format!("slo {objective}"), text(&found)));
    }
    let seconds = (0..cells.len()).map(|index| Some(summary(index)?.window.measured)).collect();
    columns.push(("measured".to_owned(), ColumnValues::Real(seconds)));
    for (name, of) in [
        ("scheduled", (|counts| counts.scheduled) as fn(&Counts) -> u64),
        ("ok", |counts| counts.ok),
        ("failed", |counts| counts.failed),
    ] {
        columns.push((name.to_owned(), whole(&|index| i64::try_from(of(&summary(index)?.counts)).ok())));
    }
    for (name, of) in [
        ("goodput", (|goodput| Some(goodput.goodput)) as fn(&Goodput) -> Option<f64>),
        ("attainment", |goodput| goodput.attainment),
    ] {
        let values = (0..cells.len()).map(|index| of(summary(index)?.goodput.as_ref()?)).collect();
        columns.push((name.to_owned(), ColumnValues::Real(values)));
    }
    for (name, figure) in figures() {
        let values = (0..cells.len()).map(|index| figure.of_summary(summary(index)?)).collect();
        columns.push((name.clone(), ColumnValues::Real(values)));
        let Figure::Of(metric, Stat::Percentile(p)) = figure else { continue };
        for (end, of) in
            [("low", (|found| found.low) as fn(&Percentile) -> Option<f64>), ("high", |found| found.high)]
        {
            let found = |index: usize| {
                let all = &summary(index)?.metrics.get(metric)?.percentiles;
                of(all.iter().find(|found| found.p == p)?)
            };
            columns
                .push((format!("{name}_{end}"), ColumnValues::Real((0..cells.len()).map(found).collect())));
        }
    }
    columns.extend(of_servers(summaries));
    columns
}

/// What the watched servers said: what limited each cell, and the mean of each figure. Nothing where nobody was watched.
fn of_servers(summaries: &[Option<Summary>]) -> Vec<(String, ColumnValues)> {
    let server = |index: usize| summaries[index].as_ref()?.server.as_ref();
    let all = 0..summaries.len();
    let known: BTreeSet<Canonical> = all
        .clone()
        .filter_map(server)
        .flat_map(|server| &server.figures)
        .map(|figure| figure.metric)
        .collect();
    if known.is_empty() {
        return Vec::new();
    }
    let says = all.clone().map(|index| Some(server(index)?.saturation.says.clone())).collect();
    let mut columns = vec![("server".to_owned(), ColumnValues::Text(says))];
    columns.extend(known.into_iter().map(|metric| {
        let mean = |index: usize| Some(server(index)?.figure(metric)?.level.mean);
        (format!("server {}", metric.name()), ColumnValues::Real(all.clone().map(mean).collect()))
    }));
    columns
}

/// The objectives of all cells, each once.
fn objectives(summaries: &[Option<Summary>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for found in summaries.iter().flatten().flat_map(|summary| &summary.slos) {
        let objective = found.slo.to_string();
        if !all.contains(&objective) {
            all.push(objective);
        }
    }
    all
}

/// Values of an axis as numbers if all are.
fn typed<'a>(values: impl Iterator<Item = &'a str> + Clone) -> ColumnValues {
    let wholes: Option<Vec<i64>> = values.clone().map(|value| value.parse().ok()).collect();
    let reals: Option<Vec<f64>> =
        values.clone().map(|value| value.parse().ok().filter(|real: &f64| real.is_finite())).collect();
    match (wholes, reals) {
        (Some(wholes), _) => ColumnValues::Int(wholes.into_iter().map(Some).collect()),
        (None, Some(reals)) => ColumnValues::Real(reals.into_iter().map(Some).collect()),
        (None, None) => ColumnValues::Text(values.map(|value| Some(value.to_owned())).collect()),
    }
}

fn csv_bytes(columns: &[(String, ColumnValues)]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|(name, _)| name))?;
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    for row in 0..rows {
        writer.write_record(columns.iter().map(|(_, values)| values.cell(row)))?;
    }
    Ok(writer.into_inner()?)
}
