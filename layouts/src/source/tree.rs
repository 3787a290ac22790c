//! Rows put together from columns by their levels, as in Dremel (Melnik et al. 2010): structs, lists in two or three levels, repeated values.

use parquet::{
    basic::{ConvertedType, LogicalType, Repetition},
    schema::types::Type,
};
use serde_json::{Map, Value};

use super::{
    Allowance,
    parquet::{Column, Row},
};

/// Deepest nesting that is read.
const MOST_DEPTH: usize = 16;

/// The shape of a row over its columns, which are numbered from left to right.
pub(super) struct Tree {
    fields: Vec<(String, Node)>,
}

enum Node {
    /// A column.
    Leaf(usize),
    /// Null below the definition level.
    Struct { definition: i16, columns: std::ops::Range<usize>, fields: Vec<(String, Node)> },
    /// Null below the definition level, empty at it; elements begin where a value repeats at the repetition level.
    List { definition: i16, repetition: i16, columns: std::ops::Range<usize>, element: Box<Node> },
}

/// Levels and the number of columns so far.
#[derive(Clone, Copy)]
struct Above {
    definition: i16,
    repetition: i16,
    depth: usize,
}

impl Tree {
    /// The tree of a file's schema.
    ///
    /// # Errors
    /// A type that is not read, by name.
    pub(super) fn of(root: &Type) -> Result<Self, String> {
        let mut columns = 0;
        let above = Above { definition: 0, repetition: 0, depth: 0 };
        Ok(Self { fields: members(root, above, &mut columns)? })
    }

    /// The next row.
    ///
    /// # Errors
    /// The columns do not fit together.
    pub(super) fn row(&self, columns: &mut [Column], allowance: &mut Allowance) -> Result<Row, String> {
        let row = object(&self.fields, columns, allowance)?;
        match columns.iter().position(|column| column.peek().is_some_and(|(_, repetition)| repetition > 0)) {
            Some(index) => Err(format!("column {} goes on where the row ends", index + 1)),
            None => Ok(row),
        }
    }
}

fn members(group: &Type, above: Above, columns: &mut usize) -> Result<Vec<(String, Node)>, String> {
    group.get_fields().iter().map(|field| Ok((field.name().to_string(), node(field, above, columns)?))).collect()
}

fn node(of: &Type, above: Above, columns: &mut usize) -> Result<Node, String> {
    if above.depth > MOST_DEPTH {
        return Err(format!("column `{}` is nested deeper than {MOST_DEPTH}", of.name()));
    }
    let above = Above { depth: above.depth + 1, ..above };
    match of.get_basic_info().repetition() {
        Repetition::REQUIRED => value(of, above, columns),
        Repetition::OPTIONAL => value(of, Above { definition: above.definition + 1, ..above }, columns),
        // A repeated value that no list surrounds is a list that cannot be null.
        Repetition::REPEATED => list(of, above, columns, |inside, columns| value(of, inside, columns)),
    }
}

/// What stands at a place that is there.
fn value(of: &Type, above: Above, columns: &mut usize) -> Result<Node, String> {
    if of.is_primitive() {
        *columns += 1;
        return Ok(Node::Leaf(*columns - 1));
    }
    let info = of.get_basic_info();
    if matches!(info.logical_type_ref(), Some(LogicalType::Map)) || matches!(info.converted_type(), ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) {
        return Err(format!("column `{}` is a map, which is not read", of.name()));
    }
    let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List)) || info.converted_type() == ConvertedType::LIST;
    if is_list {
        let [repeated] = of.get_fields() else { return Err(format!("column `{}` is a list of {} parts", of.name(), of.get_fields().len())) };
        if repeated.get_basic_info().repetition() != Repetition::REPEATED {
            return Err(format!("column `{}` is a list that does not repeat", of.name()));
        }
        return list(of, above, columns, |inside, columns| match repeated.is_group().then(|| repeated.get_fields()) {
            // The middle of three levels has one field; else the list has two, and its elements are what repeats.
            Some([element]) if repeated.name() != "array" && !repeated.name().ends_with("_tuple") => node(element, inside, columns),
            _ => value(repeated, inside, columns),
        });
    }
    if of.get_fields().is_empty() {
        return Err(format!("column `{}` has no fields", of.name()));
    }
    let first = *columns;
    let fields = members(of, above, columns)?;
    Ok(Node::Struct { definition: above.definition, columns: first..*columns, fields })
}

fn list(of: &Type, above: Above, columns: &mut usize, element: impl FnOnce(Above, &mut usize) -> Result<Node, String>) -> Result<Node, String> {
    let inside = Above { definition: above.definition + 1, repetition: above.repetition + 1, ..above };
    if inside.depth > MOST_DEPTH {
        return Err(format!("column `{}` is nested deeper than {MOST_DEPTH}", of.name()));
    }
    let first = *columns;
    let element = Box::new(element(inside, columns)?);
    Ok(Node::List { definition: above.definition, repetition: inside.repetition, columns: first..*columns, element })
}

fn object(fields: &[(String, Node)], columns: &mut [Column], allowance: &mut Allowance) -> Result<Map<String, Value>, String> {
    fields.iter().map(|(name, node)| Ok((name.clone(), assemble(node, columns, allowance)?))).collect()
}

fn assemble(node: &Node, columns: &mut [Column], allowance: &mut Allowance) -> Result<Value, String> {
    let peek = |columns: &[Column], first: usize| columns.get(first).and_then(Column::peek).ok_or("a column ends too early");
    match node {
        Node::Leaf(index) => columns.get_mut(*index).ok_or("a column is missing")?.next(allowance),
        Node::Struct { definition, columns: range, fields } => {
            if peek(columns, range.start)?.0 < *definition {
                return skip(range, columns, allowance);
            }
            object(fields, columns, allowance).map(Value::Object)
        }
        Node::List { definition, repetition, columns: range, element } => {
            let (found, _) = peek(columns, range.start)?;
            if found <= *definition {
                skip(range, columns, allowance)?;
                return Ok(if found < *definition { Value::Null } else { Value::Array(Vec::new()) });
            }
            let mut values = Vec::new();
            loop {
                values.push(assemble(element, columns, allowance)?);
                if columns[range.start].peek().is_none_or(|(_, next)| next < *repetition) {
                    return Ok(Value::Array(values));
                }
            }
        }
    }
}

/// Takes the gap in every column of a value that is not there.
fn skip(range: &std::ops::Range<usize>, columns: &mut [Column], allowance: &mut Allowance) -> Result<Value, String> {
    for column in columns.get_mut(range.clone()).ok_or("a column is missing")? {
        column.next(allowance)?;
    }
    Ok(Value::Null)
}
