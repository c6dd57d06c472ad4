//! Small tables with columns that are known only when they are written, as Parquet.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

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

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let columns = [
            ("n".to_owned(), ColumnValues::Int(vec![Some(1), None])),
            ("x".to_owned(), ColumnValues::Real(vec![None, Some(2.5)])),
            ("t".to_owned(), ColumnValues::Text(vec![Some("a".to_owned()), None])),
        ];
        let bytes = Bytes::from(parquet_bytes(&columns).unwrap());
        let mut read = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        let batch = read.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(1).as_primitive::<Float64Type>().value(1), 2.5);
        assert_eq!((columns[1].1.cell(0), columns[1].1.cell(1)), (String::new(), "2.5".to_owned()));
    }
}
