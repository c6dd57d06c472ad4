//! The recorder's thread: counts every record, writes twice a second, gives a snapshot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_core::metrics::{Conduct, Tally, resolve_output_tokens};
use plimsoll_core::record::Record;
use plimsoll_core::slo::{Asked, Evidence, Looks, SloVerdict, WarmUp, evaluate};
use plimsoll_core::summary::RunHeader;
use plimsoll_core::time::Offset;

use super::error::RecorderError;
use super::folder::RunFolder;
use super::handle::{Batch, CAPACITY, Finished, Message, Options, RunEnd};
use super::live::{LiveSnapshot, Recent};
use super::parquet_file::ParquetFile;
use super::punctual::Punctual;
use super::series::{Seconds, WindowRow};
use super::spares::Spares;

use super::{records_table, series};
use crate::clock::Clock;

/// From one publication of the files to the next: what a kill may lose, together with what I/O threads still hold.
const INTERVAL: Duration = Duration::from_millis(400);
/// From one look at the objectives to the next.
const JUDGED: Duration = Duration::from_secs(1);
/// Records that are held as such before they are encoded, published or not; so many are encoded at once. Each group of rows costs
/// as much as a thousand rows before its first one.
const PENDING_MAX: usize = 16_384;

pub(super) struct Worker {
    folder: Option<RunFolder>,
    header: RunHeader,
    options: Options,
    files: Option<Files>,
    /// Why files are no longer written.
    failure: Option<RecorderError>,
    /// Records that no file has.
    unsaved: u64,
    pending: Vec<Record>,
    tally: Tally,
    /// Where the run became steady.
    warm_up: WarmUp,
    /// What the records say of the objectives, if there are any.
    evidence: Option<Evidence>,
    seconds: Seconds,
    recent: Recent,
    /// What the records said of the objectives when that was last asked, and when it will be asked again.
    objectives: (Vec<SloVerdict>, Offset),
    shared: Shared,
    /// The clock by which files are published: people and kills do not live in simulated time.
    publishing: Clock,
    /// The same as the tally knows it.
    known_end: u64,
}

/// What the recorder's thread shares with the rest of a run.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) live: Arc<Mutex<LiveSnapshot>>,
    pub(super) punctual: Arc<Punctual>,
    /// End of the measured window, nanoseconds, as others say it.
    pub(super) measure_end: Arc<AtomicU64>,
    /// Where room for records goes that is no longer needed.
    pub(super) spares: Spares,
}

/// The files that grow.
struct Files {
    records: ParquetFile<Record>,
    series: ParquetFile<WindowRow>,
}

impl Worker {
    pub(super) fn new(
        folder: Option<RunFolder>,
        header: RunHeader,
        options: Options,
        shared: Shared,
        publishing: Clock,
    ) -> Result<Self, RecorderError> {
        let files = folder.as_ref().map(|folder| Files::create(folder, &options)).transpose()?;
        Ok(Worker {
            folder,
            header,
            files,
            failure: None,
            unsaved: 0,
            pending: Vec::new(),
            tally: Tally::new(options.measure_start),
            warm_up: WarmUp::new(options.measure_start),
            evidence: (!options.slos.is_empty()).then(|| Evidence::new(&options.slos, options.measure_start)),
            seconds: Seconds::default(),
            recent: Recent::default(),
            objectives: (Vec::new(), Offset::ZERO),
            shared,
            known_end: u64::MAX,
            publishing,
            options,
        })
    }

