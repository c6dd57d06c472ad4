//! Which view a run gets: what the user asked for, as far as the terminal has it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use ratatui_crossterm::crossterm::terminal;

use crate::args::values::ViewName;

/// Columns and rows that the view needs.
pub(super) const LEAST: (u16, u16) = (60, 15);
/// A view for less than this would be gone before it is understood.
const SHORT: Duration = Duration::from_secs(5);

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// A view that fills the terminal.
    Full,
    /// A line that renews itself.
    Line,
    /// A line every few seconds.
    Lines,
    /// Nothing.
    Off,
}

/// What is known of the run when the view is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occasion {
    /// How long it takes, if that is known beforehand.
    pub(crate) lasts: Option<Duration>,
    /// Whether lines are shown where there is no terminal; else the command shows its own.
    pub(crate) lines: bool,
    /// Whether the command has a full view.
    pub(crate) full: bool,
    /// Whether something else prints while the run goes on.
    pub(crate) printing: bool,
}

/// The terminal of stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Console {
    pub(crate) is_terminal: bool,
    /// It can move its cursor.
    pub(crate) moves: bool,
    /// This process may use it: a job in the background would be stopped.
    pub(crate) ours: bool,
    /// Columns and rows.
    pub(crate) size: Option<(u16, u16)>,
}

impl Console {
    /// That of this process.
    pub(crate) fn of_stderr() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let term = std::env::var("TERM").unwrap_or_default();
        // SAFETY: plain system calls; a file that is no terminal has no foreground group, which is -1.
        let ours = unsafe { libc::tcgetpgrp(libc::STDERR_FILENO) == libc::getpgrp() };
        Console {
            is_terminal,
            moves: !term.is_empty() && term != "dumb",
            ours,
            // Without a terminal it would start `tput` to be told what nobody needs.
            size: if is_terminal { terminal::size().ok() } else { None },
        }
    }
}

impl View {
    /// What a run is shown as.
    pub(crate) fn choose(wanted: ViewName, occasion: Occasion, console: Console) -> View {
        let Console { is_terminal, moves, ours, size } = console;
        let fits = size.is_some_and(|(columns, rows)| columns >= LEAST.0 && rows >= LEAST.1);
        let long = occasion.lasts.is_none_or(|lasts| lasts >= SHORT);
        let full = match wanted {
            ViewName::Off => return View::Off,
            ViewName::Line => false,
            ViewName::Full => true,
            ViewName::Auto => long && !occasion.printing,
        };
        if !(is_terminal && moves && ours) {
            return if occasion.lines { View::Lines } else { View::Off };
        }
        if full && fits && occasion.full { View::Full } else { View::Line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Console = Console { is_terminal: true, moves: true, ours: true, size: Some((80, 24)) };
    const RUN: Occasion = Occasion { lasts: None, lines: true, full: true, printing: false };

    #[test]
    fn a_view_is_what_was_asked_for_as_far_as_there_is_a_terminal() {
        let seconds = |seconds| Occasion { lasts: Some(Duration::from_secs(seconds)), ..RUN };
        let pipe = Console { is_terminal: false, moves: true, ours: false, size: None };
        let dumb = Console { moves: false, ..TERMINAL };
        let background = Console { ours: false, ..TERMINAL };
        let small = Console { size: Some((59, 24)), ..TERMINAL };
        let low = Console { size: Some((80, 14)), ..TERMINAL };
        use ViewName::{Auto, Full, Line, Off};
        for (wanted, occasion, console, expected) in [
            (Auto, RUN, TERMINAL, View::Full),
            (Auto, seconds(60), TERMINAL, View::Full),
            (Auto, seconds(4), TERMINAL, View::Line),
            (Full, seconds(4), TERMINAL, View::Full),
            (Line, RUN, TERMINAL, View::Line),
            (Auto, Occasion { printing: true, ..RUN }, TERMINAL, View::Line),
            (Full, Occasion { full: false, ..RUN }, TERMINAL, View::Line),
            (Full, RUN, small, View::Line),
            (Auto, RUN, low, View::Line),
            (Auto, RUN, pipe, View::Lines),
            (Full, RUN, pipe, View::Lines),
            (Line, RUN, dumb, View::Lines),
            (Auto, RUN, background, View::Lines),
            (Auto, Occasion { lines: false, ..RUN }, pipe, View::Off),
            (Off, RUN, TERMINAL, View::Off),
            (Off, RUN, pipe, View::Off),
        ] {
            assert_eq!(
                View::choose(wanted, occasion, console),
                expected,
                "{wanted:?} {occasion:?} {console:?}"
            );
        }
    }
}
