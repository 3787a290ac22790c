//! `openai-rft`: a conversation that ends with the user, and fields that a grader addresses as `{{item.…}}`.

use metacot_traces::corpus::Record;

use super::{Shape, TruthStyle, conversation, ground_truth, halves, int, message};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"messages":[{"role":"user","content"}],"ground_truth","reference_answer","env","format","id"}`; the reference answer is the plan of
/// the search, its actions parted by `; `, or null where it has none.
pub struct OpenaiRft;

impl Shape for OpenaiRft {
    fn fields(&self, truth: &Truth) -> Vec<Field> {
        let text = |name| Field::new(name, Kind::Text);
        vec![
            Field::new("messages", conversation()),
            Field::new("ground_truth", truth.kind()),
            text("reference_answer"),
            text("env"),
            text("format"),
            Field::new("id", Kind::Int),
        ]
    }

    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, _) = halves(record)?;
        Ok(vec![
            Cell::List(vec![message("user", prompt)]),
            truth.cell(ground_truth(record))?,
            record.plan.as_ref().map_or(Cell::Null, |plan| Cell::owned(plan.join("; "))),
            Cell::text(&record.env),
            Cell::text(&record.format),
            int(record.id)?,
        ])
    }

    fn container(&self) -> &'static str {
        "jsonl"
    }

    fn truths(&self) -> &'static [TruthStyle] {
        &[TruthStyle::Struct, TruthStyle::Json]
    }
}
