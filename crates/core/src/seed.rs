//! One seed per run; each consumer of randomness takes its own named stream of it.

use std::fmt;

use rand::{Rng as _, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// The seed of a run. Every value is a seed, 0 too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub u64);

/// The generator behind every random choice: its stream is the same on all machines and versions.
pub type Rng = Pcg64Mcg;

impl Seed {
    /// The generator for the consumer called `name`. Adding a consumer shifts nobody else's numbers.
    pub fn stream(self, name: &str) -> Rng {
        self.keyed(name, 0)
    }

    /// The generator for item `index` of the consumer called `name`: any thread can draw any item's numbers.
    pub fn keyed(self, name: &str, index: u64) -> Rng {
        let mut state = mix(self.0 ^ 0x9e37_79b9_7f4a_7c15);
        for byte in name.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        let low = mix(state ^ index);
        let high = mix(low ^ 0xd1b5_4a32_d192_ed03);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&high.to_le_bytes());
        Pcg64Mcg::from_seed(bytes)
    }

    /// A number by which item `index` can be sorted into a random order, for the consumer called `name`.
    pub fn shuffle_key(self, name: &str, index: u64) -> u64 {
        self.keyed(name, index).next_u64()
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed: u64, name: &str, index| Seed(seed).keyed(name, index).next_u64();
        assert_eq!(draw(0, "arrivals", 0), draw(0, "arrivals", 0));
        let all =
            [draw(0, "arrivals", 0), draw(1, "arrivals", 0), draw(0, "lengths", 0), draw(0, "arrivals", 1)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
