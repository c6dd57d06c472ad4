//! A stress test: its steps, and where it is.

use plimsoll_core::stress::StepKind;
use ratatui_core::text::{Line, Span};

use super::look::Look;
use crate::live::story::StressStory;
use crate::report::numbers::short;
use crate::report::style::Tone;

pub(super) fn rows<'a>(story: &StressStory, rows: usize, look: Look) -> Vec<Line<'a>> {
    let plan = &story.plan;
    let heading = format!("  of a capacity of {}/s", short(plan.capacity));
    let mut all =
        vec![Line::from(vec![Span::raw(" "), look.span(Tone::Heading, "steps"), Span::raw(heading)])];
    let mut current = 0_usize;
    for (number, (step, begin, end)) in (1..).zip(plan.spans()) {
        let now = (begin..end).contains(&story.at);
        let kind = match step.kind {
            StepKind::Baseline => "baseline",
            StepKind::Overload => "overload",
            StepKind::Recovery => "recovery",
        };
        let text =
            format!("{kind:<8} {:>5} x {:>7}/s", short(step.multiple), short(step.multiple * plan.capacity));
        all.push(if now {
            current = number;
            let left = (end - story.at).ceil();
            Line::from(look.span(Tone::Doubt, format!(" > {text}  {left:.0} s left")))
        } else if story.at >= end {
            Line::from(look.span(Tone::Faint, format!("   {text}  over")))
        } else {
            Line::raw(format!("   {text}  {:.0} s", end - begin))
        });
    }
    // The current step and its neighbours stay in sight.
    let room = rows.saturating_sub(1).max(1);
    let hidden = (current + 1).saturating_sub(room).min(all.len().saturating_sub(1 + room));
    all.drain(1..1 + hidden);
    all.truncate(rows);
    all
}
