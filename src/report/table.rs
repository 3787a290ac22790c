//! Tables of typed cells: what a number is decides how every renderer aligns, rounds and labels it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::eval::statistics::Estimate;

/// A table with a caption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What the rows are, with n, k and the meaning of intervals; empty for none.
    pub caption: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows; a short row ends in missing cells, cells beyond the columns are not shown.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new<N: Into<String>>(caption: impl Into<String>, columns: impl IntoIterator<Item = N>) -> Self {
        let columns = columns.into_iter().map(|name| Column { name: name.into() }).collect();
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }

    /// The same with one more row.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }

    /// Whether `column` holds numbers only, and so is aligned to the right.
    pub(super) fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !matches!(cell, Cell::Missing)).peekable();
        cells.peek().is_some() && cells.all(|cell| !matches!(cell, Cell::Text { .. }))
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The heading.
    pub name: String,
}

/// One cell of a table, or a highlighted number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cell {
    /// Not measured, or without meaning here.
    Missing,
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A count.
    Integer {
        /// The count.
        value: i64,
    },
    /// A share, shown in percent with one decimal.
    Percent {
        /// The share, in [0, 1] unless it is a difference.
        measure: Measure,
    },
    /// A quantity.
    Number {
        /// The quantity, in `unit`.
        measure: Measure,
        /// Decimals shown.
        precision: u8,
        /// Unit such as `tokens` or `s`; empty for none.
        unit: String,
    },
}

impl Cell {
    /// The cell in words, with its interval where it has one.
    pub fn words(&self) -> String {
        let (value, interval) = super::number::cell_texts(self);
        interval.map_or_else(|| value.clone(), |interval| format!("{value} {interval}"))
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A count; one beyond the range of `i64` is shown as its end.
    pub fn integer(value: impl TryInto<i64>) -> Self {
        Self::Integer { value: value.try_into().unwrap_or(i64::MAX) }
    }

    /// A share in [0, 1], with an interval when it comes as an [`Estimate`].
    pub fn percent(measure: impl Into<Measure>) -> Self {
        Self::Percent { measure: measure.into() }
    }

    /// A quantity in `unit` (empty for none), shown with `precision` decimals.
    pub fn number(measure: impl Into<Measure>, precision: u8, unit: impl Into<String>) -> Self {
        Self::Number { measure: measure.into(), precision, unit: unit.into() }
    }

    /// The cell that `make` gives for a value, or a missing one.
    pub fn maybe<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Missing, make)
    }
}

/// A number, with its 95 % interval where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The number; not-a-number is shown as missing.
    #[serde(deserialize_with = "null_as_nan")]
    pub value: f64,
    /// The interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// The ends of a 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    #[serde(deserialize_with = "null_as_nan")]
    pub low: f64,
    /// The upper end.
    #[serde(deserialize_with = "null_as_nan")]
    pub high: f64,
}

impl From<f64> for Measure {
    fn from(value: f64) -> Self {
        Self { value, interval: None }
    }
}

impl From<Estimate> for Measure {
    fn from(estimate: Estimate) -> Self {
        Self { value: estimate.value, interval: Some(Interval { low: estimate.low, high: estimate.high }) }
    }
}

/// JSON has no not-a-number: it is written as `null` and read back here.
pub(super) fn null_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
