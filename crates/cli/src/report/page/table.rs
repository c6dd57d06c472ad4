//! Tables of a page: texts for people, with the numbers behind them for sorting and for other programs.

use serde::Serialize;

use super::Tone;

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether it is what this page is about.
    pub(crate) main: bool,
    /// Whether half the width of the page is enough, where there is room for two things beside each other.
    pub(crate) narrow: bool,
    /// Whether only who asks for it sees it.
    pub(crate) folded: bool,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Whether it has numbers.
    pub(crate) numeric: bool,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cell {
    /// As people read it.
    pub(crate) text: String,
    /// A second, smaller line, such as an interval.
    pub(crate) note: String,
    /// The number behind it, unrounded and in base units.
    pub(crate) value: Option<f64>,
    pub(crate) tone: Tone,
    /// How far from the best (0) to the worst (1) of its table it is, where cells are shaded.
    pub(crate) shade: Option<f64>,
    /// An interval that is drawn, from 0 (left) to 1 (right).
    pub(crate) bar: Option<Bar>,
}

/// An interval beside a line that it is to be seen against, all from 0 (left) to 1 (right).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Bar {
    pub(crate) low: f64,
    pub(crate) at: f64,
    pub(crate) high: f64,
    /// Where no difference is.
    pub(crate) zero: f64,
}

impl Table {
    /// An empty table with these columns; numbers stand in those whose names end with `#`, which is not shown.
    pub(crate) fn new(caption: &str, columns: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_suffix('#') {
            Some(name) => Column { name: name.to_owned(), numeric: true },
            None => Column { name: (*name).to_owned(), numeric: false },
        };
        Table {
            caption: caption.to_owned(),
            columns: columns.iter().map(column).collect(),
            ..Table::default()
        }
    }

    /// The same as the table that its page is about.
    pub(crate) fn main(self) -> Self {
        Table { main: true, ..self }
    }
}

impl Cell {
    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// A number, as people read it; a dash where there is none.
    pub(crate) fn number(value: Option<f64>, shown: impl Fn(f64) -> String) -> Self {
        Cell { text: value.map_or_else(|| "-".to_owned(), shown), value, ..Cell::default() }
    }

    /// A count.
    pub(crate) fn count(value: u64) -> Self {
        Cell::number(Some(value as f64), |_| crate::report::numbers::count(value))
    }

    /// A word that is good or bad.
    pub(crate) fn word(word: impl Into<String>, tone: Tone) -> Self {
        Cell { text: word.into(), tone, ..Cell::default() }
    }

    /// The same cell with a second line.
    pub(crate) fn with_note(self, note: impl Into<String>) -> Self {
        Cell { note: note.into(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_with_numbers_are_marked() {
        let table = Table::new("", &["a", "b#"]);
        let expected =
            [("a", false), ("b", true)].map(|(name, numeric)| Column { name: name.to_owned(), numeric });
        assert_eq!(table.columns, expected);
    }
}
