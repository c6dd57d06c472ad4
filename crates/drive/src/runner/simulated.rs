//! The main loop of an I/O thread in simulated time: the present stands still while anybody has something to do, and
//! then moves to the next moment at which anything happens.
//!
//! It is what tokio's own paused time does, but to the nanosecond: tokio's has slots of a millisecond.

use std::rc::Rc;
use std::sync::Arc;

use plimsoll_core::load::LoadModel;
use plimsoll_core::time::Offset;
use tokio::sync::Notify;

use super::closed;
use super::io_thread::{Clockwork, Ending, IoThread, Share, ThreadEnd};
use crate::endpoint::{Endpoint, SimulatedEndpoint};

/// Says when every other task of a runtime waits.
#[derive(Clone, Default)]
pub(super) struct Idle {
    notify: Arc<Notify>,
}

impl Idle {
    /// Called by the runtime when no task is ready.
    pub(super) fn reached(&self) {
        self.notify.notify_one();
    }

    /// Waits until every other task waits. Only tasks can wait so: the future that a runtime blocks on may be ready
    /// while the runtime is idle.
    async fn wait(&self) {
        self.notify.notified().await;
    }
}

/// Runs the load of a thread to its end.
pub(super) async fn run<E: SimulatedEndpoint>(
    thread: &Rc<IoThread<E>>,
    mut share: Option<Share>,
    idle: Idle,
) -> ThreadEnd {
    if let LoadModel::Closed(model) = &thread.shared.spec.load {
        closed::spawn_users(thread, model, model.users.get());
        idle.wait().await;
    }
    let mut clockwork = Clockwork::new(thread);
    let mut end = Ending::default();
    loop {
        let now = thread.now();
        if thread.endpoint.advance(now) {
            // Those whose requests ended go first: they may free a place under the cap.
            idle.wait().await;
            continue;
        }
        clockwork.turn(thread, now);
        thread.look_at_the_end(thread.shared.stop.state(), now, &mut end);
        let mut next_start = thread.start_due(&mut share, now, &mut end);
        while next_start.is_some_and(|next| next <= now) {
            next_start = thread.start_due(&mut share, now, &mut end);
        }
        if thread.is_over() && next_start.is_none() {
            return thread.close(end);
        }
        thread.alarm.wake_due(now);
        idle.wait().await;
        if !thread.is_over() {
            let next = [
                next_start,
                thread.alarm.next_sleeper(),
                thread.endpoint.next_event(),
                Some(clockwork.next()),
                next_boundary(thread, &end),
            ];
            thread.station().clock.move_to(next.into_iter().flatten().min().unwrap_or(now));
        }
    }
}

/// When the load ends, or when what is left of it is given up.
fn next_boundary<E: Endpoint>(thread: &IoThread<E>, end: &Ending) -> Option<Offset> {
    match end.at {
        None => [end.schedule_ended, thread.shared.times.measure_end].into_iter().flatten().min(),
        Some(_) if thread.station().abort.is_set() => None,
        Some(at) => Some(thread.shared.spec.phases.drain_deadline(at)),
    }
}
