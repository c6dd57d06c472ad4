//! What was seen of the server while the load was on it, for a terminal.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::summary::Summary;
use plimsoll_core::watch::{
    Canonical, Energy, Level, Resource, Saturation, ServerFigure, ServerQuantile, ServerSummary, ServerTimes,
    TargetSummary, Unit,
};

use super::numbers::{bytes, count, ms, short};
use super::style::{Style, Tone, lines};

/// Resources that a line of a table names.
const RESOURCES: usize = 2;

/// What was in use at a load, on average over its runs, the fullest first: `KV cache 97 %, GPU 62 %`; nothing where nobody was
/// watched.
pub(super) fn fullest<'a>(servers: impl Iterator<Item = &'a Saturation>) -> Option<String> {
    let mut uses: Vec<(Resource, Vec<f64>)> = Vec::new();
    let mut watched = false;
    for server in servers {
        watched = true;
        for one in &server.uses {
            match uses.iter_mut().find(|(known, _)| *known == one.resource) {
                Some((_, means)) => means.push(one.mean),
                None => uses.push((one.resource, vec![one.mean])),
            }
        }
    }
    let mean = |means: &[f64]| means.iter().sum::<f64>() / means.len() as f64;
    let mut uses: Vec<(Resource, f64)> =
        uses.iter().map(|(resource, means)| (*resource, mean(means))).collect();
    uses.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = uses.iter().take(RESOURCES);
    let shown = shown.map(|(resource, mean)| format!("{} {:.0} %", resource.words(), mean * 100.0));
    watched.then(|| shown.collect::<Vec<_>>().join(", "))
}

/// The section; nothing where nobody was watched.
pub(crate) fn section(summary: &Summary, style: Style) -> String {
    let Some(server) = &summary.server else { return String::new() };
    let says = match server.saturation.resource {
        Some(_) => style.paint(Tone::Doubt, &server.saturation.says),
        None => server.saturation.says.clone(),
    };
    let mut text = format!("Server     {says}\n");
    text +=
        &server.targets.iter().map(|target| format!("           {}\n", scrapes(target))).collect::<String>();
    text += &server.energy.as_ref().map(energy).unwrap_or_default();
    text += &server.profile.as_ref().map_or_else(String::new, |profile| {
        let (start, end) = (short(profile.start), short(profile.end));
        format!("           profiled from {start} s to {end} s by `{}`\n", profile.by)
    });
    for warning in &server.warnings {
        text += &format!("  - {}\n", style.paint(Tone::Doubt, warning));
    }
    for table in [figures(server), times(summary, server)] {
        if !table.is_empty() {
            text += &format!("\n{table}");
        }
    }
    text
}

/// `http://…/metrics (vllm, process): 60 scrapes of 3.1 ms`.
pub(super) fn scrapes(target: &TargetSummary) -> String {
    let sources: Vec<&str> = target.sources.iter().map(|source| source.name()).collect();
    let sources = match sources.as_slice() {
        [] => String::new(),
        [only] if *only == target.name => String::new(),
        all => format!(" ({})", all.join(", ")),
    };
    let failed = match target.failures {
        0 => String::new(),
        n => format!(", {} failed", count(n)),
    };
    let took = match target.scrapes {
        0 => String::new(),
        _ => {
            format!(" of {} ms, {} ms at most", ms(Some(target.duration_mean)), ms(Some(target.duration_max)))
        }
    };
    format!("{}{sources}: {} scrapes{took}{failed}", target.name, count(target.scrapes))
}

