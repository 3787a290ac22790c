//! `openrlhf`: `--data.input_key input --data.label_key label`; labels are strings there.

use metacot_traces::corpus::Record;

use super::{Shape, TruthStyle, ground_truth, halves};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"input","label","datasource"}`.
pub struct OpenRlhf;

impl Shape for OpenRlhf {
    fn fields(&self, truth: &Truth) -> Vec<Field> {
        vec![Field::new("input", Kind::Text), Field::new("label", truth.kind()), Field::new("datasource", Kind::Text)]
    }

    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, _) = halves(record)?;
        Ok(vec![Cell::text(prompt), truth.cell(ground_truth(record))?, Cell::owned(format!("metacot/{}", record.env))])
    }

    fn truths(&self) -> &'static [TruthStyle] {
        &[TruthStyle::Json]
    }
}
