//! What was seen of the server while the run went on, on the same axis of time.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::summary::Summary;
use plimsoll_core::watch::ServerSummary;
use plimsoll_drive::recorder::{ColumnValues, StoredTable};

use super::over_time::Seconds;
use super::{Block, Cell, Chart, Hue, Line, Section, Table, Tone, Verdict};
use crate::report::server as words;

/// Lines of a chart at most: more cannot be told apart.
const LINES_MAX: usize = Hue::FREE.len();

/// The units of `server.parquet`, each with its chart: unit, name of the chart, title, unit as drawn, factor.
const UNITS: [(&str, &str, &str, &str, f64); 9] = [
    ("share", "server-shares", "Server: shares", "%", 100.0),
    ("count", "server-counts", "Server: numbers", "number", 1.0),
    ("per_second", "server-rates", "Server: rates", "per second", 1.0),
    ("bytes", "server-bytes", "Server: memory", "GiB", 1.0 / (1024.0 * 1024.0 * 1024.0)),
    ("cores", "server-cores", "Server: cores", "cores", 1.0),
    ("watts", "server-power", "Server: power", "W", 1.0),
    ("celsius", "server-temperature", "Server: temperature", "°C", 1.0),
    ("seconds", "server-times", "Server: times", "ms", 1e3),
    ("joules", "server-energy", "Server: energy", "J", 1.0),
];

/// What limits the server at this load.
pub(super) fn verdict(server: &ServerSummary) -> Verdict {
    let tone = if server.saturation.resource.is_some() { Tone::Doubt } else { Tone::Plain };
    Verdict { details: server.warnings.clone(), ..Verdict::new("server", tone, &server.saturation.says) }
}

/// What was seen of the server, over the measured window.
pub(super) fn section(summary: &Summary) -> Option<Section> {
    let server = summary.server.as_ref()?;
    let columns = ["figure", "mean#", "p95#", "max#", "said by"];
    let mut table = Table::new("Over the measured window", &columns);
    for figure in &server.figures {
        let mut cells = words::row(figure).map(Cell::text);
        let level = figure.level;
        [level.mean, level.p95, level.max]
            .into_iter()
            .zip(&mut cells[1..])
            .for_each(|(value, cell)| cell.value = Some(value));
        table.rows.push(cells.into());
    }
    let tables = [table, times(summary, server)].into_iter().filter(|table| !table.rows.is_empty());
    let mut items: Vec<String> = server.targets.iter().map(words::scrapes).collect();
    items.extend(server.energy.as_ref().map(|energy| words::energy(energy).trim().to_owned()));
    Section::of("server", "Server", tables.map(Block::Table).chain([Block::List { items }]).collect())
}

/// Quantiles of the server's own histograms, beside those of this client.
fn times(summary: &Summary, server: &ServerSummary) -> Table {
    let columns = words::TIMES_COLUMNS.map(|name| match name {
        "as the server saw it" => name.to_owned(),
        number => format!("{number}#"),
    });
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("Times by the server's histograms", &columns);
    for times in &server.times {
        let cell = |(text, value)| Cell { value, ..Cell::text(text) };
        table.rows.push(words::times_row(times, summary).map(cell).into());
    }
    table
}

/// A chart for each unit that was seen. `server` has a row for each scrape and metric: `at_ns`, `target`, `source`,
/// `metric`, `unit`, `instance`, `value`.
pub(super) fn charts(server: &StoredTable, seconds: &Seconds<'_>) -> Vec<Chart> {
    let lines = lines(server, seconds);
    UNITS.iter().filter_map(|unit| chart(unit, &lines, seconds)).collect()
}

/// Values at the places of the axis, by unit and name.
type Lines = BTreeMap<(String, String), Vec<Option<f64>>>;

fn chart(
    (unit, id, title, label, factor): &(&str, &str, &str, &str, f64),
    lines: &Lines,
    seconds: &Seconds<'_>,
) -> Option<Chart> {
    let of_unit = lines.iter().filter(|((of, _), _)| of == unit);
    let shown = of_unit.clone().zip(Hue::FREE).map(|(((_, name), values), hue)| {
        let values = values.iter().map(|value| value.map(|value| value * factor)).collect();
        Some(Line::new(name, hue, values))
    });
    let left_out = of_unit.clone().count().saturating_sub(LINES_MAX);
    let more = if left_out > 0 { format!(" {left_out} more are in server.parquet.") } else { String::new() };
    let says = format!(
        "What the server, its accelerators and its host said of themselves while the run went on.{more}"
    );
    seconds.chart(id, title, &says, label, shown.collect())
}

