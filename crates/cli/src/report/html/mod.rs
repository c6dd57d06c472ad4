//! A page as one HTML file that loads nothing: its data, its style, its script and its chart library within.

use super::page::{Chart, Page};
use super::palette::COLOURS;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context, escape_formatter};

/// What the page looks like and does.
const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The chart library (uplot/README.md says which version).
const LIBRARY: &str = include_str!("uplot/uplot.iife.min.js");
const LIBRARY_STYLE: &str = include_str!("uplot/uplot.min.css");

/// The page as HTML. `result` is what was measured, as the JSON that is stored; it stands in the page for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON, and the template is part of the program.
pub(crate) fn render(page: &Page, result: &str) -> anyhow::Result<String> {
    let mut templates = Environment::new();
    templates.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &Value::from(unbroken(text))),
        None => escape_formatter(out, state, value),
    });
    // By its name the template is HTML, so that every text is escaped unless it is marked as safe.
    templates.add_template("page.html", TEMPLATE)?;
    let charts: Vec<&Chart> = page.charts().collect();
    let text = templates.get_template("page.html")?.render(context! {
        page => Value::from(Serde(page)),
        version => env!("CARGO_PKG_VERSION"),
        charts => within_script(&serde_json::to_string(&charts)?),
        result => within_script(result),
        style => safe(&format!("{}{STYLE}", colours())),
        script => safe(SCRIPT),
        library => safe(LIBRARY),
        library_style => safe(LIBRARY_STYLE),
    })?;
    Ok(text)
}

/// The colours of charts, as the style and the script know them.
fn colours() -> String {
    let rule =
        |(name, light, dark): &(&str, &str, &str)| format!("  --{name}: light-dark({light}, {dark});\n");
    format!(":root {{\n{}}}\n", COLOURS.iter().map(rule).collect::<String>())
}

/// The text with thousands that no end of a line parts: `4 340` is one number.
fn unbroken(text: &str) -> String {
    let digit = |letter: Option<&char>| letter.is_some_and(char::is_ascii_digit);
    let letters: Vec<char> = text.chars().collect();
    let parts_a_number = |at: usize| {
        let thousands = (at + 1..at + 4).all(|place| digit(letters.get(place)));
        thousands
            && digit(at.checked_sub(1).and_then(|before| letters.get(before)))
            && !digit(letters.get(at + 4))
    };
    let shown = |(at, letter): (usize, &char)| match letter {
        ' ' if parts_a_number(at) => '\u{a0}',
        letter => *letter,
    };
    letters.iter().enumerate().map(shown).collect()
}

fn safe(text: &str) -> Value {
    Value::from_safe_string(text.to_owned())
}

/// JSON as the content of a script element, which nothing in it can end: `<` stands only in texts, where its number is as
/// good.
fn within_script(json: &str) -> Value {
    safe(&json.replace('<', "\\u003c"))
}

#[cfg(test)]
mod tests;
