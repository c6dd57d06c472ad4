//! Pages of real servers and of exporters, from the page to the figures and what is said of them.

use std::time::Duration;

use super::*;
use crate::time::Offset;

fn at(second: f64) -> Offset {
    Offset::from_secs_f64(second)
}

/// What a tracker says of pages that come a second apart: of the last one, `metric[instance] value`.
fn told(pages: &[&str]) -> Vec<String> {
    let mut tracker = Tracker::new(0);
    let mut last = Taken::default();
    for (second, page) in pages.iter().enumerate() {
        last = tracker.take(at(second as f64), Page::Text(page.as_bytes())).unwrap();
    }
    let mut lines: Vec<String> = last
        .samples
        .iter()
        .map(|sample| match &*sample.instance {
            "" => format!("{} {}", sample.metric.name(), sample.value),
            instance => format!("{}[{instance}] {}", sample.metric.name(), sample.value),
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn gauges_are_there_at_once_and_what_is_counted_from_the_second_page_on() {
    let first = "vllm:num_requests_waiting{engine=\"0\"} 3\nvllm:generation_tokens_total{engine=\"0\"} 100\n";
    let second =
        "vllm:num_requests_waiting{engine=\"0\"} 4\nvllm:generation_tokens_total{engine=\"0\"} 150\n";
    assert_eq!(told(&[first]), ["queue_depth[0] 3"]);
    assert_eq!(told(&[first, second]), ["queue_depth[0] 4", "server_output_token_rate[0] 50"]);
}

#[test]
fn a_counter_that_was_not_there_before_has_gained_its_value() {
    let tokens = "vllm:generation_tokens_total 40\n";
    assert!(told(&[tokens]).is_empty(), "nobody knows since when");
    assert_eq!(told(&["vllm:num_requests_running 0\n", "", tokens]), ["server_output_token_rate 40"]);
}

#[test]
fn a_counter_that_begins_anew_has_gained_its_value() {
    let page = |tokens: u32| format!("vllm:generation_tokens_total {tokens}\n");
    assert_eq!(told(&[&page(100), &page(150), &page(20)]), ["server_output_token_rate 20"]);
}

#[test]
fn what_was_gained_while_a_series_was_away_is_spread_over_that_time() {
    let page = |tokens: u32| format!("vllm:generation_tokens_total {tokens}\n");
    assert_eq!(told(&[&page(100), "", "", "", &page(200)]), ["server_output_token_rate 25"]);
    assert!(told(&[&page(100), "", ""]).is_empty());
}

#[test]
fn histograms_say_their_mean_since_the_last_page() {
    let page = |sum: f64, count: u32| {
        format!("vllm:request_queue_time_seconds_sum {sum}\nvllm:request_queue_time_seconds_count {count}\n")
    };
    assert_eq!(told(&[&page(10.0, 5), &page(13.0, 7)]), ["queue_time 1.5"]);
    assert!(told(&[&page(10.0, 5), &page(10.0, 5)]).is_empty(), "nothing was added: there is no mean");
}

#[test]
fn histograms_say_what_their_buckets_gained() {
    let page = |engine: u32, low: u32, all: u32| {
        let name = "vllm:request_queue_time_seconds_bucket";
        format!(
            "{name}{{engine=\"{engine}\",le=\"0.5\"}} {low}\n{name}{{le=\"+Inf\",engine=\"{engine}\"}} {all}\n"
        )
    };
    let mut tracker = Tracker::new(0);
    let mut take = |second, page: String| {
        let taken = tracker.take(at(second), Page::Text(page.as_bytes())).unwrap();
        taken.gained.into_iter().map(|one| (one.metric, one.from, one.buckets)).collect::<Vec<_>>()
    };
    let low = |count| Bucket { above: 0.0, upto: 0.5, count };
    let high = |count| Bucket { above: 0.5, upto: f64::INFINITY, count };
    assert!(take(0.0, page(0, 10, 12)).is_empty(), "nobody knows since when");
    assert_eq!(take(1.0, page(0, 13, 16)), [(Canonical::QueueTime, at(0.0), vec![low(3.0), high(1.0)])]);
    assert!(take(2.0, page(0, 13, 16)).is_empty());
    let began_anew = page(0, 2, 2) + &page(1, 5, 6);
    let mut found = take(3.0, began_anew).remove(0);
    found.2.sort_by(|a, b| a.upto.total_cmp(&b.upto).then(a.count.total_cmp(&b.count)));
    assert_eq!(found, (Canonical::QueueTime, at(2.0), vec![low(2.0), low(5.0), high(1.0)]), "of two engines");
}

#[test]
fn old_and_new_names_of_one_thing_are_one_thing() {
    let page = "vllm:kv_cache_usage_perc{engine=\"0\"} 0.5\nvllm:gpu_cache_usage_perc{engine=\"0\"} 0.5\n";
    assert_eq!(told(&[page]), ["kv_usage[0] 0.5"]);
    assert_eq!(told(&["vllm:gpu_cache_usage_perc 0.25\n"]), ["kv_usage 0.25"]);
}

#[test]
fn ranks_that_say_the_same_count_once_and_replicas_each() {
    let page = "sglang:num_queue_reqs{tp_rank=\"0\",dp_rank=\"0\"} 3\n\
                sglang:num_queue_reqs{tp_rank=\"1\",dp_rank=\"0\"} 3\n\
                sglang:num_queue_reqs{tp_rank=\"0\",dp_rank=\"1\"} 5\n";
    assert_eq!(told(&[page]), ["queue_depth[0] 3", "queue_depth[1] 5"]);
}

#[test]
fn a_host_is_busy_for_what_is_not_idle_of_all_its_processors() {
    let page = |idle: u32, user: u32| {
        format!(
            "node_cpu_seconds_total{{cpu=\"0\",mode=\"idle\"}} {idle}\nnode_cpu_seconds_total{{cpu=\"0\",mode=\"user\"}} {user}\n\
             node_memory_MemTotal_bytes 1000\nnode_memory_MemAvailable_bytes 400\nprocess_resident_memory_bytes 7\n"
        )
    };
    let expected = ["host_cpu 0.25", "host_memory_usage 0.6", "host_memory_used 600"];
    assert_eq!(told(&[&page(10, 10), &page(13, 11)]), expected, "the exporter's own memory is nobody's");
}

#[test]
fn what_is_no_number_is_passed_over() {
    assert!(told(&["vllm:kv_cache_usage_perc NaN\nvllm:num_requests_waiting +Inf\n"]).is_empty());
}

/// Two pages of each real server, before and under load, recorded by `scripts/servers/record_metrics.sh`.
macro_rules! recorded {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let before = include_str!(concat!("../../testdata/metrics/", stringify!($name), "_before.prom"));
            let after = include_str!(concat!("../../testdata/metrics/", stringify!($name), "_after.prom"));
            insta::assert_snapshot!(told(&[before, after]).join("\n"));
        })*
    };
}

