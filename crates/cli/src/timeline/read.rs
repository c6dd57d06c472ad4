//! From the tables of an export to what ran when.
//!
//! Times of events are nanoseconds since the session began, whose moment `TARGET_INFO_SESSION_START_TIME` has. Tables are
//! there only if there is something in them: <https://docs.nvidia.com/nsight-systems/UserGuide/index.html>, "SQLite Schema
//! Reference".

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::database::{Database, EXPORT, Table};
use super::{Event, Kind, Moment, Timeline, merged};
use crate::exit::UsageError;

/// Kinds of copies by CUPTI's numbers, for exports without a table of them.
const COPIES: [&str; 11] = [
    "unknown",
    "host to device",
    "device to host",
    "host to array",
    "array to host",
    "array to array",
    "array to device",
    "device to array",
    "device to device",
    "host to host",
    "device to another device",
];

/// A century: what is further from the start of a session is damage.
const FAR: Moment = 100 * 365 * 86_400 * 1_000_000_000;

impl Timeline {
    /// Reads an exported timeline.
    ///
    /// # Errors
    /// It is no export of Nsight Systems, or nothing of CUDA is in it.
    pub(crate) fn read(path: &Path) -> Result<Timeline, UsageError> {
        Self::from_database(path).map_err(|why| UsageError(format!("--nsys: `{}` {why}", path.display())))
    }

    fn from_database(path: &Path) -> Result<Timeline, String> {
        let database = Database::open(path)?;
        let mut reader =
            Reader { database, names: Names::default(), events: Vec::new(), spans: BTreeMap::new() };
        reader.kernels()?;
        reader.graphs()?;
        reader.copies()?;
        reader.fills()?;
        let Some(first) = reader.events.iter().map(|event| event.start).min() else {
            return Err(format!(
                "has nothing of CUDA: neither kernels (CUPTI_ACTIVITY_KIND_KERNEL) nor copies; profile with \
                 `--trace=cuda`, then {EXPORT}"
            ));
        };
        let last = reader.events.iter().map(|event| event.end).max().unwrap_or(first);
        Ok(Timeline {
            file: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            began: reader.began()?,
            traced: reader.traced(first, last)?,
            names: reader.names.all,
            events: reader.events,
            busy: reader.spans.into_iter().map(|(device, spans)| (device, merged(spans))).collect(),
        })
    }
}

struct Reader {
    database: Database,
    names: Names,
    events: Vec<Event>,
    spans: BTreeMap<i64, Vec<(Moment, Moment)>>,
}

/// The names of what ran, each once.
#[derive(Default)]
struct Names {
    all: Vec<(Kind, String)>,
    places: HashMap<(Kind, String), u32>,
}

impl Names {
    fn place(&mut self, kind: Kind, name: String) -> u32 {
        *self.places.entry((kind, name)).or_insert_with_key(|key| {
            self.all.push(key.clone());
            self.all.len() as u32 - 1
        })
    }
}

/// A row of any table of things that ran: start, end, accelerator, number of its name, bytes.
type Row = (Option<i64>, Option<i64>, i64, i64, i64);

impl Reader {
    fn kernels(&mut self) -> Result<(), String> {
        let Some(table) = self.database.table("CUPTI_ACTIVITY_KIND_KERNEL")? else { return Ok(()) };
        let name = table.needed(&["shortName", "demangledName"])?;
        let rows = self.rows(&table, &name, None)?;
        let strings = self.labels("StringIds", "value")?;
        self.add(rows, Kind::Kernel, |id| {
            strings.get(&id).cloned().unwrap_or_else(|| format!("kernel {id}"))
        });
        Ok(())
    }

    /// Graphs whose kernels were not traced one by one, which is the profiler's default.
    fn graphs(&mut self) -> Result<(), String> {
        let Some(table) = self.database.table("CUPTI_ACTIVITY_KIND_GRAPH_TRACE")? else { return Ok(()) };
        let rows = self.rows(&table, "0", None)?;
        self.add(rows, Kind::Kernel, |_| "CUDA graphs, each traced as one".to_owned());
        Ok(())
    }

