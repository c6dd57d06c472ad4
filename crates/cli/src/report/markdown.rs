//! A page as Markdown for pull requests: the verdicts, the few numbers, the main tables, and no charts.

use super::page::{Block, Cell, Page, Table, Tone};

/// Rows of a table that are shown; a comment in a pull request is no place for hundreds.
const ROWS_MAX: usize = 40;

/// The page as Markdown.
pub(crate) fn render(page: &Page) -> String {
    let mut text = format!("### {}\n\n", escaped(&page.title));
    for verdict in &page.verdicts {
        let mark = match verdict.tone {
            Tone::Good => "✅ ",
            Tone::Bad => "❌ ",
            Tone::Doubt => "⚠️ ",
            Tone::Plain => "",
        };
        text += &format!("- {mark}**{}** {}\n", escaped(&verdict.word), escaped(&verdict.text));
        text.extend(verdict.details.iter().map(|detail| format!("  - {}\n", escaped(detail))));
    }
    if !page.figures.is_empty() {
        let cells = |of: &dyn Fn(&super::page::Figure) -> String| {
            page.figures.iter().map(|figure| format!(" {} |", of(figure))).collect::<String>()
        };
        text += &format!(
            "\n|{}\n|{}\n",
            cells(&|figure| escaped(&figure.name)),
            " --: |".repeat(page.figures.len())
        );
        text += &format!("|{}\n", cells(&|figure| escaped(&figure.value)));
    }
    for shown in page.tables().filter(|table| table.main || table.caption.starts_with("Failures")) {
        text += "\n";
        text += &table(shown);
    }
    let mut notes = page
        .sections
        .iter()
        .filter(|section| section.id == "differences")
        .flat_map(|section| &section.blocks);
    if let Some(Block::List { items }) = notes.find(|block| matches!(block, Block::List { .. })) {
        text += "\n";
        text.extend(items.iter().map(|item| format!("- {}\n", escaped(item))));
    }
    text += "\n<details><summary>What was run</summary>\n\n";
    text.extend(page.lead.iter().map(|line| format!("- {}\n", escaped(line))));
    text + "\n</details>\n"
}

fn table(table: &Table) -> String {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|&column| is_shown(table, column)).collect();
    let mut text = format!("{}\n\n|", escaped(&table.caption));
    text.extend(shown.iter().map(|&column| format!(" {} |", escaped(&table.columns[column].name))));
    text += "\n|";
    text.extend(shown.iter().map(|&column| if table.columns[column].numeric { " --: |" } else { " --- |" }));
    text += "\n";
    for row in table.rows.iter().take(ROWS_MAX) {
        text += "|";
        text.extend(shown.iter().map(|&column| format!(" {} |", cell(&row[column]))));
        text += "\n";
    }
    if table.rows.len() > ROWS_MAX {
        text += &format!("\n{} more rows are in the report.\n", table.rows.len() - ROWS_MAX);
    }
    text
}

/// A column that is only drawn has nothing to be read.
fn is_shown(table: &Table, column: usize) -> bool {
    table.rows.iter().any(|row| !row[column].text.is_empty())
}

fn cell(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    let text = if cell.tone == Tone::Plain || text.is_empty() { text } else { format!("**{text}**") };
    if cell.note.is_empty() { text } else { format!("{text}<br><sub>{}</sub>", escaped(&cell.note)) }
}

/// A text in which nothing is markup, neither of Markdown nor of HTML, in one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::page::{Material, run};

    #[test]
    fn a_run_for_a_pull_request() {
        let material =
            Material { summary: fixture::judged(), folder: "runs/x".to_owned(), ..Material::default() };
        insta::assert_snapshot!(render(&run(&material)));
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escaped("<b> a|b [x](y) @all\n`c`"), "&lt;b&gt; a\\|b \\[x\\](y) \\@all \\`c\\`");
    }
}
