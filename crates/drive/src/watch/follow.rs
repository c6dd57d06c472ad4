//! Follows one page from scrape to scrape.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Page, Taken, Tracker};
use tokio::time::sleep;

use super::watcher::State;
use crate::clock::Clock;
use crate::transport::{GotPage, PageReader};

/// Time for a page to come.
const LIMIT: Duration = Duration::from_secs(5);

/// The instants at which there is something to do: multiples of an interval on the run's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat {
    clock: Clock,
    interval: Duration,
    due: Offset,
}

impl Beat {
    pub(super) fn new(clock: Clock, interval: Duration) -> Self {
        Beat { clock, interval, due: Offset::ZERO }
    }

    /// Waits for the next instant. Returns how many went by before anybody waited.
    pub(super) async fn next(&mut self) -> u64 {
        let (missed, due) = self.after(self.clock.now());
        self.due = due + self.interval;
        sleep(due.since(self.clock.now())).await;
        missed
    }

    /// How many instants are over at `now`, and the next one.
    fn after(&self, now: Offset) -> (u64, Offset) {
        let late = now.since(self.due).as_nanos();
        let missed = u64::try_from(late.div_ceil(self.interval.as_nanos().max(1))).unwrap_or(0);
        match self.due {
            // The first instant is now.
            Offset::ZERO => (0, now),
            due => (missed, due + self.interval * u32::try_from(missed).unwrap_or(u32::MAX)),
        }
    }
}

/// Reads a page in each beat, for ever.
pub(super) async fn follow(number: usize, mut reader: PageReader, mut beat: Beat, state: Rc<RefCell<State>>) {
    let mut tracker = Tracker::new(number);
    loop {
        let missed = beat.next().await;
        state.borrow_mut().missed(number, missed);
        let at = beat.clock.now();
        let taken = scrape(&mut reader, &mut tracker, at).await;
        let took = beat.clock.now().since(at);
        state.borrow_mut().scraped(number, at, took, taken);
    }
}

async fn scrape(reader: &mut PageReader, tracker: &mut Tracker, at: Offset) -> Result<Taken, String> {
    let taken = match reader.read(LIMIT).await {
        Ok(GotPage { body, protobuf: true }) => tracker.take(at, Page::Protobuf(body)),
        Ok(GotPage { body, protobuf: false }) => tracker.take(at, Page::Text(body)),
        Err(failure) => return Err(reader.hide(failure.to_string())),
    };
    taken.map_err(|error| reader.hide(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_multiples_of_the_interval_and_those_that_went_by_are_left_out() {
        let at = Offset::from_secs_f64;
        let beat = |due| Beat { due: at(due), ..Beat::new(Clock::start(), Duration::from_secs(1)) };
        assert_eq!(beat(0.0).after(at(0.3)), (0, at(0.3)), "the first one is now");
        assert_eq!(beat(2.0).after(at(1.2)), (0, at(2.0)));
        assert_eq!(beat(2.0).after(at(2.0)), (0, at(2.0)));
        assert_eq!(beat(2.0).after(at(2.1)), (1, at(3.0)));
        assert_eq!(beat(2.0).after(at(5.5)), (4, at(6.0)));
    }
}
