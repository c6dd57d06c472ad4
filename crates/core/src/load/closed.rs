//! The pacing of a closed loop: when each user becomes active, and when it asks again.

use std::num::NonZeroU64;
use std::time::Duration;

use rand::RngExt as _;
use rand_distr::Exp1;

use super::schedule::even_instant;
use super::{ClosedLoop, ClosedShape, LoadModel, ThinkTime};
use crate::seed::{Rng, Seed};
use crate::time::{Offset, Rate};

impl LoadModel {
    /// When the last user is active: the ramp phase ends there. An open loop has no ramp.
    pub fn ramp_end(&self) -> Duration {
        match self {
            LoadModel::Closed(closed) => closed.ramp_end(),
            LoadModel::Open(_) => Duration::ZERO,
        }
    }
}

impl ClosedLoop {
    /// When the last user is active: the ramp phase ends there.
    pub fn ramp_end(&self) -> Duration {
        match self.shape {
            ClosedShape::Ramp { warmup, time } => warmup.saturating_add(time),
            ClosedShape::Steady { .. } | ClosedShape::Burst { .. } => {
                self.activation(self.users.get() - 1).since(Offset::ZERO)
            }
        }
    }

    /// When user `user`, counted from 0, becomes active.
    pub fn activation(&self, user: u32) -> Offset {
        match self.shape {
            ClosedShape::Steady { spawn_rate } | ClosedShape::Burst { spawn_rate, .. } => {
                spawned(spawn_rate, user)
            }
            ClosedShape::Ramp { .. } if user == 0 => Offset::ZERO,
            ClosedShape::Ramp { warmup, time } => {
                // The target is users^((t - warmup) / time): it reaches `user + 1` where the exponent is this.
                let exponent = f64::from(user).ln_1p() / f64::from(self.users.get()).ln();
                Offset::from_secs_f64(time.as_secs_f64() * exponent.min(1.0)) + warmup
            }
        }
    }
}

fn spawned(rate: Option<Rate>, user: u32) -> Offset {
    rate.map_or(Offset::ZERO, |rate| even_instant(rate, u64::from(user)).unwrap_or(Offset::MAX))
}

/// When one user of a closed loop starts its requests. It has its own stream of random numbers, so what it does depends
/// neither on other users nor on the thread it lives on.
#[derive(Clone, Debug)]
pub struct UserPacer {
    active: Offset,
    /// Nanoseconds from one burst to the next.
    burst: Option<NonZeroU64>,
    think: ThinkTime,
    rng: Rng,
}

impl UserPacer {
    /// The pacing of user `user`, counted from 0, of a loop that [`ClosedLoop::validate`] accepts.
    pub fn new(closed: &ClosedLoop, seed: Seed, user: u32) -> Self {
        let burst = match closed.shape {
            ClosedShape::Burst { period, .. } => NonZeroU64::new(nanos(period)),
            ClosedShape::Steady { .. } | ClosedShape::Ramp { .. } => None,
        };
        UserPacer {
            active: closed.activation(user),
            burst,
            think: closed.think,
            rng: seed.keyed("think", u64::from(user)),
        }
    }

    /// When its first request is due: as soon as it is active, or at the first burst from then on.
    pub fn first(&self) -> Offset {
        match self.burst {
            Some(period) => {
                let bursts = self.active.as_nanos().div_ceil(period.get());
                Offset::from_nanos(bursts.saturating_mul(period.get()))
            }
            None => self.active,
        }
    }

    /// When its next request is due, after one that was sent at `previous_start` and ended at `done`.
    ///
    /// In a burst that is the next multiple of the period after `previous_start`. It lies before `done` when the
    /// response took longer: then the request starts at once, and how late it is counts as its lag.
    pub fn after(&mut self, previous_start: Offset, done: Offset) -> Offset {
        match self.burst {
            Some(period) => {
                let bursts = previous_start.as_nanos() / period + 1;
                Offset::from_nanos(bursts.saturating_mul(period.get()))
            }
            None => done + self.think(),
        }
    }

