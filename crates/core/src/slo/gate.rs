//! What stands before the verdicts on objectives: whether the client measured itself, and whether the load can be held.

use super::verdict::{SloVerdict, Verdict};
use crate::metrics::Backlog;

/// What is known of a run beside its requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The measurement is VALID: the client measured the server, and not itself.
    pub valid: bool,
    /// Whether the load can be held.
    pub backlog: Backlog,
}

impl Gate {
    /// Takes back what the run does not allow to be said: an INVALID measurement decides nothing, and an objective is met
    /// only by a load that can be held.
    pub fn apply(self, verdicts: &mut [SloVerdict]) {
        for found in verdicts {
            let passed = found.verdict == Verdict::Pass;
            let reason = match self.backlog {
                _ if !self.valid => "the measurement is INVALID".to_owned(),
                Backlog::Grows if passed => {
                    "OVERLOADED: the backlog grew, so the figure is not that of a load that can be held"
                        .to_owned()
                }
                Backlog::TooShort(seconds) if passed => {
                    found.more_seconds = Some(found.more_seconds.unwrap_or(0.0).max(seconds));
                    "met so far, but too short to tell from a slow overload".to_owned()
                }
                _ => continue,
            };
            found.verdict = Verdict::Undecided;
            found.reason = Some(reason);
        }
    }
}
