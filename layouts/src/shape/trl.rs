//! `trl`: prompts for TRL's `GRPOTrainer` and `RLOOTrainer`, which hand every other column to the reward functions.

use metacot_traces::corpus::Record;

use super::{Shape, TruthStyle, ground_truth, halves, int};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"prompt","ground_truth","env","format","id"}`.
pub struct Trl;

impl Shape for Trl {
    fn fields(&self, truth: &Truth) -> Vec<Field> {
        vec![
            Field::new("prompt", Kind::Text),
            Field::new("ground_truth", truth.kind()),
            Field::new("env", Kind::Text),
            Field::new("format", Kind::Text),
            Field::new("id", Kind::Int),
        ]
    }

    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, _) = halves(record)?;
        Ok(vec![Cell::text(prompt), truth.cell(ground_truth(record))?, Cell::text(&record.env), Cell::text(&record.format), int(record.id)?])
    }

    fn truths(&self) -> &'static [TruthStyle] {
        &[TruthStyle::Json, TruthStyle::Struct]
    }
}
