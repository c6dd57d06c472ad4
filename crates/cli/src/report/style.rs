//! How wide and how coloured a text may be.

use std::io::{self, IsTerminal as _};
use std::ops::RangeBounds;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::args::values::ColorName;

/// The width and colour of a terminal, or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns.
    pub(crate) width: u16,
    /// Whether to colour.
    pub(crate) color: bool,
}

/// What a word says by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubt,
    Heading,
    Faint,
}

impl Style {
    /// The style asked for; `auto` colours a terminal unless NO_COLOR is set to something (no-color.org).
    pub(crate) fn new(
        color: ColorName,
        is_terminal: bool,
        no_color: Option<&str>,
        width: Option<u16>,
    ) -> Self {
        let color = match color {
            ColorName::Always => true,
            ColorName::Never => false,
            ColorName::Auto => is_terminal && no_color.is_none_or(str::is_empty),
        };
        Style { width: width.unwrap_or(100).max(40), color }
    }

    /// The style of what goes to stdout.
    pub(crate) fn of_stdout(color: ColorName) -> Self {
        let no_color = no_color();
        let terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| width.0);
        Style::new(color, terminal, no_color.as_deref(), width)
    }

    /// The style of what goes to stderr.
    pub(crate) fn of_stderr(color: ColorName) -> Self {
        let no_color = no_color();
        Style::new(color, io::stderr().is_terminal(), no_color.as_deref(), None)
    }

    /// `text` in the colour of `tone`, if there is colour.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Doubt => "1;33",
            Tone::Heading => "1",
            Tone::Faint => "2",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Why there is no colour on this terminal, if so: the user said it, or it has none.
fn no_color() -> Option<String> {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb").then(|| "dumb".to_owned());
    std::env::var("NO_COLOR").ok().filter(|said| !said.is_empty()).or(dumb)
}

/// A table without the blanks at the ends of its lines.
pub(crate) fn lines(table: &Table) -> String {
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A table without lines, as wide as the terminal at most.
pub(super) fn plain_table(style: Style) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width);
    table
}

/// Numbers stand at the right.
pub(super) fn right_align(table: &mut Table, columns: impl RangeBounds<usize>) {
    let numbered = table.column_iter_mut().enumerate();
    for (_, column) in numbered.filter(|(place, _)| columns.contains(place)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        for (asked, terminal, no_color, colored) in [
            (ColorName::Auto, true, None, true),
            (ColorName::Auto, true, Some(""), true),
            (ColorName::Auto, true, Some("1"), false),
            (ColorName::Auto, false, None, false),
            (ColorName::Always, false, Some("1"), true),
            (ColorName::Never, true, None, false),
        ] {
            assert_eq!(Style::new(asked, terminal, no_color, None).color, colored);
        }
    }
}
