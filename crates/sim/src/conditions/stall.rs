//! Times in which a server does nothing.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::ConditionsError;

/// A server that takes requests but does not work on any, once or again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When the first one begins.
    pub at: Offset,
    /// How long it lasts.
    pub length: Duration,
    /// From the start of one to the start of the next, at least 1 ms more than `length`; `None`: there is one only.
    pub every: Option<Duration>,
}

impl Stall {
    pub(super) fn check(&self) -> Result<(), ConditionsError> {
        let Stall { length, every, .. } = *self;
        match every {
            Some(every) if every.saturating_sub(length) < Duration::from_millis(1) => {
                Err(ConditionsError::Stall { length, every })
            }
            _ => Ok(()),
        }
    }

    /// When `work` is done that begins at `begin` and rests while the server stalls.
    pub(super) fn end_of(&self, begin: Offset, work: Duration) -> Offset {
        let (mut now, mut left) = (begin, work);
        while let Some((from, to)) = self.first_ending_after(now) {
            let before = from.since(now);
            if now < from && left <= before {
                break;
            }
            left = left.saturating_sub(before);
            now = to;
        }
        now + left
    }

    /// The first stall that is not over at `now`.
    fn first_ending_after(&self, now: Offset) -> Option<(Offset, Offset)> {
        let mut from = self.at;
        if from + self.length <= now {
            let every = u64::try_from(self.every?.as_nanos()).ok()?;
            let past = now.since(self.at).saturating_sub(self.length).as_nanos() as u64 / every + 1;
            from = Offset::from_nanos(self.at.as_nanos().checked_add(past.checked_mul(every)?)?);
        }
        let to = from + self.length;
        (now < to).then_some((from, to))
    }
}
