//! Numbers that make a text unlike every other one, so that no server finds it in a cache.

use rand::RngExt;

use crate::record::RequestId;
use crate::seed::Seed;

/// Random numbers, which differ from run to run, and the request's own, which differs within the run.
pub(crate) fn random_numbers(seed: Seed, id: RequestId) -> String {
    let mut rng = seed.keyed("prompt-numbers", id.0);
    let [a, b, c] = std::array::from_fn(|_| rng.random_range(100..1000));
    format!("{a} {b} {c} {}", id.0)
}
