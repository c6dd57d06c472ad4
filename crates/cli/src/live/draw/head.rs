//! The first rows: what is asked of whom, how far it has come, and the rates of the moment.

use plimsoll_core::load::HandLoad;
use ratatui_core::layout::Rect;
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};

use super::lines;
use super::look::Look;
use crate::live::line::{clock, hand_load};
use crate::live::moment::Moment;
use crate::report::numbers::{count, short};
use crate::report::style::Tone;

pub(super) const ROWS: u16 = 3;
const BAR_WIDTH: usize = 20;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, moment: &Moment, look: Look) {
    let title = format!(" plimsoll {}  {}", moment.command, moment.title);
    let width = usize::from(area.width);
    let title = match title.chars().count() > width {
        true => title.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => format!("{title:<width$}"),
    };
    let rows = vec![Line::styled(title, look.title()), progress(moment, look), rates(moment, look)];
    lines(frame, area, rows);
}

fn progress<'a>(moment: &Moment, look: Look) -> Line<'a> {
    let mut spans = vec![Span::raw(" "), look.span(Tone::Heading, format!("{:<10}", moment.phase))];
    let at = clock(moment.elapsed);
    spans.push(Span::raw(match moment.left {
        None => format!(" {at}, until you stop it"),
        Some(left) => {
            let total = moment.elapsed + left;
            let done = if total.is_zero() { 1.0 } else { moment.elapsed.as_secs_f64() / total.as_secs_f64() };
            let filled = (done * BAR_WIDTH as f64) as usize;
            let bar: String = (0..BAR_WIDTH).map(|cell| if cell < filled { '█' } else { '░' }).collect();
            format!(" {bar} {at} of {}, {} left", clock(total), clock(left))
        }
    }));
    if let Some(load) = moment.by_hand {
        let tail = if load == HandLoad::Paused { "" } else { " by hand" };
        spans.push(Span::raw("  "));
        spans.push(look.span(Tone::Doubt, format!("{}{tail}", hand_load(load))));
    }
    Line::from(spans)
}

fn rates<'a>(moment: &Moment, look: Look) -> Line<'a> {
    let Moment { offered_rate, sent_rate, completed_rate, output_token_rate, .. } = moment;
    let tokens = match *output_token_rate {
        0.0 => String::new(), // none yet, or nothing that is made of tokens
        rate => format!("  {} tokens/s", short(rate)),
    };
    let failed = moment.failed();
    let tone = if failed == 0 { Tone::Faint } else { Tone::Bad };
    Line::from(vec![
        Span::raw(format!(
            " offered {}/s  sent {}/s  ok {}/s  ",
            short(*offered_rate),
            short(*sent_rate),
            short(*completed_rate),
        )),
        look.span(tone, format!("failed {}", count(failed))),
        Span::raw(format!("  ok {}{tokens}", count(moment.ok))),
    ])
}
