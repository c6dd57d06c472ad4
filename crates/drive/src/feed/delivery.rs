//! Delivers parcels to another system one after the other: tried again where that helps, dropped where it does not.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::outlet::Counts;
use crate::protocol::error_excerpt;
use crate::transport::{Courier, Destination, Posted};

/// Parcels that wait at most; the oldest make room.
const WAITING_MAX: usize = 60;
/// The first pause before another try, which doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause once the run is over.
const LONGEST_PAUSE_AT_END: Duration = Duration::from_millis(500);
/// Tries that may fail in a row once the run is over: whoever is gone then is not waited for.
const TRIES_AT_END: u32 = 3;

/// Bytes to post, which stand for `n` of what the feed counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) body: Bytes,
    pub(super) n: u64,
}

/// How parcels of one kind are posted.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Below the destination's own path.
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) fields: &'static [(Cow<'static, str>, &'static str)],
    /// How many of a parcel a good answer refuses all the same, and why.
    pub(super) rejected: fn(&[u8]) -> Option<(u64, String)>,
}

/// Parcels on their way, bounded.
#[derive(Default)]
pub(super) struct Waiting {
    /// Each with its number, which tells whether it is still the one that was sent.
    parcels: RefCell<VecDeque<(u64, Parcel)>>,
    next: Cell<u64>,
    closed: Cell<bool>,
    news: Notify,
}

/// What became of a try.
enum Tried {
    /// Taken, but for so many.
    Taken(u64),
    Refused,
    /// It may be taken later, after this long where the server says so.
    Again(Option<Duration>),
}

impl Waiting {
    /// Adds a parcel, which counts as given already; drops the oldest where there is no room.
    pub(super) fn put(&self, parcel: Parcel) {
        let mut parcels = self.parcels.borrow_mut();
        if parcels.len() == WAITING_MAX {
            parcels.pop_front();
        }
        parcels.push_back((self.next.get(), parcel));
        self.next.set(self.next.get() + 1);
        self.news.notify_one();
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.news.notify_one();
    }

    /// The oldest parcel, once there is one; nothing when no more will come.
    async fn oldest(&self) -> Option<(u64, Parcel)> {
        loop {
            let oldest = self.parcels.borrow().front().cloned();
            if oldest.is_some() || self.closed.get() {
                return oldest;
            }
            self.news.notified().await;
        }
    }

    fn remove(&self, number: u64) {
        let mut parcels = self.parcels.borrow_mut();
        if parcels.front().is_some_and(|(oldest, _)| *oldest == number) {
            parcels.pop_front();
        }
    }

    /// Pauses; the end of the run cuts it short.
    async fn pause(&self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end && !self.closed.get() {
            tokio::select! {
                () = tokio::time::sleep_until(end) => {}
                () = self.news.notified() => {}
            }
        }
        if self.closed.get() {
            sleep(time.min(LONGEST_PAUSE_AT_END)).await;
        }
    }
}

/// Posts what is waiting until no more will come and all is gone.
pub(super) async fn deliver(waiting: &Waiting, to: &Destination, manner: Manner, counts: &Counts) {
    let mut courier = match Courier::new(to, manner.path, manner.content_type, manner.fields) {
        Ok(courier) => courier,
        Err(reason) => return counts.failed(reason),
    };
    let mut pause = FIRST_PAUSE;
    let mut failed_at_end = 0;
    while let Some((number, parcel)) = waiting.oldest().await {
        match attempt(&mut courier, &parcel, manner, counts).await {
            Tried::Again(after) => {
                failed_at_end += u32::from(waiting.closed.get());
                if failed_at_end == TRIES_AT_END {
                    return;
                }
                waiting.pause(after.unwrap_or(pause)).await;
                counts.retried();
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
            Tried::Taken(rejected) => counts.sent(parcel.n.saturating_sub(rejected)),
            Tried::Refused => {}
        }
        (pause, failed_at_end) = (FIRST_PAUSE, 0);
        waiting.remove(number);
    }
}

async fn attempt(courier: &mut Courier, parcel: &Parcel, manner: Manner, counts: &Counts) -> Tried {
    let posted = match courier.post(parcel.body.clone()).await {
        Ok(posted) => posted,
        Err(reason) => {
            counts.failed(reason);
            return Tried::Again(None);
        }
    };
    if (200..300).contains(&posted.status) {
        let rejected = (manner.rejected)(&posted.body);
        let (rejected, why) = rejected.unwrap_or_default();
        if rejected > 0 {
            counts.failed(courier.hide(format!("refused some: {why}")));
        }
        return Tried::Taken(rejected);
    }
    counts.failed(courier.hide(refusal(&posted)));
    match posted.status {
        429 | 500.. => Tried::Again(posted.retry_after),
        _ => Tried::Refused,
    }
}

fn refusal(posted: &Posted) -> String {
    match error_excerpt(&posted.body) {
        text if text.is_empty() => format!("HTTP status {}", posted.status),
        text => format!("HTTP status {}: {text}", posted.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(n: u64) -> Parcel {
        Parcel { body: Bytes::new(), n }
    }

    #[tokio::test]
    async fn the_oldest_make_room_and_one_that_was_dropped_on_its_way_takes_no_other_along() {
        let waiting = Waiting::default();
        waiting.put(parcel(0));
        let (sent, _) = waiting.oldest().await.unwrap();
        for n in 1..=2 * WAITING_MAX as u64 {
            waiting.put(parcel(n));
        }
        assert_eq!(waiting.parcels.borrow().len(), WAITING_MAX);
        waiting.remove(sent);
        let oldest = waiting.oldest().await.unwrap().1;
        assert_eq!(oldest.n, WAITING_MAX as u64 + 1, "what was sent meanwhile had made room already");
        waiting.close();
        while let Some((number, _)) = waiting.oldest().await {
            waiting.remove(number);
        }
    }
}
