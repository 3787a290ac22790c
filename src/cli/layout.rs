//! `--layout`: how a corpus is laid out, for every command that writes one.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use metacot_layouts::{Bytes, Encoder, Layout};

use crate::{Error, Result, tokenizer::Tokenizer};

// No documentation comments here: they would become the help of the commands that take these options.
#[derive(Debug, Args)]
pub(super) struct LayoutArgs {
    /// Layout of the corpus: jsonl, jsonl.zst, jsonl.gz, parquet, shard, tokens, hf, or the rows of a trainer: text, prompt-completion,
    /// messages, trl, verl, open-instruct, openrlhf, openai-rft (in another container as trl.jsonl.zst).
    #[arg(long, default_value = "parquet")]
    pub(super) layout: String,
    #[command(flatten)]
    options: LayoutOptions,
}

// What some layouts ask for.
#[derive(Debug, Args)]
pub(super) struct LayoutOptions {
    /// Ground truth of trl, verl and openai-rft: struct (columns of its own) or json (a string).
    #[arg(long, value_name = "STYLE")]
    ground_truth: Option<String>,
    /// Tokenizer of the layout tokens: the tokenizer.json of a run, or bytes.
    #[arg(long, default_value = "bytes", value_name = "PATH")]
    tokenizer: PathBuf,
}

impl LayoutArgs {
    pub(super) fn layout(&self) -> Result<Layout> {
        self.options.layout(&self.layout)
    }
}

impl LayoutOptions {
    /// The layout called `name`.
    pub(super) fn layout(&self, name: &str) -> Result<Layout> {
        let encoder: Arc<dyn Encoder> =
            if self.tokenizer.as_os_str() == "bytes" { Arc::new(Bytes) } else { Arc::new(Closed(Tokenizer::load(&self.tokenizer)?)) };
        Layout::parse(name, self.ground_truth.as_deref(), &encoder).map_err(Error::Usage)
    }
}

/// A closed vocabulary; a document is text that it can say in full, between its begin and end marks.
struct Closed(Tokenizer);

impl Encoder for Closed {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) -> std::result::Result<(), String> {
        ids.push(Tokenizer::BOS);
        ids.extend(self.0.encode_strict(text).map_err(|unknown| unknown.to_string())?);
        Ok(())
    }

    fn end(&self) -> u32 {
        Tokenizer::EOS
    }

    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }
}
