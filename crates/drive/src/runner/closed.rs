//! The users of a closed loop: each sends, waits for the answer, thinks, and sends again.

use std::rc::Rc;
use std::time::Duration;

use plimsoll_core::load::{ClosedLoop, ClosedShape, RECONNECT_PAUSE, UserPacer};
use plimsoll_core::record::Outcome;
use plimsoll_core::time::Offset;
use tokio::task::spawn_local;

use super::io_thread::IoThread;
use super::request;
use crate::endpoint::Endpoint;

/// Starts the users of this thread up to number `users`, but for those that are there already: those whose number leaves
/// the thread's as remainder.
pub(super) fn spawn_users<E: Endpoint>(thread: &Rc<IoThread<E>>, model: &ClosedLoop, users: u32) {
    let (threads, there) = (u32::from(thread.shared.spec.threads), thread.users.get());
    let mine = (u32::from(thread.index)..users).step_by(threads as usize).filter(|&user| user >= there);
    thread.users.set(there.max(users));
    for user in mine {
        let pacer = UserPacer::new(model, thread.shared.spec.seed, user);
        let is_burst = matches!(model.shape, ClosedShape::Burst { .. });
        let thread = thread.clone();
        thread.active.set(thread.active.get() + 1);
        spawn_local(async move {
            live(&thread, user, pacer, is_burst).await;
            thread.task_ended();
        });
    }
}

/// The life of one user.
async fn live<E: Endpoint>(thread: &IoThread<E>, user: u32, mut pacer: UserPacer, is_burst: bool) {
    let begin = thread.shared.times.begin;
    let mut due = begin + pacer.first().since(Offset::ZERO);
    let mut now = thread.now();
    loop {
        if due > now {
            thread.alarm.sleep_until(due).await;
            now = thread.now();
        }
        if thread.holds_back(user) {
            while thread.holds_back(user) {
                thread.hand_moved.notified().await;
            }
            now = thread.now();
            if is_burst {
                // The bursts meanwhile were those of others: this user joins the next one.
                due = begin + pacer.after(since(now, begin), since(now, begin)).since(Offset::ZERO);
                continue;
            }
        }
        if !thread.accepting.get() || !thread.shared.claim() {
            return;
        }
        let started = now;
        // A burst has an instant of its own, and lateness against it is lag; other users are due when they send.
        let (outcome, ended) = request::run_closed(thread, is_burst.then_some(due), started).await;
        if !thread.accepting.get() {
            // The load ended meanwhile: nobody waits for this user to have thought.
            return;
        }
        now = ended;
        let pause =
            if matches!(outcome, Outcome::Connect | Outcome::Tls) { RECONNECT_PAUSE } else { Duration::ZERO };
        let next = pacer.after(since(started, begin), since(ended + pause, begin));
        due = begin + next.since(Offset::ZERO);
    }
}

/// A moment relative to the beginning of the load.
fn since(at: Offset, begin: Offset) -> Offset {
    Offset::ZERO + at.since(begin)
}
