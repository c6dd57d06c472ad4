//! Charts as PNG, for where no SVG is shown: one below the other on white, with letters of their own font.

use anyhow::Context as _;
use tiny_skia::{
    Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Shader, Stroke, StrokeDash, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

use super::drawing::draw;
use super::{Anchor, Area, Canvas, HEIGHT, Ink, Size, Text, WIDTH};
use crate::report::page::{Chart, Hue};
use crate::report::palette::COLOURS;

/// The letters (`roboto/README.md` says which).
const FONT: &[u8] = include_bytes!("roboto/Roboto-Regular.subset.ttf");

/// Pixels for each one of the SVG: screens of today have twice as many as they say.
const SCALE: f32 = 2.0;

/// All `charts` as one picture.
///
/// # Errors
/// So many charts that the picture would not fit into memory.
pub(crate) fn render(charts: &[&Chart]) -> anyhow::Result<Vec<u8>> {
    let (width, height) = (WIDTH as f32 * SCALE, HEIGHT as f32 * SCALE);
    let font = Face::parse(FONT, 0).context("the font of the program cannot be read")?;
    let mut pixels = Pixmap::new(width as u32, height as u32 * charts.len() as u32)
        .context("a picture of so many charts is too large: choose some with --chart")?;
    pixels.fill(colour("card", 1.0));
    for (number, chart) in charts.iter().enumerate() {
        let place = Transform::from_translate(0.0, height * number as f32).pre_scale(SCALE, SCALE);
        draw(&mut Png { pixels: &mut pixels, place, font: &font }, chart);
    }
    pixels.encode_png().context("the picture cannot be written as PNG")
}

/// A picture with the place of the chart that is drawn.
struct Png<'a> {
    pixels: &'a mut Pixmap,
    place: Transform,
    font: &'a Face<'static>,
}

impl Png<'_> {
    fn fill_path(&mut self, path: &Path, colour: Color, place: Transform) {
        self.pixels.fill_path(path, &paint(colour), FillRule::Winding, place, None);
    }

    fn stroke_path(&mut self, path: &Path, colour: Color, stroke: &Stroke) {
        self.pixels.stroke_path(path, &paint(colour), stroke, self.place, None);
    }
}

impl Canvas for Png<'_> {
    fn stroke(&mut self, ink: Ink, points: &[(f64, f64)], is_dashed: bool) {
        let mut path = PathBuilder::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let (x, y) = (*x as f32, *y as f32);
            if number == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        let Some(path) = path.finish() else { return };
        let dash = if is_dashed { StrokeDash::new(vec![6.0, 4.0], 0.0) } else { None };
        let width = ink.width() as f32;
        self.stroke_path(&path, colour(ink.name(), 1.0), &Stroke { width, dash, ..Stroke::default() });
    }

    fn fill(&mut self, ink: Ink, area: Area, opacity: f64) {
        let (x, y) = (area.x as f32, area.y as f32);
        let Some(rect) = Rect::from_xywh(x, y, area.width as f32, area.height as f32) else { return };
        self.fill_path(&PathBuilder::from_rect(rect), colour(ink.name(), opacity as f32), self.place);
    }

    fn dot(&mut self, hue: Hue, (x, y): (f64, f64)) {
        let Some(circle) = PathBuilder::from_circle(x as f32, y as f32, 4.0) else { return };
        let name = Ink::Of(hue).name();
        self.fill_path(&circle, colour(name, 0.55), self.place);
        self.stroke_path(&circle, colour(name, 1.0), &Stroke::default());
    }

    fn text(&mut self, text: Text<'_>) {
        let mut letters = Letters { path: PathBuilder::new(), x: 0.0 };
        for letter in text.text.chars() {
            // The first glyph of a font stands for all that it lacks.
            let glyph = self.font.glyph_index(letter).unwrap_or_default();
            self.font.outline_glyph(glyph, &mut letters);
            letters.x += f32::from(self.font.glyph_hor_advance(glyph).unwrap_or_default());
        }
        let before = letters.x
            * match text.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => 0.5,
                Anchor::End => 1.0,
            };
        let Some(path) = letters.path.finish() else { return };
        let size = text.size.pixels() as f32 / f32::from(self.font.units_per_em());
        let mut place = self.place.pre_translate(text.at.0 as f32, text.at.1 as f32);
        if text.is_upright {
            place = place.pre_rotate(-90.0);
        }
        // In fonts the heights grow upwards.
        place = place.pre_scale(size, -size).pre_translate(-before, 0.0);
        let colour = colour(text.ink.name(), 1.0);
        self.fill_path(&path, colour, place);
        if text.size == Size::Title {
            // Bolder, without a second font.
            let edge = Stroke { width: f32::from(self.font.units_per_em()) / 40.0, ..Stroke::default() };
            self.pixels.stroke_path(&path, &paint(colour), &edge, place, None);
        }
    }
}

/// Outlines of letters one after the other, in units of the font.
struct Letters {
    path: PathBuilder,
    /// Where the next letter begins.
    x: f32,
}

impl OutlineBuilder for Letters {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn paint(colour: Color) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(colour), anti_alias: true, ..Paint::default() }
}

/// A colour of the palette on light; black if there is none of that name.
fn colour(name: &str, opacity: f32) -> Color {
    let found = COLOURS.iter().find(|(known, ..)| *known == name).map_or("#000000", |(_, light, _)| light);
    let part =
        |at: usize| found.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    let mut colour = Color::from_rgba8(part(1), part(3), part(5), u8::MAX);
    colour.apply_opacity(opacity);
    colour
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::{Axis, Line, Scale};

    fn chart(label: &str) -> Chart {
        let line = Line::new(label, Hue::Red, vec![Some(1.0), Some(2.0), None, Some(4.0)]);
        let axis = Axis::new("", Scale::Linear);
        Chart {
            xs: vec![0.0, 1.0, 2.0, 3.0],
            x: axis.clone(),
            y: axis,
            lines: vec![line],
            ..Chart::default()
        }
    }

    fn pixels(charts: &[&Chart]) -> Pixmap {
        Pixmap::decode_png(&render(charts).unwrap()).unwrap()
    }

    #[test]
    fn charts_stand_below_each_other_on_white_in_the_colours_of_the_palette() {
        let (one, two) = (chart("a"), chart("b"));
        let picture = pixels(&[&one, &two]);
        assert_eq!((picture.width(), picture.height()), (1_440, 1_360));
        let at = |x, y| picture.pixel(x, y).map(|pixel| (pixel.red(), pixel.green(), pixel.blue()));
        assert_eq!(at(0, 0), Some((255, 255, 255)));
        // The sign of the line in the list of names, in both charts.
        let red = Some((0xc6, 0x28, 0x28));
        assert_eq!((at(150, 80), at(150, 680 + 80)), (red, red));
    }

    /// Text of users and servers may have letters that the font lacks, or none at all.
    #[test]
    fn every_letter_is_drawn_somehow() {
        let dark = |label| pixels(&[&chart(label)]).pixels().iter().filter(|pixel| pixel.red() < 100).count();
        assert!(dark("µ ≤ é Я") > dark(""));
        assert!(dark("模型") > dark(""));
    }
}
