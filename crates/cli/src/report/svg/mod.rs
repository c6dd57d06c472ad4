//! Charts as SVG, for READMEs and slides: one below the other, with colours for light and for dark backgrounds.

mod axis;
mod drawing;

use std::fmt::Write as _;

use super::page::{Chart, Hue, Tone};
use super::palette::COLOURS;
use drawing::draw;

/// Pixels of a chart.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;

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
        draw(&mut text, chart);
        text += "</g>\n";
    }
    text + "</svg>\n"
}

/// The class of a line or a mark.
pub(super) const fn class(hue: Hue) -> &'static str {
    match hue {
        Hue::Blue => "blue",
        Hue::Orange => "orange",
        Hue::Green => "green",
        Hue::Red => "red",
        Hue::Purple => "purple",
        Hue::Cyan => "cyan",
        Hue::Pink => "pink",
        Hue::Grey => "grey",
    }
}

/// The hue of a mark.
pub(super) const fn hue(tone: Tone) -> Hue {
    match tone {
        Tone::Good => Hue::Green,
        Tone::Bad => Hue::Red,
        Tone::Doubt => Hue::Orange,
        Tone::Plain => Hue::Grey,
    }
}

fn style() -> String {
    let rule = |name: &str, colour: &str| match name {
        "grid" => format!(".grid{{stroke:{colour}}}"),
        "card" | "text" | "heat" => format!(".{name}{{fill:{colour}}}"),
        _ => format!(".{name}{{stroke:{colour};color:{colour}}}"),
    };
    let light: String = COLOURS.iter().map(|(name, light, _)| rule(name, light)).collect();
    let dark: String = COLOURS.iter().map(|(name, _, dark)| rule(name, dark)).collect();
    format!(
        "{light}.line{{fill:none;stroke-width:1.75}}.dashed{{stroke-dasharray:6 4}}.dot{{fill:currentColor;fill-opacity:.55}}\
         .name{{stroke:none;fill:currentColor;font-size:11px}}.stretch{{stroke:none;fill:currentColor;fill-opacity:.12}}\
         .title{{font-size:14px;font-weight:600}}@media(prefers-color-scheme:dark){{{dark}}}"
    )
}

/// A text between tags or in an attribute.
pub(super) fn escaped(text: &str) -> String {
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