/// What the accelerators drew.
pub(super) fn energy(energy: &Energy) -> String {
    let per = |joules: Option<f64>, what| joules.map(|joules| format!("{} J per {what}", short(joules)));
    let parts: Vec<String> = [
        Some(format!("{} W on average", short(energy.mean_power))),
        per(energy.per_request, "request"),
        per(energy.per_output_token, "output token"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let how = if energy.counted { "" } else { " (from readings of power, which may miss peaks)" };
    format!("           energy: {}{how}\n", parts.join(", "))
}

fn figures(server: &ServerSummary) -> String {
    if server.figures.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["server", "mean", "p95", "max", "said by"]);
    for figure in &server.figures {
        table.add_row(row(figure));
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// A figure as a row: name, mean, 95th percentile, greatest, who says it.
pub(super) fn row(figure: &ServerFigure) -> [String; 5] {
    let Level { mean, p95, max, .. } = figure.level;
    let several =
        if figure.instances > 1 { format!(", {} instances", figure.instances) } else { String::new() };
    let value = |value: f64| shown(value, figure.unit);
    let by = format!("{}{several}", figure.source.name());
    [words(figure.metric), value(mean), value(p95), value(max), by]
}

/// Quantiles of the server's own histograms beside those that were measured here.
fn times(summary: &Summary, server: &ServerSummary) -> String {
    if server.times.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(TIMES_COLUMNS);
    for times in &server.times {
        table.add_row(times_row(times, summary).map(|(text, _)| text));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

/// How much greater the upper bound of a narrow bucket is than the lower one, at most.
const NARROW: f64 = 1.1;

/// The columns of [`times_row`].
pub(super) const TIMES_COLUMNS: [&str; 7] =
    ["as the server saw it", "n", "p50", "p90", "p99", "p50 here", "p99 here"];

/// What a histogram of the server says, beside what this client measured; with the numbers behind the texts.
pub(super) fn times_row(times: &ServerTimes, summary: &Summary) -> [(String, Option<f64>); 7] {
    let metric = match times.metric {
        Canonical::ServerTtft => summary.metrics.get("ttft"),
        Canonical::ServerLatency => summary.metrics.get("latency"),
        _ => None,
    };
    let served = |p| match times.quantile(p) {
        Some(quantile) => (bounds(quantile), quantile.value),
        None => ("-".to_owned(), None),
    };
    let here = |p| {
        let value = metric.and_then(|metric| metric.percentile(p));
        (value.map_or_else(|| "-".to_owned(), |value| shown(value, Unit::Seconds)), value)
    };
    let name = words(times.metric).replace("server ", "");
    let n = (count(times.n), Some(times.n as f64));
    [(name, None), n, served(50.0), served(90.0), served(99.0), here(50.0), here(99.0)]
}

/// Where a quantile lies, as far as its histogram knows: a value where the bucket is narrow, else the bucket.
fn bounds(quantile: &ServerQuantile) -> String {
    let time = |seconds| shown(seconds, Unit::Seconds);
    match *quantile {
        ServerQuantile { low, high: None, .. } => format!("> {}", time(low)),
        ServerQuantile { value: Some(value), low, high: Some(high), .. } if high <= NARROW * low => {
            time(value)
        }
        ServerQuantile { low, high: Some(high), .. } if low <= 0.0 => format!("<= {}", time(high)),
        ServerQuantile { low, high: Some(high), .. } => format!("{}..{}", ms(Some(low)), time(high)),
    }
}

/// The name of a metric for people.
pub(crate) fn words(metric: Canonical) -> String {
    let name = metric.name().replace('_', " ");
    match name.split_once(' ') {
        Some(("gpu", rest)) => format!("GPU {rest}"),
        Some(("kv", rest)) => format!("KV {rest}"),
        _ => name.replace("cpu", "CPU").replace("ttft", "TTFT"),
    }
}

/// A value with its unit.
pub(crate) fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => short(value),
        Unit::Share => format!("{} %", short(value * 100.0)),
        Unit::PerSecond => format!("{}/s", short(value)),
        Unit::Seconds => format!("{} ms", ms(Some(value))),
        Unit::Bytes => bytes(value.max(0.0) as u64),
        Unit::Watts => format!("{} W", short(value)),
        Unit::Joules => format!("{} J", short(value)),
        Unit::Celsius => format!("{} °C", short(value)),
        Unit::Cores => format!("{} cores", short(value)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use plimsoll_core::time::Offset;
    use plimsoll_core::watch::{Bucket, Gained, Observed, ProfileWindow, Sample, Source, Work};

    use super::*;
    use crate::report::fixture;

    /// A run of a server of language models whose KV cache is full, with an accelerator and a replica that went away.
    fn watched() -> Summary {
        let names = ["http://h:8000/metrics", "http://h:9400/metrics", "http://h:8001/metrics"];
        let mut observed = Observed::new(Duration::from_secs(1), names.map(str::to_owned).to_vec());
        for second in 0..60_u32 {
            let at = Offset::from_secs_f64(f64::from(second));
            let wave = f64::from(second % 10) / 1000.0;
            let sample = |target, source, metric, value| Sample {
                at,
                target,
                source,
                metric,
                instance: Arc::from("0"),
                value,
                events: None,
            };
            let vllm = [
                (Canonical::QueueDepth, 12.0 + 100.0 * wave),
                (Canonical::Running, 64.0),
                (Canonical::KvUsage, 0.966 + wave),
                (Canonical::QueueTime, 0.25),
                (Canonical::ServerOutputTokenRate, 3120.0),
            ];
            let dcgm = [
                (Canonical::GpuUtilization, 0.62),
                (Canonical::GpuMemoryUsed, 7.2e10),
                (Canonical::GpuPower, 410.0),
                (Canonical::GpuTemperature, 61.0),
            ];
            let vllm = vllm.map(|(metric, value)| sample(0, Source::Vllm, metric, value));
            let dcgm = dcgm.map(|(metric, value)| sample(1, Source::Dcgm, metric, value));
            observed.scraped(0, Duration::from_micros(3100), (420, 5), &vllm);
            observed.scraped(1, Duration::from_micros(1200), (30, 4), &dcgm);
            observed.failed(2, "cannot connect to h port 8001: connection refused");
            observed.close(at + Duration::from_millis(250));
        }
        observed.gained(&[histogram(Canonical::QueueTime), histogram(Canonical::ServerTtft)]);
        let mut summary = fixture::valid();
        let work = Work { ok: 594, output_tokens: 76_032, overloaded: false };
        let mut server = observed.summary(0.0, 60.0, work);
        server.profile = Some(ProfileWindow { by: "nsys start".to_owned(), start: 12.0, end: 22.0 });
        summary.server = Some(server);
        summary
    }

    /// 594 requests in buckets of which the last has no bound.
    fn histogram(metric: Canonical) -> Gained {
        let bucket = |above, upto, count| Bucket { above, upto, count };
        Gained {
            from: Offset::ZERO,
            until: Offset::from_secs_f64(60.0),
            source: Source::Vllm,
            metric,
            buckets: vec![
                bucket(0.1, 0.25, 400.0),
                bucket(0.25, 0.5, 184.0),
                bucket(0.5, f64::INFINITY, 10.0),
            ],
        }
    }

    #[test]
    fn the_section_of_a_server_whose_cache_is_full() {
        insta::assert_snapshot!(section(&watched(), Style { width: 100, color: false }));
        assert_eq!(section(&fixture::valid(), Style { width: 100, color: false }), "");
    }
}
