//! A moment on the screen: pure, from what is to be seen to the cells of a frame.
//!
//! ```text
//!  head     what is asked of whom; phase and time; rates
//!  charts   throughput, time to the first token, requests in flight, latency
//!  panes    what the command is about | objectives and errors
//!  foot     the server and the client themselves; a message; keys
//! ```

mod charts;
mod fit;
mod foot;
mod head;
mod help;
mod look;
mod panes;
mod search;
mod server;
mod soak;
mod stress;

use ratatui_core::layout::{Constraint, Layout};
use ratatui_core::terminal::Frame;
use ratatui_core::text::Line;
use ratatui_widgets::paragraph::{Paragraph, Wrap};

use self::fit::lines;
pub(super) use self::look::Look;
use self::panes::Panes;
use super::choice::LEAST;
use super::line::line;
use super::moment::Moment;

/// What is to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a> {
    pub(super) moment: &'a Moment,
    /// The newest line for the user.
    pub(super) message: Option<&'a str>,
    /// Whether the keys are explained.
    pub(super) help: bool,
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, picture: Picture<'_>, look: Look) {
    let Picture { moment, message, help } = picture;
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = vec![Line::raw(line(moment)), Line::raw("q stops; the view needs 60x15")];
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let foot = foot::rows(moment, message, area.width, look);
    let rest = area.height - head::ROWS - foot.len() as u16;
    let panes = Panes::of(moment, pane_rows(rest), look);
    let rows = panes.rows(pane_rows(rest));
    let [top, middle, bottom, last] = Layout::vertical([
        Constraint::Length(head::ROWS),
        Constraint::Length(rest - rows),
        Constraint::Length(rows),
        Constraint::Length(foot.len() as u16),
    ])
    .areas(area);
    head::draw(frame, top, moment, look);
    charts::draw(frame, middle, moment, look);
    panes.draw(frame, bottom, &moment.story);
    lines(frame, last, foot);
    if help {
        help::draw(frame, area, moment.can, look);
    }
}

/// Rows of the panes at most, of `rest` that they and the charts have.
fn pane_rows(rest: u16) -> u16 {
    (rest * 2 / 5).clamp(4, 14)
}

#[cfg(test)]
mod tests;
