//! Shows moments as they come, the way that was chosen.

use std::time::Duration;

use ratatui_crossterm::crossterm::terminal;

use super::choice::View;
use super::draw::Look;
use super::keys::Key;
use super::line::line;
use super::moment::Moment;
use super::screen::Screen;
use crate::report::console;
use crate::report::emit;

/// From one plain line to the next.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
/// A run that is over within this time has no view that fills the terminal.
const ENTER_AFTER: Duration = Duration::from_millis(500);

/// Shows moments as they come.
#[derive(Debug)]
pub(crate) enum Live {
    /// Nothing.
    Off,
    /// A line every few seconds.
    Lines {
        /// When the next line is due.
        next: Duration,
    },
    /// A line that renews itself.
    Line,
    /// A view that fills the terminal, soon.
    Soon(Look),
    /// A view that fills the terminal.
    Full(Screen),
}

impl Live {
    /// A view of this kind, in colour or not.
    pub(crate) fn start(view: View, color: bool) -> Self {
        match view {
            View::Off => Live::Off,
            View::Lines => Live::Lines { next: PLAIN_INTERVAL },
            View::Line => Live::Line,
            View::Full => Live::Soon(Look::of(color, std::env::var("TERM").ok().as_deref())),
        }
    }

    /// Whether moments are to have their history.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Live::Soon(_) | Live::Full(_))
    }

    /// Shows a moment.
    pub(crate) fn show(&mut self, moment: Moment) {
        match self {
            Live::Off => {}
            Live::Lines { next } if moment.watched < *next => {}
            Live::Lines { next } => {
                emit::note(&line(&moment));
                // Moments that were missed are not made up for.
                *next = moment.watched + PLAIN_INTERVAL;
            }
            Live::Line => console::status(Some(cut(line(&moment)))),
            Live::Soon(_) if moment.watched < ENTER_AFTER => {}
            Live::Soon(look) => {
                // A terminal without a keyboard still has lines.
                *self = Screen::open(*look).map_or(Live::Line, Live::Full);
                self.show(moment);
            }
            Live::Full(screen) => screen.show(moment),
        }
    }

    /// What the user wants of the run, by the keys since the last time.
    pub(crate) fn keys(&self) -> Vec<Key> {
        match self {
            Live::Full(screen) => screen.keys(),
            Live::Off | Live::Lines { .. } | Live::Line | Live::Soon(_) => Vec::new(),
        }
    }

    /// This process was stopped, and goes on.
    pub(crate) fn again(&self) {
        if let Live::Full(screen) = self {
            screen.again();
        }
    }

    /// A trial is over, and another may follow.
    pub(crate) fn rest(&mut self) {
        match self {
            Live::Line => console::status(None),
            Live::Lines { next } => *next = PLAIN_INTERVAL,
            Live::Off | Live::Soon(_) | Live::Full(_) => {}
        }
    }
}

/// As much as fits into a line of the terminal.
fn cut(text: String) -> String {
    let columns = terminal::size().map_or(80, |(columns, _)| usize::from(columns));
    text.chars().take(columns.saturating_sub(1)).collect()
}
