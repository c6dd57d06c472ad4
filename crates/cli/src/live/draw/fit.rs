//! Lines as many and as long as there is room for, and what says that there were more.

use ratatui_core::layout::Rect;
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};
use ratatui_widgets::paragraph::Paragraph;

use super::look::Look;
use crate::report::style::Tone;

/// Lines, as many as there is room for.
pub(super) fn lines(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    let lines: Vec<_> = lines.into_iter().map(|line| fitted(line, area.width.into())).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// The line, or as much of it as there are columns for with `…` at its end: half a number would be taken for another one.
pub(super) fn fitted(line: Line<'_>, columns: usize) -> Line<'_> {
    if line.width() <= columns {
        return line;
    }
    let mut left = columns.saturating_sub(1);
    let mut spans = Vec::with_capacity(line.spans.len());
    for span in line.spans {
        let whole = span.width() <= left;
        let text: String = span
            .styled_graphemes(line.style)
            .map_while(|letter| {
                left = left.checked_sub(Span::raw(letter.symbol).width())?;
                Some(letter.symbol)
            })
            .collect();
        let end = if whole { "" } else { "…" };
        spans.push(Span::styled(text + end, span.style));
        if !whole {
            break;
        }
    }
    Line { spans, ..line }
}

/// As many lines as there is room for; the last one says how many more there are.
pub(super) fn cut(mut all: Vec<Line<'_>>, rows: usize, look: Look) -> Vec<Line<'_>> {
    if all.len() > rows && rows > 0 {
        let more = all.len() - (rows - 1);
        all.truncate(rows - 1);
        all.push(Line::from(look.span(Tone::Faint, format!(" and {more} more"))));
    }
    all
}
