//! The first rows: what is asked of whom, how far it has come, and the rates of the moment.

use plimsoll_core::load::HandLoad;
use ratatui_core::layout::Rect;
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};

use super::fit::lines;
use super::look::Look;
use crate::live::line::{clock, hand_load};
use crate::live::moment::Moment;
use crate::report::numbers::{count, short};
use crate::report::style::Tone;

pub(super) const ROWS: u16 = 3;
/// Columns of the bar of progress.
const BAR_WIDTH: usize = 20;
/// A bar of fewer columns says nothing.
const BAR_LEAST: usize = 5;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, moment: &Moment, look: Look) {
    let width = usize::from(area.width);
    let title = format!("{:<width$}", format!(" plimsoll {}  {}", moment.command, moment.title));
    let title = Line::styled(title, look.title());
    lines(frame, area, vec![title, progress(moment, width, look), rates(moment, width, look)]);
}

fn progress<'a>(moment: &Moment, width: usize, look: Look) -> Line<'a> {
    let at = clock(moment.elapsed);
    let time = match moment.left {
        _ if moment.is_draining() => format!("{at}, waiting for the requests in flight"),
        None => format!("{at}, until you stop it"),
        Some(left) => format!("{at} of {}, {} left", clock(moment.elapsed + left), clock(left)),
    };
    let by_hand = moment.by_hand.map(|load| match load {
        HandLoad::Paused => hand_load(load),
        _ => format!("{} by hand", hand_load(load)),
    });
    let mut spans = vec![Span::raw(" "), look.span(Tone::Heading, format!("{:<10}", moment.phase))];
    let text = spans.iter().map(Span::width).sum::<usize>() + time.len() + 2;
    let beside = by_hand.as_ref().map_or(0, |load| 2 + load.len());
    let room = width.saturating_sub(text + beside);
    spans.push(Span::raw(format!(" {}{time}", bar(moment, room))));
    spans.extend(by_hand.into_iter().flat_map(|load| [Span::raw("  "), look.span(Tone::Doubt, load)]));
    Line::from(spans)
}

/// How far it has come, with a blank behind it; nothing where that is not known, or where there is no `room`.
fn bar(moment: &Moment, room: usize) -> String {
    let cells = room.min(BAR_WIDTH);
    let Some(left) = moment.left.filter(|_| !moment.is_draining() && cells >= BAR_LEAST) else {
        return String::new();
    };
    let total = moment.elapsed + left;
    let done = if total.is_zero() { 1.0 } else { moment.elapsed.as_secs_f64() / total.as_secs_f64() };
    let filled = (done * cells as f64) as usize;
    (0..cells).map(|cell| if cell < filled { '█' } else { '░' }).chain([' ']).collect()
}

/// The rates, as many as there are columns for, the most telling first.
fn rates<'a>(moment: &Moment, width: usize, look: Look) -> Line<'a> {
    let Moment { offered_rate, sent_rate, completed_rate, output_token_rate, ok, .. } = moment;
    let failed = moment.failed();
    let tone = if failed == 0 { Tone::Faint } else { Tone::Bad };
    let mut said = vec![
        Span::raw(format!(" offered {}/s", short(*offered_rate))),
        Span::raw(format!("  sent {}/s", short(*sent_rate))),
        Span::raw(format!("  ok {}/s", short(*completed_rate))),
        look.span(tone, format!("  failed {} of {}", count(failed), count(ok + failed))),
    ];
    // Without a rate there are none yet, or nothing is made of tokens.
    said.extend(
        (*output_token_rate > 0.0).then(|| Span::raw(format!("  {} tokens/s", short(*output_token_rate)))),
    );
    let mut left = width;
    let fits = |span: &Span<'_>| {
        let rest = left.checked_sub(span.width());
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    said.into_iter().take_while(fits).collect()
}
