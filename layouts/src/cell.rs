//! Rows as typed cells: what a shape makes of a record, and what every container writes, so that JSON lines and Parquet hold the same.

use std::borrow::Cow;

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

/// What a cell holds. Every value can also be null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// Text.
    Text,
    /// JSON: written as it is into JSON lines, and as its text into Parquet, which has no type for values of any shape.
    Json,
    /// A list of values of one kind.
    List(Box<Self>),
    /// Named values.
    Struct(Vec<Field>),
}

impl Kind {
    /// A list of this kind.
    pub fn list(self) -> Self {
        Self::List(Box::new(self))
    }
}

/// A named value of a row or a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// A value, borrowed from the record where possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Text`] or [`Kind::Json`].
    Text(Cow<'a, str>),
    /// Of [`Kind::List`].
    List(Vec<Self>),
    /// Of [`Kind::Struct`], in the order of its fields.
    Struct(Vec<Self>),
}

impl<'a> Cell<'a> {
    /// Borrowed text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Text of its own.
    pub fn owned(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// The texts of a list.
    pub fn texts(texts: &'a [String]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text)).collect())
    }
}

/// A row as one JSON object.
pub struct JsonRow<'r, 'a> {
    /// Names and kinds.
    pub fields: &'r [Field],
    /// As many cells.
    pub cells: &'r [Cell<'a>],
}

impl Serialize for JsonRow<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (field, cell) in self.fields.iter().zip(self.cells) {
            map.serialize_entry(&field.name, &JsonCell { kind: &field.kind, cell })?;
        }
        map.end()
    }
}

struct JsonCell<'r, 'a> {
    kind: &'r Kind,
    cell: &'r Cell<'a>,
}

impl Serialize for JsonCell<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.cell) {
            (_, Cell::Null) => serializer.serialize_unit(),
            (_, Cell::Bool(value)) => serializer.serialize_bool(*value),
            (_, Cell::Int(value)) => serializer.serialize_i64(*value),
            (Kind::Json, Cell::Text(text)) => serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer),
            (_, Cell::Text(text)) => serializer.serialize_str(text),
            (Kind::List(kind), Cell::List(cells)) => {
                let mut list = serializer.serialize_seq(Some(cells.len()))?;
                for cell in cells {
                    list.serialize_element(&JsonCell { kind, cell })?;
                }
                list.end()
            }
            (Kind::Struct(fields), Cell::Struct(cells)) => JsonRow { fields, cells }.serialize(serializer),
            (kind, cell) => Err(S::Error::custom(format!("{cell:?} is no value of {kind:?}"))),
        }
    }
}
