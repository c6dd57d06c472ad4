//! Spreads the requests of a cell over replicas, and says how many of them wait too long.

use plimsoll_core::seed::Rng;
use rand::Rng as _;

/// Draws how many of `arrivals` requests go to each of `counts.len()` replicas, each request by itself. Bounded numbers
/// come from a multiplication instead of a division (Lemire, 2019), without the rejection that would remove a bias of
/// one in four billion; one draw serves two requests.
pub(super) fn spread(arrivals: u32, counts: &mut [u32], rng: &mut Rng) {
    counts.fill(0);
    let n = counts.len() as u64;
    let place = |bits: u32| ((u64::from(bits) * n) >> 32) as usize;
    for _ in 0..arrivals / 2 {
        let bits = rng.next_u64();
        counts[place(bits as u32)] += 1;
        counts[place((bits >> 32) as u32)] += 1;
    }
    if arrivals % 2 == 1 {
        counts[place(rng.next_u32())] += 1;
    }
}

/// The part of the requests of a cell that wait no longer than it takes to work off `bearable` requests, where the
/// queue grows evenly from `queue` by `growth`; requests arrive evenly.
pub fn share_in_time(queue: f64, growth: f64, bearable: f64) -> f64 {
    let room = bearable - queue;
    match (room >= 0.0, growth > 0.0) {
        (true, false) => 1.0,
        (true, true) => (room / growth).min(1.0),
        (false, true) => 0.0,
        (false, false) if growth == 0.0 => 0.0,
        (false, false) => (1.0 - room / growth).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::Seed;

    use super::*;

    #[test]
    fn shares_by_hand() {
        for (queue, growth, bearable, share) in [
            (0.0, -5.0, 0.0, 1.0),  // an idle replica
            (0.0, 10.0, 5.0, 0.5),  // it becomes too long halfway
            (0.0, 10.0, 20.0, 1.0), // it grows, but bearably
            (8.0, -8.0, 4.0, 0.5),  // too long at first
            (8.0, 8.0, 4.0, 0.0),   // too long throughout
            (8.0, 0.0, 4.0, 0.0),
            (8.0, -2.0, 4.0, 0.0), // shorter, but not short enough
            (4.0, 0.0, 4.0, 1.0),
        ] {
            assert_eq!(share_in_time(queue, growth, bearable), share, "{queue} {growth} {bearable}");
        }
    }

    #[test]
    fn each_request_goes_to_one_replica_evenly() {
        let mut rng = Seed(1).stream("test");
        let mut counts = [0; 7];
        let mut sums = [0_u32; 7];
        for arrivals in 0..2000 {
            spread(arrivals, &mut counts, &mut rng);
            assert_eq!(counts.iter().sum::<u32>(), arrivals);
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        let mean = 2000.0 * 1999.0 / 2.0 / 7.0;
        for sum in sums {
            assert!((f64::from(sum) / mean - 1.0).abs() < 0.01, "{sums:?}"); // 5 standard deviations are 0.9 %
        }
    }
}
