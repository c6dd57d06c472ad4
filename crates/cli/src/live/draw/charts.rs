//! Charts of the last complete seconds.

use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};
use ratatui_widgets::chart::{Axis, Chart, Dataset, GraphType};

use super::fit::lines;
use super::look::{Look, Series};
use crate::live::history::Second;
use crate::live::moment::Moment;
use crate::report::numbers::short;
use crate::report::style::Tone;

/// Rows from which on charts stand above each other.
const TWO_ROWS: u16 = 8;
/// Columns of the scale at the left.
const SCALE: u16 = 7;
/// Where scales may end, but for a power of ten.
const STEPS: [f64; 10] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
/// Seconds that a chart shows at least, so that the first ones do not fill it.
const SHOWN_MIN: usize = 20;

/// A chart.
struct Panel {
    name: &'static str,
    lines: Vec<Curve>,
    /// Whether it says for all charts how many seconds they show.
    says_time: bool,
}

/// A line of a chart.
struct Curve {
    series: Series,
    /// What it says now.
    said: String,
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn new(series: Series, said: String, points: Vec<(f64, f64)>) -> Self {
        Curve { series, said, points }
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, moment: &Moment, look: Look) {
    let halves = |area| {
        let [left, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        [left, right]
    };
    let plot = usize::from(halves(area)[0].width.saturating_sub(SCALE));
    let shown = moment.history.len().clamp(SHOWN_MIN, plot.max(SHOWN_MIN));
    let recent = &moment.history[moment.history.len().saturating_sub(shown)..];
    let streamed = moment.streamed;
    let mut panels = vec![throughput(recent, moment)];
    if streamed {
        panels.push(times("ttft ms", recent, moment.ttft, |second| second.ttft));
    }
    panels.push(times("latency ms", recent, moment.latency, |second| second.latency));
    panels.push(in_flight(recent, moment));
    if !streamed {
        panels.push(failures(recent));
    }
    let two = area.height >= TWO_ROWS;
    // Beside each other the first two are those that matter most.
    let order: [usize; 4] = if streamed { [0, 1, 3, 2] } else { [0, 1, 2, 3] };
    let rows: Vec<Rect> = match two {
        true => Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).split(area).to_vec(),
        false => vec![area],
    };
    let places = rows.into_iter().flat_map(halves);
    for (place, index) in places.zip(order) {
        if let Some(panel) = panels.get(index) {
            panel.draw(frame, place, (recent, shown), look);
        }
    }
}

fn throughput(recent: &[Second], moment: &Moment) -> Panel {
    let offered = format!("offered {}", tight(moment.offered_rate));
    let ok = format!("ok {}", tight(moment.completed_rate));
    Panel {
        name: "req/s",
        lines: vec![
            Curve::new(Series::Asked, offered, points(recent, |second| Some(second.offered))),
            Curve::new(Series::Main, ok, points(recent, |second| Some(second.completed))),
        ],
        says_time: false,
    }
}

fn in_flight(recent: &[Second], moment: &Moment) -> Panel {
    let line = points(recent, |second| Some(second.in_flight));
    let curve = Curve::new(Series::Main, moment.in_flight.to_string(), line);
    Panel { name: "in flight", lines: vec![curve], says_time: true }
}

fn failures(recent: &[Second]) -> Panel {
    let said = recent.last().map_or(0.0, |second| second.failed);
    Panel {
        name: "failures per second",
        lines: vec![Curve::new(Series::Wrong, short(said), points(recent, |second| Some(second.failed)))],
        says_time: false,
    }
}

fn times(
    name: &'static str,
    recent: &[Second],
    now: Option<(f64, f64)>,
    of: fn(&Second) -> Option<(f64, f64)>,
) -> Panel {
    let line = |end: fn((f64, f64)) -> f64| points(recent, |second| of(second).map(|pair| 1e3 * end(pair)));
    let said = |name: &str, value: Option<f64>| {
        format!("{name} {}", value.map_or_else(|| "-".to_owned(), |seconds| tight(1e3 * seconds)))
    };
    Panel {
        name,
        lines: vec![
            Curve::new(Series::Tail, said("p99", now.map(|pair| pair.1)), line(|pair| pair.1)),
            Curve::new(Series::Main, said("p50", now.map(|pair| pair.0)), line(|pair| pair.0)),
        ],
        says_time: false,
    }
}

/// A number of three digits or more, with no blank between its thousands, as on the scales: every column counts in a title.
fn tight(value: f64) -> String {
    if value.abs() < 99.95 { short(value) } else { format!("{value:.0}") }
}

fn points(recent: &[Second], of: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, f64)> {
    recent.iter().filter_map(|second| Some((second.second as f64, of(second)?))).collect()
}

impl Panel {
    /// What is shown and what it says now, closer together where there are few columns.
    fn title<'a>(&self, columns: u16, shown: usize, look: Look) -> Line<'a> {
        let columns = usize::from(columns);
        let with_gaps = |gap: &'static str| {
            let mut said = vec![Span::raw(" "), look.span(Tone::Heading, self.name)];
            for curve in self.lines.iter().rev() {
                said.push(Span::raw(gap));
                said.push(Span::styled(curve.said.clone(), look.series(curve.series)));
            }
            Line::from(said)
        };
        let mut title =
            Some(with_gaps("  ")).filter(|title| title.width() <= columns).unwrap_or_else(|| with_gaps(" "));
        let time = format!("last {shown} s");
        if self.says_time && title.width() + 2 + time.len() <= columns {
            let room = columns - title.width();
            title.push_span(look.span(Tone::Faint, format!("{time:>room$}")));
        }
        title
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, (recent, shown): (&[Second], usize), look: Look) {
        let [title, plot] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        lines(frame, title, vec![self.title(title.width, shown, look)]);
        let top = ceiling(
            self.lines.iter().flat_map(|curve| &curve.points).map(|point| point.1).fold(0.0, f64::max),
        );
        let last = recent.last().map_or(0.0, |second| second.second as f64);
        let datasets = self.lines.iter().map(|curve| {
            Dataset::default()
                .marker(look.marker)
                .graph_type(GraphType::Line)
                .style(look.series(curve.series))
                .data(&curve.points)
        });
        let width = usize::from(SCALE) - 2;
        let scale = Axis::default()
            .bounds([0.0, top])
            .labels([format!("{:>width$}", 0), format!("{:>width$}", two_digits(top))])
            .style(look.tone(Tone::Faint));
        let chart = Chart::new(datasets.collect())
            .x_axis(Axis::default().bounds([last + 1.0 - shown as f64, last]))
            .y_axis(scale);
        frame.render_widget(chart, plot);
    }
}

/// The end of a scale: a step times a power of ten, not below `value`.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    // 1.0000001 for what is a power of ten but for rounding.
    let step = STEPS.into_iter().find(|step| value <= step * power * 1.000_000_1);
    step.unwrap_or(10.0) * power
}

/// A number of two digits and zeros, without decimals that say nothing.
fn two_digits(value: f64) -> String {
    let decimals = (1.0 - value.log10().floor()).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, expected) in [
            (0.0, 1.0),
            (0.031, 0.04),
            (1.0, 1.0),
            (1.01, 1.5),
            (19.9, 20.0),
            (20.1, 25.0),
            (99.0, 100.0),
            (1000.0, 1000.0),
        ] {
            assert!((ceiling(value) - expected).abs() < 1e-9, "{value}: {}", ceiling(value));
        }
    }

    #[test]
    fn ends_of_scales_say_no_more_than_they_mean() {
        for (value, expected) in [
            (0.04, "0.04"),
            (0.3, "0.3"),
            (1.0, "1"),
            (1.5, "1.5"),
            (10.0, "10"),
            (25.0, "25"),
            (2500.0, "2500"),
        ] {
            assert_eq!(two_digits(value), expected);
        }
    }
}
