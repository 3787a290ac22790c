//! `text`: one column, as language models are pre-trained and as TRL's `SFTTrainer` reads it.

use metacot_traces::corpus::Record;

use super::Shape;
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"text"}`.
pub struct Text;

impl Shape for Text {
    fn fields(&self, _: &Truth) -> Vec<Field> {
        vec![Field::new("text", Kind::Text)]
    }

    fn row<'r>(&self, record: &'r Record, _: &Truth) -> Result<Vec<Cell<'r>>, String> {
        Ok(vec![Cell::text(&record.text)])
    }
}
