//! The users of a closed loop: each sends, waits for the answer, thinks, and sends again.

use std::rc::Rc;

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
    loop {
        thread.alarm.sleep_until(due).await;
        if thread.holds_back(user) {
            while thread.holds_back(user) {
                thread.hand_moved.notified().await;
            }
            if is_burst {
                // The bursts meanwhile were those of others: this user joins the next one.
                let now = since(thread.now(), begin);
                due = begin + pacer.after(now, now).since(Offset::ZERO);
                continue;
            }
        }
        if !thread.accepting.get() || !thread.shared.claim() {
            return;
        }
        let started = thread.now();
        // A burst has an instant of its own, and lateness against it is lag; other users are due when they send.
        let outcome = request::run_closed(thread, is_burst.then_some(due)).await;
        if !thread.accepting.get() {
            // The load ended meanwhile: nobody waits for this user to have thought.
            return;
        }
        let mut done = thread.now();
        if matches!(outcome, Outcome::Connect | Outcome::Tls) {
            done = done + RECONNECT_PAUSE;
        }
        let next = pacer.after(since(started, begin), since(done, begin));
        due = begin + next.since(Offset::ZERO);
    }
}

/// A moment relative to the beginning of the load.
fn since(at: Offset, begin: Offset) -> Offset {
    Offset::ZERO + at.since(begin)
}
