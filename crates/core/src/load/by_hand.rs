//! What a user changes by hand about the load of a run that goes on, and when requests are due then.

use serde::{Deserialize, Serialize};

use super::{Arrivals, ClosedShape, LoadModel};
use crate::time::{Offset, Rate};

/// One step up or down is a tenth of the planned load …
const STEPS: u32 = 10;
/// … and this many times the planned load is the most that can be asked for.
const MOST: u32 = 10;

/// A time in which the load was not that of the run's spec, because the user changed it by hand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervention {
    /// Its beginning, seconds from the start of the run.
    pub start: f64,
    /// Its end, likewise.
    pub end: f64,
    /// The load in it.
    pub load: HandLoad,
}

/// A load that is not that of the run's spec.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandLoad {
    /// No request started. In an open loop what was due is recorded as `shed`.
    Paused,
    /// The planned rate times this.
    RateFactor(f64),
    /// So many users.
    Users(u32),
}

/// What the user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// No more requests start.
    Pause,
    /// They start again.
    Resume,
    /// A tenth of the planned load more.
    More,
    /// A tenth of the planned load less.
    Less,
}

/// What can be changed about a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knob {
    /// The rate of an arrival process, in tenths of the plan.
    Rate,
    /// The number of users.
    Users,
    /// Nothing: stages and traces say themselves how much load there is, and bursts and ramps how many users.
    None,
}

/// The load of a run as the user has changed it so far.
///
/// A pause does not stop the clock of a schedule: it stays absolute, and what is due meanwhile is not sent. Another rate
/// lets the plan go by faster or slower from then on, so that every arrival process keeps its shape.
#[derive(Clone, Debug)]
pub struct ByHand {
    knob: Knob,
    /// When the load begins.
    begin: Offset,
    planned: u32,
    most: u32,
    changes: Vec<Change>,
}

/// The load from a moment on.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: Offset,
    /// How far the plan of an open loop has come by then.
    plan: Offset,
    paused: bool,
    level: u32,
}

impl ByHand {
    /// Nothing was changed yet of a load that begins at `begin`.
    pub fn planned(load: &LoadModel, begin: Offset) -> Self {
        let (knob, planned, most) = match load {
            LoadModel::Open(open) => match &open.arrivals {
                Arrivals::Process { rate, .. } => {
                    let fastest = f64::from(STEPS) * Rate::MAX / rate.per_second();
                    (Knob::Rate, STEPS, (STEPS * MOST).min(fastest as u32))
                }
                Arrivals::Stages { .. } | Arrivals::Replay(_) => (Knob::None, STEPS, STEPS),
            },
            LoadModel::Closed(closed) => {
                let steady = matches!(closed.shape, ClosedShape::Steady { .. });
                let users = closed.users.get();
                if steady {
                    (Knob::Users, users, users.saturating_mul(MOST))
                } else {
                    (Knob::None, users, users)
                }
            }
        };
        ByHand { knob, begin, planned, most, changes: Vec::new() }
    }

    /// Whether there can be more or less of this load.
    pub fn can_be_changed(&self) -> bool {
        self.knob != Knob::None
    }

    /// Changes the load from `at` on, which is not before the last change. False if it stays as it is.
    pub fn turn(&mut self, turn: Turn, at: Offset) -> bool {
        let (before, step) = (self.now(), (self.planned / STEPS).max(1));
        let level = match turn {
            Turn::Pause | Turn::Resume => before.level,
            _ if self.knob == Knob::None => before.level,
            Turn::More => before.level.saturating_add(step).min(self.most.max(before.level)),
            Turn::Less => before.level.saturating_sub(step).max(1),
        };
        let paused = match turn {
            Turn::Pause => true,
            Turn::Resume => false,
            Turn::More | Turn::Less => before.paused,
        };
        if (level, paused) == (before.level, before.paused) {
            return false;
        }
        let at = at.max(before.at);
        let plan = self.plan_at(&before, at);
        self.changes.push(Change { at, plan, paused, level });
        true
    }

    /// The load that was asked for last, where it is not the planned one.
    pub fn load(&self) -> Option<HandLoad> {
        self.as_load(&self.now())
    }

    /// Whether no request starts at `at`.
    pub fn is_paused_at(&self, at: Offset) -> bool {
        self.changes.iter().rev().find(|change| change.at <= at).is_some_and(|change| change.paused)
    }

    /// Whether user `user` of a closed loop, counted from 0, is to start no request now.
    pub fn holds_back(&self, user: u32) -> bool {
        let now = self.now();
        now.paused || self.users().is_some_and(|users| user >= users)
    }

