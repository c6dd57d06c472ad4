//! Keeps what happened: the results folder, files that are whole at every instant, the live view, the summary.

mod columns;
mod error;
mod folder;
mod handle;
mod live;
mod parquet_file;
mod punctual;
mod records_file;
mod records_table;
mod segment;
mod series;
mod spares;
mod stored_spec;
mod utc;
mod whole_table;
mod worker;

pub(crate) use columns::{Cell, Column, Table};
pub use error::RecorderError;
pub use folder::{RunFolder, new_folder, write_whole};
pub use handle::{Batch, CountTokens, Finished, Options, RecordSink, Recorder, RecorderHandle, RunEnd};
pub use live::{LiveError, LiveSnapshot};
pub(crate) use parquet_file::ParquetFile;
pub use records_file::{ReadError, RecordsFile};
pub use records_table::RECORDS_FORMAT;
pub use series::{WindowRow, WindowSink};
pub use stored_spec::{StoredApi, StoredSpec, StoredSpecError, StoredTarget};
pub use utc::rfc3339;
pub use whole_table::{ColumnValues, StoredTable, parquet_bytes};
