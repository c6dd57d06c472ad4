//! One row group as a piece that can be put anywhere in a Parquet file.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, RowGroupMetaData};
use parquet::file::properties::WriterProperties;

/// Bytes of a Parquet file before its first row group.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// A row group that was encoded as a small Parquet file of its own.
pub(super) struct Segment {
    /// That whole file: to be read again when segments are merged.
    file: Bytes,
    /// End of the row group in it.
    end: usize,
    pub(super) rows: usize,
    group: RowGroupMetaData,
}

impl Segment {
    /// Encodes all rows of `batches` as one row group, if there are any, and gives the schema and notes of its file.
    pub(super) fn encode(
        schema: &SchemaRef,
        properties: &WriterProperties,
        batches: impl IntoIterator<Item = Result<RecordBatch>>,
    ) -> Result<(Option<Segment>, FileMetaData)> {
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, SchemaRef::clone(schema), Some(properties.clone()))?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        let metadata = writer.close()?;
        let frame = metadata.file_metadata().clone();
        let Some(group) = metadata.row_groups().first().cloned() else {
            return Ok((None, frame));
        };
        let ends =
            group.columns().iter().map(ColumnChunkMetaData::byte_range).map(|(start, length)| start + length);
        let segment = Segment {
            end: ends.max().unwrap_or(0) as usize,
            rows: group.num_rows().unsigned_abs() as usize,
            group,
            file: Bytes::from(file),
        };
        Ok((Some(segment), frame))
    }

    /// The bytes of the row group.
    pub(super) fn body(&self) -> &[u8] {
        &self.file[MAGIC.len()..self.end]
    }

    /// The rows again.
    pub(super) fn decode(&self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(self.file.clone())?.with_batch_size(8_192).build()?;
        Ok(reader.map(|batch| batch.map_err(ParquetError::from)))
    }

    /// The row group's metadata for a file in which its bytes begin at `start` and which has `ordinal` groups before.
    pub(super) fn placed(&self, start: u64, ordinal: usize) -> Result<RowGroupMetaData> {
        let moved = start as i64 - MAGIC.len() as i64;
        let move_column = |column: &ColumnChunkMetaData| {
            let dictionary = column.dictionary_page_offset().map(|offset| offset + moved);
            let data = column.data_page_offset() + moved;
            column
                .clone()
                .into_builder()
                .set_data_page_offset(data)
                .set_dictionary_page_offset(dictionary)
                .build()
        };
        let columns = self.group.columns().iter().map(move_column).collect::<Result<Vec<_>>>()?;
        let mut builder = self.group.clone().into_builder();
        builder.take_columns();
        builder
            .set_column_metadata(columns)
            .set_file_offset(start as i64)
            .set_ordinal(i32::try_from(ordinal).unwrap_or(i32::MAX))
            .build()
    }
}
