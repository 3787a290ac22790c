//! `prompt-completion`: TRL trains on the completion alone.

use metacot_traces::corpus::Record;

use super::{Shape, halves};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"prompt","completion"}`.
pub struct PromptCompletion;

impl Shape for PromptCompletion {
    fn fields(&self, _: &Truth) -> Vec<Field> {
        vec![Field::new("prompt", Kind::Text), Field::new("completion", Kind::Text)]
    }

    fn row<'r>(&self, record: &'r Record, _: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, completion) = halves(record)?;
        Ok(vec![Cell::text(prompt), Cell::text(completion)])
    }
}
