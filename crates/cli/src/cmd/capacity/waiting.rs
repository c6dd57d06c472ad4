//! Waits for a server that still works for others: before the search, and after a trial that left requests behind or was
//! refused some.

use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

use crate::report::emit;
use crate::session::{Blueprint, Once, Session};

/// How long a server may be busy with other work before the search gives it up.
const FIRST_ANSWER: Duration = Duration::from_secs(60);
/// How long it may work off what a trial left behind.
const REST: Duration = Duration::from_secs(30);
/// Waits longer than this are told.
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// A server is itself again when a request takes at most so many times what one user found.
const ITSELF: f64 = 3.0;
/// An answer that waited behind others says little of the server: the next one takes less than this share of its time.
const SHORTER: f64 = 0.7;
/// From one look at a request on its way to the next.
const LOOK: Duration = Duration::from_millis(10);
/// From one request to the next.
const ASIDE: Duration = Duration::from_millis(200);

/// How the wait for the first answer ended.
pub(super) enum First {
    /// A request takes so many seconds by itself, as far as one request can tell.
    Takes(f64),
    /// One request cannot tell: a run has to.
    Unknown,
    /// There was none in this time.
    NoAnswer(Duration),
    Interrupted,
}

/// Waits until the server answers a request, and until answers no longer take ever less time: it has done its other work.
/// It waits no longer than `longest` if that is less than a minute.
///
/// # Errors
/// The operating system refuses what the wait needs.
pub(super) fn first_answer(
    session: &mut Session,
    blueprint: &Blueprint,
    longest: Option<Duration>,
) -> anyhow::Result<First> {
    let longest = longest.unwrap_or(FIRST_ANSWER).min(FIRST_ANSWER);
    let says = format!(
        "no answer yet: the server is busy with other work, or slow; waiting up to {longest:?} for its first answer"
    );
    let mut wait = Wait::new(session, blueprint, longest, says);
    let mut before: Option<f64> = None;
    while !wait.is_over() {
        match wait.ask()? {
            None => return Ok(First::Interrupted),
            Some(Once::Answered(took)) => {
                if is_alone(before, took) {
                    return Ok(First::Takes(took));
                }
                before = Some(took);
            }
            Some(Once::Late) => break,
            Some(Once::Refused | Once::Failed | Once::NotHere) => return Ok(First::Unknown),
        }
    }
    Ok(before.map_or(First::NoAnswer(longest), First::Takes))
}

/// Whether an answer that took so many seconds, after one that took `before`, waited behind no others.
fn is_alone(before: Option<f64>, took: f64) -> bool {
    before.map_or(took < TOLD_AFTER.as_secs_f64(), |before| took >= SHORTER * before)
}

/// Waits until a request takes about what it did `alone`, in seconds. Returns whether the user has had enough.
///
/// # Errors
/// The operating system refuses what the wait needs.
pub(super) fn itself_again(session: &mut Session, blueprint: &Blueprint, alone: f64) -> anyhow::Result<bool> {
    let says = format!(
        "the server still suffers from the last trial: waiting up to {REST:?} until it is itself again"
    );
    let mut wait = Wait::new(session, blueprint, REST, says);
    loop {
        match wait.ask()? {
            None => return Ok(true),
            Some(Once::Answered(took)) if took <= ITSELF * alone => return Ok(false),
            Some(Once::Failed | Once::NotHere) => return Ok(false),
            Some(Once::Answered(_) | Once::Late | Once::Refused) => {}
        }
        if wait.is_over() {
            emit::note(&format!(
                "the server is still not itself after {REST:?}: the next trial starts all the same"
            ));
            return Ok(false);
        }
        if wait.session.pause(ASIDE)? {
            return Ok(true);
        }
    }
}

/// A wait for the server, which is told once it takes long.
struct Wait<'a> {
    session: &'a mut Session,
    blueprint: &'a Blueprint,
    clock: Clock,
    longest: Duration,
    /// What is told.
    says: Option<String>,
}

impl<'a> Wait<'a> {
    fn new(session: &'a mut Session, blueprint: &'a Blueprint, longest: Duration, says: String) -> Self {
        Wait { session, blueprint, clock: Clock::start(), longest, says: Some(says) }
    }

    fn waited(&self) -> Duration {
        self.clock.now().since(Offset::ZERO)
    }

    fn is_over(&self) -> bool {
        self.waited() >= self.longest
    }

    /// Asks once, and waits for the answer as long as the wait lasts. Nothing if the user has had enough.
    fn ask(&mut self) -> anyhow::Result<Option<Once>> {
        let left = self.longest.saturating_sub(self.waited());
        let Some(asking) = self.session.ask(self.blueprint, left)? else { return Ok(Some(Once::NotHere)) };
        loop {
            // First, so that a long wait is told however late this looks.
            if self.waited() > TOLD_AFTER
                && let Some(says) = self.says.take()
            {
                emit::note(&says);
            }
            // A trial says more of a request that is refused for good.
            if let Some(found) = asking.found().unwrap_or(Some(Once::NotHere)) {
                return Ok(Some(found));
            }
            if self.session.pause(LOOK)? {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_believed_when_it_is_fast_or_no_longer_gets_faster() {
        for (before, took, alone) in [
            (None, 0.013, true),
            (None, 1.9, true),
            (None, 20.0, false),        // it may have waited behind others
            (Some(20.0), 0.013, false), // it did: once more
            (Some(0.013), 0.012, true),
            (Some(6.0), 5.8, true), // a slow server
        ] {
            assert_eq!(is_alone(before, took), alone, "{before:?}, {took}");
        }
    }
}