fn lines(server: &StoredTable, seconds: &Seconds<'_>) -> Lines {
    let text = |name: &str| match server.column(name) {
        Some(ColumnValues::Text(values)) => {
            values.iter().map(|value| value.clone().unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    };
    let [targets, sources, metrics, units, instances] =
        ["target", "source", "metric", "unit", "instance"].map(text);
    let (moments, values) =
        (server.numbers("at_ns").unwrap_or_default(), server.numbers("value").unwrap_or_default());
    // A name says no more than it takes to tell it apart.
    let mut speakers: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for ((metric, target), instance) in metrics.iter().zip(&targets).zip(&instances) {
        speakers.entry(metric).or_default().insert((target, instance));
    }
    let several = |metric: &str, of: fn(&(&str, &str), &(&str, &str)) -> bool| {
        speakers
            .get(metric)
            .is_some_and(|all| all.iter().any(|one| all.first().is_some_and(|first| of(first, one))))
    };
    let mut sums: BTreeMap<(String, String), BTreeMap<usize, (f64, u32)>> = BTreeMap::new();
    for row in 0..values.len().min(metrics.len()) {
        // What watching itself took is no property of the server.
        let (Some(at), Some(value)) = (moments[row], values[row]) else { continue };
        if sources[row] == "watch" {
            continue;
        }
        let mut name = metrics[row].clone();
        if several(&name, |a, b| a.1 != b.1) && !instances[row].is_empty() {
            name += &format!(" {}", instances[row]);
        }
        if several(&metrics[row], |a, b| a.0 != b.0) {
            name += &format!(" ({})", targets[row]);
        }
        let place =
            sums.entry((units[row].clone(), name)).or_default().entry(seconds.place(at / 1e9)).or_default();
        *place = (place.0 + value, place.1 + 1);
    }
    let along = |places: BTreeMap<usize, (f64, u32)>| {
        let mean = |place: usize| places.get(&place).map(|(sum, n)| sum / f64::from(*n));
        (0..seconds.places()).map(mean).collect()
    };
    sums.into_iter().map(|(key, places)| (key, along(places))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_scraped_lies_on_the_axis_of_the_run() {
        let whole = |values: &[i64]| ColumnValues::Int(values.iter().copied().map(Some).collect());
        let texts = |values: &[&str]| {
            ColumnValues::Text(values.iter().map(|text| Some((*text).to_owned())).collect())
        };
        let series =
            StoredTable { columns: vec![("start_ns".to_owned(), whole(&[0, 1_000_000_000, 2_000_000_000]))] };
        let columns = [
            ("at_ns", whole(&[100_000_000, 900_000_000, 2_500_000_000, 100_000_000])),
            ("target", texts(&["a"; 4])),
            ("source", texts(&["vllm", "vllm", "vllm", "watch"])),
            ("metric", texts(&["kv_usage", "kv_usage", "kv_usage", "scrape_seconds"])),
            ("unit", texts(&["share", "share", "share", "seconds"])),
            ("instance", texts(&[""; 4])),
            ("value", ColumnValues::Real([0.2, 0.4, 0.5, 1.0].map(Some).into())),
        ];
        let server = StoredTable { columns: columns.map(|(name, values)| (name.to_owned(), values)).into() };
        let seconds = Seconds::of(&series, None).unwrap();
        let charts = charts(&server, &seconds);
        assert_eq!(charts.len(), 1, "{charts:?}");
        assert_eq!((charts[0].id.as_str(), charts[0].lines[0].label.as_str()), ("server-shares", "kv_usage"));
        let values: Vec<Option<i64>> =
            charts[0].lines[0].values.iter().map(|value| value.map(|value| value.round() as i64)).collect();
        assert_eq!(values, [Some(30), None, Some(50)]);
    }
}
