//! How many requests a run wants (`--max-requests`), and whether another may start.

use crate::record::Outcome;

/// Counts requests against the number that a run wants.
///
/// A run has enough when so many have ended well, or when as many have not: a server at which everything fails is asked
/// as often as one at which everything works, and never without end.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    wanted: u64,
    ok: u64,
    not_ok: u64,
    in_flight: u64,
}

impl Quota {
    /// A run that wants so many requests, 1 or more.
    pub fn new(wanted: u64) -> Self {
        Quota { wanted, ok: 0, not_ok: 0, in_flight: 0 }
    }

    /// Claims the right to start a request; false while those on their way may be all that it takes.
    ///
    /// Once nothing is on its way it is false only if the run has enough, so whoever ends the last request may go on.
    pub fn claim(&mut self) -> bool {
        let free = self.ok.max(self.not_ok) + self.in_flight < self.wanted;
        self.in_flight += u64::from(free);
        free
    }

    /// A request that was claimed has ended. One that the user's own cap kept from being sent counts for nothing: those
    /// that keep the cap full will decide.
    pub fn ended(&mut self, outcome: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Shed => {}
            _ => self.not_ok += 1,
        }
    }

    /// Whether the run has enough.
    pub fn is_met(&self) -> bool {
        self.ok.max(self.not_ok) >= self.wanted
    }

    /// Whether it has enough without having had what it wanted.
    pub fn is_given_up(&self) -> bool {
        self.is_met() && self.ok < self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a run of 3 requests, 2 at a time, that end in this order: how many were started, and whether it
    /// was given up.
    fn play(ends: &[Outcome]) -> (u64, bool) {
        let (mut quota, mut started) = (Quota::new(3), 0);
        let mut start = |quota: &mut Quota| started += u64::from(quota.claim());
        start(&mut quota);
        start(&mut quota);
        for &outcome in ends {
            assert!(!quota.is_met(), "{ends:?}");
            quota.ended(outcome);
            start(&mut quota);
        }
        assert!(quota.is_met(), "{ends:?}");
        (started, quota.is_given_up())
    }

    #[test]
    fn a_run_ends_with_what_it_wanted_or_with_as_many_failures() {
        use Outcome::{Cancelled, Connect, Ok, Shed};
        for (ends, expected) in [
            (&[Ok, Ok, Ok][..], (3, false)),
            (&[Connect, Connect, Connect], (3, true)),
            (&[Cancelled, Ok, Connect, Ok, Connect], (5, true)),
            (&[Connect, Ok, Connect, Ok, Ok], (5, false)),
            (&[Shed, Shed, Shed, Ok, Shed, Ok, Ok], (7, false)),
        ] {
            assert_eq!(play(ends), expected, "{ends:?}");
        }
    }
}
