//! Pushes the newest metrics to another system at an interval, and once more when the run is over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::delivery::{Manner, Parcel, Waiting, deliver};
use super::metrics::Snapshot;
use super::outlet::Counts;
use super::thread::FeedThread;
use crate::transport::Destination;

/// Where metrics are pushed, and how often.
#[derive(Clone, Debug)]
pub struct Push {
    /// Where.
    pub to: Destination,
    /// From one push to the next.
    pub every: Duration,
}

/// Starts to push what comes out of `snapshots`, as `write` makes parcels of it; it is told which snapshot is the last.
/// `name` is what the feed is, `unit` what it counts.
pub(super) fn start<W>(
    name: &str,
    unit: &'static str,
    push: Push,
    manner: Manner,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    write: W,
) -> io::Result<FeedThread>
where
    W: FnMut(&Snapshot, bool) -> Vec<Parcel> + Send + 'static,
{
    let name = format!("{name} to {}", push.to.origin.authority);
    FeedThread::start(name, unit, Arc::default(), move |counts| async move {
        let waiting = Waiting::default();
        tokio::join!(
            collect(snapshots, push.every, write, &waiting, &counts),
            deliver(&waiting, &push.to, manner, &counts)
        );
    })
}

async fn collect(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    every: Duration,
    mut write: impl FnMut(&Snapshot, bool) -> Vec<Parcel>,
    waiting: &Waiting,
    counts: &Counts,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut put = |snapshot: &Snapshot, is_last| {
        for parcel in write(snapshot, is_last) {
            counts.given(parcel.n);
            waiting.put(parcel);
        }
    };
    let mut is_new = false;
    loop {
        tokio::select! {
            _ = ticks.tick(), if is_new => {
                let snapshot = snapshots.borrow().clone();
                put(&snapshot, false);
                is_new = false;
            }
            changed = snapshots.changed() => match changed {
                Ok(()) => is_new = true,
                // Nobody is there any more who could put new ones: the run is over.
                Err(_) => break,
            },
        }
    }
    let last = snapshots.borrow().clone();
    put(&last, true);
    waiting.close();
}
