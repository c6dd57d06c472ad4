//! One chart, drawn from lines, areas, points and texts.

use super::axis::Ruler;
use super::{Anchor, Area, Canvas, HEIGHT, Ink, Size, Text, WIDTH};
use crate::report::page::{Chart, Heat, Hue, Line, Look, Mark, Side, Tone};

/// Where the plot is within the chart.
const LEFT: f64 = 68.0;
const RIGHT: f64 = WIDTH - 62.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = HEIGHT - 44.0;

/// The rulers of a chart.
struct Rulers {
    x: Ruler,
    y: Ruler,
    right: Option<Ruler>,
}

impl Rulers {
    fn of(chart: &Chart) -> Self {
        let side = |side: Side| {
            let lines = chart.lines.iter().filter(move |line| line.side == side);
            lines.flat_map(|line| line.values.iter().copied().flatten())
        };
        let marked = |upright: bool| {
            chart
                .marks
                .iter()
                .filter(move |mark| mark.upright == upright && mark.to.is_none())
                .map(|mark| mark.at)
        };
        let rows = chart.heat.iter().flat_map(|heat| heat.ys.iter().copied());
        Rulers {
            x: Ruler::new(&chart.x, chart.xs.iter().copied().chain(marked(true)), LEFT, RIGHT),
            y: Ruler::new(&chart.y, side(Side::Left).chain(marked(false)).chain(rows), BOTTOM, TOP),
            right: chart.right.as_ref().map(|axis| Ruler::new(axis, side(Side::Right), BOTTOM, TOP)),
        }
    }

    fn of_line(&self, line: &Line) -> &Ruler {
        match (line.side, &self.right) {
            (Side::Right, Some(right)) => right,
            _ => &self.y,
        }
    }
}

/// Draws the chart, its upper left corner at 0, 0.
pub(super) fn draw(canvas: &mut impl Canvas, chart: &Chart) {
    let rulers = Rulers::of(chart);
    canvas.text(Text { size: Size::Title, ..Text::new(&chart.title, (LEFT, 20.0)) });
    axes(canvas, chart, &rulers);
    if let Some(heat) = &chart.heat {
        shades(canvas, heat, &rulers);
    }
    for mark in &chart.marks {
        marked(canvas, mark, &rulers);
    }
    for line in chart.lines.iter().filter(|line| chart.heat.is_some() && line.look != Look::Points) {
        canvas.stroke(Ink::Card, &places(chart, line, &rulers), false);
    }
    for line in &chart.lines {
        self::line(canvas, line, &places(chart, line, &rulers));
    }
    names(canvas, chart);
}

fn axes(canvas: &mut impl Canvas, chart: &Chart, rulers: &Rulers) {
    for (value, shown) in rulers.x.ticks() {
        let x = rulers.x.at(value);
        canvas.stroke(Ink::Grid, &[(x, TOP), (x, BOTTOM)], false);
        canvas.text(Text { anchor: Anchor::Middle, ..Text::new(&shown, (x, BOTTOM + 16.0)) });
    }
    for (value, shown) in rulers.y.ticks() {
        let y = rulers.y.at(value);
        canvas.stroke(Ink::Grid, &[(LEFT, y), (RIGHT, y)], false);
        canvas.text(Text { anchor: Anchor::End, ..Text::new(&shown, (LEFT - 6.0, y + 4.0)) });
    }
    for (value, shown) in rulers.right.iter().flat_map(Ruler::ticks) {
        let y = rulers.right.as_ref().map_or(0.0, |right| right.at(value));
        canvas.text(Text::new(&shown, (RIGHT + 6.0, y + 4.0)));
    }
    let middle = (TOP + BOTTOM) / 2.0;
    let upright =
        |label, x| Text { anchor: Anchor::Middle, is_upright: true, ..Text::new(label, (x, middle)) };
    canvas.text(upright(&chart.y.label, 14.0));
    if let Some(right) = &chart.right {
        canvas.text(upright(&right.label, WIDTH - 10.0));
    }
    let below = ((LEFT + RIGHT) / 2.0, HEIGHT - 10.0);
    canvas.text(Text { anchor: Anchor::Middle, ..Text::new(&chart.x.label, below) });
}

