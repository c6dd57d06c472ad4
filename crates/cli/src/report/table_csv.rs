//! The main table of a page as CSV: numbers unrounded and in base units (seconds, shares from 0 to 1).

use super::page::{Cell, Table};

/// The table as CSV, with a header.
///
/// # Errors
/// Never in practice: rows are written to memory, and all have as many cells as there are columns.
pub(crate) fn render(table: &Table) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.name.as_str()))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(number_or_text))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn number_or_text(cell: &Cell) -> String {
    match cell.value {
        Some(value) => value.to_string(),
        None if cell.text == "-" => String::new(),
        None => cell.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::numbers::short;

    #[test]
    fn numbers_are_as_they_were_and_none_is_empty() {
        let mut table = Table::new("", &["a", "b#", "c#"]);
        table.rows.push(vec![
            Cell::text("x, y"),
            Cell::number(Some(0.123_456), short),
            Cell::number(None, short),
        ]);
        assert_eq!(render(&table).unwrap(), "a,b,c\n\"x, y\",0.123456,\n");
    }
}