    /// Users that there are to be, where that was changed.
    pub fn users(&self) -> Option<u32> {
        (self.knob == Knob::Users && !self.changes.is_empty()).then(|| self.now().level)
    }

    /// When the request is due that was planned for `plan` after the beginning of the load. Ascends with `plan`.
    pub fn due(&self, plan: Offset) -> Offset {
        match self.changes.iter().rev().find(|change| change.plan <= plan) {
            Some(change) => {
                let (real, planned) = self.speed(change.level);
                change.at + scaled(plan.as_nanos() - change.plan.as_nanos(), planned, real)
            }
            None => self.begin + plan.since(Offset::ZERO),
        }
    }

    /// The times in which the load was not the planned one, up to `end`.
    pub fn interventions(&self, end: Offset) -> Vec<Intervention> {
        let ends = self.changes.iter().skip(1).map(|change| change.at).chain([end]);
        let mut found: Vec<Intervention> = Vec::new();
        for (change, until) in self.changes.iter().zip(ends) {
            let (start, end) = (change.at.as_secs_f64(), until.min(end).as_secs_f64());
            match (self.as_load(change), found.last_mut()) {
                (Some(load), Some(last)) if last.load == load && last.end == start => {
                    last.end = end.max(start)
                }
                (Some(load), _) if start < end => found.push(Intervention { start, end, load }),
                _ => {}
            }
        }
        found
    }

    fn now(&self) -> Change {
        let begun = Change { at: self.begin, plan: Offset::ZERO, paused: false, level: self.planned };
        self.changes.last().copied().unwrap_or(begun)
    }

    fn as_load(&self, change: &Change) -> Option<HandLoad> {
        match self.knob {
            _ if change.paused => Some(HandLoad::Paused),
            _ if change.level == self.planned => None,
            Knob::Users => Some(HandLoad::Users(change.level)),
            Knob::Rate | Knob::None => Some(HandLoad::RateFactor(f64::from(change.level) / f64::from(STEPS))),
        }
    }

    /// How far the plan has come at `at`, by the last change before.
    fn plan_at(&self, before: &Change, at: Offset) -> Offset {
        let (real, planned) = self.speed(before.level);
        before.plan + scaled(at.since(before.at).as_nanos() as u64, real, planned)
    }

    /// How much of the plan goes by in how much time: `(plan, time)`.
    fn speed(&self, level: u32) -> (u32, u32) {
        if self.knob == Knob::Rate { (level, self.planned) } else { (1, 1) }
    }
}