/// The map beneath the lines: each cell as dark as it has requests.
fn shades(canvas: &mut impl Canvas, heat: &Heat, rulers: &Rulers) {
    let most = heat.counts.iter().flatten().copied().max().unwrap_or(1).max(1);
    for (column, edges) in heat.counts.iter().zip(heat.xs.windows(2)) {
        let (left, right) = (rulers.x.within(edges[0]), rulers.x.within(edges[1]));
        for (count, edges) in column.iter().zip(heat.ys.windows(2)).filter(|(count, _)| **count > 0) {
            let (bottom, top) = (rulers.y.within(edges[0]), rulers.y.within(edges[1]));
            let shade = 0.1 + 0.6 * (f64::from(*count) / f64::from(most)).sqrt();
            canvas.fill(
                Ink::Heat,
                Area { x: left, y: top, width: right - left, height: bottom - top },
                shade,
            );
        }
    }
}

fn marked(canvas: &mut impl Canvas, mark: &Mark, rulers: &Rulers) {
    let ink = Ink::Of(hue(mark.tone));
    let name = |at| Text { ink, size: Size::Small, ..Text::new(&mark.label, at) };
    match (mark.upright, mark.to) {
        (true, Some(to)) => {
            let (from, to) = (rulers.x.within(mark.at), rulers.x.within(to));
            canvas.fill(ink, Area { x: from, y: TOP, width: to - from, height: BOTTOM - TOP }, 0.12);
            // A stretch too short to be seen needs no name, which would lie beside the plot.
            if to - from >= 1.0 {
                // On its own shade its ink could hardly be read.
                canvas.text(Text { ink: Ink::Text, ..name((from + 4.0, TOP + 12.0)) });
            }
        }
        (true, None) => {
            let x = rulers.x.within(mark.at);
            canvas.stroke(ink, &[(x, TOP), (x, BOTTOM)], true);
            canvas.text(Text { anchor: Anchor::End, is_upright: true, ..name((x - 4.0, TOP + 4.0)) });
        }
        (false, _) => {
            let y = rulers.y.within(mark.at);
            canvas.stroke(ink, &[(LEFT, y), (RIGHT, y)], true);
            canvas.text(name((LEFT + 4.0, y - 4.0)));
        }
    }
}

/// The hue of a mark.
const fn hue(tone: Tone) -> Hue {
    match tone {
        Tone::Good => Hue::Green,
        Tone::Bad => Hue::Red,
        Tone::Doubt => Hue::Orange,
        Tone::Plain => Hue::Grey,
    }
}

/// Where the points of a line are.
fn places(chart: &Chart, line: &Line, rulers: &Rulers) -> Vec<(f64, f64)> {
    let ruler = rulers.of_line(line);
    let known = chart.xs.iter().zip(&line.values).filter_map(|(x, value)| {
        let value = (*value).filter(|value| ruler.has(*value))?;
        Some((rulers.x.at(*x), ruler.at(value)))
    });
    known.collect()
}

fn line(canvas: &mut impl Canvas, line: &Line, places: &[(f64, f64)]) {
    match line.look {
        Look::Points => places.iter().for_each(|place| canvas.dot(line.hue, *place)),
        Look::Solid | Look::Dashed => {
            canvas.stroke(Ink::Of(line.hue), places, line.look == Look::Dashed);
        }
    }
}

/// The names of the lines, above the plot.
fn names(canvas: &mut impl Canvas, chart: &Chart) {
    let mut x = LEFT;
    for line in &chart.lines {
        match line.look {
            Look::Points => canvas.dot(line.hue, (x + 9.0, 40.0)),
            Look::Solid | Look::Dashed => {
                canvas.stroke(Ink::Of(line.hue), &[(x, 40.0), (x + 18.0, 40.0)], line.look == Look::Dashed);
            }
        }
        canvas.text(Text::new(&line.label, (x + 23.0, 44.0)));
        // About as wide as letters of this size are.
        x += 38.0 + 6.6 * line.label.chars().count() as f64;
    }
}
