//! Up to where this host's figures can be trusted: the ladders as tables.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::numbers::grouped;
use super::style::lines;
use crate::stored::ceiling::{Ceiling, Rung};

/// Both ladders, and what follows from them; `kept` is the file that has them.
pub(crate) fn terminal(ceiling: &Ceiling, kept: &Path) -> String {
    let known = |value: Option<f64>| value.map_or_else(|| "no".to_owned(), grouped);
    let limits: String = [("streams", &ceiling.stream_rungs), ("requests/s", &ceiling.rate_rungs)]
        .into_iter()
        .filter_map(|(unit, rungs)| Some(format!("  - {}\n", limit(unit, rungs.last()?))))
        .collect();
    format!(
        "{} with {} I/O thread{} on {} cores\n\n{}\n\n{}\n\nTrustworthy up to {} events/s, {} streams, {} requests/s.\n\
         {limits}Kept in {}: `plimsoll run` warns when a load comes near it.\n",
        ceiling.host.name,
        ceiling.threads,
        if ceiling.threads == 1 { "" } else { "s" },
        ceiling.host.cores,
        table(["streams", "events/s", "TTFT error p99"], &ceiling.stream_rungs),
        table(["requests/s", "answered/s", "send_lag p99"], &ceiling.rate_rungs),
        known(ceiling.events_per_s),
        known(ceiling.streams.map(f64::from)),
        known(ceiling.requests_per_s),
        kept.display(),
    )
}

fn table(header: [&str; 3], rungs: &[Rung]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.into_iter().chain([""]));
    for rung in rungs {
        table.add_row([
            grouped(f64::from(rung.load)),
            grouped(rung.reached),
            error(rung),
            verdict(rung).to_owned(),
        ]);
    }
    for column in table.column_iter_mut().take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// One line for a rung that has just been tried.
pub(crate) fn told(unit: &str, rung: &Rung) -> String {
    format!(
        "{} {unit}: {}, {}/s, p99 {}",
        grouped(f64::from(rung.load)),
        verdict(rung),
        grouped(rung.reached),
        error(rung)
    )
}

fn error(rung: &Rung) -> String {
    rung.error_p99_ms.map_or_else(|| "-".to_owned(), |error| format!("{error:.3} ms"))
}

fn verdict(rung: &Rung) -> &'static str {
    match rung {
        Rung { broken: Some(_), .. } => "INVALID",
        Rung { server_late: true, .. } => "SERVER LATE",
        _ if rung.holds() => "VALID",
        _ => "INEXACT",
    }
}

/// What ended a ladder.
fn limit(unit: &str, last: &Rung) -> String {
    let at = format!("{} {unit}", grouped(f64::from(last.load)));
    match last {
        _ if last.holds() => format!("{at}: the last rung held; this host bears more"),
        Rung { broken: Some(reason), .. } => format!("{at}: {reason}"),
        Rung { server_late: true, .. } => {
            format!(
                "{at}: the simulated server was the limit; this client may bear more where the server has a faster core"
            )
        }
        _ => format!("{at}: the error of TTFT passed 1 ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::ceiling::tests::ceiling;

    #[test]
    fn ladders_are_tables_with_what_ended_them() {
        insta::assert_snapshot!(terminal(&ceiling(), Path::new("/home/u/.cache/plimsoll/ceiling.json")));
    }
}
