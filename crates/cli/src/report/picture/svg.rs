//! Charts as SVG: one below the other, with colours for light and for dark backgrounds.

use std::fmt::Write as _;

use super::drawing::draw;
use super::{Anchor, Area, Canvas, HEIGHT, Ink, Size, Text, WIDTH};
use crate::report::page::{Chart, Hue};
use crate::report::palette::COLOURS;

/// All `charts` as one SVG document; the text is that of an image that stands alone.
pub(crate) fn render(charts: &[&Chart]) -> String {
    let height = HEIGHT * charts.len() as f64;
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<title>{}</title>\n<style>{}</style>\n\
         <rect class=\"card\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        escaped(&titles.join("; ")),
        style(),
    );
    for (number, chart) in charts.iter().enumerate() {
        let _ = writeln!(text, "<g transform=\"translate(0 {})\">", HEIGHT * number as f64);
        draw(&mut Svg(&mut text), chart);
        text += "</g>\n";
    }
    text + "</svg>\n"
}

/// The elements so far.
struct Svg<'a>(&'a mut String);

impl Canvas for Svg<'_> {
    fn stroke(&mut self, ink: Ink, points: &[(f64, f64)], is_dashed: bool) {
        if points.is_empty() {
            return;
        }
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let class = match (ink, is_dashed) {
            (Ink::Of(_), true) => " line dashed",
            (Ink::Of(_), false) => " line",
            (Ink::Card, _) => " edge",
            _ => "",
        };
        let _ = writeln!(self.0, "<path class=\"{}{class}\" d=\"M{}\"/>", ink.name(), path.join("L"));
    }

    fn fill(&mut self, ink: Ink, area: Area, opacity: f64) {
        let class = if matches!(ink, Ink::Of(_)) { " area" } else { "" };
        let _ = writeln!(
            self.0,
            "<rect class=\"{}{class}\" fill-opacity=\"{opacity:.2}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            ink.name(),
            area.x,
            area.y,
            area.width,
            area.height
        );
    }

    fn dot(&mut self, hue: Hue, (x, y): (f64, f64)) {
        let class = Ink::Of(hue).name();
        let _ = writeln!(self.0, "<circle class=\"{class} dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }

    fn text(&mut self, text: Text<'_>) {
        let (x, y) = text.at;
        let place = match text.is_upright {
            true => format!("transform=\"translate({x:.1} {y:.1}) rotate(-90)\""),
            false => format!("x=\"{x:.1}\" y=\"{y:.1}\""),
        };
        let anchor = match text.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let size = match text.size {
            Size::Small => " name",
            Size::Usual => "",
            Size::Title => " title",
        };
        let (class, shown) = (text.ink.name(), escaped(text.text));
        let _ = writeln!(self.0, "<text class=\"{class}{size}\" {place}{anchor}>{shown}</text>");
    }
}

fn style() -> String {
    let rule = |name: &str, colour: &str| match name {
        "grid" => format!(".grid{{stroke:{colour}}}"),
        "card" => format!(".card{{fill:{colour};stroke:{colour}}}"),
        "text" | "heat" => format!(".{name}{{fill:{colour}}}"),
        _ => format!(".{name}{{stroke:{colour};color:{colour}}}"),
    };
    let light: String = COLOURS.iter().map(|(name, light, _)| rule(name, light)).collect();
    let dark: String = COLOURS.iter().map(|(name, _, dark)| rule(name, dark)).collect();
    format!(
        "{light}.line{{fill:none;stroke-width:{line}}}path.edge{{fill:none;stroke-width:{edge}}}.dashed{{stroke-dasharray:6 4}}.dot{{fill:currentColor;fill-opacity:.55}}\
         text.name{{stroke:none;fill:currentColor;font-size:11px}}rect.area{{stroke:none;fill:currentColor}}\
         .title{{font-size:14px;font-weight:600}}@media(prefers-color-scheme:dark){{{dark}}}",
        line = Ink::Of(Hue::Blue).width(),
        edge = Ink::Card.width(),
    )
}

/// A text between tags or in an attribute.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            letter if letter.is_control() => " ".to_owned(),
            letter => letter.to_string(),
        })
        .collect()
}