    fn think(&mut self) -> Duration {
        match self.think {
            ThinkTime::Zero => Duration::ZERO,
            ThinkTime::Constant(pause) => pause,
            ThinkTime::Uniform(low, high) => {
                low.saturating_add(high.saturating_sub(low).mul_f64(self.rng.random::<f64>()))
            }
            ThinkTime::Exponential(mean) => {
                let seconds = mean.as_secs_f64() * self.rng.sample::<f64, _>(Exp1);
                Offset::from_secs_f64(seconds).since(Offset::ZERO)
            }
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn closed(users: u32, shape: ClosedShape, think: ThinkTime) -> ClosedLoop {
        ClosedLoop { users: NonZeroU32::new(users).expect("not zero"), shape, think }
    }

    fn rate(per_second: f64) -> Option<Rate> {
        Some(Rate::try_from(per_second).expect("in range"))
    }

    fn at(seconds: f64) -> Offset {
        Offset::from_secs_f64(seconds)
    }

    #[test]
    fn users_become_active_when_their_shape_says() {
        let ramp = |warmup, time| ClosedShape::Ramp { warmup: SECOND * warmup, time: SECOND * time };
        let burst = |spawn_rate| ClosedShape::Burst { period: SECOND * 10, spawn_rate };
        let steady = |spawn_rate| ClosedShape::Steady { spawn_rate };
        for (users, shape, firsts, ramp_end) in [
            (8, steady(rate(2.0)), vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], 3.5),
            (3, steady(None), vec![0.0, 0.0, 0.0], 0.0),
            (100, steady(rate(100_000.0)), vec![0.0, 0.000_01], 0.000_99),
            // With all users there at once every burst has them all; later ones join the next burst.
            (3, burst(None), vec![0.0, 0.0, 0.0], 0.0),
            (4, burst(rate(0.1)), vec![0.0, 10.0, 20.0, 30.0], 30.0),
            (4, burst(rate(0.25)), vec![0.0, 10.0, 10.0, 20.0], 12.0),
            // 8^((t - 5) / 30) reaches 2 after a third of the ramp and 4 after two thirds.
            (8, ramp(5, 30), vec![0.0, 15.0, 5.0 + 30.0 * 3_f64.ln() / 8_f64.ln(), 25.0], 35.0),
            (1, ramp(5, 30), vec![0.0], 35.0),
            (2, ramp(5, 0), vec![0.0, 5.0], 5.0),
        ] {
            let closed = closed(users, shape, ThinkTime::Zero);
            for (user, first) in (0..).zip(firsts) {
                let due = UserPacer::new(&closed, Seed(1), user).first().as_secs_f64();
                assert!((due - first).abs() < 2e-9, "{closed:?} user {user}: {due}");
            }
            assert!((closed.ramp_end().as_secs_f64() - ramp_end).abs() < 2e-9, "{closed:?}");
        }
    }

    #[test]
    fn the_last_user_of_a_ramp_arrives_as_it_ends() {
        for users in [2, 3, 7, 100, 12_345] {
            let shape = ClosedShape::Ramp { warmup: SECOND, time: SECOND * 60 };
            let closed = closed(users, shape, ThinkTime::Zero);
            assert_eq!(closed.activation(users - 1).since(Offset::ZERO), closed.ramp_end());
            assert!((1..users).all(|user| closed.activation(user - 1) < closed.activation(user)));
        }
    }

    #[test]
    fn a_burst_keeps_to_the_multiples_of_its_period() {
        let shape = ClosedShape::Burst { period: SECOND * 10, spawn_rate: None };
        let mut pacer = UserPacer::new(&closed(1, shape, ThinkTime::Zero), Seed(1), 0);
        for (start, done, next) in [
            (0.0, 1.0, 10.0),
            (10.0, 20.0, 20.0),
            (0.0, 25.0, 10.0),  // late: due in the past, so it starts at once
            (25.0, 26.0, 30.0), // and is back in step
            (10.004, 11.0, 20.0),
        ] {
            assert_eq!(pacer.after(at(start), at(done)), at(next), "{start} {done}");
        }
    }

    #[test]
    fn think_times_have_their_distribution_and_their_own_stream() {
        let steady = ClosedShape::Steady { spawn_rate: None };
        let pauses = |think, user| {
            let mut pacer = UserPacer::new(&closed(2, steady.clone(), think), Seed(9), user);
            let pause = |_| pacer.after(at(1.0), at(2.0)).since(at(2.0)).as_secs_f64();
            (0..10_000).map(pause).collect::<Vec<_>>()
        };
        let mean = |pauses: &[f64]| pauses.iter().sum::<f64>() / pauses.len() as f64;
        assert!(pauses(ThinkTime::Zero, 0).iter().all(|&pause| pause == 0.0));
        assert!(pauses(ThinkTime::Constant(SECOND), 0).iter().all(|&pause| pause == 1.0));
        let uniform = pauses(ThinkTime::Uniform(SECOND, SECOND * 3), 0);
        assert!(uniform.iter().all(|pause| (1.0..=3.0).contains(pause)));
        assert!((mean(&uniform) - 2.0).abs() < 0.03, "{}", mean(&uniform)); // 5 standard errors
        let exponential = pauses(ThinkTime::Exponential(SECOND), 0);
        assert!((mean(&exponential) - 1.0).abs() < 0.05, "{}", mean(&exponential));
        assert_eq!(exponential, pauses(ThinkTime::Exponential(SECOND), 0));
        assert_ne!(exponential, pauses(ThinkTime::Exponential(SECOND), 1));
    }
}
