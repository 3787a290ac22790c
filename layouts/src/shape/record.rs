//! `record`: everything, as our own corpora have it.

use metacot_traces::{StopReason, corpus::Record};

use super::{Shape, int};
use crate::{
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// The fields of a [`Record`], in their order.
pub struct WholeRecord;

impl Shape for WholeRecord {
    fn fields(&self, _: &Truth) -> Vec<Field> {
        let text = |name| Field::new(name, Kind::Text);
        let int = |name| Field::new(name, Kind::Int);
        vec![
            int("id"),
            text("env"),
            text("search"),
            text("format"),
            text("transform"),
            text("split"),
            text("canonical_key"),
            Field::new("problem", Kind::Json),
            text("text"),
            int("prompt_len"),
            Field::new("plan", Kind::Text.list()),
            int("cost"),
            text("stop"),
            int("expanded"),
            int("generated"),
            Field::new("loss_spans", Kind::Int.list().list()),
        ]
    }

    fn row<'r>(&self, record: &'r Record, _: &Truth) -> Result<Vec<Cell<'r>>, String> {
        let span = |(from, to): &(u64, u64)| Ok(Cell::List(vec![int(*from)?, int(*to)?]));
        Ok(vec![
            int(record.id)?,
            Cell::text(&record.env),
            Cell::text(&record.search),
            Cell::text(&record.format),
            record.transform.as_deref().map_or(Cell::Null, Cell::text),
            Cell::text(record.split.name()),
            Cell::text(&record.canonical_key),
            Cell::owned(record.problem.to_string()),
            Cell::text(&record.text),
            int(record.prompt_len)?,
            record.plan.as_deref().map_or(Cell::Null, Cell::texts),
            record.cost.map_or(Cell::Null, |cost| Cell::Int(cost.into())),
            Cell::text(stop_name(record.stop)),
            int(record.expanded)?,
            int(record.generated)?,
            Cell::List(record.loss_spans.iter().map(span).collect::<Result<_, String>>()?),
        ])
    }
}

fn stop_name(stop: StopReason) -> &'static str {
    match stop {
        StopReason::Solved => "solved",
        StopReason::Exhausted => "exhausted",
        StopReason::Budget => "budget",
        StopReason::None => "none",
    }
}
