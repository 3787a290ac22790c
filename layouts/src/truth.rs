//! The ground truth of a row: the problem, as a struct with columns of its own or as one JSON string.
//!
//! A struct has one type for a whole file, so its type is that of the problems which the file begins with; JSON text goes with anything.

use serde_json::Value;

use crate::cell::{Cell, Field, Kind};

/// How a problem is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// As its JSON text; an answer that is text already stays as it is.
    Json,
    /// As a value of this kind.
    Struct(Kind),
}

impl Truth {
    /// The kind of the column.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Json => Kind::Text,
            Self::Struct(kind) => kind.clone(),
        }
    }

    /// The cell of a problem.
    ///
    /// # Errors
    /// The problem is not of the struct's type; names the place.
    pub fn cell<'a>(&self, problem: &'a Value) -> Result<Cell<'a>, String> {
        match self {
            Self::Json => Ok(match problem {
                Value::String(answer) => Cell::text(answer),
                problem => Cell::owned(problem.to_string()),
            }),
            Self::Struct(kind) => cell(kind, problem, "ground_truth"),
        }
    }
}

/// The least kind that holds both, if there is one; `None` stands for "only nulls so far".
pub(crate) fn widen(kind: Option<Kind>, value: &Value) -> Result<Option<Kind>, String> {
    Ok(match (kind, value) {
        (kind, Value::Null) => kind,
        (None | Some(Kind::Bool), Value::Bool(_)) => Some(Kind::Bool),
        (None | Some(Kind::Int), Value::Number(number)) if number.is_i64() => Some(Kind::Int),
        (None | Some(Kind::Text), Value::String(_)) => Some(Kind::Text),
        (kind @ (None | Some(Kind::List(_))), Value::Array(values)) => {
            let mut element = match kind {
                Some(Kind::List(element)) => Some(*element),
                _ => None,
            };
            for value in values {
                element = widen(element, value)?;
            }
            // A list that is empty so far: no problem of ours has a list that is always empty.
            element.map(Kind::list)
        }
        (kind @ (None | Some(Kind::Struct(_))), Value::Object(map)) => {
            let mut fields = match kind {
                Some(Kind::Struct(fields)) => fields,
                _ => Vec::new(),
            };
            for (name, value) in map {
                match fields.iter_mut().find(|field| field.name == *name) {
                    Some(field) => {
                        if let Some(wider) = widen(Some(field.kind.clone()), value)? {
                            field.kind = wider;
                        }
                    }
                    None => fields.extend(widen(None, value)?.map(|kind| Field::new(name, kind))),
                }
            }
            Some(Kind::Struct(fields))
        }
        (Some(kind), value) => return Err(format!("{value} beside values of {}", name(&kind))),
        (None, value) => return Err(format!("{value} is not of a type that a struct can have")),
    })
}

fn cell<'a>(kind: &Kind, value: &'a Value, place: &str) -> Result<Cell<'a>, String> {
    let misfit = || Err(format!("{place} is {value}, where earlier records have {}", name(kind)));
    Ok(match (kind, value) {
        (_, Value::Null) => Cell::Null,
        (Kind::Bool, Value::Bool(value)) => Cell::Bool(*value),
        (Kind::Int, Value::Number(number)) => match number.as_i64() {
            Some(number) => Cell::Int(number),
            None => return misfit(),
        },
        (Kind::Text, Value::String(text)) => Cell::text(text),
        (Kind::List(kind), Value::Array(values)) => Cell::List(values.iter().map(|value| cell(kind, value, place)).collect::<Result<_, _>>()?),
        (Kind::Struct(fields), Value::Object(map)) => {
            // An empty list in a field that has no type yet says nothing that is lost.
            let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if let Some((name, _)) = map.iter().find(|(name, value)| !is_empty(value) && !fields.iter().any(|field| field.name == **name)) {
                return Err(format!("{place} has a field `{name}`, which earlier records lack"));
            }
            let get = |field: &Field| map.get(&field.name).map_or(Ok(Cell::Null), |value| cell(&field.kind, value, &format!("{place}.{}", field.name)));
            Cell::Struct(fields.iter().map(get).collect::<Result<_, _>>()?)
        }
        _ => return misfit(),
    })
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "booleans",
        Kind::Int => "whole numbers",
        Kind::Text | Kind::Json => "text",
        Kind::List(_) => "lists",
        Kind::Struct(_) => "objects",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_is_widened_by_fields_and_empty_lists_and_refuses_the_rest() {
        let mut kind = widen(None, &json!({"walls": [], "start": [0, 1]})).unwrap();
        kind = widen(kind, &json!({"walls": [[1, 2]], "rules": "sos"})).unwrap();
        let kind = kind.unwrap();
        let expected = vec![Field::new("start", Kind::Int.list()), Field::new("rules", Kind::Text), Field::new("walls", Kind::Int.list().list())];
        assert_eq!(kind, Kind::Struct(expected));
        assert!(widen(Some(kind.clone()), &json!({"start": "a"})).is_err());
        let truth = Truth::Struct(kind);
        assert_eq!(truth.cell(&json!({"walls": []})).unwrap(), Cell::Struct(vec![Cell::Null, Cell::Null, Cell::List(Vec::new())]));
        assert!(truth.cell(&json!({"other": 1})).unwrap_err().contains("`other`"));
        assert!(truth.cell(&json!({"start": [1.5]})).unwrap_err().contains("ground_truth.start"));
    }
}
