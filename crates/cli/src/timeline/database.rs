//! The SQLite database that Nsight Systems exports: its tables, whose columns differ from version to version.

use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How to get one.
pub(super) const EXPORT: &str = "export the report with `nsys export --type sqlite FILE.nsys-rep`";

/// An open database.
pub(super) struct Database(Connection);

/// A table with the columns that it has.
pub(super) struct Table {
    name: &'static str,
    columns: Vec<String>,
}

impl Database {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// It cannot be read, or is no such database: what is wrong, and what to do.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let mut head = Vec::new();
        let mut file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
        let read = file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head);
        read.map_err(|error| format!("cannot be read: {error}"))?;
        match head.as_slice() {
            [] => return Err(format!("is empty: {EXPORT}")),
            head if head != MAGIC => return Err(format!("is no SQLite database: {EXPORT}")),
            _ => {}
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags).map(Database).map_err(|error| broken(&error))
    }

    /// The table of this name; nothing if there is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub(super) fn table(&self, name: &'static str) -> Result<Option<Table>, String> {
        let columns = self.rows("SELECT name FROM pragma_table_info(?1)", [name], |row| row.get(0))?;
        Ok((!columns.is_empty()).then_some(Table { name, columns }))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// The database is damaged, or has other types than expected.
    pub(super) fn rows<T>(
        &self,
        query: &str,
        with: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, String> {
        let mut statement = self.0.prepare(query).map_err(|error| broken(&error))?;
        let rows = statement.query_map(with, row).map_err(|error| broken(&error))?;
        rows.collect::<Result<_, _>>().map_err(|error| broken(&error))
    }
}

fn broken(error: &rusqlite::Error) -> String {
    format!("cannot be used: {error}; {EXPORT}")
}

impl Table {
    /// The first of these columns that it has, quoted.
    pub(super) fn column(&self, names: &[&str]) -> Option<String> {
        let found = names.iter().find(|name| self.columns.iter().any(|known| known == *name))?;
        Some(format!("\"{found}\""))
    }

    /// The same, of a column that must be there.
    ///
    /// # Errors
    /// It is not: what there is.
    pub(super) fn needed(&self, names: &[&str]) -> Result<String, String> {
        self.column(names).ok_or_else(|| {
            format!(
                "is of a version that this program does not know: its table {} has no column {}, but {}",
                self.name,
                names.join(" or "),
                self.columns.join(", ")
            )
        })
    }

    /// A query of these columns.
    pub(super) fn select(&self, columns: &[String]) -> String {
        format!("SELECT {} FROM \"{}\"", columns.join(", "), self.name)
    }
}
