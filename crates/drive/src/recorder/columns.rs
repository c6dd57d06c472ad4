//! Tables of named columns: how a row of ours becomes cells of a Parquet file.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// One column of a table of `T`s.
pub(crate) struct Column<T> {
    pub(crate) name: &'static str,
    pub(crate) cell: Cell<T>,
}

/// What a cell holds, and how it is read from a row. All but lists may be null.
pub(crate) enum Cell<T> {
    Int(fn(&T) -> Option<i64>),
    Real(fn(&T) -> Option<f64>),
    Text(fn(&T) -> Option<&str>),
    Ints(fn(&T) -> Vec<i64>),
    Reals(fn(&T) -> &[f64]),
}

/// A table: its columns, their types, and how they are written.
pub(crate) struct Table<T: 'static> {
    columns: Vec<&'static Column<T>>,
    pub(super) schema: SchemaRef,
    pub(super) properties: WriterProperties,
}

impl<T> Table<T> {
    /// A table of `columns` whose file carries `notes` as its key-value metadata.
    pub(crate) fn new(columns: Vec<&'static Column<T>>, notes: &[(&str, String)]) -> Self {
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(column.name, column.cell.data_type(), true)).collect();
        let properties = properties(&columns, notes);
        Table { columns, schema: Arc::new(Schema::new(fields)), properties }
    }

    /// The cells of `rows`.
    pub(super) fn batch(&self, rows: &[T]) -> Result<RecordBatch, ArrowError> {
        let cells = self.columns.iter().map(|column| column.cell.array(rows)).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), cells)
    }
}

impl<T> Cell<T> {
    fn data_type(&self) -> DataType {
        match self {
            Cell::Int(_) => DataType::Int64,
            Cell::Real(_) => DataType::Float64,
            Cell::Text(_) => DataType::Utf8,
            Cell::Ints(_) => DataType::List(Arc::new(Field::new("item", DataType::Int64, true))),
            Cell::Reals(_) => DataType::List(Arc::new(Field::new("item", DataType::Float64, true))),
        }
    }

    fn array(&self, rows: &[T]) -> ArrayRef {
        match self {
            Cell::Int(read) => Arc::new(rows.iter().map(read).collect::<Int64Array>()),
            Cell::Real(read) => Arc::new(rows.iter().map(read).collect::<Float64Array>()),
            Cell::Text(read) => Arc::new(rows.iter().map(read).collect::<StringArray>()),
            Cell::Ints(read) => {
                let mut lists = ListBuilder::new(Int64Builder::new());
                for row in rows {
                    lists.values().append_slice(&read(row));
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
            Cell::Reals(read) => {
                let mut lists = ListBuilder::new(Float64Builder::new());
                for row in rows {
                    lists.values().append_slice(read(row));
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
        }
    }
}

/// Whole numbers as differences (instants ascend), texts by dictionary (few differ); no statistics and no page
/// index, so that the footer, which is written every half second, stays small.
fn properties<T>(columns: &[&Column<T>], notes: &[(&str, String)]) -> WriterProperties {
    let notes = notes.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(None)
        .set_key_value_metadata(Some(notes));
    for column in columns {
        let path = ColumnPath::from(column.name);
        builder = match column.cell {
            Cell::Int(_) => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Cell::Real(_) | Cell::Reals(_) => builder,
            Cell::Text(_) => builder.set_column_dictionary_enabled(path, true),
            Cell::Ints(_) => {
                let items =
                    ColumnPath::from(vec![column.name.to_owned(), "list".to_owned(), "item".to_owned()]);
                builder.set_column_encoding(items, Encoding::DELTA_BINARY_PACKED)
            }
        };
    }
    builder.build()
}