/// `nanos * times / parts`, without loss on the way.
fn scaled(nanos: u64, times: u32, parts: u32) -> std::time::Duration {
    let scaled = u128::from(nanos) * u128::from(times) / u128::from(parts);
    std::time::Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::load::{ClosedLoop, GapDistribution, OpenLoop, Replay, ThinkTime};

    fn at(seconds: f64) -> Offset {
        Offset::from_secs_f64(seconds)
    }

    fn rate(per_second: f64) -> ByHand {
        let arrivals = Arrivals::Process {
            rate: Rate::try_from(per_second).expect("in range"),
            gaps: GapDistribution::Constant,
        };
        ByHand::planned(&LoadModel::Open(OpenLoop { arrivals, cap: None }), at(1.0))
    }

    fn users(users: u32, shape: ClosedShape) -> ByHand {
        let users = NonZeroU32::new(users).expect("not zero");
        let closed = ClosedLoop { users, shape, think: ThinkTime::Zero };
        ByHand::planned(&LoadModel::Closed(closed), at(1.0))
    }

    fn found(by_hand: &ByHand, end: f64) -> Vec<(f64, f64, HandLoad)> {
        let spans = by_hand.interventions(at(end));
        spans.into_iter().map(|span| (span.start, span.end, span.load)).collect()
    }

    #[test]
    fn another_rate_lets_the_plan_go_by_faster_or_slower() {
        let mut by_hand = rate(20.0);
        assert_eq!(by_hand.due(at(7.25)), at(8.25));
        for _ in 0..10 {
            assert!(by_hand.turn(Turn::More, at(11.0)), "ten seconds of the plan have gone by");
        }
        // Twice as fast from the 10th second of the plan on.
        for (plan, due) in [(9.5, 10.5), (10.0, 11.0), (12.0, 12.0), (30.0, 21.0)] {
            assert_eq!(by_hand.due(at(plan)), at(due), "{plan}");
        }
        for _ in 0..15 {
            assert!(by_hand.turn(Turn::Less, at(21.0)));
        }
        // Half as fast from the 30th on.
        for (plan, due) in [(12.0, 12.0), (30.0, 21.0), (31.0, 23.0)] {
            assert_eq!(by_hand.due(at(plan)), at(due), "{plan}");
        }
        assert_eq!(
            found(&by_hand, 100.0),
            [(11.0, 21.0, HandLoad::RateFactor(2.0)), (21.0, 100.0, HandLoad::RateFactor(0.5))]
        );
    }

    #[test]
    fn a_pause_stops_no_clock() {
        let mut by_hand = rate(20.0);
        assert!(by_hand.turn(Turn::Pause, at(5.0)));
        assert!(!by_hand.turn(Turn::Pause, at(6.0)), "it is paused already");
        assert_eq!(by_hand.load(), Some(HandLoad::Paused));
        assert!(by_hand.turn(Turn::Resume, at(8.0)));
        assert_eq!((by_hand.load(), by_hand.due(at(30.0))), (None, at(31.0)));
        let paused = [4.9, 5.0, 7.9, 8.0].map(|second| by_hand.is_paused_at(at(second)));
        assert_eq!(paused, [false, true, true, false]);
        assert_eq!(found(&by_hand, 7.0), [(5.0, 7.0, HandLoad::Paused)]);
        assert_eq!(found(&by_hand, 4.0), []);
    }

    #[test]
    fn users_come_and_go_by_tenths_but_one_stays() {
        let steady = ClosedShape::Steady { spawn_rate: None };
        let mut by_hand = users(25, steady.clone());
        assert_eq!((by_hand.users(), by_hand.holds_back(24)), (None, false));
        assert!(by_hand.turn(Turn::More, at(2.0)));
        assert_eq!(
            (by_hand.users(), by_hand.holds_back(26), by_hand.holds_back(27)),
            (Some(27), false, true)
        );
        assert!(by_hand.turn(Turn::Pause, at(3.0)));
        assert!(by_hand.holds_back(0));
        assert_eq!(found(&by_hand, 4.0), [(2.0, 3.0, HandLoad::Users(27)), (3.0, 4.0, HandLoad::Paused)]);
        let mut few = users(2, steady);
        assert!(few.turn(Turn::Less, at(2.0)));
        assert!(!few.turn(Turn::Less, at(2.0)), "the last user stays");
        assert_eq!(few.users(), Some(1));
    }

    #[test]
    fn what_has_its_own_course_can_only_be_paused() {
        let replay = Replay { source: "t.csv".to_owned(), speed: 1.0, due: [at(0.5)].into() };
        let trace = LoadModel::Open(OpenLoop { arrivals: Arrivals::Replay(replay), cap: None });
        let burst = ClosedShape::Burst { period: std::time::Duration::from_secs(1), spawn_rate: None };
        for mut by_hand in [ByHand::planned(&trace, at(1.0)), users(3, burst)] {
            assert!(!by_hand.can_be_changed());
            assert!(!by_hand.turn(Turn::More, at(2.0)) && !by_hand.turn(Turn::Less, at(2.0)));
            assert!(by_hand.turn(Turn::Pause, at(2.0)));
            assert!(by_hand.turn(Turn::Resume, at(3.0)));
            assert_eq!(by_hand.due(at(9.0)), at(10.0));
        }
    }

    #[test]
    fn no_rate_beyond_what_can_be_paced() {
        let mut by_hand = rate(60_000.0);
        let steps = (0..100).filter(|_| by_hand.turn(Turn::More, at(1.0))).count();
        assert_eq!((steps, by_hand.load()), (6, Some(HandLoad::RateFactor(1.6))));
    }

    proptest! {
        #[test]
        fn due_instants_ascend_and_leave_no_gap(turns in prop::collection::vec((0..4_u8, 0.0..30.0_f64), 0..12)) {
            let mut by_hand = rate(10.0);
            let mut now = 1.0;
            for (turn, wait) in turns {
                now += wait;
                let turn = [Turn::Pause, Turn::Resume, Turn::More, Turn::Less][usize::from(turn)];
                by_hand.turn(turn, at(now));
            }
            let due: Vec<_> = (0..4_000).map(|index| by_hand.due(at(f64::from(index) * 0.1))).collect();
            prop_assert!(due.is_sorted());
            // At most ten times slower than planned, at least ten times faster, wherever the rate changes.
            for pair in due.windows(2) {
                let gap = pair[1].since(pair[0]).as_secs_f64();
                prop_assert!((0.009_99..=1.000_01).contains(&gap), "{gap}");
            }
        }
    }
}
