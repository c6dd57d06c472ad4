//! Picks the replica for a request.

use plimsoll_core::seed::{Rng, Seed};
use rand::RngExt as _;

use super::options::Router;

/// A router and what it remembers.
#[derive(Clone, Debug)]
pub(super) struct Picker {
    router: Router,
    rng: Rng,
    /// The replica of the last turn.
    last: Option<u32>,
}

impl Picker {
    pub(super) fn new(router: Router, seed: Seed) -> Self {
        Picker { router, rng: seed.stream("sim-router"), last: None }
    }

    /// One of `open`, which is sorted; nothing if it is empty. `in_flight` tells the load of a replica.
    pub(super) fn pick(
        &mut self,
        open: &[u32],
        prefix: &[u64],
        in_flight: impl Fn(u32) -> u32,
    ) -> Option<u32> {
        if let &[only] = open {
            self.last = Some(only);
        }
        if open.len() < 2 {
            return open.first().copied();
        }
        match self.router {
            Router::RoundRobin => {
                let picked = open[self.turn(open)];
                self.last = Some(picked);
                Some(picked)
            }
            Router::Random => Some(open[self.rng.random_range(0..open.len())]),
            Router::LeastInFlight => self.least(open, in_flight),
            Router::PowerOfTwo => {
                let first = self.rng.random_range(0..open.len());
                let second = (first + self.rng.random_range(1..open.len())) % open.len();
                let (first, second) = (open[first], open[second]);
                Some(if in_flight(second) < in_flight(first) { second } else { first })
            }
            Router::PrefixAffinity { blocks, slack_percent } => {
                let Some(&key) = prefix.get(prefix.len().min(blocks.get() as usize).wrapping_sub(1)) else {
                    return self.least(open, in_flight);
                };
                let total: u64 = open.iter().map(|&index| u64::from(in_flight(index))).sum();
                // The mean with this request in, and the slack, rounded up: some replica is always within it.
                let most = ((total + 1) * (100 + u64::from(slack_percent))).div_ceil(100 * open.len() as u64);
                let within = open.iter().filter(|&&index| u64::from(in_flight(index)) < most);
                within.copied().max_by_key(|&index| score(key, index))
            }
        }
    }

    /// The place in `open` of the one after the last.
    fn turn(&self, open: &[u32]) -> usize {
        let after = self.last.map_or(0, |last| open.partition_point(|&index| index <= last));
        after % open.len()
    }

    fn least(&mut self, open: &[u32], in_flight: impl Fn(u32) -> u32) -> Option<u32> {
        let (before, after) = open.split_at(self.turn(open));
        let picked = after.iter().chain(before).copied().min_by_key(|&index| in_flight(index))?;
        self.last = Some(picked);
        Some(picked)
    }
}

/// A number that looks random for each pair of key and replica: the highest wins (Thaler and Ravishankar, 1998). The
/// mixing is the finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
fn score(key: u64, index: u32) -> u64 {
    let mut z = key ^ (u64::from(index) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const OPEN: [u32; 5] = [0, 2, 3, 7, 9];

    fn picker(router: Router) -> Picker {
        Picker::new(router, Seed(3))
    }

    fn affinity(slack_percent: u32) -> Router {
        Router::PrefixAffinity { blocks: NonZeroU32::new(2).unwrap(), slack_percent }
    }

    #[test]
    fn turns_skip_those_that_are_closed() {
        let mut picker = picker(Router::RoundRobin);
        let mut turns = |open: &[u32]| picker.pick(open, &[], |_| 0).unwrap();
        assert_eq!(
            [turns(&OPEN), turns(&OPEN), turns(&[0, 3, 9]), turns(&[0, 3, 9]), turns(&OPEN)],
            [0, 2, 3, 9, 0]
        );
    }

    #[test]
    fn the_least_loaded_is_found_and_equals_take_turns() {
        let mut picker = picker(Router::LeastInFlight);
        assert_eq!(picker.pick(&OPEN, &[], |index| if index == 7 { 1 } else { 2 }), Some(7));
        assert_eq!(picker.pick(&OPEN, &[], |_| 2), Some(9));
        assert_eq!(picker.pick(&OPEN, &[], |_| 2), Some(0));
        assert_eq!(picker.pick(&[], &[], |_| 0), None);
    }

    #[test]
    fn two_choices_never_take_the_single_worst() {
        let mut picker = picker(Router::PowerOfTwo);
        let picks: Vec<u32> = (0..1000).filter_map(|_| picker.pick(&OPEN, &[], |index| index)).collect();
        assert!(!picks.contains(&9), "the most loaded loses against every other");
        // The least loaded wins whenever it is drawn: two chances in five.
        let best = picks.iter().filter(|&&index| index == 0).count();
        assert!((350..450).contains(&best), "{best}");
    }

    #[test]
    fn equal_beginnings_go_to_one_replica_and_few_move_when_one_goes() {
        let mut picker = picker(affinity(1000));
        let mut place = |open: &[u32], key: u64| picker.pick(open, &[1, key, key + 9], |_| 5).unwrap();
        let mut moved = 0;
        for key in 0..1000 {
            let home = place(&OPEN, key);
            assert_eq!(place(&OPEN, key), home);
            let without = place(&[0, 2, 3, 7], key);
            assert!(without == home || home == 9, "{key} moved although its replica stayed");
            moved += u32::from(home == 9);
        }
        assert!((150..250).contains(&moved), "one of five had {moved} of 1000 keys");
    }

    #[test]
    fn affinity_yields_to_a_crowd_and_to_prompts_without_prefix() {
        let mut even = picker(affinity(25));
        let home = even.pick(&OPEN, &[1, 2], |_| 4).unwrap();
        // 20 in flight and one more: at most ceil(21 / 5 * 1.25) = 6 each.
        let crowd = |index| if index == home { 6 } else { 3 };
        assert_ne!(even.pick(&OPEN, &[1, 2], crowd), Some(home));
        assert_eq!(even.pick(&OPEN, &[1, 2], |index| if index == home { 5 } else { 4 }), Some(home));
        assert_eq!(even.pick(&OPEN, &[], |index| 9 - index), Some(9));
    }
}
