//! One request from its due instant to its record.

use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use plimsoll_core::load::WhenFull;
use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::time::Offset;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_local;

use super::feed::Prepared;
use super::io_thread::IoThread;
use super::settle::settle;
use crate::transport::{Connection, Ending, Exchange, Unsent, was_a_race};

/// A request that is due.
struct Due {
    exchange: Exchange,
    unsent: Unsent,
    bytes: u64,
    /// Whether `scheduled` is the moment of sending: the rule of the closed loop.
    scheduled_when_sent: bool,
}

impl Due {
    fn new(thread: &IoThread, prepared: Prepared, scheduled: Offset, scheduled_when_sent: bool) -> Self {
        let phase = thread.shared.times.phase(scheduled);
        let mut record = Record::due(prepared.id, phase, thread.index, scheduled);
        record.prompt_tokens = prepared.prompt_tokens;
        record.max_tokens = Some(prepared.max_tokens);
        Due {
            exchange: Exchange::new(record, prepared.decoder, prepared.cancel, thread.wire.answers.keep_text),
            unsent: Unsent::new(prepared.pieces),
            bytes: prepared.bytes,
            scheduled_when_sent,
        }
    }

    /// Hands the request to the kernel.
    fn send(&mut self, thread: &IoThread, connection: &mut Connection) {
        self.exchange.send_now(&thread.wire, connection, &mut self.unsent);
        self.exchange.record.bytes_sent = self.bytes;
        thread.wire.pulse.wrote(self.bytes);
        if let (true, Some(sent)) = (self.scheduled_when_sent, self.exchange.record.sent) {
            self.exchange.record.scheduled = sent;
            self.exchange.record.phase = thread.shared.times.phase(sent);
        }
    }
}

/// Starts a request of the open loop. It is sent before this returns if a connection and the cap allow.
pub(super) fn start(thread: &Rc<IoThread>, scheduled: Offset) {
    thread.wire.pulse.scheduled();
    let prepared = thread.feed.borrow_mut().take();
    let mut due = Due::new(thread, prepared, scheduled, false);
    let mut permit = None;
    if let Some((cap, when_full)) = &thread.shared.cap {
        match cap.clone().try_acquire_owned() {
            Ok(got) => permit = Some(got),
            Err(_) => {
                thread.shared.cap_reached.fetch_add(1, Ordering::Relaxed);
                match when_full {
                    WhenFull::Shed => return shed(thread, due),
                    WhenFull::Lag => return spawn(thread, due, None, Permit::Awaited),
                }
            }
        }
    }
    // A run that is being given up sends nothing more, but what was due gets its record.
    let mut connection = if thread.wire.abort.is_set() { None } else { thread.wire.take_idle() };
    if let Some(connection) = &mut connection {
        due.send(thread, connection);
    }
    spawn(thread, due, connection, Permit::Held(permit));
}

/// The right to be in flight.
enum Permit {
    Held(Option<OwnedSemaphorePermit>),
    Awaited,
}

fn spawn(thread: &Rc<IoThread>, due: Due, connection: Option<Connection>, permit: Permit) {
    let thread = thread.clone();
    thread.active.set(thread.active.get() + 1);
    spawn_local(async move {
        let permit = match permit {
            Permit::Held(permit) => permit,
            Permit::Awaited => await_permit(&thread).await,
        };
        perform(&thread, due, connection).await;
        drop(permit);
        thread.task_ended();
    });
}

/// Waits for a place under the cap, in the order of the due instants; without one if the run ends meanwhile.
async fn await_permit(thread: &IoThread) -> Option<OwnedSemaphorePermit> {
    let (cap, _) = thread.shared.cap.as_ref()?;
    tokio::select! {
        permit = cap.clone().acquire_owned() => permit.ok(),
        () = thread.wire.abort.wait() => None,
    }
}

fn shed(thread: &Rc<IoThread>, due: Due) {
    let mut record = due.exchange.record;
    record.outcome = Outcome::Shed;
    thread.shared.ended(false);
    thread.emit(record, None);
}

/// Runs one request of a closed loop, scheduled at the moment of sending unless `scheduled` says otherwise; returns
/// its outcome.
pub(super) async fn run_closed(thread: &Rc<IoThread>, scheduled: Option<Offset>) -> Outcome {
    thread.wire.pulse.scheduled();
    let prepared = thread.feed.borrow_mut().take();
    let now = thread.wire.clock.now();
    let due = Due::new(thread, prepared, scheduled.unwrap_or(now), scheduled.is_none());
    perform(thread, due, None).await
}

/// Sends the request, if that has not been done, and follows it to its end.
async fn perform(thread: &IoThread, mut due: Due, connection: Option<Connection>) -> Outcome {
    let wire = &thread.wire;
    let mut connection = connection.or_else(|| wire.take_idle());
    let ending = loop {
        if wire.abort.is_set() {
            break Ending::Aborted;
        }
        let mut connected = match connection.take() {
            Some(connection) => connection,
            None => match dial(thread, &mut due.exchange.record).await {
                Ok(connection) => connection,
                Err(outcome) => return give_up(thread, due, outcome),
            },
        };
        if due.exchange.record.sent.is_none() {
            due.send(thread, &mut connected);
        }
        let ending = due.exchange.run(wire, &mut connected, &mut due.unsent).await;
        if due.exchange.reusable {
            wire.give_back(connected);
            break ending;
        }
        wire.pulse.connection_closed();
        if !was_a_race(&ending, &connected) {
            break ending;
        }
        // The server closed the idle connection as the request went out: nobody has seen it. Once more, afresh.
        wire.pulse.ended(wire.clock.now(), false, false);
        due.unsent.rewind();
        due.exchange.record.sent = None;
    };
    conclude(thread, due, ending)
}

/// Opens a connection; an error is the outcome of the request, or `None` if the run ended meanwhile.
async fn dial(thread: &IoThread, record: &mut Record) -> Result<Connection, Option<Outcome>> {
    let dialing = pin!(thread.wire.dialer.dial());
    let dialed = tokio::select! {
        dialed = dialing => dialed,
        () = thread.wire.abort.wait() => return Err(None),
    };
    match dialed {
        Ok((connection, times)) => {
            record.connect = Some(times);
            thread.wire.pulse.connection_opened();
            Ok(connection)
        }
        Err(error) => {
            record.error = Some(error.reason);
            Err(Some(error.outcome))
        }
    }
}

/// A request for which there was no connection.
fn give_up(thread: &IoThread, due: Due, outcome: Option<Outcome>) -> Outcome {
    let mut record = due.exchange.record;
    record.outcome = outcome.unwrap_or(Outcome::Unfinished);
    if outcome.is_some() {
        record.done = Some(thread.wire.clock.now());
        thread.wire.pulse.failed_unsent();
    }
    let outcome = record.outcome;
    thread.shared.ended(false);
    thread.emit(record, None);
    outcome
}

fn conclude(thread: &IoThread, due: Due, ending: Ending) -> Outcome {
    let now = thread.wire.clock.now();
    let was_sent = due.exchange.record.sent.is_some();
    let shared = &thread.shared;
    let (mut record, text) = settle(due.exchange, ending, thread.wire.clock, shared.spec.strict_length);
    record.error = record.error.map(|error| shared.mask.hide(error));
    let outcome = record.outcome;
    if was_sent {
        thread.wire.pulse.ended(now, outcome == Outcome::Ok, outcome.is_failure());
    }
    thread.shared.ended(outcome == Outcome::Ok);
    thread.emit(record, text);
    outcome
}
