//! What a report shows, whatever it is made into: verdicts first, then sections of figures, tables and charts.
//!
//! A page is data, without colours, pixels or markup. The HTML report, the Markdown of a pull request, the table as CSV
//! and the pictures are all made from it ([`crate::report::html`], [`crate::report::markdown`], [`crate::report::picture`]).

mod capacity;
mod chart;
mod cold_start;
mod compare;
mod curves;
mod latency;
mod over_time;
mod plan;
mod run;
mod server;
mod soak;
mod stress;
mod sweep;
mod table;
mod tables;
mod timeline;

use serde::Serialize;

use super::style;

pub(crate) use capacity::capacity;
pub(crate) use chart::{Axis, Chart, Heat, Hue, Line, Look, Mark, Scale, Side};
pub(crate) use cold_start::cold_start;
pub(crate) use compare::{compare, comparison, verdict_of};
pub(crate) use latency::Seen;
pub(crate) use plan::plan;
pub(crate) use run::{Material, Setting, run};
pub(crate) use soak::soak;
pub(crate) use stress::stress;
pub(crate) use sweep::sweep;
pub(crate) use table::{Cell, Column, Table};
pub(crate) use timeline::{add as add_timeline, section as timeline_section};

/// A whole report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Page {
    /// What it is a report on: `run`, `capacity`, …
    pub(crate) kind: &'static str,
    /// Its heading.
    pub(crate) title: String,
    /// What was done, in a few lines.
    pub(crate) lead: Vec<String>,
    /// What follows from it.
    pub(crate) verdicts: Vec<Verdict>,
    /// The few numbers that most readers look for.
    pub(crate) figures: Vec<Figure>,
    /// Everything else.
    pub(crate) sections: Vec<Section>,
}

impl Page {
    /// All charts, in order.
    pub(crate) fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.blocks().filter_map(|block| match block {
            Block::Chart(chart) => Some(chart.as_ref()),
            _ => None,
        })
    }

    /// All tables, in order.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// The table that says most: what CSV and Markdown have of this page.
    pub(crate) fn main_table(&self) -> Option<&Table> {
        self.tables().find(|table| table.main)
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }
}

/// How good something is. Said in words everywhere: a tone only adds colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubt,
    #[default]
    Plain,
}

impl From<style::Tone> for Tone {
    fn from(tone: style::Tone) -> Self {
        match tone {
            style::Tone::Good => Tone::Good,
            style::Tone::Bad => Tone::Bad,
            style::Tone::Doubt => Tone::Doubt,
            style::Tone::Heading | style::Tone::Faint => Tone::Plain,
        }
    }
}

/// A word, and what it rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) word: String,
    pub(crate) tone: Tone,
    pub(crate) text: String,
    pub(crate) details: Vec<String>,
}

impl Verdict {
    /// A verdict without further details.
    pub(crate) fn new(word: &str, tone: Tone, text: impl Into<String>) -> Self {
        Verdict { word: word.to_owned(), tone, text: text.into(), details: Vec::new() }
    }
}

/// One number with its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: String,
    /// How sure it is, or what it is to be seen beside.
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn new(name: &str, value: String, note: String) -> Self {
        Figure { name: name.to_owned(), value, note }
    }
}

/// A part of a page with a heading of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Section {
    /// Its place in links: `errors`.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) blocks: Vec<Block>,
}

impl Section {
    /// A section; nothing where it would be empty.
    pub(crate) fn of(id: &'static str, title: &'static str, blocks: Vec<Block>) -> Option<Self> {
        (!blocks.is_empty()).then_some(Section { id, title, blocks })
    }
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Block {
    /// A paragraph.
    Text {
        text: String,
    },
    /// Paragraphs that belong together.
    List {
        items: Vec<String>,
    },
    Table(Table),
    Chart(Box<Chart>),
}

impl Block {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Block::Text { text: text.into() }
    }

    pub(crate) fn chart(chart: Chart) -> Self {
        Block::Chart(Box::new(chart))
    }
}
