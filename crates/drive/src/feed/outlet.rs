//! The way from the recorder's thread to that of a feed: bounded, and never waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

/// What a feed was given and what became of it, counted from both ends. What was given and not sent is lost.
#[derive(Debug, Default)]
pub struct Counts {
    given: AtomicU64,
    sent: AtomicU64,
    retried: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Counts {
    /// The feed was given `n` more.
    pub fn given(&self, n: u64) {
        self.given.fetch_add(n, Ordering::Relaxed);
    }

    /// The other system has taken `n` more.
    pub fn sent(&self, n: u64) {
        self.sent.fetch_add(n, Ordering::Relaxed);
    }

    /// Something was sent once more.
    pub fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Why something could not be sent, without secrets. The last one is told.
    pub fn failed(&self, error: String) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Given, sent and retried so far.
    pub fn figures(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.given), read(&self.sent), read(&self.retried))
    }

    /// The last error.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The end of a bounded channel that lies on the recorder's thread. Dropped, it tells the feed that no more will come.
#[derive(Debug)]
pub struct Outlet<T> {
    sender: mpsc::Sender<T>,
    counts: Arc<Counts>,
}

impl<T> Outlet<T> {
    /// A channel for `capacity` items.
    pub fn new(capacity: usize, counts: Arc<Counts>) -> (Self, mpsc::Receiver<T>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Outlet { sender, counts }, receiver)
    }

    /// Hands over an item that stands for `n` of what the feed counts. Where there is no room it is lost, and counted.
    pub fn give(&self, item: T, n: u64) {
        self.counts.given(n);
        // What does not fit was given and will not be sent: that is how it is counted.
        let _ = self.sender.try_send(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_lost_and_counted_and_nobody_waits() {
        let counts = Arc::new(Counts::default());
        let (outlet, mut receiver) = Outlet::new(2, counts.clone());
        (0..5).for_each(|item| outlet.give(item, 10));
        assert_eq!(counts.figures(), (50, 0, 0));
        drop(outlet);
        let mut taken = Vec::new();
        while let Some(item) = receiver.blocking_recv() {
            counts.sent(10);
            taken.push(item);
        }
        assert_eq!((taken, counts.figures()), (vec![0, 1], (50, 20, 0)));
    }
}
