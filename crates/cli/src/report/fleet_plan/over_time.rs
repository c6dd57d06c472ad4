//! Replicas over time as a line of blocks.

use plimsoll_plan::Plan;
use plimsoll_plan::figures::figure;

use crate::report::style::{Style, Tone};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MARGIN: usize = 22;

/// Traffic and replicas over time; nothing for a peak.
pub(super) fn text(plan: &Plan, style: Style) -> String {
    let Some(timeline) = &plan.timeline else { return String::new() };
    let width = usize::from(style.width).saturating_sub(MARGIN).clamp(10, 120);
    let replicas: Vec<f64> = timeline.replicas.iter().map(|&count| f64::from(count)).collect();
    let most = replicas.iter().copied().fold(0.0, f64::max);
    let peak = timeline.rate.iter().copied().fold(0.0, f64::max);
    format!(
        "{}: {} h in points of {} s; {} replica-hours if scaled without error, {} with the fixed fleet\n  {:>10}/s {}\n  \
         {:>10}   {}\n",
        style.paint(Tone::Heading, "Over time"),
        figure((timeline.hours() * 100.0).round() / 100.0),
        figure(timeline.bin),
        figure((timeline.replica_hours * 10.0).round() / 10.0),
        figure((f64::from(plan.headroom.replicas) * timeline.hours() * 10.0).round() / 10.0),
        format!("0..{}", figure(peak)),
        blocks(&timeline.rate, width),
        format!("0..{} n", figure(most)),
        blocks(&replicas, width)
    )
}

/// The largest of each stretch as a block whose height is its share of the largest of all.
fn blocks(values: &[f64], width: usize) -> String {
    let most = values.iter().copied().fold(0.0, f64::max);
    let each = values.len().div_ceil(width).max(1);
    let block = |part: &[f64]| {
        let share = part.iter().copied().fold(0.0, f64::max) / most.max(f64::MIN_POSITIVE);
        BLOCKS[((share * 8.0).ceil() as usize).clamp(1, 8) - 1]
    };
    values.chunks(each).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_high_as_their_share() {
        assert_eq!(blocks(&[0.0, 1.0, 4.0, 8.0], 10), "▁▁▄█");
        assert_eq!(blocks(&[0.0, 1.0, 4.0, 8.0], 2), "▁█", "the largest of a stretch counts");
        assert_eq!(blocks(&[0.0, 0.0], 5), "▁▁");
    }
}