    /// Works until told to finish.
    pub(super) fn run(mut self, receiver: &Receiver<Message>) -> Finished {
        if !self.options.clock.is_simulated() {
            self.shared.punctual.courtesy.begin();
        }
        self.sync_description();
        let mut due = self.publishing.now() + INTERVAL;
        loop {
            let first = match receiver.recv_timeout(due.since(self.publishing.now())) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                // Not even the recorder itself can end this run any more: keep what there is.
                Err(RecvTimeoutError::Disconnected) => return self.abandon(),
            };
            let is_due = self.publishing.now() >= due;
            // A recorder that is late publishes all that waits for it, not one batch of it each time.
            let others = receiver.try_iter().take(if is_due { CAPACITY } else { 0 });
            for message in first.into_iter().chain(others) {
                match message {
                    Message::Batch(batch) => self.take(batch),
                    Message::Finish(end) => return self.finish(*end),
                }
            }
            if is_due {
                self.tick();
                let done = self.publishing.now();
                self.shared.punctual.ticked(done, done.since(due));
                due = done + INTERVAL;
            }
        }
    }

    /// Has the disk keep what the run is. The first requests are under way meanwhile.
    fn sync_description(&mut self) {
        if let Some(Err(error)) = self.folder.as_ref().map(RunFolder::sync_description) {
            self.give_up(error);
        }
    }

    fn take(&mut self, batch: Batch) {
        let end = self.shared.measure_end.load(Ordering::Acquire);
        if end != self.known_end {
            self.known_end = end;
            self.tally.measured_until(Offset::from_nanos(end));
        }
        let mut texts = batch.texts.into_iter().peekable();
        let mut records = batch.records;
        for record in &mut records {
            let text = texts.next_if(|(id, _)| *id == record.id);
            self.count(record, text.map(|(_, text)| text).as_deref());
        }
        self.keep(records);
        for window in batch.windows {
            self.tally.add_window(&window);
            self.seconds.add_window(&window);
        }
        if self.options.clock.is_simulated() {
            self.show_complete();
        }
    }

    /// Adds a record to all that is counted.
    fn count(&mut self, record: &mut Record, text: Option<&str>) {
        self.count_tokens(record, text);
        for sink in &mut self.options.each {
            sink.on_record(record, text);
        }
        self.tally.add(record);
        self.seconds.add(record);
        self.warm_up.add(record);
        if let Some(evidence) = &mut self.evidence {
            let good = evidence.add(record);
            self.seconds.judge(record, good);
        }
        self.recent.add(record);
    }

    fn count_tokens(&self, record: &mut Record, text: Option<&str>) {
        let needed = record.usage.output_tokens.is_none();
        let counted = text.filter(|_| needed).zip(self.options.count_tokens.as_ref());
        let counted = counted.map(|(text, count)| u32::try_from(count(text)).unwrap_or(u32::MAX));
        resolve_output_tokens(record, counted);
    }

    /// Keeps records until they are written: as they came, or behind those that wait already.
    fn keep(&mut self, mut records: Vec<Record>) {
        if self.files.is_none() {
            self.unsaved += if self.failure.is_some() { records.len() as u64 } else { 0 };
        } else {
            if self.pending.len() + records.len() > PENDING_MAX {
                self.write_pending(false);
            }
            if self.pending.is_empty() {
                std::mem::swap(&mut self.pending, &mut records);
            } else {
                self.pending.append(&mut records);
            }
        }
        self.shared.spares.give(records);
    }

    /// Writes all pending records, and publishes the files if asked to.
    fn write_pending(&mut self, publish: bool) {
        let Some(files) = &mut self.files else { return };
        let mut parts = self.pending.chunks(PENDING_MAX);
        let written = parts
            .try_for_each(|records| files.records.append(records))
            .and_then(|()| if publish { files.publish() } else { Ok(()) });
        if let Err(error) = written {
            self.give_up(error);
        }
        self.shared.spares.give(std::mem::take(&mut self.pending));
    }

    /// Writes no more; what was published last stays.
    fn give_up(&mut self, error: RecorderError) {
        if let Some(files) = self.files.take() {
            let published = files.records.published_rows() as u64;
            self.unsaved = self.tally.totals().records.saturating_sub(published);
        }
        self.failure.get_or_insert(error);
    }

    fn tick(&mut self) {
        let now = self.options.clock.now();
        self.show_complete();
        self.write_pending(true);
        self.judge(now);
        let failure = self.failure.as_ref().map(ToString::to_string);
        let snapshot = self.recent.snapshot(now, self.tally.totals(), self.objectives.0.clone(), failure);
        *self.shared.live.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// Asks the records what they say of the objectives so far, once a second.
    fn judge(&mut self, now: Offset) {
        let Some(evidence) = self.evidence.as_mut().filter(|_| now >= self.objectives.1) else { return };
        evidence.complete_until(self.recent.settled(now));
        let asked = Asked { looks: Looks::Repeated, now };
        self.objectives = (evaluate(&self.options.slos, evidence, asked), now + JUDGED);
        evidence.complete_until(Offset::MAX);
    }

    /// Hands complete seconds to all who want them. In simulated time no thread is late, and what a row says may not
    /// depend on the moment at which it is asked for: a second is complete when it has been reported.
    fn show_complete(&mut self) {
        let clock = self.options.clock;
        let now = if clock.is_simulated() { Offset::ZERO } else { clock.now() };
        let rows = self.seconds.complete(now, self.options.threads, self.tally.totals());
        self.show(rows);
    }

    /// Hands seconds to all who want them.
    fn show(&mut self, rows: Vec<WindowRow>) {
        if let Some(files) = &mut self.files
            && let Err(error) = files.series.append(&rows)
        {
            self.give_up(error);
        }
        for row in rows {
            for sink in &mut self.options.windows {
                sink.on_window(&row, self.tally.totals());
            }
            self.recent.push(row);
        }
    }

    fn finish(mut self, end: RunEnd) -> Finished {
        self.tick();
        let rest = self.seconds.rest(self.tally.totals());
        self.show(rest);
        if let Some(files) = &mut self.files
            && let Err(error) = files.finish()
        {
            self.give_up(error);
        }
        let mut health = end.health;
        health.records_lost += self.unsaved;
        let mut header = self.header;
        header.ended = end.ended;
        header.stopped_by = end.stopped_by;
        let conduct = Conduct {
            window: end.window,
            open_loop: self.options.open_loop,
            cap_reached: end.cap_reached,
            health: &health,
            interventions: &end.interventions,
        };
        let mut summary = self.tally.summary(header, &conduct);
        summary.warnings.extend(end.warnings);
        if let Some(evidence) = &self.evidence {
            summary.judge(&self.options.slos, evidence, &self.tally, &conduct);
        }
        summary.settle(&self.warm_up, &conduct);
        for sink in &mut self.options.windows {
            sink.ended(&mut summary);
        }
        if let Some(folder) = &self.folder
            && let Err(error) = folder.write_summary(&summary)
        {
            self.failure.get_or_insert(error);
        }
        let folder = self.folder.map(|folder| folder.path().to_owned());
        Finished { summary, tally: self.tally, folder, failure: self.failure }
    }

    fn abandon(self) -> Finished {
        let now = self.options.clock.now();
        let measure_end = Offset::from_nanos(self.known_end.min(now.as_nanos()));
        let measure_start = self.options.measure_start.min(measure_end);
        let window =
            plimsoll_core::metrics::Window { ramp_end: measure_start, measure_start, measure_end, end: now };
        let ended = "aborted".to_owned();
        self.finish(RunEnd {
            window,
            ended,
            stopped_by: None,
            health: Default::default(),
            cap_reached: false,
            interventions: Vec::new(),
            warnings: Vec::new(),
        })
    }
}

impl Files {
    fn create(folder: &RunFolder, options: &Options) -> Result<Self, RecorderError> {
        let wall = options.clock.wall(Offset::ZERO);
        let records = records_table::table(wall, options.measure_start, options.keep_chunks);
        Ok(Files {
            records: ParquetFile::create(folder.file("records.parquet"), records)?,
            series: ParquetFile::create(folder.file("series.parquet"), series::table(wall))?,
        })
    }

    fn publish(&mut self) -> Result<(), RecorderError> {
        self.records.publish()?;
        self.series.publish()
    }

    fn finish(&mut self) -> Result<(), RecorderError> {
        self.records.finish()?;
        self.series.finish()
    }
}
