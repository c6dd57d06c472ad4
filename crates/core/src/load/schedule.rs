//! The schedule of an open loop: absolute due instants of one seeded process, shared among threads by index.

use std::sync::Arc;

use super::gaps::UnitProcess;
use super::stages::RateProfile;
use super::{Arrivals, GapDistribution, ScheduleError};
use crate::seed::Seed;
use crate::time::{Offset, Rate};

/// The due instants of one arrival process, ascending (equal instants are possible).
///
/// * Equal gaps: the `k`-th, from 0, is due at `k / rate` rounded to the nanosecond; the first at the start of the run.
/// * Random gaps: each is drawn after the one before; the first request is due after one gap.
/// * Stages, equal gaps: the `k`-th is due where the integrated rate reaches `k + 1/2`, so at every moment the requests
///   so far are the integral of the rate, rounded; the total is exact.
/// * Stages, random gaps: a process of rate one is mapped through the inverse of the integrated rate (time rescaling:
///   Brown, Barbieri, Ventura, Kass, Frank, Neural Computation 14, 2002).
/// * Replay: the instants of the trace.
///
/// A rate of 0 has no arrivals. Stages and replays end; a process with one rate goes on for ever.
#[derive(Clone, Debug)]
pub struct Schedule {
    process: Process,
}

#[derive(Clone, Debug)]
enum Process {
    Even { rate: Rate, index: u64 },
    Random { rate: Rate, unit: UnitProcess },
    Staged { profile: RateProfile, unit: UnitProcess },
    Replay { due: Arc<[Offset]>, index: usize },
}

impl Schedule {
    /// The schedule of `arrivals`; the same seed gives the same instants.
    ///
    /// # Errors
    /// Says which value makes no schedule and what to give instead.
    pub fn new(arrivals: &Arrivals, seed: Seed) -> Result<Schedule, ScheduleError> {
        arrivals.validate()?;
        let process = match arrivals {
            Arrivals::Process { rate, gaps: GapDistribution::Constant } => {
                Process::Even { rate: *rate, index: 0 }
            }
            Arrivals::Process { rate, gaps } => {
                Process::Random { rate: *rate, unit: UnitProcess::new(*gaps, seed)? }
            }
            Arrivals::Stages { start, stages, gaps } => Process::Staged {
                profile: RateProfile::new(*start, stages),
                unit: UnitProcess::new(*gaps, seed)?,
            },
            Arrivals::Replay(replay) => Process::Replay { due: Arc::clone(&replay.due), index: 0 },
        };
        Ok(Schedule { process })
    }

    /// The arrivals of one thread: those with `index % threads == thread`, in order.
    ///
    /// Every thread runs through the whole process and takes its own, so how many threads there are changes nothing
    /// about the schedule. A `thread` that is not below `threads` has no arrivals.
    pub fn share(self, thread: u16, threads: u16) -> Share {
        Share { schedule: self, index: 0, thread: u64::from(thread), threads: u64::from(threads) }
    }
}

impl Iterator for Schedule {
    type Item = Offset;

    fn next(&mut self) -> Option<Offset> {
        match &mut self.process {
            Process::Even { rate, index } => {
                let at = even_instant(*rate, *index)?;
                *index += 1;
                Some(at)
            }
            Process::Random { rate, unit } => within_reach(unit.advance() / rate.per_second()),
            Process::Staged { profile, unit } => profile.reaches(unit.advance()).and_then(within_reach),
            Process::Replay { due, index } => {
                let at = *due.get(*index)?;
                *index += 1;
                Some(at)
            }
        }
    }
}

/// One thread's arrivals: the index of each in the whole process, and when it is due.
#[derive(Clone, Debug)]
pub struct Share {
    schedule: Schedule,
    index: u64,
    thread: u64,
    threads: u64,
}

impl Iterator for Share {
    type Item = (u64, Offset);

    fn next(&mut self) -> Option<(u64, Offset)> {
        if self.thread >= self.threads {
            return None;
        }
        loop {
            let at = self.schedule.next()?;
            let index = self.index;
            self.index += 1;
            if index % self.threads == self.thread {
                return Some((index, at));
            }
        }
    }
}

