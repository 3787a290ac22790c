//! `verl`: the rows of verl's reinforcement learning, with the nesting that its reward manager takes apart.

use metacot_traces::corpus::Record;

use super::{Shape, TruthStyle, conversation, ground_truth, halves, int, message};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// `{"data_source","prompt":[…],"ability","reward_model":{"style","ground_truth"},"extra_info":{…}}`.
pub struct Verl;

impl Shape for Verl {
    fn fields(&self, truth: &Truth) -> Vec<Field> {
        let text = |name| Field::new(name, Kind::Text);
        vec![
            text("data_source"),
            Field::new("prompt", conversation()),
            text("ability"),
            Field::new("reward_model", Kind::Struct(vec![text("style"), Field::new("ground_truth", truth.kind())])),
            Field::new(
                "extra_info",
                Kind::Struct(vec![text("split"), Field::new("index", Kind::Int), text("env"), text("format"), text("transform"), text("problem")]),
            ),
        ]
    }

    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let (prompt, _) = halves(record)?;
        Ok(vec![
            Cell::owned(format!("metacot/{}", record.env)),
            Cell::List(vec![message("user", prompt)]),
            Cell::text("search"),
            Cell::Struct(vec![Cell::text("rule"), truth.cell(ground_truth(record))?]),
            Cell::Struct(vec![
                Cell::text(record.split.name()),
                int(record.id)?,
                Cell::text(&record.env),
                Cell::text(&record.format),
                record.transform.as_deref().map_or(Cell::Null, Cell::text),
                Cell::owned(record.problem.to_string()),
            ]),
        ])
    }

    fn truths(&self) -> &'static [TruthStyle] {
        &[TruthStyle::Struct, TruthStyle::Json]
    }
}
