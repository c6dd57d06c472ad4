//! `--print-config`: every effective value and where it comes from, in a form that can be used as plimsoll.toml.

use std::fmt::Write as _;

use crate::config::Layer;
use crate::config::table::Table;

/// Options whose values are URLs, which may have a login.
const URLS: [&str; 4] = ["host", "watch", "remote-write", "otlp"];

/// Every option of the table with its value.
///
/// `derived` holds the values that [`crate::resolve`] set for options that nobody set, with the reason.
pub(crate) fn render(
    merged: &Layer,
    derived: &[(&'static str, String, &'static str)],
    table: &Table,
) -> String {
    let mut lines = Vec::new();
    for (long, defaults, hidden) in table.options() {
        if long == "print-config" || hidden && !merged.contains_key(long) {
            continue;
        }
        let derived = derived.iter().find(|(name, ..)| *name == long);
        let (values, origin) = match (merged.get(long), derived) {
            (Some(setting), _) => (setting.values.clone(), setting.origin.to_string()),
            (None, Some((_, value, why))) => (vec![value.clone()], (*why).to_owned()),
            (None, None) if table.is_switch(long) => (vec!["false".to_owned()], "default".to_owned()),
            (None, None) if defaults.is_empty() => (Vec::new(), "not set".to_owned()),
            (None, None) => (defaults.to_vec(), "default".to_owned()),
        };
        // A default stays a comment: read again, it would count as somebody's wish (users beside a rate are a cap). The
        // seed is what makes the run the same again.
        let is_wanted = merged.contains_key(long) || long == "seed";
        lines.push((assignment(long, &values, is_wanted, table), origin));
    }
    let width =
        lines.iter().map(|(text, _)| text.chars().count()).filter(|&width| width < 60).max().unwrap_or(0);
    let mut out = String::new();
    for (text, origin) in lines {
        let _ = writeln!(out, "{text:<width$}  # {origin}");
    }
    out
}

fn assignment(long: &str, values: &[String], is_wanted: bool, table: &Table) -> String {
    if values.is_empty() {
        return format!("# {long} =");
    }
    if Table::is_secret(long) {
        return format!("# {long} = \"***\"");
    }
    let shown: Vec<String> = values.iter().map(|value| toml_value(&without_password(long, value))).collect();
    // A file cannot name another, and a URL without its password is another URL.
    let unusable = long == "config" || values.iter().any(|value| without_password(long, value) != *value);
    let mark = if unusable || !is_wanted { "# " } else { "" };
    match shown.as_slice() {
        [value] if !table.is_list(long) => format!("{mark}{long} = {value}"),
        all => format!("{mark}{long} = [{}]", all.join(", ")),
    }
}

/// A number or truth value bare, everything else quoted.
fn toml_value(value: &str) -> String {
    let is_integer = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    let is_float = value.parse::<f64>().is_ok_and(|number| number.is_finite() && number.to_string() == value);
    if is_integer || is_float || value == "true" || value == "false" {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

/// A URL without its user and password, and without a query, in which there may be a token: only a simulated server has
/// its options there.
fn without_password(long: &str, value: &str) -> String {
    if !URLS.contains(&long) {
        return value.to_owned();
    }
    let value = match value.split_once('?') {
        Some((path, _)) if long != "host" => format!("{path}?***"),
        _ => value.to_owned(),
    };
    let start = value.find("://").map_or(0, |scheme| scheme + 3);
    let authority_end = value[start..].find(['/', '?', '#']).map_or(value.len(), |end| start + end);
    match value[start..authority_end].rfind('@') {
        Some(at) => format!("{}***@{}", &value[..start], &value[start + at + 1..]),
        None => value,
    }
}
