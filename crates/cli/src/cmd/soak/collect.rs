//! Gathers the windows of a soak on the recorder's thread, and keeps them as they end.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use plimsoll_core::drift::{Criteria, SoakReport, SoakWindow, Windows, judge};
use plimsoll_core::record::Record;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::RecordSink;

use super::resources::Resources;
use crate::live::{SoakStory, Story, Tell};
use crate::session::{CommandFolder, MakeSink};

/// From one report that is written on the way to the next.
const CHECKPOINT: Duration = Duration::from_secs(30);

/// The verdict, so far or in the end.
pub(super) const SOAK_FILE: &str = "soak.json";
/// The windows, each as it ends.
const WINDOWS_FILE: &str = "windows.jsonl";

/// The windows of a soak, shared by the recorder's thread and the end of the command.
pub(super) struct Collector(Arc<Mutex<Gathered>>);

struct Gathered {
    /// Nothing once the soak is over.
    windows: Option<Windows>,
    /// Seconds of a window.
    length: f64,
    complete: Vec<SoakWindow>,
    criteria: Criteria,
    resources: Resources,
    folder: CommandFolder,
    file: File,
    /// The clock by which reports are written on the way: that of people.
    watch: Clock,
    due: Offset,
    /// What the last report on the way said, and when.
    checked: Option<(Arc<SoakReport>, Offset)>,
    /// Why windows are no longer written.
    failure: Option<anyhow::Error>,
}

impl Collector {
    /// Gathers windows of this length into `folder`, where from now on there is a verdict, if only that nothing is known.
    ///
    /// # Errors
    /// It cannot be written to.
    pub(super) fn start(
        (windows, length): (Windows, Duration),
        criteria: Criteria,
        resources: Resources,
        folder: CommandFolder,
    ) -> anyhow::Result<Self> {
        let path = folder.path().join(WINDOWS_FILE);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        folder.write_json(SOAK_FILE, &judge(&[], &criteria))?;
        Ok(Collector(Arc::new(Mutex::new(Gathered {
            windows: Some(windows),
            length: length.as_secs_f64(),
            complete: Vec::new(),
            criteria,
            resources,
            folder,
            file,
            watch: Clock::start(),
            due: Offset::ZERO + CHECKPOINT,
            checked: None,
            failure: None,
        }))))
    }

    /// What takes the records.
    pub(super) fn sink(&self) -> MakeSink {
        let gathered = self.0.clone();
        Box::new(move |clock| Box::new(Sink { gathered, clock }))
    }

    /// What the live view tells of the soak.
    pub(super) fn tell(&self) -> Tell {
        let gathered = self.0.clone();
        Box::new(move |_| {
            let gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            Story::Soak(gathered.story())
        })
    }

    /// Takes the windows that are complete at `end`, and judges all.
    ///
    /// # Errors
    /// Windows could not be written.
    pub(super) fn finish(self, end: Offset) -> anyhow::Result<SoakReport> {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(windows) = gathered.windows.take() {
            gathered.keep(windows.finish(end));
        }
        match gathered.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(SoakReport { complete: true, ..judge(&gathered.complete, &gathered.criteria) }),
        }
    }
}

/// The way of the records into the windows.
struct Sink {
    gathered: Arc<Mutex<Gathered>>,
    clock: Clock,
}

impl RecordSink for Sink {
    fn on_record(&mut self, record: &Record, _text: Option<&str>) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.resources.read(self.clock.now());
        let complete = gathered.windows.as_mut().map(|windows| windows.add(record)).unwrap_or_default();
        if !complete.is_empty() {
            gathered.keep(complete);
            gathered.checkpoint();
        }
    }
}

impl Gathered {
    /// Keeps windows that are complete, in memory and on disk.
    fn keep(&mut self, windows: Vec<SoakWindow>) {
        for mut window in windows {
            let samples = self.resources.take_before(window.start + window.length);
            window.read_resources(&samples);
            if self.failure.is_none() {
                self.failure = self.write(&window).err();
            }
            self.complete.push(window);
        }
    }

    fn write(&mut self, window: &SoakWindow) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(window)?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .with_context(|| format!("cannot write {}", self.folder.path().join(WINDOWS_FILE).display()))
    }

    fn story(&self) -> SoakStory {
        let ago = |at| self.watch.now().since(at).as_secs_f64();
        SoakStory {
            windows: self.complete.len(),
            length: self.length,
            ago: self.checked.as_ref().map_or(0.0, |(_, at)| ago(*at)),
            report: self.checked.as_ref().map(|(report, _)| report.clone()),
        }
    }

    /// Writes the verdict so far, now and then, and has it on disk with the windows that it rests on.
    fn checkpoint(&mut self) {
        let now = self.watch.now();
        if now < self.due || self.failure.is_some() {
            return;
        }
        let report = Arc::new(judge(&self.complete, &self.criteria));
        let synced =
            self.file.sync_data().with_context(|| format!("cannot write {WINDOWS_FILE} to the disk"));
        self.failure = synced.and_then(|()| self.folder.write_json(SOAK_FILE, &*report)).err();
        let done = self.watch.now();
        self.due = done + CHECKPOINT;
        self.checked = Some((report, done));
    }
}
