//! `messages`: a conversation of two turns, as chat trainers read it (TRL, verl's supervised trainer, open-instruct).

use metacot_traces::corpus::Record;

use super::{Shape, conversation, halves, message};
use crate::{
    cell::{Cell, Field},
    truth::Truth,
};

/// `{"messages":[{"role":"user","content"},{"role":"assistant","content"}]}`.
pub struct Messages;

impl Shape for Messages {
    fn fields(&self, _: &Truth) -> Vec<Field> {
        vec![Field::new("messages", conversation())]
    }

    fn row<'r>(&self, record: &'r Record, _: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, completion) = halves(record)?;
        Ok(vec![Cell::List(vec![message("user", prompt), message("assistant", completion)])])
    }
}