recorded! { triton llamacpp kserve mlserver torchserve node }

#[test]
fn prometheus_says_the_same_of_itself_in_all_formats() {
    let text = include_bytes!("../../testdata/metrics/prometheus.prom").as_slice();
    let open = include_bytes!("../../testdata/metrics/prometheus.om").as_slice();
    let protobuf = include_bytes!("../../testdata/metrics/prometheus.pb").as_slice();
    let names = |page: Page<'_>| {
        let taken = Tracker::new(0).take(Offset::ZERO, page).unwrap();
        assert_eq!(taken.malformed, 0);
        taken.samples.iter().map(|sample| sample.metric).collect::<Vec<_>>()
    };
    assert_eq!(names(Page::Text(text)), [Canonical::OpenFiles, Canonical::ResidentBytes]);
    assert_eq!(names(Page::Text(open)), [Canonical::OpenFiles, Canonical::ResidentBytes]);
    assert_eq!(names(Page::Protobuf(protobuf)), [Canonical::OpenFiles, Canonical::ResidentBytes]);
    // Every histogram and counter of the text is in the protobuf as well, with the same labels.
    let mut in_text = 0;
    walk_text(text, |name| name == "prometheus_http_request_duration_seconds_count", |_| in_text += 1)
        .unwrap();
    let mut in_protobuf = 0;
    let count = |name: &str| name == "prometheus_http_request_duration_seconds_count";
    walk_protobuf(protobuf, count, |series| {
        assert!(series.labels.get("handler").is_some() && series.value >= 1.0);
        in_protobuf += 1;
    })
    .unwrap();
    // The pages were asked for one after the other, and each request is counted.
    assert!(in_text > 0 && in_protobuf >= in_text, "{in_text} {in_protobuf}");
}

/// A window of 60 seconds in which each figure stood still.
fn watched(figures: &[(Source, Canonical, f64)], work: Work) -> ServerSummary {
    let mut observed = Observed::new(Duration::from_secs(1), vec!["t".to_owned()]);
    for second in 0..60 {
        let samples: Vec<Sample> = figures
            .iter()
            .map(|&(source, metric, value)| Sample {
                at: at(f64::from(second)),
                target: 0,
                source,
                metric,
                instance: "".into(),
                value: if metric == Canonical::GpuEnergy { value * f64::from(second) } else { value },
                events: None,
            })
            .collect();
        observed.scraped(0, Duration::from_millis(4), (100, 10), &samples);
        observed.close(at(f64::from(second) + 0.25));
    }
    observed.summary(10.0, 50.0, work)
}

