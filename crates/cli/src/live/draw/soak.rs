//! A soak: its windows, and whether anything drifts by the last checkpoint.

use plimsoll_core::drift::{SoakVerdict, time_span};
use ratatui_core::text::{Line, Span};

use super::fit::cut;
use super::look::Look;
use crate::live::story::SoakStory;
use crate::report::numbers::count;
use crate::report::soak::word;
use crate::report::style::Tone;

pub(super) fn rows<'a>(story: &SoakStory, rows: usize, look: Look) -> Vec<Line<'a>> {
    let mut all = vec![Line::from(vec![
        Span::raw(" "),
        look.span(Tone::Heading, "drift"),
        Span::raw(format!("  {} windows of {}", count(story.windows as u64), time_span(story.length))),
    ])];
    let Some(report) = &story.report else {
        all.push(Line::from(look.span(Tone::Faint, "   no checkpoint yet")));
        return all;
    };
    let (verdict, tone) = word(report.verdict);
    all.push(Line::from(vec![
        Span::raw("   "),
        look.span(tone, verdict),
        Span::raw(format!(
            " over {}, checked {} ago",
            time_span(report.covered),
            time_span(story.ago.floor())
        )),
    ]));
    // A verdict that is open says of every series why; only what drifts is news.
    if report.verdict != SoakVerdict::Undecided {
        all.extend(report.reasons.iter().map(|reason| Line::raw(format!("   {reason}"))));
    }
    cut(all, rows, look)
}
