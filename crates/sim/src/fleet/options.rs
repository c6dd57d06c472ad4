//! What a fleet is told: what its replicas are, how requests are spread over them, how long a new one takes.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::seed::{Rng, Seed};

use crate::engine::Engine;
use crate::spread::Spread;

/// How a [`super::Fleet`] behaves.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// An idle server that is ready; each replica starts as a copy of it, with a seed of its own. Its conditions hold
    /// in each: a warm-up follows each start within the run. Loading is the fleet's. The fleet does not look into a
    /// replica: one that is down by its own conditions is sent requests, as by a router without health checks.
    pub replica: Engine,
    /// Replicas that are ready when the run begins.
    pub replicas: u32,
    /// Which replica a request goes to.
    pub router: Router,
    /// A queue in front of the replicas; `None` sends each request on at once, and refuses it while no replica is
    /// ready.
    pub gateway: Option<Gateway>,
    /// From the order for a replica to its machine.
    pub provisioning: Delay,
    /// From its machine to the first request: image, weights.
    pub loading: Delay,
    /// Longest that a replica may finish what it has when it is to go; then the rest fails. `None` is no limit.
    pub drain_limit: Option<Duration>,
    /// The seed of everything random in the fleet. Each start of a replica gets one of its own, made from this.
    pub seed: Seed,
}

/// Which of the replicas that have room a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// Each in turn.
    RoundRobin,
    /// Any, with equal chances.
    Random,
    /// The one with the fewest requests in flight; among equals, in turn.
    LeastInFlight,
    /// Of two drawn at random, the one with fewer requests in flight.
    PowerOfTwo,
    /// The one that has seen the same beginning of a prompt: by rendezvous hashing, so that a replica that comes or
    /// goes moves only its own share. A request without a prefix goes as by [`Router::LeastInFlight`].
    PrefixAffinity {
        /// Blocks of the prefix that make the key; a shorter prefix is taken whole.
        blocks: NonZeroU32,
        /// A replica that would get more than so many percent above the mean in flight is passed over for the next by
        /// hash: consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2018).
        slack_percent: u32,
    },
}

/// A queue in front of the replicas, first come first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Most requests in flight at one replica; `None` is no limit, and requests wait only while no replica is ready.
    pub per_replica: Option<NonZeroU32>,
    /// Most requests that wait in the gateway; `None` is no limit.
    pub queue: Option<u32>,
    /// Longest that a request waits in the gateway; then it fails. `None` is no limit.
    pub timeout: Option<Duration>,
}

/// A delay that differs from time to time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// Its mean.
    pub mean: Duration,
    /// How it spreads around that.
    pub spread: Spread,
}

impl Delay {
    /// No delay at all.
    pub const NONE: Delay = Delay { mean: Duration::ZERO, spread: Spread::CONSTANT };

    /// Draws one.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Duration {
        Duration::from_nanos((self.mean.as_nanos() as f64 * self.spread.draw(rng)).round() as u64)
    }
}
