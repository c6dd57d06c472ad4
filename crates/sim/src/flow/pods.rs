//! Replicas that come and go: those that start, those that finish what they have, and what all of them cost.

use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

use super::options::FlowOptions;
use crate::fleet::Delay;

/// A replica that is not ready yet.
#[derive(Clone, Copy, Debug)]
struct Starting {
    machine_at: Offset,
    ready_at: Offset,
}

/// All replicas but the ready ones.
#[derive(Clone, Debug)]
pub(super) struct Pods {
    /// In the order in which they were asked for.
    starting: Vec<Starting>,
    /// When each replica that was told to go is done.
    draining: Vec<Offset>,
    provisioning: Delay,
    loading: Delay,
    ordered: u64,
    seed: Seed,
    machine_seconds: f64,
}

impl Pods {
    pub(super) fn new(options: &FlowOptions) -> Self {
        Pods {
            starting: Vec::new(),
            draining: Vec::new(),
            provisioning: options.provisioning,
            loading: options.loading,
            ordered: 0,
            seed: options.seed,
            machine_seconds: 0.0,
        }
    }

    /// Asks for one more.
    pub(super) fn order(&mut self, at: Offset) {
        let machine_at = at + self.provisioning.draw(&mut self.seed.keyed("flow-provisioning", self.ordered));
        let ready_at = machine_at + self.loading.draw(&mut self.seed.keyed("flow-loading", self.ordered));
        self.ordered += 1;
        self.starting.push(Starting { machine_at, ready_at });
    }

    /// Calls the youngest that is not ready off; false if there is none.
    pub(super) fn call_off(&mut self) -> bool {
        self.starting.pop().is_some()
    }

    /// A ready one is to go, and will be done at `done_at`.
    pub(super) fn drain(&mut self, done_at: Offset) {
        self.draining.push(done_at);
    }

    /// Replicas that have become ready by `now`.
    pub(super) fn arrived(&mut self, now: Offset) -> usize {
        let before = self.starting.len();
        self.starting.retain(|pod| pod.ready_at > now);
        before - self.starting.len()
    }

    /// Pays for a cell from `now` on, with `ready` replicas beside these.
    pub(super) fn pay(&mut self, now: Offset, cell: Duration, ready: usize) {
        self.draining.retain(|done_at| *done_at > now);
        let loading = self.starting.len() - self.waiting_for_machines(now);
        self.machine_seconds += (ready + loading + self.draining.len()) as f64 * cell.as_secs_f64();
    }

    pub(super) fn starting(&self) -> usize {
        self.starting.len()
    }

    /// Those of the starting ones that have no machine yet.
    pub(super) fn waiting_for_machines(&self, now: Offset) -> usize {
        self.starting.iter().filter(|pod| pod.machine_at > now).count()
    }

    pub(super) fn machine_seconds(&self) -> f64 {
        self.machine_seconds
    }
}