/// The instant `index / rate`, rounded to the nanosecond without any other error; `None` beyond [`Offset::MAX`].
///
/// A rate is an integer mantissa over a power of two, so this is a quotient of integers. (Within the bounds of a rate
/// the power is 2^36 to 2^62.)
pub(super) fn even_instant(rate: Rate, index: u64) -> Option<Offset> {
    let bits = rate.per_second().to_bits();
    let mantissa = u128::from((bits & ((1 << 52) - 1)) | (1 << 52));
    let power = 1075_u64.checked_sub(bits >> 52)?;
    let nanos = u128::from(index) * 1_000_000_000;
    if u64::from(nanos.leading_zeros()) <= power {
        return None;
    }
    let quotient = ((nanos << power) + mantissa / 2) / mantissa;
    u64::try_from(quotient).ok().map(Offset::from_nanos)
}

/// The instant `seconds` after the start, if a run can reach it.
fn within_reach(seconds: f64) -> Option<Offset> {
    Some(Offset::from_secs_f64(seconds)).filter(|&at| at < Offset::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::load::{Replay, Stage};

    fn process(per_second: f64, gaps: GapDistribution) -> Arrivals {
        Arrivals::Process { rate: Rate::try_from(per_second).expect("in range"), gaps }
    }

    fn stages(start: f64, stages: &[(f64, f64)], gaps: GapDistribution) -> Arrivals {
        let stages = stages
            .iter()
            .map(|&(secs, target)| Stage { duration: Duration::from_secs_f64(secs), target })
            .collect();
        Arrivals::Stages { start, stages, gaps }
    }

    fn schedule(arrivals: &Arrivals) -> Schedule {
        Schedule::new(arrivals, Seed(7)).expect("valid")
    }

    #[test]
    fn equal_gaps_are_exact_at_every_rate_and_distance() {
        for (per_second, index, nanos) in [
            (600.0, 0, 0),
            (600.0, 1, 1_666_667),
            (600.0, 2, 3_333_333),
            (600.0, 3, 5_000_000),
            (600.0, 600 * 86_400 * 365, 31_536_000_000_000_000),
            (0.001, 1, 1_000_000_000_000),
            (0.001, 1_000, 1_000_000_000_000_000),
            (1.0, 10_000_000_000, 10_000_000_000_000_000_000),
            (100_000.0, 1, 10_000),
            (100_000.0, 100_000 * 86_400, 86_400_000_000_000),
            (1.0 / 3.0, 7, 21_000_000_000),
        ] {
            let rate = Rate::try_from(per_second).expect("in range");
            assert_eq!(even_instant(rate, index), Some(Offset::from_nanos(nanos)), "{per_second}/s, {index}");
        }
        let slow = Rate::try_from(0.001).expect("in range");
        assert_eq!(even_instant(slow, 100_000_000), None, "no run lasts 3,000 years");
        assert_eq!(even_instant(slow, u64::MAX), None);
    }

    #[test]
    fn stages_ask_for_the_integral_of_their_rate() {
        for (start, list, total) in [
            (0.0, &[(10.0, 20.0)][..], 100),
            (10.0, &[(10.0, 10.0)], 100),
            (0.1, &[(30.0, 0.1)], 3),
            (0.0, &[(60.0, 100.0), (300.0, 100.0), (60.0, 0.0)], 36_000),
            (
                0.0,
                &[(0.0, 100_000.0), (0.5, 100_000.0), (0.0, 0.0), (5.0, 0.0), (0.0, 7.0), (1.0, 7.0)],
                50_007,
            ),
            (600.0, &[(3600.0, 600.0)], 2_160_000),
        ] {
            let arrivals = stages(start, list, GapDistribution::Constant);
            assert_eq!(schedule(&arrivals).count(), total, "{list:?}");
        }
    }

    #[test]
    fn stages_pause_where_the_rate_is_zero_and_end_with_the_last() {
        let list = [(1.0, 1000.0), (0.0, 0.0), (5.0, 0.0), (0.0, 1000.0), (1.0, 1000.0)];
        for gaps in [GapDistribution::Constant, GapDistribution::Poisson] {
            let due: Vec<_> = schedule(&stages(1000.0, &list, gaps)).map(Offset::as_secs_f64).collect();
            assert!(due.iter().all(|at| !(1.0..6.0).contains(at) && *at < 7.0), "{gaps:?}");
            assert!((due.len() as f64 - 2000.0).abs() < 200.0, "{gaps:?}: {}", due.len());
        }
    }

    #[test]
    fn a_staged_poisson_process_follows_its_rate() {
        // 0/s to 1000/s over 100 s: the quarters hold 1, 3, 5 and 7 sixteenths of 50,000.
        let due = schedule(&stages(0.0, &[(100.0, 1000.0)], GapDistribution::Poisson));
        let mut quarters = [0.0; 4];
        due.for_each(|at| quarters[(at.as_secs_f64() / 25.0) as usize] += 1.0);
        for (counted, share) in quarters.into_iter().zip([1.0, 3.0, 5.0, 7.0]) {
            let expected: f64 = 50_000.0 * share / 16.0;
            assert!((counted - expected).abs() < 4.0 * expected.sqrt(), "{counted} for {expected}");
        }
    }

    #[test]
    fn a_replay_is_what_was_recorded() {
        let due: Arc<[Offset]> = [0, 5, 5, 9].map(Offset::from_nanos).into();
        let replay = Replay { source: "t.csv".to_owned(), speed: 1.0, due: Arc::clone(&due) };
        assert_eq!(schedule(&Arrivals::Replay(replay)).collect::<Vec<_>>(), due.to_vec());
    }

    #[test]
    fn a_schedule_is_its_seed() {
        let arrivals = process(600.0, GapDistribution::Poisson);
        let first = |seed| -> Vec<_> {
            Schedule::new(&arrivals, Seed(seed)).expect("valid").take(3).map(Offset::as_nanos).collect()
        };
        assert_eq!(first(0), first(0));
        assert_ne!(first(0), first(1));
        // Stored seeds must go on meaning the same schedule: if this fails, the drawing of gaps has changed.
        assert_eq!(first(0), [1_655_996, 2_975_140, 7_446_937]);
    }

    #[test]
    fn a_thread_beyond_the_last_has_no_arrivals() {
        let whole = schedule(&process(1.0, GapDistribution::Constant));
        assert_eq!(whole.clone().share(2, 2).next(), None);
        assert_eq!(whole.share(0, 0).next(), None);
    }

    fn any_gaps() -> impl Strategy<Value = GapDistribution> {
        prop_oneof![
            Just(GapDistribution::Constant),
            Just(GapDistribution::Uniform),
            Just(GapDistribution::Poisson),
            (-6.0..3.0_f64).prop_map(|power| GapDistribution::Gamma { cv: 10_f64.powf(power) }),
        ]
    }

    fn any_arrivals() -> impl Strategy<Value = Arrivals> {
        let rate = (-3.0..5.0_f64).prop_map(|power| 10_f64.powf(power));
        let stage = (prop_oneof![Just(0.0), 0.0..100.0_f64], prop_oneof![Just(0.0), 0.0..500.0_f64]);
        prop_oneof![
            (rate, any_gaps()).prop_map(|(rate, gaps)| process(rate, gaps)),
            (0.0..500.0_f64, prop::collection::vec(stage, 1..6), any_gaps())
                .prop_map(|(start, list, gaps)| stages(start, &list, gaps))
                .prop_filter("must ask for something", |arrivals| arrivals.validate().is_ok()),
        ]
    }

    proptest! {
        #[test]
        fn due_instants_ascend(arrivals in any_arrivals(), seed: u64) {
            let due: Vec<_> = Schedule::new(&arrivals, Seed(seed)).expect("valid").take(2_000).collect();
            prop_assert!(due.is_sorted());
        }

        #[test]
        fn shares_make_up_the_whole(arrivals in any_arrivals(), seed: u64, threads in 1..9_u16) {
            let whole = Schedule::new(&arrivals, Seed(seed)).expect("valid");
            let mut shares: Vec<_> = (0..threads).map(|thread| whole.clone().share(thread, threads)).collect();
            for (index, at) in (0_u64..).zip(whole).take(500) {
                let thread = (index % u64::from(threads)) as usize;
                prop_assert_eq!(shares[thread].next(), Some((index, at)));
            }
        }
    }
}
