//! A page for a terminal, where its command has no text of its own: the verdicts and the main table.

use comfy_table::{CellAlignment, Table, presets};

use super::page::{self, Block, Page, Section};
use super::style::{Style, Tone, lines};

/// The page as text.
pub(crate) fn render(page: &Page, style: Style) -> String {
    let mut text: String = page.lead.iter().map(|line| format!("{line}\n")).collect();
    if let Some(shown) = page.main_table() {
        text += "\n";
        text += &table(shown);
    }
    text += "\n";
    for verdict in &page.verdicts {
        text += &format!("{} {}\n", style.paint(tone(verdict.tone), &verdict.word), verdict.text);
        text.extend(verdict.details.iter().map(|detail| format!("  - {detail}\n")));
    }
    text
}

/// A section as text: its paragraphs and tables.
pub(crate) fn section(section: &Section) -> String {
    let mut text = String::new();
    for block in &section.blocks {
        match block {
            Block::Text { text: paragraph } => text += &format!("\n{}: {paragraph}\n", section.title),
            Block::Table(shown) => text += &format!("\n{}\n{}", shown.caption, table(shown)),
            Block::List { .. } | Block::Chart(_) => {}
        }
    }
    text
}

fn tone(tone: page::Tone) -> Tone {
    match tone {
        page::Tone::Good => Tone::Good,
        page::Tone::Bad => Tone::Bad,
        page::Tone::Doubt => Tone::Doubt,
        page::Tone::Plain => Tone::Heading,
    }
}

fn table(shown: &page::Table) -> String {
    let mut table = Table::new();
    // What is only drawn has nothing to be read.
    let columns: Vec<usize> = (0..shown.columns.len())
        .filter(|&column| shown.rows.iter().any(|row| !row[column].text.is_empty()))
        .collect();
    table
        .load_style(presets::NOTHING)
        .set_header(columns.iter().map(|&column| shown.columns[column].name.clone()));
    for row in &shown.rows {
        table.add_row(columns.iter().map(|&column| row[column].text.clone()));
    }
    for (column, &of) in table.column_iter_mut().zip(&columns) {
        if shown.columns[of].numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    lines(&table)
}
