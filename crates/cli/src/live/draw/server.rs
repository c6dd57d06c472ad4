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

/// What stands before the figures.
const NAME: &str = "server";

/// The row, with as many figures as there are columns for; nothing where nothing was seen of the server.
pub(super) fn row<'a>(figures: &[Figure], width: u16, look: Look) -> Option<Line<'a>> {
    let value = |metric| figures.iter().find(|figure| figure.metric == metric).map(|figure| figure.value);
    let mut left = usize::from(width).saturating_sub(1 + NAME.len());
    // A name without its value says nothing.
    let fits = move |said: &String| {
        let columns = said.chars().count();
        let fits = columns <= left;
        left = left.saturating_sub(columns);
        fits
    };
    let said: Vec<String> = SHOWN
        .iter()
        .filter_map(|&(metric, name)| Some(format!("  {name} {}", shown(value(metric)?, metric.unit()))))
        .take_while(fits)
        .collect();
    (!said.is_empty())
        .then(|| Line::from(vec![Span::raw(" "), look.span(Tone::Heading, NAME), Span::raw(said.concat())]))
}
