//! All feeds of a run, as the recorder sees them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_core::metrics::Totals;
use plimsoll_core::record::Record;
use plimsoll_core::summary::{FeedSummary, Summary};
use plimsoll_core::time::Offset;

use super::{Feed, FeedThread};
use crate::clock::Clock;
use crate::recorder::{RecordSink, WindowRow, WindowSink};

/// Time that all feeds together have at the end of a run to send what is left.
pub const FLUSH: Duration = Duration::from_secs(5);
/// The same where the user has ended the run at once (Ctrl+C twice).
const FLUSH_AT_ONCE: Duration = Duration::from_millis(200);

/// The feeds of one run. Clones are the same feeds: one takes records, another takes seconds.
#[derive(Clone)]
pub struct Feeds {
    // Both ends of the recorder are on one thread, so that nobody ever waits for the lock.
    all: Arc<Mutex<Vec<Box<dyn Feed>>>>,
}

impl Feeds {
    /// Puts feeds together.
    pub fn new(all: Vec<Box<dyn Feed>>) -> Self {
        Feeds { all: Arc::new(Mutex::new(all)) }
    }

    fn each(&self, mut tell: impl FnMut(&mut dyn Feed)) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().for_each(|feed| tell(feed.as_mut()));
    }
}

impl RecordSink for Feeds {
    fn on_record(&mut self, record: &Record, text: Option<&str>) {
        self.each(|feed| feed.on_record(record, text));
    }
}

impl WindowSink for Feeds {
    fn on_window(&mut self, row: &WindowRow, so_far: &Totals) {
        self.each(|feed| feed.on_window(row, so_far));
    }

    fn ended(&mut self, summary: &mut Summary) {
        let all = std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner));
        let threads: Vec<FeedThread> = all.into_iter().flat_map(|feed| feed.close(summary)).collect();
        threads.iter().for_each(FeedThread::press);
        let limit = if summary.run.ended == "aborted" { FLUSH_AT_ONCE } else { FLUSH };
        let clock = Clock::start();
        for thread in threads {
            let left = limit.saturating_sub(clock.now().since(Offset::ZERO));
            let feed = thread.settle(left);
            summary.warnings.extend(loss(&feed));
            summary.feeds.push(feed);
        }
    }
}

/// What a reader must know of a feed that lost something.
fn loss(feed: &FeedSummary) -> Option<String> {
    if feed.lost == 0 {
        return None;
    }
    let why = feed.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let all = feed.sent + feed.lost;
    Some(format!("the {} lost {} of {all} {}{why}", feed.name, feed.lost, feed.unit))
}

#[cfg(test)]
mod tests {
    use super::super::Counts;
    use super::*;

    /// Takes everything; its thread sends what it is told to.
    struct Taking {
        seen: u64,
        sends: u64,
    }

    impl Feed for Taking {
        fn on_record(&mut self, _: &Record, _: Option<&str>) {
            self.seen += 1;
        }

        fn on_window(&mut self, _: &WindowRow, _: &Totals) {
            self.seen += 1;
        }

        fn close(self: Box<Self>, _: &Summary) -> Vec<FeedThread> {
            let counts = Arc::new(Counts::default());
            counts.given(self.seen);
            counts.sent(self.sends);
            counts.failed("the server went away".to_owned());
            vec![FeedThread::start("feed of a test".to_owned(), "rows", counts, async |_| {}).unwrap()]
        }
    }

    #[test]
    fn each_feed_gets_everything_and_only_losses_become_warnings() {
        use plimsoll_core::record::{Phase, RequestId};

        let mut feeds =
            Feeds::new(vec![Box::new(Taking { seen: 0, sends: 3 }), Box::new(Taking { seen: 0, sends: 1 })]);
        let record = Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO);
        (0..2).for_each(|_| feeds.clone().on_record(&record, None));
        feeds.on_window(&WindowRow::default(), &Totals::default());
        let mut summary = Summary::default();
        feeds.ended(&mut summary);
        let figures: Vec<_> = summary.feeds.iter().map(|feed| (feed.sent, feed.lost)).collect();
        assert_eq!(figures, [(3, 0), (1, 2)]);
        assert_eq!(summary.warnings, ["the feed of a test lost 2 of 3 rows: the server went away"]);
    }
}
