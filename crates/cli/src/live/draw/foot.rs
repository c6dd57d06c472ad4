//! The last rows: the server by its own account, whether the client itself keeps up, the newest message, and the keys.

use plimsoll_core::load::HandLoad;
use ratatui_core::text::{Line, Span};

use super::look::Look;
use super::server;
use crate::live::history::Second;
use crate::live::moment::{Can, Moment};
use crate::report::numbers::{ms, percent};
use crate::report::style::Tone;

/// A thread that wants its core for more than this share of the time makes a run INVALID (METRICS: Verdicts).
const BUSY_MAX: f64 = 0.8;
/// Timers this late are a sign of the same, seconds.
const LAG_DOUBT: f64 = 0.001;

pub(super) fn rows<'a>(moment: &Moment, message: Option<&str>, width: u16, look: Look) -> Vec<Line<'a>> {
    let mut rows: Vec<Line<'a>> = server::row(&moment.server, width, look).into_iter().collect();
    rows.push(client(moment.last_second(), look));
    rows.extend(message.map(|message| {
        let first = message.lines().next().unwrap_or_default();
        Line::from(look.span(Tone::Doubt, format!(" {first}")))
    }));
    rows.push(keys(moment, look));
    rows
}

fn client<'a>(second: Option<&Second>, look: Look) -> Line<'a> {
    let mut spans = vec![Span::raw(" "), look.span(Tone::Heading, "client")];
    let Some(second) = second else {
        spans.push(Span::raw("  no second is complete yet"));
        return Line::from(spans);
    };
    let wanted = second.busy + second.waiting;
    let busy = if wanted > BUSY_MAX { Tone::Bad } else { Tone::Faint };
    let late = if second.timer_lag > LAG_DOUBT { Tone::Doubt } else { Tone::Faint };
    spans.extend([
        Span::raw("  "),
        look.span(busy, format!("busy {}, waiting {}", percent(second.busy), percent(second.waiting))),
        look.span(late, format!(", timers late {} ms", ms(Some(second.timer_lag)))),
    ]);
    Line::from(spans)
}

fn keys<'a>(moment: &Moment, look: Look) -> Line<'a> {
    let Can { pause, change } = moment.can;
    let ending = moment.is_draining();
    let mut named = vec![("q", if ending { "end at once" } else { "stop" })];
    if pause && !ending {
        named.push(("p", if moment.by_hand == Some(HandLoad::Paused) { "go on" } else { "pause" }));
    }
    if change && !ending {
        named.push(("+ -", "load"));
    }
    named.push(("?", "help"));
    let spans = named.into_iter().flat_map(|(key, what)| {
        [Span::raw(" "), look.span(Tone::Heading, key), Span::raw(format!(" {what} "))]
    });
    Line::from(spans.collect::<Vec<_>>())
}
