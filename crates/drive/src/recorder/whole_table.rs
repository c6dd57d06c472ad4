//! Small tables with columns that are known only when they are written, as Parquet; and tables of ours read back whole.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::records_file::ReadError;

/// The values of a column, row by row; nothing where a row has none.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers.
    Real(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
}

impl ColumnValues {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            ColumnValues::Int(values) => values.len(),
            ColumnValues::Real(values) => values.len(),
            ColumnValues::Text(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row as text; empty where there is none.
    pub fn cell(&self, row: usize) -> String {
        let text = match self {
            ColumnValues::Int(values) => values.get(row).copied().flatten().map(|value| value.to_string()),
            ColumnValues::Real(values) => values.get(row).copied().flatten().map(|value| value.to_string()),
            ColumnValues::Text(values) => values.get(row).cloned().flatten(),
        };
        text.unwrap_or_default()
    }

    /// The values as numbers; nothing in a row that has none, or a text.
    pub fn numbers(&self) -> Vec<Option<f64>> {
        match self {
            ColumnValues::Int(values) => values.iter().map(|value| value.map(|value| value as f64)).collect(),
            ColumnValues::Real(values) => values.clone(),
            ColumnValues::Text(values) => vec![None; values.len()],
        }
    }

    /// No rows yet of a type; nothing for a type that tables of ours do not have, such as lists.
    fn of_type(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Int64 => Some(ColumnValues::Int(Vec::new())),
            DataType::Float64 => Some(ColumnValues::Real(Vec::new())),
            DataType::Utf8 => Some(ColumnValues::Text(Vec::new())),
            _ => None,
        }
    }

    /// Adds the rows of `array`, which is of this type.
    fn extend(&mut self, array: &dyn Array) {
        match self {
            ColumnValues::Int(values) => {
                values.extend(array.as_primitive_opt::<Int64Type>().into_iter().flatten());
            }
            ColumnValues::Real(values) => {
                values.extend(array.as_primitive_opt::<Float64Type>().into_iter().flatten());
            }
            ColumnValues::Text(values) => {
                let texts = array.as_string_opt::<i32>().into_iter().flatten();
                values.extend(texts.map(|text| text.map(str::to_owned)));
            }
        }
    }

    fn array(&self) -> (DataType, ArrayRef) {
        match self {
            ColumnValues::Int(values) => (DataType::Int64, Arc::new(Int64Array::from(values.clone()))),
            ColumnValues::Real(values) => (DataType::Float64, Arc::new(Float64Array::from(values.clone()))),
            ColumnValues::Text(values) => (DataType::Utf8, Arc::new(StringArray::from(values.clone()))),
        }
    }
}

/// The bytes of a Parquet file with these columns, all of one length.
///
/// # Errors
/// The columns differ in length, or two have one name.
pub fn parquet_bytes(columns: &[(String, ColumnValues)]) -> Result<Vec<u8>, ParquetError> {
    let arrays: Vec<(DataType, ArrayRef)> = columns.iter().map(|(_, values)| values.array()).collect();
    let fields: Vec<Field> = columns
        .iter()
        .zip(&arrays)
        .map(|((name, _), (kind, _))| Field::new(name.clone(), kind.clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), arrays.into_iter().map(|(_, array)| array).collect())?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(bytes)
}

/// A table of ours as stored, such as `series.parquet` or `sweep.parquet`. It is read whole: it has a row for each second
/// or each cell, not for each request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredTable {
    /// Its columns by name, in order. Columns of lists are left out.
    pub columns: Vec<(String, ColumnValues)>,
}

impl StoredTable {
    /// Reads the Parquet file at `path`, of a finished, running or killed run.
    ///
    /// # Errors
    /// It is not there, or not readable.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path)
            .map_err(|source| ReadError::Open { path: path.display().to_string(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let mut columns: Vec<(String, ColumnValues)> = builder
            .schema()
            .fields()
            .iter()
            .filter_map(|field| Some((field.name().clone(), ColumnValues::of_type(field.data_type())?)))
            .collect();
        for batch in builder.build()? {
            let batch = batch?;
            for (name, values) in &mut columns {
                if let Some(array) = batch.column_by_name(name) {
                    values.extend(array.as_ref());
                }
            }
        }
        Ok(StoredTable { columns })
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnValues> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, values)| values)
    }

    /// The numbers of the column of this name.
    pub fn numbers(&self, name: &str) -> Option<Vec<Option<f64>>> {
        self.column(name).map(ColumnValues::numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let columns = [
            ("n".to_owned(), ColumnValues::Int(vec![Some(1), None])),
            ("x".to_owned(), ColumnValues::Real(vec![None, Some(2.5)])),
            ("t".to_owned(), ColumnValues::Text(vec![Some("a".to_owned()), None])),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        std::fs::write(&path, parquet_bytes(&columns).unwrap()).unwrap();
        let stored = StoredTable::read(&path).unwrap();
        assert_eq!(stored.columns, columns);
        assert_eq!(stored.numbers("n"), Some(vec![Some(1.0), None]));
        assert_eq!((stored.numbers("t"), stored.numbers("other")), (Some(vec![None, None]), None));
        assert_eq!((columns[1].1.cell(0), columns[1].1.cell(1)), (String::new(), "2.5".to_owned()));
    }
}
