//! One chart as SVG.

use std::fmt::Write as _;

use super::axis::Ruler;
use super::{HEIGHT, WIDTH, class, escaped, hue};
use crate::report::page::{Chart, Heat, Line, Look, Mark, Side};

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

/// Writes the chart, its upper left corner at 0, 0.
pub(super) fn draw(text: &mut String, chart: &Chart) {
    let rulers = Rulers::of(chart);
    let _ =
        writeln!(text, "<text class=\"text title\" x=\"{LEFT}\" y=\"20\">{}</text>", escaped(&chart.title));
    axes(text, chart, &rulers);
    if let Some(heat) = &chart.heat {
        shades(text, heat, &rulers);
    }
    for mark in &chart.marks {
        marked(text, mark, &rulers);
    }
    for line in &chart.lines {
        self::line(text, chart, line, &rulers);
    }
    names(text, chart);
}

fn axes(text: &mut String, chart: &Chart, rulers: &Rulers) {
    for (value, shown) in rulers.x.ticks() {
        let x = rulers.x.at(value);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/><text class=\"text\" x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"middle\">{shown}</text>",
            BOTTOM + 16.0
        );
    }
    for (value, shown) in rulers.y.ticks() {
        let y = rulers.y.at(value);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"text\" x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{shown}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (value, shown) in rulers.right.iter().flat_map(Ruler::ticks) {
        let y = rulers.right.as_ref().map_or(0.0, |right| right.at(value));
        let _ =
            writeln!(text, "<text class=\"text\" x=\"{}\" y=\"{:.1}\">{shown}</text>", RIGHT + 6.0, y + 4.0);
    }
    let middle = (TOP + BOTTOM) / 2.0;
    let upright = |text: &mut String, x: f64, label: &str| {
        let _ = writeln!(
            text,
            "<text class=\"text\" transform=\"translate({x} {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escaped(label)
        );
    };
    upright(text, 14.0, &chart.y.label);
    if let Some(right) = &chart.right {
        upright(text, WIDTH - 10.0, &right.label);
    }
    let _ = writeln!(
        text,
        "<text class=\"text\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        (LEFT + RIGHT) / 2.0,
        HEIGHT - 10.0,
        escaped(&chart.x.label)
    );
}

/// The map beneath the lines: each cell as dark as it has requests.
fn shades(text: &mut String, heat: &Heat, rulers: &Rulers) {
    let most = heat.counts.iter().flatten().copied().max().unwrap_or(1).max(1);
    for (column, edges) in heat.counts.iter().zip(heat.xs.windows(2)) {
        let (left, right) = (rulers.x.within(edges[0]), rulers.x.within(edges[1]));
        for (count, edges) in column.iter().zip(heat.ys.windows(2)).filter(|(count, _)| **count > 0) {
            let (bottom, top) = (rulers.y.within(edges[0]), rulers.y.within(edges[1]));
            let shade = 0.1 + 0.6 * (f64::from(*count) / f64::from(most)).sqrt();
            let _ = writeln!(
                text,
                "<rect class=\"heat\" fill-opacity=\"{shade:.2}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\"/>",
                right - left,
                bottom - top
            );
        }
    }
}

fn marked(text: &mut String, mark: &Mark, rulers: &Rulers) {
    let (class, name) = (class(hue(mark.tone)), escaped(&mark.label));
    let _ = match (mark.upright, mark.to) {
        (true, Some(to)) => {
            let (from, to) = (rulers.x.within(mark.at), rulers.x.within(to));
            writeln!(
                text,
                "<g class=\"{class}\"><rect class=\"stretch\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" \
                 height=\"{}\"/><text class=\"name\" x=\"{:.1}\" y=\"{}\">{name}</text></g>",
                to - from,
                BOTTOM - TOP,
                from + 4.0,
                TOP + 12.0
            )
        }
        (true, None) => {
            let at = rulers.x.within(mark.at);
            writeln!(
                text,
                "<g class=\"{class}\"><path class=\"line dashed\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text class=\"name\" \
                 transform=\"translate({:.1} {}) rotate(-90)\" text-anchor=\"end\">{name}</text></g>",
                at - 4.0,
                TOP + 4.0
            )
        }
        (false, _) => {
            let at = rulers.y.within(mark.at);
            writeln!(
                text,
                "<g class=\"{class}\"><path class=\"line dashed\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"name\" \
                 x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text></g>",
                RIGHT - 4.0,
                at - 4.0
            )
        }
    };
}

fn line(text: &mut String, chart: &Chart, line: &Line, rulers: &Rulers) {
    let ruler = rulers.of_line(line);
    let points = chart.xs.iter().zip(&line.values).filter_map(|(x, value)| {
        let value = (*value).filter(|value| ruler.has(*value))?;
        Some((rulers.x.at(*x), ruler.at(value)))
    });
    let class = class(line.hue);
    if line.look == Look::Points {
        for (x, y) in points {
            let _ = writeln!(text, "<circle class=\"{class} dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
        }
        return;
    }
    let path: Vec<String> = points.map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let dashed = if line.look == Look::Dashed { " dashed" } else { "" };
    if !path.is_empty() {
        let _ = writeln!(text, "<path class=\"{class} line{dashed}\" d=\"M{}\"/>", path.join("L"));
    }
}

/// The names of the lines, above the plot.
fn names(text: &mut String, chart: &Chart) {
    let mut x = LEFT;
    for line in &chart.lines {
        let (class, name) = (class(line.hue), escaped(&line.label));
        let dashed = if line.look == Look::Dashed { " dashed" } else { "" };
        let sign = match line.look {
            Look::Points => format!("<circle class=\"{class} dot\" cx=\"{}\" cy=\"40\" r=\"4\"/>", x + 9.0),
            Look::Solid | Look::Dashed => format!("<path class=\"{class} line{dashed}\" d=\"M{x} 40h18\"/>"),
        };
        let _ = writeln!(text, "{sign}<text class=\"text\" x=\"{}\" y=\"44\">{name}</text>", x + 23.0);
        // About as wide as letters of this size are.
        x += 38.0 + 6.6 * line.label.chars().count() as f64;
    }
}
