//! Which columns of a trace hold what: the published layouts, and columns that the user names.

use super::{TimeUnit, TraceError, TraceOptions};

/// The columns of a published kind of trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) time: &'static str,
    pub(super) unit: TimeUnit,
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

/// The layouts that are known by the names of their columns.
pub(super) const LAYOUTS: [Layout; 4] = [
    Layout {
        name: "Azure",
        time: "TIMESTAMP",
        unit: TimeUnit::Date,
        input: "ContextTokens",
        output: "GeneratedTokens",
    },
    Layout {
        name: "Mooncake",
        time: "timestamp",
        unit: TimeUnit::Millis,
        input: "input_length",
        output: "output_length",
    },
    Layout {
        name: "BurstGPT",
        time: "Timestamp",
        unit: TimeUnit::Seconds,
        input: "Request tokens",
        output: "Response tokens",
    },
    Layout {
        name: "Vidur",
        time: "arrived_at",
        unit: TimeUnit::Seconds,
        input: "num_prefill_tokens",
        output: "num_decode_tokens",
    },
];

/// Where the values of a row are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    pub(super) layout: &'static str,
    pub(super) time: String,
    /// `None`: dates; a bare number is refused.
    pub(super) unit: Option<TimeUnit>,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
}

impl Columns {
    /// Chooses among the columns of a trace, whose names stand on line `line`.
    pub(super) fn choose(
        source: &str,
        line: u64,
        found: &[String],
        options: &TraceOptions,
    ) -> Result<Columns, TraceError> {
        let has = |name: &str| found.iter().any(|column| column == name);
        let named = [&options.time_column, &options.input_column, &options.output_column];
        if let Some(column) = named.into_iter().flatten().find(|column| !has(column)) {
            return Err(TraceError::MissingColumn {
                trace: source.to_owned(),
                line,
                column: column.clone(),
                columns: found.to_vec(),
                nearest: nearest(column, found),
            });
        }
        let layout =
            LAYOUTS.into_iter().find(|layout| has(layout.time) && has(layout.input) && has(layout.output));
        let known = |name: fn(&Layout) -> &'static str| layout.map(|layout| name(&layout).to_owned());
        let Some(time) = options.time_column.clone().or_else(|| known(|layout| layout.time)) else {
            return Err(TraceError::UnknownLayout {
                trace: source.to_owned(),
                line,
                columns: found.to_vec(),
            });
        };
        let published = layout.filter(|layout| layout.time == time);
        Ok(Columns {
            layout: published.map_or("custom", |layout| layout.name),
            time,
            unit: options.time_unit.or_else(|| published.map(|layout| layout.unit)),
            input: options.input_column.clone().or_else(|| known(|layout| layout.input)),
            output: options.output_column.clone().or_else(|| known(|layout| layout.output)),
        })
    }
}

/// The column that `wanted` probably means: the same letters and digits in another spelling, or one within the other.
fn nearest(wanted: &str, found: &[String]) -> Option<String> {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(wanted);
    let same = found.iter().find(|column| plain(column) == wanted);
    let part = || {
        found.iter().find(|column| {
            let column = plain(column);
            column.len() > 2 && wanted.len() > 2 && (column.contains(&wanted) || wanted.contains(&column))
        })
    };
    same.or_else(part).cloned()
}
