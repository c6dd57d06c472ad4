//! The keys explained, above everything else.

use ratatui_core::layout::Rect;
use ratatui_core::terminal::Frame;
use ratatui_core::text::Line;
use ratatui_widgets::block::Block;
use ratatui_widgets::borders::Borders;
use ratatui_widgets::clear::Clear;
use ratatui_widgets::paragraph::Paragraph;

use super::look::Look;
use crate::live::moment::Can;
use crate::report::style::Tone;

const WIDTH: u16 = 58;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, can: Can, look: Look) {
    let mut text = vec![
        " q, Ctrl+C  stop: requests in flight are waited for;",
        "            once more: end at once, results are kept",
    ];
    if can.pause {
        text.extend([
            " p, space   pause: no request starts (what is due in an",
            "            open loop is recorded as shed), and go on",
        ]);
    }
    if can.change {
        text.push(" + -        a tenth of the planned load more, or less");
    }
    if can.pause {
        text.push(" A run whose load was changed by hand is INVALID.");
    }
    text.extend([" Ctrl+Z     back to the shell; `fg` returns", " ?          this help, and away with it"]);
    let height = (text.len() as u16 + 2).min(area.height);
    let width = WIDTH.min(area.width);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let frame_of_help =
        Block::new().borders(Borders::ALL).title(" keys ").title_style(look.tone(Tone::Heading));
    frame.render_widget(Clear, place);
    let lines: Vec<Line<'_>> = text.into_iter().map(Line::raw).collect();
    frame.render_widget(Paragraph::new(lines).block(frame_of_help), place);
}