    fn copies(&mut self) -> Result<(), String> {
        let Some(table) = self.database.table("CUPTI_ACTIVITY_KIND_MEMCPY")? else { return Ok(()) };
        let kind = table.needed(&["copyKind"])?;
        let rows = self.rows(&table, &kind, Some("bytes"))?;
        let labels = self.labels("ENUM_CUDA_MEMCPY_OPER", "label")?;
        let known = |id: i64| usize::try_from(id).ok().and_then(|id| COPIES.get(id)).copied();
        self.add(rows, Kind::Memory, |id| {
            labels.get(&id).cloned().unwrap_or_else(|| known(id).unwrap_or(COPIES[0]).to_owned())
        });
        Ok(())
    }

    fn fills(&mut self) -> Result<(), String> {
        let Some(table) = self.database.table("CUPTI_ACTIVITY_KIND_MEMSET")? else { return Ok(()) };
        let rows = self.rows(&table, "0", Some("bytes"))?;
        self.add(rows, Kind::Memory, |_| "fill".to_owned());
        Ok(())
    }

    fn rows(&self, table: &Table, name: &str, bytes: Option<&str>) -> Result<Vec<Row>, String> {
        let or_none = |column: Option<String>| column.unwrap_or_else(|| "0".to_owned());
        let columns = [
            table.needed(&["start"])?,
            table.needed(&["end"])?,
            or_none(table.column(&["deviceId"])),
            name.to_owned(),
            or_none(bytes.and_then(|bytes| table.column(&[bytes]))),
        ];
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        self.database.rows(&table.select(&columns), [], row)
    }

    /// What has no end, because the profiler stopped before it, is left out.
    fn add(&mut self, rows: Vec<Row>, kind: Kind, name: impl Fn(i64) -> String) {
        let mut places: HashMap<i64, u32> = HashMap::new();
        for (start, end, device, id, bytes) in rows {
            let (Some(start), Some(end)) = (start, end) else { continue };
            if end < start || start < -FAR || end > FAR {
                continue;
            }
            let name = *places.entry(id).or_insert_with(|| self.names.place(kind, name(id)));
            self.events.push(Event { start, end, name, bytes: u64::try_from(bytes).unwrap_or(0) });
            self.spans.entry(device).or_default().push((start, end));
        }
    }

    /// The texts of a table of numbers; none if it is not there.
    fn labels(&self, table: &'static str, text: &str) -> Result<HashMap<i64, String>, String> {
        let Some(table) = self.database.table(table)? else { return Ok(HashMap::new()) };
        let columns = [table.needed(&["id"])?, table.needed(&[text])?];
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(self.database.rows(&table.select(&columns), [], row)?.into_iter().collect())
    }

    fn began(&self) -> Result<Option<i64>, String> {
        let Some(table) = self.database.table("TARGET_INFO_SESSION_START_TIME")? else { return Ok(None) };
        let Some(column) = table.column(&["utcEpochNs"]) else { return Ok(None) };
        let found: Vec<Option<i64>> = self.database.rows(&table.select(&[column]), [], |row| row.get(0))?;
        Ok(found.into_iter().flatten().next())
    }

    /// From when to when the profiler was on, where it says so in a way that fits what it saw from `first` to `last`.
    fn traced(&self, first: Moment, last: Moment) -> Result<(Moment, Moment), String> {
        let seen = (first, last);
        let Some(table) = self.database.table("ANALYSIS_DETAILS")? else { return Ok(seen) };
        let (Some(start), Some(stop)) = (table.column(&["startTime"]), table.column(&["stopTime"])) else {
            return Ok(seen);
        };
        let found: Vec<(Option<i64>, Option<i64>)> =
            self.database.rows(&table.select(&[start, stop]), [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(match found.as_slice() {
            [(Some(start), Some(stop))]
                if -FAR <= *start && *start <= first && last <= *stop && *stop <= FAR =>
            {
                (*start, *stop)
            }
            _ => seen,
        })
    }
}