#[test]
fn the_saturated_resource_is_named_by_the_rule() {
    use Canonical::{GpuUtilization, HostCpu, KvUsage, ProcessCpu, QueueDepth, Running};
    use Resource::{BatchSlots, Gpu, KvCache, OneCore};
    let vllm = Source::Vllm;
    for (figures, overloaded, resource, says) in [
        (
            vec![(vllm, KvUsage, 0.97), (Source::Dcgm, GpuUtilization, 0.62), (vllm, QueueDepth, 12.0)],
            false,
            Some(KvCache),
            "saturated: KV cache 97 %; GPU 62 %; 12 requests wait",
        ),
        (
            vec![(vllm, KvUsage, 0.95), (Source::Dcgm, GpuUtilization, 0.99)],
            false,
            Some(KvCache),
            "saturated: KV cache 95 %; GPU 99 %",
        ),
        (
            vec![(vllm, KvUsage, 0.46), (Source::Dcgm, GpuUtilization, 0.95)],
            false,
            Some(Gpu),
            "saturated: GPU 95 %; KV cache 46 %",
        ),
        (
            vec![(vllm, KvUsage, 0.46), (vllm, Running, 256.0), (vllm, QueueDepth, 40.0)],
            false,
            Some(BatchSlots),
            "saturated: batch slots, at their limit of 256; KV cache 46 %; 40 requests wait",
        ),
        (
            vec![(Source::Process, ProcessCpu, 1.0), (Source::Host, HostCpu, 0.3)],
            true,
            Some(OneCore),
            "saturated: one core of the server's process; host CPU 30 %",
        ),
        (
            vec![(Source::Triton, QueueDepth, 5.0), (Source::Host, HostCpu, 0.3)],
            false,
            None,
            "what is watched has room: host CPU 30 %; 5.0 requests wait: the limit is one that is not watched, such as a \
             setting or a core",
        ),
        (vec![(vllm, KvUsage, 0.4)], false, None, "nothing is saturated: KV cache 40 %"),
        (
            vec![(Source::Process, Canonical::ResidentBytes, 1e9)],
            false,
            None,
            "nothing is known of its resources",
        ),
    ] {
        let summary = watched(&figures, Work { overloaded, ..Work::default() });
        assert_eq!(summary.saturation.resource, resource, "{figures:?}");
        assert_eq!(summary.saturation.says, says);
    }
}

#[test]
fn warnings_are_of_no_headroom_of_idling_and_of_work_undone() {
    use Canonical::{GpuUtilization, HostCpu, KvUsage, PreemptionRate, QueueDepth};
    for (figures, expected) in [
        (
            vec![(Source::Vllm, KvUsage, 0.93), (Source::Vllm, PreemptionRate, 0.5)],
            vec![
                "no headroom: KV cache 93 % in use on average, 90 % or more is at the risk of latency spikes and failures",
                "the KV cache was too small for what ran: running requests were put back 0.5 times a second",
            ],
        ),
        (
            vec![(Source::Nvml, GpuUtilization, 0.12), (Source::Host, HostCpu, 0.5)],
            vec!["low utilisation: GPU 12 % in use on average: at this load most of what is paid for idles"],
        ),
        (vec![(Source::Host, HostCpu, 0.12)], vec![]),
        (
            vec![(Source::Nvml, GpuUtilization, 0.12), (Source::Vllm, KvUsage, 0.95)],
            vec![
                "no headroom: KV cache 95 % in use on average, 90 % or more is at the risk of latency spikes and failures",
            ],
        ),
        (vec![(Source::Nvml, GpuUtilization, 0.5), (Source::Vllm, QueueDepth, 0.1)], vec![]),
    ] {
        assert_eq!(watched(&figures, Work::default()).warnings, expected, "{figures:?}");
    }
}

#[test]
fn of_two_who_say_the_same_the_nearer_is_believed() {
    let figures = [
        (Source::Triton, Canonical::GpuUtilization, 0.2),
        (Source::Dcgm, Canonical::GpuUtilization, 0.6),
        (Source::Process, Canonical::ResidentBytes, 5.0),
        (Source::Pid, Canonical::ResidentBytes, 7.0),
    ];
    let summary = watched(&figures, Work::default());
    let figure = |metric| summary.figure(metric).map(|figure| (figure.source, figure.level.max)).unwrap();
    assert_eq!(figure(Canonical::GpuUtilization), (Source::Dcgm, 0.6));
    assert_eq!(figure(Canonical::ResidentBytes), (Source::Pid, 7.0));
    let target = &summary.targets[0];
    assert_eq!((target.scrapes, target.failures, target.duration_max, target.known), (60, 0, 0.004, 10));
}

