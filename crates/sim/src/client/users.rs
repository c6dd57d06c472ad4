//! The users of a closed loop, in order of the moments they wait for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use plimsoll_core::load::{ClosedLoop, ClosedShape, RECONNECT_PAUSE, UserPacer};
use plimsoll_core::record::Outcome;
use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

/// The users of a closed loop.
#[derive(Debug)]
pub(super) struct Users {
    begin: Offset,
    /// A burst has an instant of its own, and lateness against it is lag; other users are due when they send.
    pub(super) is_burst: bool,
    users: Vec<User>,
    /// When who wakes; those of one moment in the order in which they went to sleep.
    sleepers: BinaryHeap<Reverse<(Offset, u64, u32)>>,
    sleepers_seen: u64,
}

#[derive(Debug)]
struct User {
    pacer: UserPacer,
    /// When the present request was sent.
    started: Offset,
}

impl Users {
    /// All users, each asleep until it is first due, in a load that begins at `begin`.
    pub(super) fn new(model: &ClosedLoop, seed: Seed, begin: Offset) -> Self {
        let pacers = (0..model.users.get()).map(|user| UserPacer::new(model, seed, user));
        let users: Vec<User> = pacers.map(|pacer| User { pacer, started: Offset::ZERO }).collect();
        let firsts: Vec<Offset> = users.iter().map(|user| user.pacer.first()).collect();
        let mut all = Users {
            begin,
            is_burst: matches!(model.shape, ClosedShape::Burst { .. }),
            users,
            sleepers: BinaryHeap::new(),
            sleepers_seen: 0,
        };
        for (user, first) in (0..).zip(firsts) {
            all.sleep(user, begin + first.since(Offset::ZERO));
        }
        all
    }

    /// When the next user wakes.
    pub(super) fn next(&self) -> Option<Offset> {
        self.sleepers.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next user who is due at or before `now`, and when that was.
    pub(super) fn wake(&mut self, now: Offset) -> Option<(u32, Offset)> {
        let due = self.next().filter(|&at| at <= now)?;
        let Reverse((.., user)) = self.sleepers.pop()?;
        Some((user, due))
    }

    /// Nobody wakes any more.
    pub(super) fn go(&mut self) {
        self.sleepers.clear();
    }

    /// A user has sent a request.
    pub(super) fn started(&mut self, user: u32, now: Offset) {
        if let Some(user) = self.users.get_mut(user as usize) {
            user.started = now;
        }
    }

    /// A user's request has ended; gives the moment of the next one if that is now or before, and else lets the user
    /// sleep until then.
    pub(super) fn ended(&mut self, id: u32, now: Offset, outcome: Outcome) -> Option<Offset> {
        let user = self.users.get_mut(id as usize)?;
        let done = match outcome {
            Outcome::Connect | Outcome::Tls => now + RECONNECT_PAUSE,
            _ => now,
        };
        let since = |at: Offset| Offset::ZERO + at.since(self.begin);
        let next = user.pacer.after(since(user.started), since(done));
        let due = self.begin + next.since(Offset::ZERO);
        if due <= now {
            return Some(due);
        }
        self.sleep(id, due);
        None
    }

    fn sleep(&mut self, user: u32, until: Offset) {
        self.sleepers_seen += 1;
        self.sleepers.push(Reverse((until, self.sleepers_seen, user)));
    }
}
