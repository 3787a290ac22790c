//! Rows of a Parquet file: pages checked first, columns read in steps of some rows, rows put together from their levels.

use std::{fs::File, path::Path};

use metacot_traces::corpus::CorpusError;
use parquet::{
    basic::{ConvertedType, LogicalType},
    column::reader::ColumnReader,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        reader::{FileReader as _, RowGroupReader},
        serialized_reader::SerializedFileReader,
    },
    schema::types::ColumnDescriptor,
};
use serde_json::{Map, Value};

use super::{Allowance, Place, Take, footer, guard::guarded, pages, tree::Tree};

/// First bytes of a Parquet file, and its last.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// Rows that are read at a time.
const STEP: usize = 256;
/// The most columns, nested ones counted.
const MOST_COLUMNS: usize = 1024;
/// The most values of one step in one column: a bound on the lists of a row.
const MOST_STEP_VALUES: usize = 1 << 22;
/// What a value costs that has no bytes.
const VALUE_BYTES: u64 = 4;

pub(super) fn rows(path: &Path, mut file: File, mut allowance: Allowance, take: &mut Take<'_>) -> Result<(), CorpusError> {
    let damaged = |error: ParquetError| CorpusError::data(path, format!("damaged: {error}"));
    let wrong = |reason: String| CorpusError::data(path, reason);
    footer::check(&mut file).map_err(wrong)?;
    let copy = file.try_clone().map_err(CorpusError::io("cannot read", path))?;
    let reader = guarded(|| SerializedFileReader::new(copy)).map_err(wrong)?.map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    if schema.num_columns() > MOST_COLUMNS {
        return Err(wrong(format!("{} columns; expected at most {MOST_COLUMNS}", schema.num_columns())));
    }
    let tree = Tree::of(schema.root_schema()).map_err(wrong)?;
    let mut number = 0;
    for group in 0..reader.num_row_groups() {
        let metadata = reader.metadata().row_group(group);
        for chunk in metadata.columns() {
            pages::check(&mut file, chunk).map_err(|reason| wrong(format!("row group {}, column `{}`: {reason}", group + 1, chunk.column_path())))?;
        }
        let group = guarded(|| reader.get_row_group(group)).map_err(wrong)?.map_err(damaged)?;
        let mut columns = guarded(|| columns(group.as_ref())).map_err(wrong)?.map_err(damaged)?;
        let mut left = usize::try_from(metadata.num_rows()).map_err(|_| wrong("a negative number of rows".into()))?;
        while left > 0 {
            let step = left.min(STEP);
            for column in &mut columns {
                column.read(step, &mut allowance).map_err(|reason| wrong(format!("after row {number}, column `{}`: {reason}", column.name)))?;
            }
            for _ in 0..step {
                number += 1;
                let row = tree.row(&mut columns, &mut allowance).map_err(|reason| wrong(format!("row {number}: {reason}")))?;
                take(Place { unit: "row", number }, Ok(row))?;
            }
            left -= step;
        }
    }
    Ok(())
}

fn columns(group: &dyn RowGroupReader) -> Result<Vec<Column>, ParquetError> {
    let schema = group.metadata().schema_descr_ptr();
    (0..group.num_columns())
        .map(|index| {
            let descriptor = schema.column(index);
            let name = descriptor.path().string();
            let sign = Sign::of(&descriptor);
            Ok(Column { name, levels: Levels::of(&descriptor), sign, reader: group.get_column_reader(index)?, step: Step::default() })
        })
        .collect()
}

/// A column with the values of the current step.
pub(super) struct Column {
    name: String,
    levels: Levels,
    sign: Sign,
    reader: ColumnReader,
    step: Step,
}

/// Its largest levels.
#[derive(Clone, Copy)]
struct Levels {
    definition: i16,
    repetition: i16,
}

impl Levels {
    fn of(descriptor: &ColumnDescriptor) -> Self {
        Self { definition: descriptor.max_def_level(), repetition: descriptor.max_rep_level() }
    }
}

/// What whole numbers mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Signed,
    Unsigned,
    /// The number means something else (a date, a decimal): said as an error of the row that has it.
    Other,
}

