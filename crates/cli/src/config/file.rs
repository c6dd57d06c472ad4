//! Configuration files: TOML, or the `key = value` lines of a locust.conf.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::table::Table;
use crate::config::{Layer, Origin};
use crate::exit::{UsageError, refuse};

/// A key with its values and the line it stands on.
type Line = (usize, String, Vec<String>);

/// Reads a configuration file.
///
/// # Errors
/// It cannot be read, is malformed, or has a key that is no option.
pub(crate) fn read(path: &Path, table: &Table) -> Result<Layer, UsageError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        UsageError(format!("cannot read the configuration file {} ({error}): check its path", path.display()))
    })?;
    parse(&path.display().to_string(), &text, table)
}

/// Reads the text of a configuration file called `path`.
pub(crate) fn parse(path: &str, text: &str, table: &Table) -> Result<Layer, UsageError> {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    let lines = match extension {
        Some("toml") => toml_lines(path, text)?,
        Some("conf" | "ini" | "cfg") => conf_lines(path, text)?,
        _ if DeTable::parse(text).is_ok() => toml_lines(path, text)?,
        _ => conf_lines(path, text)?,
    };
    let mut layer = Layer::new();
    for (line, key, values) in lines {
        let origin = Origin::File { path: path.to_owned(), line };
        if key == "config" {
            refuse!("{origin}: a configuration file cannot name another: give --config on the command line");
        }
        let Some(name) = table.find(&key) else {
            if table.is_of_another_command(&key) {
                continue;
            }
            let hint = table.nearest(&key).map(|name| format!(": did you mean `{name}`?"));
            let hint =
                hint.unwrap_or_else(|| ": keys are long option names, see `plimsoll run --help`".into());
            refuse!("{origin}: unknown key `{key}`{hint}");
        };
        let setting = table.setting(name, values, origin)?;
        layer.insert(name.long.to_owned(), setting);
    }
    Ok(layer)
}

fn toml_lines(path: &str, text: &str) -> Result<Vec<Line>, UsageError> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        UsageError(format!("{path}, line {line}: {}: check the TOML", error.message()))
    })?;
    let mut lines = Vec::new();
    for (key, value) in table.into_inner() {
        let line = line_of(text, key.span().start);
        let values = match value.into_inner() {
            DeValue::Array(items) => {
                items.into_iter().map(|item| scalar(item.into_inner())).collect::<Option<Vec<_>>>()
            }
            single => scalar(single).map(|value| vec![value]),
        };
        let Some(values) = values else {
            let key = key.into_inner();
            refuse!("{path}, line {line}: `{key}` must be text, a number, true, false, or a list of these");
        };
        lines.push((line, key.into_inner().into_owned(), values));
    }
    Ok(lines)
}

fn scalar(value: DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.into_owned()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|&byte| byte == b'\n').count() + 1
}

/// Reads `key = value`, `key: value`, `--key value`, `[list, of, values]`; `#` and `;` begin comments.
fn conf_lines(path: &str, text: &str) -> Result<Vec<Line>, UsageError> {
    let mut lines = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim();
        // Sections and document marks carry no meaning in a locust.conf.
        if line.is_empty() || line.starts_with(['#', ';', '[']) || line.starts_with("---") {
            continue;
        }
        let line = line.trim_start_matches("--");
        let (key, value) =
            line.split_once(|c: char| c == '=' || c == ':' || c.is_whitespace()).unwrap_or((line, ""));
        let value = value.trim_start_matches(|c: char| c == '=' || c == ':' || c.is_whitespace());
        let value = without_comment(value);
        if key.is_empty() {
            refuse!("{path}, line {}: no key before the value: write `key = value`", index + 1);
        }
        let values = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            // A JSON array is a value of its own (`[0.9, 0.7]`): only lists of bare words are taken apart.
            Some(_) if key.replace('_', "-") == "acceptance-probs-override" => vec![value.to_owned()],
            Some(items) => items.split(',').map(|item| unquoted(item.trim()).to_owned()).collect(),
            // A key on its own turns a switch on.
            None if value.is_empty() => vec!["true".to_owned()],
            None => vec![unquoted(value).to_owned()],
        };
        lines.push((index + 1, key.to_owned(), values));
    }
    Ok(lines)
}

/// A value without the comment after it; a `#` inside a word belongs to the word.
fn without_comment(value: &str) -> &str {
    [" #", " ;", "\t#"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min()
        .map_or(value, |end| &value[..end])
        .trim()
}

fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
