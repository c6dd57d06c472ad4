//! The two text formats: Prometheus 0.0.4 and OpenMetrics 1.0.
//!
//! Written here because no library writes both of these and native histograms from one set of numbers.

use std::fmt::Write as _;

use super::super::metrics::{Family, Histogram, Kind, Snapshot, Value, le};

/// The metrics as text; as OpenMetrics if asked to.
pub(super) fn text(snapshot: &Snapshot, open_metrics: bool) -> String {
    let mut out = String::with_capacity(32 * 1024);
    for family in &snapshot.families {
        head(&mut out, family, open_metrics);
        for series in &family.series {
            let mut labels = format!("testid=\"{}\"", escaped(&snapshot.testid));
            for (name, value) in &series.labels {
                let _ = write!(labels, ",{name}=\"{}\"", escaped(value));
            }
            match &series.value {
                Value::Number(value) => {
                    let _ = writeln!(out, "{}{{{labels}}} {value}", family.about.name);
                }
                Value::Histogram(histogram) => buckets(&mut out, family.about.name, &labels, histogram),
            }
        }
    }
    if open_metrics {
        out.push_str("# EOF\n");
    }
    out
}

fn head(out: &mut String, family: &Family, open_metrics: bool) {
    let about = family.about;
    let name = if open_metrics { about.bare_name() } else { about.name };
    let kind = match about.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", about.help);
    if let Some(unit) = about.unit.word().filter(|_| open_metrics) {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
}

fn buckets(out: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    for (bound, below) in histogram.cumulative() {
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {below}", le(bound));
    }
    let _ = writeln!(out, "{name}_sum{{{labels}}} {}", histogram.sum());
    let _ = writeln!(out, "{name}_count{{{labels}}} {}", histogram.count());
}

/// The value of a label between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::metrics::{Meter, RunInfo, example};
    use super::*;

    fn page(open_metrics: bool) -> String {
        let info = RunInfo {
            testid: "a\"b\\c\nd".to_owned(),
            labels: vec![("model", "m".to_owned())],
            ..RunInfo::default()
        };
        let mut meter = Meter::new(info);
        example(&mut meter);
        text(&meter.snapshot(Duration::from_secs(1)), open_metrics)
    }

    #[test]
    fn a_page_as_prometheus_reads_it() {
        // Of the histograms one is enough to look at.
        let page = page(false);
        let others =
            ["plimsoll_itl", "plimsoll_tpot", "plimsoll_send_lag", "plimsoll_response", "_ttft_scheduled"];
        let shown = page.lines().filter(|line| others.iter().all(|name| !line.contains(name)));
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn open_metrics_has_units_bare_names_and_an_end() {
        let page = page(true);
        assert!(page.contains(
            "# TYPE plimsoll_sent_bytes counter\n# UNIT plimsoll_sent_bytes bytes\nplimsoll_sent_bytes_total{"
        ));
        assert!(page.contains(
            "# TYPE plimsoll_latency_seconds histogram\n# UNIT plimsoll_latency_seconds seconds\n"
        ));
        assert!(page.ends_with("\n# EOF\n"));
    }
}
