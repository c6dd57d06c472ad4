//! Rows of values whose columns are variables: CSV with a line of names, or a JSON object on each line.

use serde_json::{Map, Value};

use super::HttpError;

/// Rows of values, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    file: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// A row, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) line: u64,
    /// One for each column; nothing where an object lacks the member.
    pub(super) cells: Vec<Option<Cell>>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: Box<str>,
    pub(super) kind: Kind,
}

/// What is known of a value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: CSV has no types.
    Untyped,
    /// A text.
    Text,
    /// A number, truth value, list, object or null, as JSON writes it.
    Json,
}

impl Table {
    /// Reads CSV whose first line names the columns. `delimiter` parts them; `file` is for error texts.
    ///
    /// # Errors
    /// There are no rows, a row has more or fewer values than there are names, or a name is there twice.
    pub fn from_csv(file: &str, text: &str, delimiter: u8) -> Result<Table, HttpError> {
        let text = without_mark(text);
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        let at = |line: u64, problem: String| HttpError::Line { file: file.to_owned(), line, problem };
        let malformed = |error: csv::Error| {
            at(error.position().map_or(1, csv::Position::line), format!("is no CSV ({error})"))
        };
        let names = reader.headers().map_err(malformed)?;
        let columns: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        for (index, name) in columns.iter().enumerate() {
            if columns[..index].contains(name) {
                return Err(at(1, format!("names the column `{name}` twice: give each its own name")));
            }
        }
        let mut rows = Vec::new();
        let mut lines = Lines { text, counted: 0, line: 1 };
        for record in reader.records() {
            let record = record.map_err(malformed)?;
            let line = lines.at(record.position().map_or(0, csv::Position::byte));
            if record.len() != columns.len() {
                let (have, want) = (record.len(), columns.len());
                let problem = format!(
                    "has {have} value{}, and the first line names {want} column{}: give one for each, in quotes where \
                     it has a comma",
                    plural(have),
                    plural(want)
                );
                return Err(at(line, problem));
            }
            let cell = |text: &str| Some(Cell { text: text.into(), kind: Kind::Untyped });
            rows.push(Row { line, cells: record.iter().map(cell).collect() });
        }
        Table::of(file, columns, rows)
    }

    /// Reads JSONL: an object on each line, whose members are the columns. Blank lines are skipped.
    ///
    /// # Errors
    /// There are no rows, or a line is no object.
    pub fn from_jsonl(file: &str, text: &str) -> Result<Table, HttpError> {
        let mut columns: Vec<String> = Vec::new();
        let mut objects = Vec::new();
        for (index, line) in without_mark(text).lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let number = index as u64 + 1;
            let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
                // Its own place is within the line, which is "line 1" to the parser.
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or_default();
                let problem = format!("is no JSON object ({said}): write it as {{\"name\": \"value\"}}");
                HttpError::Line { file: file.to_owned(), line: number, problem }
            })?;
            columns.extend(object.keys().filter(|key| !columns.contains(key)).cloned().collect::<Vec<_>>());
            objects.push((number, object));
        }
        let rows = objects.into_iter().map(|(line, object)| {
            let cells = columns.iter().map(|column| object.get(column).map(cell_of)).collect();
            Row { line, cells }
        });
        let rows = rows.collect();
        Table::of(file, columns, rows)
    }

    fn of(file: &str, columns: Vec<String>, rows: Vec<Row>) -> Result<Table, HttpError> {
        match rows.is_empty() {
            true => Err(HttpError::NoRows(file.to_owned())),
            false => Ok(Table { file: file.to_owned(), columns, rows }),
        }
    }

    /// The names of the columns, in order.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, in order.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is wrong with a row.
    pub(super) fn wrong(&self, row: &Row, problem: String) -> HttpError {
        HttpError::Line { file: self.file.clone(), line: row.line, problem }
    }

    /// The file and its size: `3 rows of data.csv`.
    pub(super) fn describe(&self) -> String {
        let rows = self.rows.len();
        format!("{rows} row{} of {}", plural(rows), self.file)
    }
}

/// Counts lines as far as a reader has come. (The reader's own number is one too small after `\r\n`.)
struct Lines<'t> {
    text: &'t str,
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that begins at this byte, or after the line ends that stand there.
    fn at(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let from = usize::try_from(byte).map_or(bytes.len(), |byte| byte.min(bytes.len()));
        let ends = bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = bytes.get(self.counted..from + ends).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.counted = self.counted.max(from + ends);
        self.line
    }
}

/// Some editors write a byte order mark.
fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn cell_of(value: &Value) -> Cell {
    match value {
        Value::String(text) => Cell { text: text.as_str().into(), kind: Kind::Text },
        other => Cell { text: other.to_string().into(), kind: Kind::Json },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(table: &Table) -> Vec<(u64, Vec<Option<&str>>)> {
        table
            .rows()
            .iter()
            .map(|row| (row.line, row.cells.iter().map(|cell| Some(&*cell.as_ref()?.text)).collect()))
            .collect()
    }

    #[test]
    fn csv_has_names_values_and_lines() {
        let table = Table::from_csv("f", "\u{feff}id, text\r\n1,\"a, \"\"b\"\"\nc\"\n2,\n", b',').unwrap();
        assert_eq!(table.columns(), ["id", "text"]);
        assert_eq!(
            texts(&table),
            [(2, vec![Some("1"), Some("a, \"b\"\nc")]), (4, vec![Some("2"), Some("")])]
        );
        assert_eq!(table.describe(), "2 rows of f");
        let tabs = Table::from_csv("f", "a\tb\n1,5\t2\n", b'\t').unwrap();
        assert_eq!(texts(&tabs), [(2, vec![Some("1,5"), Some("2")])]);
    }

    #[test]
    fn jsonl_has_members_with_their_types() {
        let text = "{\"a\":\"x\",\"b\":[1, 2]}\n\n{\"b\":null,\"c\":1.50}\n";
        let table = Table::from_jsonl("f", text).unwrap();
        assert_eq!(table.columns(), ["a", "b", "c"]);
        assert_eq!(
            texts(&table),
            [(1, vec![Some("x"), Some("[1,2]"), None]), (3, vec![None, Some("null"), Some("1.5")]),]
        );
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let csv = |text: &str| Table::from_csv("data.csv", text, b',').unwrap_err().to_string();
        let jsonl = |text: &str| Table::from_jsonl("data.jsonl", text).unwrap_err().to_string();
        for (error, expected) in [
            (csv(""), "data.csv has no rows: give CSV with a first line of names"),
            (csv("a,b\n"), "data.csv has no rows"),
            (csv("a,b\n1,2\n3\n"), "line 3 of data.csv has 1 value, and the first line names 2 columns"),
            (csv("a\n1,2\n"), "line 2 of data.csv has 2 values, and the first line names 1 column:"),
            (csv("a,a\n1,2\n"), "line 1 of data.csv names the column `a` twice"),
            (jsonl("\n"), "data.jsonl has no rows"),
            (
                jsonl("{}\n[1]\n"),
                "line 2 of data.jsonl is no JSON object (invalid type: sequence, expected a map): write",
            ),
            (jsonl("{\"a\":\n"), "line 1 of data.jsonl is no JSON object (EOF"),
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }
}
