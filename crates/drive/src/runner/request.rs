//! One request from its due instant to its record.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use plimsoll_core::load::WhenFull;
use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::time::Offset;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_local;

use super::io_thread::IoThread;
use crate::endpoint::Endpoint;

/// When a request counts as scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheduled {
    /// At the instant that the load model gave it.
    WhenDue,
    /// When it is sent: the rule of the closed loop.
    WhenSent,
}

/// A request that is due.
struct Due<E: Endpoint> {
    record: Box<Record>,
    request: E::Prepared,
}

impl<E: Endpoint> Due<E> {
    fn take(thread: &IoThread<E>, scheduled: Offset) -> Self {
        thread.station().pulse.scheduled();
        let prepared = thread.feed.borrow_mut().take();
        let phase = thread.shared.times.phase(scheduled);
        let mut record = Box::new(Record::due(prepared.id, phase, thread.index, scheduled));
        record.prompt_tokens = prepared.prompt_tokens;
        let has_length = thread.shared.spec.api.interface.has_length();
        record.max_tokens = Some(prepared.max_tokens).filter(|&tokens| has_length && tokens > 0);
        Due { record, request: prepared.request }
    }

    fn begin(self, thread: &IoThread<E>) -> E::Issue {
        thread.endpoint.begin(self.record, self.request)
    }
}

/// Starts a request of the open loop. It is sent before this returns if a connection and the cap allow.
pub(super) fn start<E: Endpoint>(thread: &Rc<IoThread<E>>, scheduled: Offset) {
    let due = Due::take(thread, scheduled);
    let mut permit = None;
    if let Some((cap, when_full)) = &thread.shared.cap {
        match cap.clone().try_acquire_owned() {
            Ok(got) => permit = Some(got),
            Err(_) => {
                thread.shared.cap_reached.fetch_add(1, Ordering::Relaxed);
                return match when_full {
                    WhenFull::Shed => shed(thread, due),
                    WhenFull::Lag => start_late(thread, due),
                };
            }
        }
    }
    let issue = due.begin(thread);
    let own = thread.clone();
    spawn(thread, async move {
        follow(&own, issue, Scheduled::WhenDue).await;
        drop(permit);
        own.task_ended();
    });
}

/// Takes a request of the open loop as it is due, and does not send it: the user has paused the run.
pub(super) fn leave_out<E: Endpoint>(thread: &IoThread<E>, scheduled: Offset) {
    shed(thread, Due::take(thread, scheduled));
}

/// Starts a request as soon as there is a place under the cap, in the order of the due instants. If the run ends
/// meanwhile it is not sent, but what was due gets its record.
fn start_late<E: Endpoint>(thread: &Rc<IoThread<E>>, due: Due<E>) {
    let own = thread.clone();
    spawn(thread, async move {
        let permit = await_permit(&own).await;
        let issue = due.begin(&own);
        follow(&own, issue, Scheduled::WhenDue).await;
        drop(permit);
        own.task_ended();
    });
}

fn spawn<E: Endpoint>(thread: &IoThread<E>, task: impl Future<Output = ()> + 'static) {
    thread.active.set(thread.active.get() + 1);
    spawn_local(task);
}

/// Waits for a place under the cap; without one if the run ends meanwhile.
async fn await_permit<E: Endpoint>(thread: &IoThread<E>) -> Option<OwnedSemaphorePermit> {
    let (cap, _) = thread.shared.cap.as_ref()?;
    tokio::select! {
        permit = cap.clone().acquire_owned() => permit.ok(),
        () = thread.station().abort.wait() => None,
    }
}

fn shed<E: Endpoint>(thread: &IoThread<E>, due: Due<E>) {
    let mut record = due.record;
    record.outcome = Outcome::Shed;
    thread.shared.ended(Outcome::Shed);
    thread.emit(record, None);
}

/// Runs one request of a closed loop at `now`, scheduled at the moment of sending unless `scheduled` says otherwise; returns
/// its outcome, and when it had ended.
pub(super) async fn run_closed<E: Endpoint>(
    thread: &IoThread<E>,
    scheduled: Option<Offset>,
    now: Offset,
) -> (Outcome, Offset) {
    let due = Due::take(thread, scheduled.unwrap_or(now));
    let rule = if scheduled.is_none() { Scheduled::WhenSent } else { Scheduled::WhenDue };
    follow(thread, due.begin(thread), rule).await
}

/// Follows a request to its end and keeps its record; returns its outcome, and when it had ended.
async fn follow<E: Endpoint>(thread: &IoThread<E>, issue: E::Issue, rule: Scheduled) -> (Outcome, Offset) {
    let (mut record, text) = thread.endpoint.finish(issue).await;
    let now = thread.now();
    let (shared, pulse) = (&thread.shared, &thread.station().pulse);
    if let (Scheduled::WhenSent, Some(sent)) = (rule, record.sent) {
        record.scheduled = sent;
        record.phase = shared.times.phase(sent);
    }
    if shared.spec.strict_length {
        record.check_length();
    }
    record.error = record.error.map(|error| shared.mask.hide(error));
    let outcome = record.outcome;
    if record.sent.is_some() {
        pulse.ended(now, outcome == Outcome::Ok, outcome.is_failure());
    } else if outcome.is_failure() {
        pulse.failed_unsent();
    }
    shared.ended(outcome);
    thread.emit(record, text);
    (outcome, now)
}
