//! Charts as pictures that stand alone, for READMEs and slides: drawn once, onto an SVG or a PNG.

mod axis;
mod drawing;
pub(crate) mod png;
pub(crate) mod svg;

use super::page::Hue;

/// Size of a chart: pixels of an SVG. A PNG has more for each.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;

/// What a chart is drawn on. Its upper left corner is at 0, 0.
trait Canvas {
    /// A line through points, as thick as its ink says.
    fn stroke(&mut self, ink: Ink, points: &[(f64, f64)], is_dashed: bool);
    /// A rectangle through which more or less of what is beneath can be seen: `opacity` from 0 to 1.
    fn fill(&mut self, ink: Ink, area: Area, opacity: f64);
    /// A point.
    fn dot(&mut self, hue: Hue, at: (f64, f64));
    /// A line of text.
    fn text(&mut self, text: Text<'_>);
}

/// A colour by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ink {
    Grid,
    Text,
    Heat,
    /// The background, as the edge of a line above a map: it can be seen on every shade then.
    Card,
    Of(Hue),
}

impl Ink {
    /// How thick a line of it is.
    const fn width(self) -> f64 {
        match self {
            Ink::Grid => 1.0,
            Ink::Card => 4.5,
            Ink::Text | Ink::Heat | Ink::Of(_) => 1.75,
        }
    }

    /// Its name in the palette.
    const fn name(self) -> &'static str {
        match self {
            Ink::Grid => "grid",
            Ink::Text => "text",
            Ink::Heat => "heat",
            Ink::Card => "card",
            Ink::Of(Hue::Blue) => "blue",
            Ink::Of(Hue::Orange) => "orange",
            Ink::Of(Hue::Green) => "green",
            Ink::Of(Hue::Red) => "red",
            Ink::Of(Hue::Purple) => "purple",
            Ink::Of(Hue::Cyan) => "cyan",
            Ink::Of(Hue::Pink) => "pink",
            Ink::Of(Hue::Grey) => "grey",
        }
    }
}

/// A rectangle by its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// A line of text. `at` is where its baseline begins, has its middle or ends.
#[derive(Clone, Copy, Debug)]
struct Text<'a> {
    at: (f64, f64),
    text: &'a str,
    anchor: Anchor,
    ink: Ink,
    size: Size,
    /// Whether it is read from below upwards.
    is_upright: bool,
}

impl<'a> Text<'a> {
    /// A usual text that begins at a place.
    fn new(text: &'a str, at: (f64, f64)) -> Self {
        Text { at, text, anchor: Anchor::Start, ink: Ink::Text, size: Size::Usual, is_upright: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// Of names within the plot.
    Small,
    Usual,
    Title,
}

impl Size {
    const fn pixels(self) -> f64 {
        match self {
            Size::Small => 11.0,
            Size::Usual => 12.0,
            Size::Title => 14.0,
        }
    }
}
