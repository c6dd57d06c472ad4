//! The thread of one feed: a runtime of its own, low priority, and an end within a bounded time.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use plimsoll_core::summary::FeedSummary;
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::heart::Heart;
use super::outlet::Counts;

/// How long a feed that was cut off may take to drop what it holds.
const AFTER_CUT: Duration = Duration::from_millis(200);

/// A feed at work. Its thread gives way to the I/O threads until the run is over.
#[derive(Debug)]
pub struct FeedThread {
    /// What it is in words, with the place: `remote write to http://127.0.0.1:9090`.
    name: String,
    /// What it counts: `samples`, `rows`.
    unit: &'static str,
    counts: Arc<Counts>,
    heart: Arc<Heart>,
    cut: Arc<Notify>,
    /// Hears when the thread is through.
    ended: Receiver<()>,
}

impl FeedThread {
    /// Starts a thread that runs what `work` makes until that is through, or cut off. `name` says what it is and where,
    /// without secrets; `unit` is what it counts.
    ///
    /// # Errors
    /// The operating system refuses a thread or a runtime.
    pub fn start<W, F>(name: String, unit: &'static str, counts: Arc<Counts>, work: W) -> io::Result<Self>
    where
        W: FnOnce(Arc<Counts>) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (heart, cut) = (Heart::new(), Arc::new(Notify::new()));
        let (tell, ended) = sync_channel(1);
        let own = (counts.clone(), heart.clone(), cut.clone());
        std::thread::Builder::new().name("plimsoll-feed".to_owned()).spawn(move || {
            let (counts, heart, cut) = own;
            heart.begin();
            runtime.block_on(async {
                tokio::select! {
                    () = work(counts) => {}
                    () = heart.beat() => {}
                    () = cut.notified() => {}
                }
            });
            // A look-up of a name may still hang in a thread of the runtime: nobody waits for it.
            runtime.shutdown_background();
            let _ = tell.try_send(());
        })?;
        Ok(FeedThread { name, unit, counts, heart, cut, ended })
    }

    /// The run is over: from here on the thread takes its share of a core like any other.
    pub(super) fn press(&self) {
        self.heart.press();
    }

    /// Sees to it that the thread gets a core now and then where none is idle. Call it with each second of the run.
    pub fn look_after(&self) {
        self.heart.look_after();
    }

    /// Waits until it is through, at most so long, then cuts it off. Gives what became of all that it was given.
    pub(super) fn settle(self, left: Duration) -> FeedSummary {
        if self.ended.recv_timeout(left).is_err() {
            self.cut.notify_one();
            let _ = self.ended.recv_timeout(AFTER_CUT);
        }
        let (given, sent, retried) = self.counts.figures();
        FeedSummary {
            name: self.name,
            unit: self.unit.to_owned(),
            sent,
            lost: given.saturating_sub(sent),
            retried,
            error: self.counts.error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outlet::Outlet;
    use super::*;

    fn start<F: Future<Output = ()>>(
        counts: &Arc<Counts>,
        work: impl FnOnce(Arc<Counts>) -> F + Send + 'static,
    ) -> FeedThread {
        FeedThread::start("test".to_owned(), "items", counts.clone(), work).unwrap()
    }

    #[test]
    fn all_that_was_given_is_flushed_before_the_end() {
        let counts = Arc::new(Counts::default());
        let (outlet, mut receiver) = Outlet::new(100, counts.clone());
        let thread = start(&counts, |counts| async move {
            while receiver.recv().await.is_some() {
                counts.sent(1);
            }
        });
        (0..100).for_each(|item| outlet.give(item, 1));
        drop(outlet);
        let summary = thread.settle(Duration::from_secs(60));
        assert_eq!((summary.sent, summary.lost, summary.name.as_str()), (100, 0, "test"));
    }

    #[test]
    fn what_never_ends_is_cut_off_and_what_it_held_is_lost() {
        let counts = Arc::new(Counts::default());
        counts.given(7);
        let thread = start(&counts, |counts| async move {
            counts.failed("no answer".to_owned());
            counts.sent(2);
            std::future::pending::<()>().await;
        });
        // It is at work before the time is up, or never: then it sent nothing.
        let summary = thread.settle(Duration::from_millis(20));
        assert_eq!(summary.sent + summary.lost, 7);
        assert!(summary.lost >= 5);
    }
}