impl Sign {
    fn of(descriptor: &ColumnDescriptor) -> Self {
        match (descriptor.logical_type_ref(), descriptor.converted_type()) {
            (Some(LogicalType::Integer(integer)), _) => {
                if integer.is_signed {
                    Self::Signed
                } else {
                    Self::Unsigned
                }
            }
            (_, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => Self::Unsigned,
            (None, ConvertedType::NONE | ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32 | ConvertedType::INT_64) => Self::Signed,
            (Some(LogicalType::String | LogicalType::Json | LogicalType::Enum), _) | (_, ConvertedType::UTF8 | ConvertedType::JSON | ConvertedType::ENUM) => {
                Self::Signed
            }
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct Step {
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<Scalar>,
    at_level: usize,
    at_value: usize,
}

/// A value as it is stored.
#[derive(Clone)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(ByteArray),
    Other,
}

impl Column {
    /// Reads the next `rows` rows.
    fn read(&mut self, rows: usize, allowance: &mut Allowance) -> Result<(), String> {
        let Self { reader, step, levels, sign, .. } = self;
        step.definitions.clear();
        step.repetitions.clear();
        step.values.clear();
        (step.at_level, step.at_value) = (0, 0);
        let num_levels = match reader {
            ColumnReader::BoolColumnReader(reader) => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), Scalar::Bool),
            ColumnReader::Int32ColumnReader(reader) => match sign {
                Sign::Unsigned => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), |value| Scalar::Int(i64::from(value as u32))),
                _ => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), |value| Scalar::Int(value.into())),
            },
            ColumnReader::Int64ColumnReader(reader) => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), Scalar::Int),
            ColumnReader::FloatColumnReader(reader) => {
                fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), |value| Scalar::Float(value.into()))
            }
            ColumnReader::DoubleColumnReader(reader) => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), Scalar::Float),
            ColumnReader::ByteArrayColumnReader(reader) => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), Scalar::Bytes),
            ColumnReader::Int96ColumnReader(reader) => fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), |_| Scalar::Other),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                fill(rows, *levels, step, |rows, d, r, v| reader.read_records(rows, d, r, v), |_| Scalar::Other)
            }
        }?;
        allowance.spend(num_levels as u64 * VALUE_BYTES)
    }

    /// The levels of the next value; `None` after the last of the step.
    pub(super) fn peek(&self) -> Option<(i16, i16)> {
        let at = self.step.at_level;
        let definition = if self.levels.definition == 0 { (at < self.step.values.len()).then_some(0)? } else { *self.step.definitions.get(at)? };
        let repetition = if self.levels.repetition == 0 { 0 } else { *self.step.repetitions.get(at)? };
        Some((definition, repetition))
    }

    /// Takes the next value, or the gap in its place.
    pub(super) fn next(&mut self, allowance: &mut Allowance) -> Result<Value, String> {
        let (definition, _) = self.peek().ok_or_else(|| format!("column `{}` ends too early", self.name))?;
        self.step.at_level += 1;
        if definition < self.levels.definition {
            return Ok(Value::Null);
        }
        let value = self.step.values.get(self.step.at_value).ok_or_else(|| format!("column `{}` has fewer values than levels", self.name))?;
        self.step.at_value += 1;
        Ok(match value {
            Scalar::Other => return Err(format!("column `{}` is of a type that is not read", self.name)),
            Scalar::Int(_) if self.sign == Sign::Other => return Err(format!("column `{}` is of a type that is not read", self.name)),
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Int(value) if self.sign == Sign::Unsigned => Value::from(*value as u64),
            Scalar::Int(value) => Value::from(*value),
            Scalar::Float(value) => Value::from(*value),
            Scalar::Bytes(bytes) => {
                allowance.spend(bytes.len() as u64)?;
                let text = std::str::from_utf8(bytes.data()).map_err(|_| format!("column `{}` is no text in UTF-8", self.name))?;
                Value::String(text.into())
            }
        })
    }
}

/// Reads values with their levels and returns how many levels there are.
fn fill<T: Clone>(
    rows: usize,
    levels: Levels,
    step: &mut Step,
    mut read: impl FnMut(usize, Option<&mut Vec<i16>>, Option<&mut Vec<i16>>, &mut Vec<T>) -> Result<(usize, usize, usize), ParquetError>,
    scalar: impl Fn(T) -> Scalar,
) -> Result<usize, String> {
    let (mut values, mut done, mut num_levels) = (Vec::new(), 0, 0);
    while done < rows {
        let definitions = (levels.definition > 0).then_some(&mut step.definitions);
        let repetitions = (levels.repetition > 0).then_some(&mut step.repetitions);
        let (records, _, read_levels) = guarded(|| read(rows - done, definitions, repetitions, &mut values))?.map_err(|error| format!("damaged: {error}"))?;
        done += records;
        num_levels += read_levels;
        if records == 0 && read_levels == 0 {
            return Err("fewer rows than the file says".into());
        }
        if num_levels > MOST_STEP_VALUES {
            return Err(format!("more than {MOST_STEP_VALUES} values in {rows} rows"));
        }
    }
    step.values.extend(values.into_iter().map(scalar));
    Ok(num_levels)
}

/// A row of a tree of columns.
pub(super) type Row = Map<String, Value>;
