//! What a law is proven against, beside the traffic.

use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_sim::fleet::Delay;
use plimsoll_sim::flow::{Certified, Closed, FlowOptions, Routing, patience};
use plimsoll_sim::spread::Spread;

use super::traffic::Traffic;
use crate::capacity::Capacity;
use crate::figures::figure;

/// Saturation lies this far above the certified rate where nobody measured it: just above the usual headroom between
/// the two ends of a search, so that an overload is worked off slowly, which errs to the safe side.
const SUPPOSED_SATURATION: f64 = 1.1;

/// One replica, and how many of its requests keep their objectives.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// The highest rate, requests/s, at which its objectives hold.
    pub rate: f64,
    /// Requests/s that it completes at most; above `rate`.
    pub saturation: f64,
    /// Share of the requests that keep their objectives at `rate`, between 0 and 1.
    pub share: f64,
    /// Coefficient of variation of the gaps between arrivals when it was measured.
    pub cv: f64,
    /// Requests in flight at `rate`, on average.
    pub in_flight: f64,
    /// What of this was supposed rather than measured, in words.
    pub assumptions: Vec<String>,
}

impl Replica {
    /// From what was measured of it. The certified rate counts, which is the lower end of the interval.
    pub fn of(capacity: &Capacity, share: f64) -> Replica {
        let rate = capacity.low;
        let mut assumptions = Vec::new();
        let measured = capacity.measured;
        let saturation = match measured {
            Some(measured) if measured.saturation > rate * 1.01 => {
                if !measured.saturation_seen {
                    assumptions.push(format!(
                        "nobody saw a replica saturated: supposed at {}/s, just above the least load that fails",
                        figure(measured.saturation)
                    ));
                }
                measured.saturation
            }
            _ => {
                assumptions.push(
                    "the saturation of a replica is not known: supposed 10 % above its capacity".to_owned(),
                );
                rate * SUPPOSED_SATURATION
            }
        };
        let in_flight = measured.map_or_else(
            || {
                assumptions.push("how long a request takes is not known: supposed one second".to_owned());
                rate
            },
            |measured| measured.in_flight,
        );
        Replica { rate, saturation, share, cv: measured.map_or(1.0, |m| m.cv), in_flight, assumptions }
    }

    fn certified(&self) -> Certified {
        Certified { rate: self.rate, saturation: self.saturation, share: self.share, cv: self.cv }
    }

    /// The longest wait with which a request keeps its objectives, in cells of `cell` seconds.
    pub(crate) fn patience(&self, cell: f64, seed: Seed) -> f64 {
        patience(self.certified(), Duration::from_secs_f64(cell), seed)
    }

    /// The same where only the share `left` of its speed is left.
    pub(crate) fn slower(self, left: f64) -> Replica {
        Replica { rate: self.rate * left, saturation: self.saturation * left, ..self }
    }

    /// Seconds that a request spends in it at `rate`, waiting included.
    pub fn residence(&self) -> f64 {
        self.in_flight / self.rate
    }
}

/// How long a replica takes to come. Seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// From the order to its machine, on average; 0 where machines stand ready.
    pub provisioning: f64,
    /// Coefficient of variation of that; 0 is always the same.
    pub provisioning_cv: f64,
    /// From its machine to the first answer, on average.
    pub loading: f64,
    /// Coefficient of variation of that.
    pub loading_cv: f64,
}

impl Start {
    /// One that always takes so long.
    pub fn constant(provisioning: f64, loading: f64) -> Start {
        Start { provisioning, provisioning_cv: 0.0, loading, loading_cv: 0.0 }
    }

    /// How long it takes but for one time in twenty or so: two standard deviations above the mean.
    pub fn slow(&self) -> f64 {
        let slow = |mean: f64, cv: f64| mean * (1.0 + 2.0 * cv);
        slow(self.provisioning, self.provisioning_cv) + slow(self.loading, self.loading_cv)
    }

    fn delays(&self) -> (Delay, Delay) {
        let delay = |mean: f64, cv: f64| Delay {
            mean: Duration::try_from_secs_f64(mean).unwrap_or_default(),
            spread: Spread::log_normal(cv).unwrap_or(Spread::CONSTANT),
        };
        (delay(self.provisioning, self.provisioning_cv), delay(self.loading, self.loading_cv))
    }
}

/// A stretch of the traffic, in seconds from its beginning, in which nothing that is scraped can be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// When the metrics go.
    pub from: f64,
    /// When they are back.
    pub to: f64,
}

impl Outage {
    /// One of so many seconds that ends where the busiest minute does: traffic climbs, and nobody sees it. Where the traffic
    /// has not lasted for so long by then, it begins with the traffic.
    pub fn before_the_peak(traffic: &Traffic, seconds: f64) -> Self {
        let to = (traffic.busiest(60.0) + 60.0).max(seconds);
        Outage { from: to - seconds, to }
    }

    pub(super) fn covers(self, at: f64) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// What a law is proven against, beside the traffic. Times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// What a replica does.
    pub replica: Replica,
    /// How long one takes to come.
    pub start: Start,
    /// From scrape to scrape of what the autoscaler reads.
    pub scrape: f64,
    /// How old a scrape is before the autoscaler can read it.
    pub staleness: f64,
    /// When Prometheus is out, if it ever is. What Knative's own proxies count goes on.
    pub outage: Option<Outage>,
    /// How requests are spread over replicas.
    pub routing: Routing,
    /// What becomes of requests while no replica is ready.
    pub closed: Closed,
    /// Longest that a client waits for its turn; `None` is for ever.
    pub give_up: Option<f64>,
    /// Share of all requests that shall keep their objectives.
    pub goal: f64,
    /// Price of a replica per hour, in the currency of the price book.
    pub price: Option<f64>,
    /// How often it is played, at least once; each time with other draws.
    pub replays: u64,
    /// The seed of everything random.
    pub seed: Seed,
}

impl Scene {
    /// A usual one: scraped each 15 s, spread at random, refused without replicas, clients that wait a minute, three
    /// replays.
    pub fn new(replica: Replica, start: Start, goal: f64) -> Self {
        Scene {
            replica,
            start,
            scrape: 15.0,
            staleness: 1.0,
            outage: None,
            routing: Routing::Random,
            closed: Closed::Refuse,
            give_up: Some(60.0),
            goal,
            price: None,
            replays: 3,
            seed: Seed(1),
        }
    }

    /// What was supposed rather than measured.
    pub fn assumptions(&self) -> Vec<String> {
        let mut all = self.replica.assumptions.clone();
        all.push("requests are alike, and all replicas do as much as the one that was measured".to_owned());
        all
    }

    /// The longest wait with which a request keeps its objectives.
    pub(crate) fn patience(&self, cell: f64) -> f64 {
        self.replica.patience(cell, self.seed)
    }

    /// The fleet of one replay.
    pub(super) fn flow(&self, cell: f64, patience: f64, replicas: u32, replay: u64) -> FlowOptions {
        let (provisioning, loading) = self.start.delays();
        FlowOptions {
            cell: Duration::from_secs_f64(cell),
            rate_max: self.replica.saturation,
            residence: self.replica.residence(),
            patience,
            give_up: self.give_up,
            routing: self.routing,
            closed: self.closed,
            replicas,
            provisioning,
            loading,
            seed: Seed(self.seed.shuffle_key("proof", replay)),
        }
    }
}
