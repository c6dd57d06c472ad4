//! The lower part: what the command is about, beside the objectives and the errors.

use plimsoll_core::slo::{SloVerdict, Verdict};
use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};
use ratatui_widgets::paragraph::{Paragraph, Wrap};

use super::fit::{cut, lines};
use super::look::Look;
use super::{search, soak, stress};
use crate::live::moment::Moment;
use crate::live::story::Story;
use crate::report::numbers::count;
use crate::report::objectives::figure;
use crate::report::style::Tone;

/// Columns of the pane at the right: for errors alone, and from which to which for objectives too.
const RIGHT: u16 = 32;
const RIGHT_WIDE: u16 = 44;
/// Columns from which on there is room for it beside what a command tells.
const TWO_PANES: u16 = 72;
/// Rows of the panes at least.
const ROWS_MIN: usize = 5;

/// What stands in the panes.
pub(super) struct Panes<'a> {
    main: Vec<Line<'a>>,
    side: Vec<Line<'a>>,
}

impl<'a> Panes<'a> {
    /// What is to be told, in at most `rows`.
    pub(super) fn of(moment: &Moment, rows: u16, look: Look) -> Self {
        let rows = usize::from(rows);
        let found: Vec<_> = moment.objectives.iter().map(|found| ("", found)).collect();
        let beside = |found: &[_]| objectives_and_errors(found, moment, rows, look);
        let (main, side) = match &moment.story {
            Story::Run => (objectives(&found, rows, look), errors(moment, rows, look)),
            Story::Search(story) => {
                let found: Vec<_> = story.found.iter().map(|(tier, found)| (tier.as_str(), found)).collect();
                (search::rows(story, rows, look), beside(&found))
            }
            Story::Soak(story) => (soak::rows(story, rows, look), beside(&found)),
            Story::Stress(story) => (stress::rows(story, rows, look), beside(&found)),
        };
        Panes { main, side }
    }

    /// Rows that they need, of `most`.
    pub(super) fn rows(&self, most: u16) -> u16 {
        let rows = self.main.len().max(self.side.len()).max(ROWS_MIN);
        u16::try_from(rows).unwrap_or(most).min(most)
    }

    pub(super) fn draw(self, frame: &mut Frame<'_>, area: Rect, story: &Story) {
        let side = match story {
            Story::Run => RIGHT.min(area.width * 2 / 5),
            _ if area.width < TWO_PANES => 0,
            Story::Search(_) => (area.width * 2 / 5).clamp(RIGHT, RIGHT_WIDE),
            Story::Soak(_) | Story::Stress(_) => (area.width * 9 / 20).clamp(RIGHT, RIGHT_WIDE),
        };
        let columns = [Constraint::Fill(1), Constraint::Length(side.min(1)), Constraint::Length(side)];
        let [left, _, right] = Layout::horizontal(columns).areas(area);
        // Sentences need their ends; tables their columns.
        match story {
            Story::Soak(_) => {
                frame.render_widget(Paragraph::new(self.main).wrap(Wrap { trim: false }), left);
            }
            Story::Run | Story::Search(_) | Story::Stress(_) => lines(frame, left, self.main),
        }
        lines(frame, right, self.side);
    }
}

/// Objectives above errors, in a pane of `rows`.
fn objectives_and_errors<'a>(
    found: &[(&str, &SloVerdict)],
    moment: &Moment,
    rows: usize,
    look: Look,
) -> Vec<Line<'a>> {
    let errors = errors(moment, rows, look);
    if found.is_empty() {
        return errors;
    }
    // An error is worth a row of its own, and its heading.
    let kept = if moment.errors.is_empty() { 0 } else { 2.min(rows / 2) };
    let mut all = objectives(found, rows - kept, look);
    all.extend(errors.into_iter().take(rows - all.len()));
    all
}

fn objectives<'a>(found: &[(&str, &SloVerdict)], rows: usize, look: Look) -> Vec<Line<'a>> {
    let mut all = vec![Line::from(vec![Span::raw(" "), look.span(Tone::Heading, "objectives so far")])];
    if found.is_empty() {
        all.push(Line::from(look.span(Tone::Faint, " none: --slo gives some")));
    }
    all.extend(found.iter().map(|(tier, found)| objective(tier, found, look)));
    cut(all, rows, look)
}

fn objective<'a>(tier: &str, found: &SloVerdict, look: Look) -> Line<'a> {
    let (tone, word) = match (found.verdict, found.n) {
        (Verdict::Pass, _) => (Tone::Good, "kept"),
        (Verdict::Fail, _) => (Tone::Bad, "BROKEN"),
        (Verdict::Undecided, 0) => (Tone::Faint, "no answer"),
        (Verdict::Undecided, _) => (Tone::Doubt, "open"),
    };
    let tier = if tier.is_empty() { String::new() } else { format!("{tier}: ") };
    Line::from(vec![
        Span::raw(" "),
        look.span(tone, format!("{word:<6}")),
        Span::raw(format!(" {tier}{} {}", found.slo, figure(found))),
    ])
}

fn errors<'a>(moment: &Moment, rows: usize, look: Look) -> Vec<Line<'a>> {
    let mut sorted: Vec<&(String, u64)> = moment.errors.iter().collect();
    sorted.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), class));
    let mut all = vec![Line::from(vec![Span::raw(" "), look.span(Tone::Heading, "errors")])];
    if sorted.is_empty() {
        all.push(Line::from(look.span(Tone::Faint, " none")));
    }
    all.extend(sorted.into_iter().map(|(class, n)| {
        Line::from(vec![look.span(Tone::Bad, format!("{:>6}", count(*n))), Span::raw(format!("  {class}"))])
    }));
    cut(all, rows, look)
}
