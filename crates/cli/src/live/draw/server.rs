//! What the server says of itself, in a row.

use plimsoll_core::watch::{Canonical, Figure};
use ratatui_core::text::{Line, Span};

use super::look::Look;
use crate::report::server::shown;
use crate::report::style::Tone;

/// What is shown, the most telling first, in few letters.
const SHOWN: [(Canonical, &str); 10] = [
    (Canonical::QueueDepth, "queue"),
    (Canonical::Running, "running"),
    (Canonical::KvUsage, "KV"),
    (Canonical::GpuUtilization, "GPU"),
    (Canonical::GpuMemoryUsage, "GPU memory"),
    (Canonical::GpuPower, "power"),
    (Canonical::HostCpu, "host CPU"),
    (Canonical::ResidentBytes, "resident"),
    (Canonical::BatchSize, "batch"),
    (Canonical::PreemptionRate, "preempted"),
];

/// The row; nothing where nothing was seen of the server.
pub(super) fn row<'a>(figures: &[Figure], look: Look) -> Option<Line<'a>> {
    let value = |metric| figures.iter().find(|figure| figure.metric == metric).map(|figure| figure.value);
    let said: Vec<String> = SHOWN
        .iter()
        .filter_map(|&(metric, name)| Some(format!("  {name} {}", shown(value(metric)?, metric.unit()))))
        .collect();
    (!said.is_empty()).then(|| {
        Line::from(vec![Span::raw(" "), look.span(Tone::Heading, "server"), Span::raw(said.concat())])
    })
}
