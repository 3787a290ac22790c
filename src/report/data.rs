//! What a report says, apart from how it looks.

use serde::{Deserialize, Serialize};

use super::{Cell, Chart, Table};

/// A report: what was run, what came out, in the order in which a person should read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One line that names the run.
    pub title: String,
    /// What was found, in a sentence or two; empty when there is nothing to sum up.
    pub summary: String,
    /// What is needed to get the same numbers again.
    pub provenance: Provenance,
    /// The few numbers that a reader must not miss.
    pub highlights: Vec<Highlight>,
    /// The body.
    pub sections: Vec<Section>,
}

/// What is needed to get the same numbers again. Empty fields are left out of rendered pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The command line.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// Seeds by what they are the root of, such as `run` or `eval`.
    pub seeds: Vec<(String, u64)>,
    /// Where tensors lived, such as `cpu` or `cuda:0`.
    pub device: String,
    /// The machine in words: processor, cores, memory.
    pub machine: String,
    /// Digest of the resolved recipe.
    pub recipe_digest: String,
    /// Whatever else belongs to the record (date, duration, corpus digest), by name.
    pub facts: Vec<(String, String)>,
}

impl Provenance {
    /// Name and value of everything that is filled in, in a fixed order, the command left out.
    pub fn facts(&self) -> Vec<(&str, String)> {
        let seeds: Vec<String> = self.seeds.iter().map(|(name, seed)| format!("{name} {seed}")).collect();
        let named = [
            ("version", self.version.clone()),
            ("seeds", seeds.join(", ")),
            ("device", self.device.clone()),
            ("machine", self.machine.clone()),
            ("recipe digest", self.recipe_digest.clone()),
        ];
        let others = self.facts.iter().map(|(name, value)| (name.as_str(), value.clone()));
        named.into_iter().chain(others).filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// A number shown large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Highlight {
    /// What the number is, in a few words.
    pub label: String,
    /// The number.
    pub value: Cell,
    /// What to hold it against, such as the baseline's number; may be empty.
    pub note: String,
}

impl Highlight {
    /// A number shown large, with a note under it.
    pub fn new(label: impl Into<String>, value: Cell, note: impl Into<String>) -> Self {
        Self { label: label.into(), value, note: note.into() }
    }
}

/// A titled part of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The content, in order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without content.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// The same with a paragraph of plain text at its end.
    pub fn paragraph(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Paragraph { text: text.into() });
        self
    }

    /// The same with a table at its end.
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table { table });
        self
    }

    /// The same with a chart at its end.
    pub fn chart(mut self, chart: Chart) -> Self {
        self.blocks.push(Block::Chart { chart });
        self
    }

    /// The same with literal text at its end, such as a completion.
    pub fn listing(mut self, caption: impl Into<String>, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Listing { caption: caption.into(), text: text.into() });
        self
    }
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// Prose; no markup is understood in it.
    Paragraph {
        /// The words.
        text: String,
    },
    /// A table.
    Table {
        /// Its data.
        table: Table,
    },
    /// A chart.
    Chart {
        /// Its data.
        chart: Chart,
    },
    /// Text shown as it is, in a fixed-width font: a command, a trace, a completion.
    Listing {
        /// What it is.
        caption: String,
        /// The text.
        text: String,
    },
}
