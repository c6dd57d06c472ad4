//! The rows of a trace, from CSV or from one JSON object a line.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::columns::Columns;
use super::{TimeUnit, TraceError, TraceOptions, instant};

/// One request as recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordedRow {
    /// Its time, in nanoseconds from some origin.
    pub(super) nanos: i64,
    pub(super) input_tokens: Option<u32>,
    pub(super) output_tokens: Option<u32>,
}

/// Reads all rows of `text`, in the order of the file.
pub(super) fn read(
    source: &str,
    text: &str,
    options: &TraceOptions,
) -> Result<(Columns, Vec<RecordedRow>), TraceError> {
    if text.trim_start().starts_with('{') {
        read_json(source, text, options)
    } else {
        read_csv(source, text, options)
    }
}

fn read_csv(
    source: &str,
    text: &str,
    options: &TraceOptions,
) -> Result<(Columns, Vec<RecordedRow>), TraceError> {
    // Lengths of rows are not checked by the reader: a missing value has a better error of its own.
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let malformed = |error: csv::Error| TraceError::Malformed {
        trace: source.to_owned(),
        line: error.position().map_or(1, csv::Position::line),
        problem: error.to_string(),
    };
    let header = reader.headers().map_err(malformed)?;
    if header.is_empty() {
        return Err(TraceError::Empty { trace: source.to_owned() });
    }
    let header_line = header.position().map_or(1, csv::Position::line);
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    let columns = Columns::choose(source, header_line, &names, options)?;
    let index = |name: &String| names.iter().position(|column| column == name);
    let time = index(&columns.time);
    let input = columns.input.as_ref().and_then(index);
    let output = columns.output.as_ref().and_then(index);

    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(malformed)? {
        let field = |index: Option<usize>| index.and_then(|index| record.get(index)).map(Cow::Borrowed);
        let line =
            Line { source, number: record.position().map_or(0, csv::Position::line), columns: &columns };
        rows.push(line.row([field(time), field(input), field(output)])?);
    }
    Ok((columns, rows))
}

fn read_json(
    source: &str,
    text: &str,
    options: &TraceOptions,
) -> Result<(Columns, Vec<RecordedRow>), TraceError> {
    let mut chosen: Option<Columns> = None;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| TraceError::Malformed {
                trace: source.to_owned(),
                line: number,
                problem: format!("not a JSON object ({error})"),
            })?;
        let columns = match &mut chosen {
            Some(columns) => columns,
            None => {
                let names: Vec<String> = object.keys().cloned().collect();
                chosen.insert(Columns::choose(source, number, &names, options)?)
            }
        };
        let field = |name: &str| object.get(name).and_then(text_of);
        let fields = [
            field(&columns.time),
            columns.input.as_deref().and_then(field),
            columns.output.as_deref().and_then(field),
        ];
        rows.push(Line { source, number, columns }.row(fields)?);
    }
    let columns = chosen.ok_or_else(|| TraceError::Empty { trace: source.to_owned() })?;
    Ok((columns, rows))
}

/// A value as CSV would hold it; nothing for null.
fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// A line whose values are being read, with what its errors must say.
struct Line<'a> {
    source: &'a str,
    number: u64,
    columns: &'a Columns,
}

impl Line<'_> {
    /// The row of the values of the time, input and output columns.
    fn row(&self, [time, input, output]: [Option<Cow<'_, str>>; 3]) -> Result<RecordedRow, TraceError> {
        let name = |column: &Option<String>| column.clone().unwrap_or_default();
        Ok(RecordedRow {
            nanos: self.time(time.as_deref().unwrap_or_default())?,
            input_tokens: self.tokens(&name(&self.columns.input), input)?,
            output_tokens: self.tokens(&name(&self.columns.output), output)?,
        })
    }

    fn time(&self, text: &str) -> Result<i64, TraceError> {
        let unit = self.columns.unit.unwrap_or(TimeUnit::Date);
        if let Some(nanos) = instant::parse(text, unit) {
            return Ok(nanos);
        }
        if self.columns.unit.is_none() && text.parse::<f64>().is_ok() {
            return Err(TraceError::NoUnit {
                trace: self.source.to_owned(),
                line: self.number,
                column: self.columns.time.clone(),
                value: text.to_owned(),
            });
        }
        let wanted = match unit {
            TimeUnit::Date => "a date and time such as 2023-11-16 18:17:03.9799600",
            _ => "a number",
        };
        Err(self.value_error(&self.columns.time, text, wanted))
    }

    /// A count of tokens; nothing recorded is `None`. Some writers put `374.0`.
    fn tokens(&self, column: &str, text: Option<Cow<'_, str>>) -> Result<Option<u32>, TraceError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let whole = text.strip_suffix(".0").unwrap_or(&text);
        match whole.parse() {
            Ok(tokens) => Ok(Some(tokens)),
            Err(_) => Err(self.value_error(column, &text, "a number of tokens")),
        }
    }

    fn value_error(&self, column: &str, value: &str, wanted: &'static str) -> TraceError {
        TraceError::Value {
            trace: self.source.to_owned(),
            line: self.number,
            column: column.to_owned(),
            value: value.chars().take(60).collect(),
            wanted,
        }
    }
}
