//! Charts of a page: lines and points over one axis, what is marked in them, and a map of shades beneath.

use serde::{Serialize, Serializer};

use super::Tone;

/// A chart. All lines share their places on the x axis, which ascend.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Chart {
    /// Its name in links and for `--chart`.
    pub(crate) id: String,
    pub(crate) title: String,
    /// What is to be seen, for those who do not see it.
    pub(crate) says: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// A second axis on the right.
    pub(crate) right: Option<Axis>,
    #[serde(serialize_with = "brief")]
    pub(crate) xs: Vec<f64>,
    pub(crate) lines: Vec<Line>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) heat: Option<Heat>,
    /// Charts of one group follow each other's cursor.
    pub(crate) group: &'static str,
    /// Whether it is what this page is about.
    pub(crate) main: bool,
    /// Whether it is as wide as the page, where there is room for two charts beside each other.
    pub(crate) wide: bool,
}

/// An axis. Its values are plain numbers in the unit that its label names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Axis {
    /// `latency, ms`.
    pub(crate) label: String,
    pub(crate) scale: Scale,
}

impl Axis {
    pub(crate) fn new(label: impl Into<String>, scale: Scale) -> Self {
        Axis { label: label.into(), scale }
    }
}

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    /// Evenly, and from zero on.
    #[default]
    Linear,
    /// By their logarithm.
    Log,
    /// Percentiles by what is left above them: the value 100 stands for the 99th, 1000 for the 99.9th.
    Nines,
}

/// Which of the two axes a line belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    #[default]
    Left,
    Right,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Look {
    #[default]
    Solid,
    Dashed,
    /// Points that are not joined.
    Points,
}

/// A colour by what it stands for: the same thing has the same colour in all charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hue {
    #[default]
    Blue,
    Orange,
    Green,
    Red,
    Purple,
    Cyan,
    Pink,
    Grey,
}

impl Hue {
    /// All but those that mean something bad or nothing.
    pub(crate) const FREE: [Hue; 6] = [Hue::Blue, Hue::Orange, Hue::Green, Hue::Purple, Hue::Cyan, Hue::Pink];
}

/// One value for each place on the x axis; nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) label: String,
    #[serde(serialize_with = "brief_or_none")]
    pub(crate) values: Vec<Option<f64>>,
    pub(crate) hue: Hue,
    pub(crate) look: Look,
    pub(crate) side: Side,
}

impl Line {
    pub(crate) fn new(label: impl Into<String>, hue: Hue, values: Vec<Option<f64>>) -> Self {
        Line { label: label.into(), values, hue, ..Line::default() }
    }

    pub(crate) fn looking(self, look: Look) -> Self {
        Line { look, ..self }
    }

    pub(crate) fn on(self, side: Side) -> Self {
        Line { side, ..self }
    }
}

/// A line across the chart, or a stretch of it, with its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Mark {
    pub(crate) label: String,
    /// Whether it stands at a place of the x axis, and not at a height of the left one.
    pub(crate) upright: bool,
    pub(crate) at: f64,
    /// The end of a stretch.
    pub(crate) to: Option<f64>,
    pub(crate) tone: Tone,
}

impl Mark {
    /// At a place of the x axis.
    pub(crate) fn upright(label: impl Into<String>, at: f64, tone: Tone) -> Self {
        Mark { label: label.into(), upright: true, at, to: None, tone }
    }

    /// At a height.
    pub(crate) fn level(label: impl Into<String>, at: f64, tone: Tone) -> Self {
        Mark { label: label.into(), upright: false, at, to: None, tone }
    }

    /// As a stretch up to `to`.
    pub(crate) fn until(self, to: f64) -> Self {
        Mark { to: Some(to), ..self }
    }
}

/// How many requests lie in each cell of a grid over the chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Heat {
    /// Left edges of the columns, and the right edge of the last.
    #[serde(serialize_with = "brief")]
    pub(crate) xs: Vec<f64>,
    /// Lower edges of the rows, and the upper edge of the last.
    #[serde(serialize_with = "brief")]
    pub(crate) ys: Vec<f64>,
    /// Column by column, each from the lowest row up.
    pub(crate) counts: Vec<Vec<u32>>,
}

/// Four digits: more cannot be seen, and pages stay small.
pub(crate) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(-300, 300);
    let factor = 10_f64.powi(digits.abs());
    if digits >= 0 { (value * factor).round() / factor } else { (value / factor).round() * factor }
}

#[expect(clippy::ptr_arg, reason = "serde gives a reference to the field")]
fn brief<S: Serializer>(values: &Vec<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    // Places on an axis: five digits, so that neighbours of a long run stay apart.
    serializer.collect_seq(values.iter().map(|value| (value * 1e4).round() / 1e4))
}

#[expect(clippy::ptr_arg, reason = "serde gives a reference to the field")]
fn brief_or_none<S: Serializer>(values: &Vec<Option<f64>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.filter(|value| value.is_finite()).map(rounded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        for (value, expected) in [
            (0.0, 0.0),
            (123.456, 123.5),
            (0.000_123_456, 0.000_123_5),
            (1_234_567.0, 1_235_000.0),
            (-2.5, -2.5),
        ] {
            assert!(
                (rounded(value) - expected).abs() <= expected.abs() * 1e-12,
                "{value}: {}",
                rounded(value)
            );
        }
    }
}
