//! Colours and marks: the sixteen colours of every terminal, or none.

use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::symbols::Marker;
use ratatui_core::text::Span;

use crate::report::style::Tone;

/// How things look on this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    color: bool,
    /// What charts are drawn with.
    pub(super) marker: Marker,
}

/// What a line of a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// The middle of what there is, or all of it.
    Main,
    /// The slow end of it.
    Tail,
    /// What was asked for.
    Asked,
    /// What went wrong.
    Wrong,
}

impl Look {
    /// In colour or not, on a terminal of this kind.
    pub(crate) fn of(color: bool, term: Option<&str>) -> Self {
        // The console of Linux has no letters for finer marks.
        let marker = if term == Some("linux") { Marker::Dot } else { Marker::Braille };
        Look { color, marker }
    }

    pub(super) fn tone(self, tone: Tone) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        match tone {
            Tone::Good => self.colored(bold, Color::Green),
            Tone::Bad => self.colored(bold, Color::Red),
            Tone::Doubt => self.colored(bold, Color::Yellow),
            Tone::Heading => bold,
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(super) fn series(self, series: Series) -> Style {
        let color = match series {
            // Blue can hardly be read on black: what letters have can be.
            Series::Asked => return Style::new(),
            Series::Main => Color::Cyan,
            Series::Tail => Color::Magenta,
            Series::Wrong => Color::Red,
        };
        self.colored(Style::new(), color)
    }

    /// The row at the top.
    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn span<'a>(self, tone: Tone, text: impl Into<String>) -> Span<'a> {
        Span::styled(text.into(), self.tone(tone))
    }

    fn colored(self, style: Style, color: Color) -> Style {
        if self.color { style.fg(color) } else { style }
    }
}
