//! Rows taken apart into columns, and the schema that says how to put them together again.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::writer::SerializedRowGroupWriter,
    schema::types::{Type, TypePtr},
};

use crate::cell::{Cell, Field, Kind};

/// The message type of rows with these fields.
pub(super) fn schema(fields: &[Field]) -> Result<Type, ParquetError> {
    Type::group_type_builder("row").with_fields(members(fields)?).build()
}

fn members(fields: &[Field]) -> Result<Vec<TypePtr>, ParquetError> {
    fields.iter().map(|field| Ok(Arc::new(column(&field.name, &field.kind)?))).collect()
}

fn column(name: &str, kind: &Kind) -> Result<Type, ParquetError> {
    let primitive = |physical| Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    match kind {
        Kind::Bool => primitive(Physical::BOOLEAN).build(),
        Kind::Int => primitive(Physical::INT64).build(),
        Kind::Text | Kind::Json => {
            primitive(Physical::BYTE_ARRAY).with_converted_type(ConvertedType::UTF8).with_logical_type(Some(LogicalType::String)).build()
        }
        Kind::List(element) => {
            let element = Arc::new(column("element", element)?);
            let repeated = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]).build()?;
            Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_converted_type(ConvertedType::LIST)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(repeated)])
                .build()
        }
        Kind::Struct(fields) => Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL).with_fields(members(fields)?).build(),
    }
}

/// The columns of the rows since the last row group.
pub(super) struct Columns {
    fields: Vec<Field>,
    leaves: Vec<Leaf>,
    bytes: usize,
}

/// One column: levels for every value or gap, and the values.
#[derive(Default)]
struct Leaf {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
}

#[derive(Default)]
enum Values {
    #[default]
    None,
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Texts {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
}

/// Where in the nesting a value stands: its definition level so far, its repetition level, and how many lists are around it.
#[derive(Clone, Copy)]
struct Place {
    definition: i16,
    repetition: i16,
    lists: i16,
}

impl Columns {
    pub(super) fn new(fields: &[Field]) -> Self {
        let mut leaves = Vec::new();
        fields.iter().for_each(|field| add_leaves(&field.kind, &mut leaves));
        Self { fields: fields.to_vec(), leaves, bytes: 0 }
    }

    /// Bytes of values and levels that wait to be written; 0 where no row does.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row in.
    ///
    /// # Errors
    /// A cell is not of the kind of its field.
    pub(super) fn push(&mut self, row: &[Cell<'_>]) -> Result<(), String> {
        let mut leaf = 0;
        let place = Place { definition: 0, repetition: 0, lists: 0 };
        for (field, cell) in self.fields.iter().zip(row) {
            leaf += shred(&field.kind, cell, place, &mut self.leaves[leaf..], &mut self.bytes).map_err(|reason| format!("{}: {reason}", field.name))?;
        }
        Ok(())
    }

    /// Writes and forgets all rows.
    pub(super) fn write<W: std::io::Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<(), ParquetError> {
        for leaf in &mut self.leaves {
            let mut column = group.next_column()?.expect("the schema has as many columns");
            let (definitions, repetitions) = (Some(leaf.definitions.as_slice()), Some(leaf.repetitions.as_slice()));
            match (column.untyped(), &mut leaf.values) {
                (ColumnWriter::BoolColumnWriter(column), Values::Bools(values)) => {
                    column.write_batch(values, definitions, repetitions)?;
                    values.clear();
                }
                (ColumnWriter::Int64ColumnWriter(column), Values::Ints(values)) => {
                    column.write_batch(values, definitions, repetitions)?;
                    values.clear();
                }
                (ColumnWriter::ByteArrayColumnWriter(column), Values::Texts { bytes, ends }) => {
                    let bytes = Bytes::from(std::mem::take(bytes));
                    let mut start = 0;
                    let values: Vec<ByteArray> = ends.iter().map(|end| ByteArray::from(bytes.slice(std::mem::replace(&mut start, *end)..*end))).collect();
                    column.write_batch(&values, definitions, repetitions)?;
                    ends.clear();
                }
                _ => return Err(ParquetError::General("a column is of another type than its schema".into())),
            }
            column.close()?;
            leaf.definitions.clear();
            leaf.repetitions.clear();
        }
        self.bytes = 0;
        Ok(())
    }
}

fn add_leaves(kind: &Kind, leaves: &mut Vec<Leaf>) {
    let values = match kind {
        Kind::Bool => Values::Bools(Vec::new()),
        Kind::Int => Values::Ints(Vec::new()),
        Kind::Text | Kind::Json => Values::Texts { bytes: Vec::new(), ends: Vec::new() },
        Kind::List(element) => return add_leaves(element, leaves),
        Kind::Struct(fields) => return fields.iter().for_each(|field| add_leaves(&field.kind, leaves)),
    };
    leaves.push(Leaf { values, ..Leaf::default() });
}

fn num_leaves(kind: &Kind) -> usize {
    match kind {
        Kind::Bool | Kind::Int | Kind::Text | Kind::Json => 1,
        Kind::List(element) => num_leaves(element),
        Kind::Struct(fields) => fields.iter().map(|field| num_leaves(&field.kind)).sum(),
    }
}

/// Appends a value to the first columns of `leaves` and returns how many that are.
fn shred(kind: &Kind, cell: &Cell<'_>, place: Place, leaves: &mut [Leaf], bytes: &mut usize) -> Result<usize, String> {
    let inside = Place { definition: place.definition + 1, ..place };
    match (kind, cell) {
        (_, Cell::Null) => Ok(gap(kind, place, leaves, bytes)),
        (Kind::Struct(fields), Cell::Struct(cells)) if fields.len() == cells.len() => {
            let mut used = 0;
            for (field, cell) in fields.iter().zip(cells) {
                used += shred(&field.kind, cell, inside, &mut leaves[used..], bytes)?;
            }
            Ok(used)
        }
        (Kind::List(element), Cell::List(cells)) => {
            let mut inside = Place { definition: place.definition + 2, lists: place.lists + 1, ..place };
            if cells.is_empty() {
                return Ok(gap(element, Place { definition: place.definition + 1, ..place }, leaves, bytes));
            }
            for cell in cells {
                shred(element, cell, inside, leaves, bytes)?;
                inside.repetition = inside.lists;
            }
            Ok(num_leaves(element))
        }
        (_, cell) => {
            let leaf = &mut leaves[0];
            *bytes += 4 + match (&mut leaf.values, cell) {
                (Values::Bools(values), Cell::Bool(value)) => {
                    values.push(*value);
                    1
                }
                (Values::Ints(values), Cell::Int(value)) => {
                    values.push(*value);
                    8
                }
                (Values::Texts { bytes, ends }, Cell::Text(text)) => {
                    bytes.extend_from_slice(text.as_bytes());
                    ends.push(bytes.len());
                    text.len() + 8
                }
                _ => return Err(format!("{cell:?} is no value of {kind:?}")),
            };
            leaf.definitions.push(inside.definition);
            leaf.repetitions.push(place.repetition);
            Ok(1)
        }
    }
}

/// Notes that nothing stands here, in all columns below.
fn gap(kind: &Kind, place: Place, leaves: &mut [Leaf], bytes: &mut usize) -> usize {
    let used = num_leaves(kind);
    for leaf in &mut leaves[..used] {
        leaf.definitions.push(place.definition);
        leaf.repetitions.push(place.repetition);
        *bytes += 4;
    }
    used
}
