//! `open-instruct`: rows for its verifiable rewards; `dataset` is the name of the verifier, `ground_truth` a string.

use metacot_traces::corpus::Record;

use super::{Shape, TruthStyle, conversation, ground_truth, halves, message};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"messages":[{"role":"user","content"}],"ground_truth","dataset"}`.
pub struct OpenInstruct;

impl Shape for OpenInstruct {
    fn fields(&self, truth: &Truth) -> Vec<Field> {
        vec![Field::new("messages", conversation()), Field::new("ground_truth", truth.kind()), Field::new("dataset", Kind::Text)]
    }

    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, _) = halves(record)?;
        Ok(vec![Cell::List(vec![message("user", prompt)]), truth.cell(ground_truth(record))?, Cell::owned(format!("metacot_{}", record.env))])
    }

    fn truths(&self) -> &'static [TruthStyle] {
        &[TruthStyle::Json]
    }
}
