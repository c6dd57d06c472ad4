//! The opening line: what will be done, in words.

use std::time::Duration;

use plimsoll_core::load::{Arrivals, LoadModel, OpenLoop};
use plimsoll_core::spec::{Api, Interface, Phases};
use plimsoll_core::summary::RunHeader;

/// What the opening line says of a run beside its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) header: &'a RunHeader,
    pub(crate) api: &'a Api,
    pub(crate) phases: &'a Phases,
    pub(crate) load: &'a LoadModel,
    /// Nobody asked for chat or streaming, so the line tells how to ask for the load test's older form.
    pub(crate) api_by_default: bool,
}

/// `closed loop, 8 users at 2/s -> http://… (vllm, model x): chat, streaming, 512-token prompts, 128 tokens out, until
/// Ctrl+C`.
pub(crate) fn opening_line(plan: &Plan<'_>) -> String {
    let Plan { header, phases, load, .. } = plan;
    let defaults = if plan.api_by_default && plan.api.interface == Interface::Chat && plan.api.stream {
        " (defaults; --no-chat --no-stream for the older form)"
    } else {
        ""
    };
    let time = if header.simulated { "simulated time: " } else { "" };
    format!(
        "{time}{} -> {} ({}): {}{defaults}, {}, {}",
        header.load,
        header.target,
        header.server(),
        header.api,
        header.workload,
        until(phases, load),
    )
}

/// `open loop, Poisson at 20/s -> http://… (vllm, model x)`, or without the load.
pub(crate) fn short_title(header: &RunHeader, with_load: bool) -> String {
    let load = if with_load { format!("{} -> ", header.load) } else { String::new() };
    format!("{load}{} ({})", header.target, header.server())
}

/// `chat, streaming`.
pub(crate) fn api(api: &Api) -> String {
    if !api.interface.streams() {
        return api.interface.name().to_owned();
    }
    let stream = if api.stream { "streaming" } else { "not streaming" };
    format!("{}, {stream}", api.interface.name())
}

fn until(phases: &Phases, load: &LoadModel) -> String {
    let scheduled = matches!(
        load,
        LoadModel::Open(OpenLoop { arrivals: Arrivals::Stages { .. } | Arrivals::Replay(_), .. })
    );
    match (phases.measure, phases.max_requests) {
        (Some(time), None) => format!("for {}", duration(time)),
        (None, Some(requests)) => format!("until {requests} requests succeeded"),
        (Some(time), Some(requests)) => {
            format!("for {} or until {requests} requests succeeded", duration(time))
        }
        (None, None) if scheduled => "until the schedule ends".to_owned(),
        (None, None) => "until Ctrl+C".to_owned(),
    }
}

/// A duration as people write it: `1h30m`, `1m30s`, `500ms`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_nanos() != 0 {
        return match duration.as_secs_f64() {
            short if short < 1.0 => format!("{}ms", short * 1e3),
            long => format!("{long}s"),
        };
    }
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "m"), (seconds % 60, "s")];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (millis, text) in
            [(0, "0s"), (500, "500ms"), (1_500, "1.5s"), (90_000, "1m30s"), (5_400_000, "1h30m")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
