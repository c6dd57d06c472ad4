//! A run that was killed has no summary: what it measured until then is counted again from its records.

use std::path::Path;
use std::time::Duration;

use plimsoll_core::health::ClientHealth;
use plimsoll_core::load::LoadModel;
use plimsoll_core::metrics::{Conduct, Tally, Window};
use plimsoll_core::record::{Record, ThreadWindow};
use plimsoll_core::summary::{RunHeader, Summary};
use plimsoll_core::time::Offset;
use plimsoll_drive::recorder::{RecordsFile, StoredSpec, StoredTable, rfc3339};

use crate::exit::UsageError;

/// The summary of the run in `folder`, up to its last record.
pub(super) fn summary(
    folder: &Path,
    spec: &StoredSpec,
    seconds: Option<&StoredTable>,
) -> Result<Summary, UsageError> {
    let path = folder.join("records.parquet");
    let unreadable = |error: &dyn std::fmt::Display| UsageError(format!("`{}`: {error}", path.display()));
    let records = RecordsFile::open(&path).map_err(|error| unreadable(&error))?;
    let (wall, measure_start, chunks_kept) = (records.wall, records.measure_start, records.chunks_kept);
    let records = records.collect::<Result<Vec<Record>, _>>().map_err(|error| unreadable(&error))?;
    let last =
        |of: fn(&Record) -> Option<Offset>| records.iter().filter_map(of).max().unwrap_or(measure_start);
    let ended = last(|record| record.done.or(record.sent));
    let window = Window {
        ramp_end: Offset::ZERO,
        measure_start: measure_start.min(ended),
        measure_end: ended,
        end: ended,
    };
    let mut tally = Tally::new(measure_start);
    tally.measured_until(ended);
    records.iter().for_each(|record| tally.add(record));
    seconds.map(windows).unwrap_or_default().iter().for_each(|second| tally.add_window(second));
    let health = ClientHealth::default();
    let open_loop = matches!(spec.load, LoadModel::Open(_));
    let conduct = Conduct { window, open_loop, cap_reached: false, health: &health, interventions: &[] };
    let mut summary = tally.summary(header(spec, wall), &conduct);
    if !chunks_kept {
        without_chunks(&mut summary, seconds);
    }
    // The rules of validity ask for a health that nobody has kept.
    summary.validity.valid = false;
    summary.validity.reasons = vec![
        "the run did not come to its end: nobody judged whether its client kept up; the figures are counted from the \
         records that it left"
            .to_owned(),
    ];
    Ok(summary)
}

/// Records that keep no chunks do not say when single tokens came: gaps are not known, and their rate is that of the seconds.
fn without_chunks(summary: &mut Summary, seconds: Option<&StoredTable>) {
    summary.metrics.retain(|name, _| name != "chunk_gap" && name != "itl");
    summary.warnings.retain(|warning| !warning.starts_with("itl is an estimate"));
    summary.tokens.itl_estimated = 0;
    let window = &summary.window;
    let first = (window.ramp + window.warmup) as usize;
    let rates = seconds.and_then(|seconds| seconds.numbers("output_token_rate")).unwrap_or_default();
    let measured: Vec<f64> = rates.into_iter().skip(first).take(window.measured as usize).flatten().collect();
    let rates = &mut summary.rates;
    rates.output_token_rate = measured.iter().sum::<f64>() / measured.len().max(1) as f64;
    rates.total_token_rate = rates.input_token_rate + rates.output_token_rate;
}

fn header(spec: &StoredSpec, wall: Duration) -> RunHeader {
    RunHeader {
        name: spec.name.clone(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        started: rfc3339(wall),
        target: spec.target.url.clone(),
        provider: spec.target.provider.clone(),
        model: spec.target.model.clone(),
        api: spec.api.interface.clone(),
        load: spec.load.describe(),
        workload: "workload as in spec.toml".to_owned(),
        seed: spec.seed.0,
        threads: spec.threads,
        ended: "killed".to_owned(),
        ..RunHeader::default()
    }
}

/// The seconds of the series as the windows of one thread, for what was in flight.
fn windows(seconds: &StoredTable) -> Vec<ThreadWindow> {
    let column = |name: &str| seconds.numbers(name).unwrap_or_default();
    let starts =
        column("start_ns").into_iter().zip(column("concurrency_mean")).zip(column("concurrency_max"));
    let window = |((start, mean), most): ((Option<f64>, Option<f64>), Option<f64>)| {
        Some(ThreadWindow {
            start: Offset::from_nanos(start? as u64),
            length: Duration::from_secs(1),
            in_flight_nanos: (mean? * 1e9) as u64,
            in_flight_max: most? as u32,
            ..ThreadWindow::default()
        })
    };
    starts.filter_map(window).collect()
}
