//! What is shown of all trials of a session: one view, from the first of them to the last.

use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

use super::interrupts::{Heard, Interrupts};
use crate::live::{Can, History, Key, Live, Moment, Occasion, Story, Tell};

/// From one look at signals and keys to the next.
const LOOK: Duration = Duration::from_millis(100);

/// What a command shows of a trial.
pub(crate) struct Show {
    /// The command's name.
    pub(crate) command: &'static str,
    /// When it is shown, and how.
    pub(crate) occasion: Occasion,
    /// Whether its title names the load: else the command tells of it itself.
    pub(crate) names_load: bool,
    /// What the command tells beside the requests.
    pub(crate) tell: Option<Tell>,
    /// What keys may do.
    pub(crate) can: Can,
}

/// A trial on its stage.
pub(super) struct Act {
    pub(super) show: Show,
    /// What is asked of whom.
    pub(super) title: String,
    /// Whether answers are streamed.
    pub(super) streamed: bool,
}

impl Act {
    /// What the command tells at a moment.
    pub(super) fn story(&self, now: Offset) -> Story {
        self.show.tell.as_ref().map_or(Story::Run, |tell| tell(now))
    }
}

/// The view of a session, and where it stands.
pub(super) struct Stage {
    live: Live,
    /// The last seconds of all trials.
    pub(super) history: History,
    last: Moment,
    /// The user paused the last trial, and it ended: the next one waits.
    pub(super) paused: bool,
}

impl Stage {
    pub(super) fn new(live: Live) -> Self {
        Stage { live, history: History::default(), last: Moment::default(), paused: false }
    }

    pub(super) fn is_full(&self) -> bool {
        self.live.is_full()
    }

    pub(super) fn show(&mut self, moment: Moment) {
        if self.live.is_full() {
            self.last = moment.clone();
        }
        self.live.show(moment);
    }

    /// What the user wants, by the keys since the last time.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.live.keys()
    }

    /// This process was stopped, and goes on.
    pub(super) fn again(&self) {
        self.live.again();
    }

    /// The trial is over.
    pub(super) fn trial_over(&mut self) {
        self.live.rest();
    }

    /// Waits between two trials, and for as long as the user pauses them. True if the user has had enough.
    pub(super) fn rest(&mut self, interrupts: &mut Interrupts, time: Duration) -> bool {
        let clock = Clock::start();
        let end = Offset::ZERO + time;
        loop {
            let left = end.since(clock.now());
            match interrupts.hear(if self.paused { LOOK } else { LOOK.min(left) }) {
                Heard::End => return true,
                Heard::Continued => self.again(),
                Heard::Nothing => {}
            }
            for key in self.keys() {
                match key {
                    Key::Quit => return true,
                    Key::Pause => self.paused = !self.paused,
                    Key::More | Key::Less => {}
                }
            }
            if !self.paused && clock.now() >= end {
                return false;
            }
            let phase = if self.paused { "paused" } else { "settling" };
            let can = Can { pause: true, change: false };
            self.live.show(Moment { phase, left: None, by_hand: None, can, ..self.last.clone() });
        }
    }
}
