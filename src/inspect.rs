//! What a folder or file holds, as plain data for eyes: a corpus, a run, a checkpoint, or rows with a trace.

mod checkpoint;
mod corpus;
mod row;
mod run;

use std::path::{Path, PathBuf};

use metacot_traces::{audit::StatementKind, corpus::MANIFEST, view::View};
use serde::Serialize;

pub use row::{Reading, Rows};

use crate::{Error, Result};

/// What something is: named facts, and texts to look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// `corpus`, `run` or `checkpoint`.
    pub kind: &'static str,
    /// Facts by name, in the order in which a person should read them.
    pub facts: Vec<(String, String)>,
    /// Texts with a caption each.
    pub listings: Vec<(String, String)>,
}

impl Summary {
    fn fact(&mut self, name: impl Into<String>, value: impl ToString) {
        self.facts.push((name.into(), value.to_string()));
    }

    /// The summary as text for a terminal.
    pub fn text(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut out: String = self.facts.iter().map(|(name, value)| format!("{name:<width$}  {}\n", printable(value))).collect();
        for (caption, text) in &self.listings {
            out.push_str(&format!("\n── {caption}\n{}\n", printable(text.trim_end())));
        }
        out
    }
}

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The folder of a finished corpus.
    Corpus(PathBuf),
    /// A file of records or rows: `jsonl` or `shard`.
    Rows(PathBuf),
    /// The folder of a run.
    Run(PathBuf),
    /// A file of tensors.
    Checkpoint(PathBuf),
}

impl Target {
    /// Says what `path` is.
    ///
    /// # Errors
    /// It is not there, or none of these.
    pub fn of(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::io("cannot read", path)(std::io::ErrorKind::NotFound.into()));
        }
        if path.is_file() {
            return Ok(if path.extension().is_some_and(|extension| extension == "safetensors") {
                Self::Checkpoint(path.into())
            } else {
                Self::Rows(path.into())
            });
        }
        if path.join("recipe.resolved.toml").exists() {
            return Ok(Self::Run(path.into()));
        }
        if let Some(file) = checkpoint::newest(path)? {
            return Ok(Self::Checkpoint(file));
        }
        if path.join(MANIFEST).exists() {
            return Ok(Self::Corpus(path.into()));
        }
        Err(Error::data(path, "is no corpus, run or checkpoint: it has no manifest.json, recipe.resolved.toml or weights.safetensors"))
    }

    /// What it holds.
    ///
    /// # Errors
    /// A file that cannot be read, or is damaged.
    pub fn summary(&self) -> Result<Summary> {
        match self {
            Self::Corpus(path) => corpus::summary(path),
            Self::Run(path) => run::summary(path),
            Self::Checkpoint(path) => checkpoint::summary(path),
            Self::Rows(path) => row::summary(path),
        }
    }
}

/// A trace beside its text for a terminal: facts, problem, tree, and every statement with the node that it is about and what is wrong with it.
pub fn view_text(view: &View, max_nodes: usize) -> String {
    let mut summary = Summary { kind: "trace", ..Summary::default() };
    summary.fact("trace", &view.title);
    view.facts.iter().for_each(|(name, value)| summary.fact(name, value));
    if let Some(problem) = &view.problem {
        summary.fact("problem", problem);
    }
    let tree = metacot_traces::view::outline(view, max_nodes);
    if !tree.is_empty() {
        summary.listings.push(("tree: order of expansion, action → state (g cost so far, h bound on the rest, f their sum)".into(), tree));
    }
    let mut text = String::new();
    for (index, statement) in view.statements.iter().enumerate() {
        let node = statement.node.map_or(String::new(), |node| format!("#{node}"));
        let prompt = if statement.end <= view.prompt_len && statement.kind != StatementKind::Unreadable { "prompt" } else { "" };
        text.push_str(&format!("{prompt:>6} {node:>6} │ {}\n", &view.text[statement.start..statement.end]));
        for defect in view.defects.iter().filter(|defect| defect.statement == index) {
            text.push_str(&format!("{:>13} ╰ FALSE: {}\n", "", defect.kind));
        }
    }
    for defect in view.defects.iter().filter(|defect| defect.statement >= view.statements.len()) {
        text.push_str(&format!("{:>13} ╰ FALSE: {}\n", "", defect.kind));
    }
    summary.listings.push(("text: node that is told of │ statement".into(), text));
    summary.text()
}

/// Text of others without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(crate::report::visible).collect()
}
