//! What a fleet in cells of time is told.

use std::time::Duration;

use plimsoll_core::seed::Seed;

use crate::fleet::Delay;

/// How a [`super::Flow`] behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowOptions {
    /// Length of a cell. Requests of one cell arrive evenly within it.
    pub cell: Duration,
    /// Requests a second that a replica completes at most (its saturation); above 0.
    pub rate_max: f64,
    /// Seconds that a request spends at a replica beside waiting for its turn.
    pub residence: f64,
    /// Longest wait in seconds with which a request keeps its objectives ([`super::patience()`]).
    pub patience: f64,
    /// Longest wait in seconds; who would wait longer leaves at once and has missed. `None` is no limit.
    pub give_up: Option<f64>,
    /// Which replica a request goes to.
    pub routing: Routing,
    /// What becomes of requests while no replica is ready.
    pub closed: Closed,
    /// Replicas that are ready when the run begins.
    pub replicas: u32,
    /// From the order for a replica to its machine.
    pub provisioning: Delay,
    /// From its machine to the first request: image, weights.
    pub loading: Delay,
    /// The seed of everything random.
    pub seed: Seed,
}

/// Which replica a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Any, with equal chances, as by a Service of Kubernetes: each replica has a queue of its own.
    Random,
    /// Wherever there is room, as by a router that looks at the requests in flight: one queue for all.
    Shared,
}

/// What becomes of requests while no replica is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// They fail.
    Refuse,
    /// They wait at the door, as at Knative's activator or KEDA's HTTP add-on.
    Hold,
}