#[test]
fn energy_is_counted_where_there_are_counters_and_else_the_mean_power() {
    let work = Work { ok: 10, output_tokens: 1000, overloaded: false };
    let power = (Source::Dcgm, Canonical::GpuPower, 300.0);
    let read = watched(&[power], work).energy.unwrap();
    assert_eq!(
        (read.joules, read.per_request, read.per_output_token, read.counted),
        (12_000.0, Some(1200.0), Some(12.0), false)
    );
    let counted = watched(&[power, (Source::Dcgm, Canonical::GpuEnergy, 200.0)], work).energy.unwrap();
    assert!((counted.joules - 8000.0).abs() < 1e-6 && counted.counted, "{counted:?}");
    assert_eq!(watched(&[power], Work::default()).energy.unwrap().per_request, None);
    assert_eq!(watched(&[], work).energy, None);
}

#[test]
fn replicas_make_one_figure_and_one_that_is_silent_counts_no_more() {
    let mut observed = Observed::new(Duration::from_secs(1), vec!["a".to_owned(), "b".to_owned()]);
    let sample = |second: f64, target, metric, value| Sample {
        at: at(second),
        target,
        source: Source::Vllm,
        metric,
        instance: "0".into(),
        value,
        events: None,
    };
    let value = |figures: &[Figure], metric| figures.iter().find(|f| f.metric == metric).map(|f| f.value);
    for target in [0, 1] {
        let value = target as f64;
        let samples = [
            sample(0.0, target, Canonical::QueueDepth, 2.0 + value),
            sample(0.0, target, Canonical::KvUsage, 0.5 + value / 10.0),
            Sample {
                events: Some(1.0 + 2.0 * value),
                ..sample(0.0, target, Canonical::QueueTime, 1.0 + value)
            },
        ];
        observed.scraped(target, Duration::ZERO, (3, 3), &samples);
    }
    let figures = observed.close(at(0.25));
    assert_eq!(value(&figures, Canonical::QueueDepth), Some(5.0), "together they have so much");
    assert_eq!(value(&figures, Canonical::KvUsage), Some(0.6), "the fullest one limits");
    assert_eq!(value(&figures, Canonical::QueueTime), Some(1.75), "one waited 1 s, three 2 s");
    assert_eq!(value(&observed.close(at(1.25)), Canonical::QueueTime), Some(1.5), "nobody waited since");
    observed.scraped(0, Duration::ZERO, (1, 1), &[sample(4.0, 0, Canonical::QueueDepth, 7.0)]);
    observed.failed(1, "refused");
    assert_eq!(value(&observed.close(at(4.25)), Canonical::QueueDepth), Some(7.0), "the other one is gone");
    let summary = observed.summary(0.0, 5.0, Work::default());
    assert_eq!(summary.warnings, ["b did not answer 1 of 2 scrapes: refused"]);
    assert_eq!(summary.figure(Canonical::QueueDepth).unwrap().instances, 2);
    assert_eq!(summary.figure(Canonical::QueueTime).unwrap().level.mean, 1.75, "of those who waited");
}

#[test]
fn a_target_that_never_answered_or_is_too_slow_is_told() {
    let mut observed = Observed::new(Duration::from_secs(1), vec!["a".to_owned(), "b".to_owned()]);
    observed.failed(0, "it answers 404: there is no such page");
    observed.scraped(1, Duration::from_secs(4), (1, 1), &[]);
    (0..3).for_each(|_| observed.missed(1));
    assert_eq!(
        observed.summary(0.0, 5.0, Work::default()).warnings,
        [
            "a never answered: it answers 404: there is no such page",
            "b takes 4.0 s to answer on average, so that 3 of 4 scrapes were left out: watch it less often (--watch-interval)",
        ]
    );
}

#[test]
fn no_two_rules_say_the_same_of_one_series() {
    let rules: Vec<&Rule> = all_rules().collect();
    for (place, rule) in rules.iter().enumerate() {
        let again = rules[..place].iter().find(|other| {
            (other.name, other.metric, other.only, other.reading)
                == (rule.name, rule.metric, rule.only, rule.reading)
        });
        assert_eq!(again, None);
        assert!(rule.scale != 0.0 && rule.scale.is_finite(), "{rule:?}");
    }
}
