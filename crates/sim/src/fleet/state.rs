//! What a fleet looks like at one moment, and what it has done.

use std::time::Duration;

use super::replica::Stage;
use crate::engine::State;

/// A fleet at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetState {
    /// All replicas together, those of the past with what they did: sums, also of `busy`. Requests in the gateway
    /// count as waiting.
    pub total: State,
    /// Requests that wait in the gateway.
    pub gateway: u32,
    /// Time that replicas have had machines, all together: what is paid for.
    pub machine_time: Duration,
    /// Each replica, by number; those that are gone stay in place.
    pub replicas: Vec<ReplicaState>,
}

/// A replica at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    /// Where it is in its life.
    pub stage: Stage,
    /// Requests that it has.
    pub in_flight: u32,
    /// Its engine's state; the counters go on over restarts.
    pub engine: State,
}

impl FleetState {
    /// Replicas that take requests.
    pub fn ready(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.stage == Stage::Ready).count()
    }
}

/// Adds what one server has and did to a sum. The phase of the sum stays.
pub(super) fn add(sum: &mut State, part: &State) {
    // Named one by one, so that a new field cannot be forgotten here.
    let State {
        phase: _,
        waiting,
        running,
        kv_blocks_used,
        kv_blocks_total,
        prefix_queries,
        prefix_hits,
        preemptions,
        prompt_tokens,
        generated_tokens,
        items,
        steps,
        busy,
        queue_time,
        compute_time,
        resident_bytes,
        accelerator_bytes,
        accelerator_bytes_total,
        power_watts,
    } = part;
    sum.waiting += waiting;
    sum.running += running;
    sum.kv_blocks_used += kv_blocks_used;
    sum.kv_blocks_total += kv_blocks_total;
    sum.prefix_queries += prefix_queries;
    sum.prefix_hits += prefix_hits;
    sum.preemptions += preemptions;
    sum.prompt_tokens += prompt_tokens;
    sum.generated_tokens += generated_tokens;
    sum.items += items;
    sum.steps += steps;
    sum.busy += *busy;
    sum.queue_time += *queue_time;
    sum.compute_time += *compute_time;
    sum.resident_bytes += resident_bytes;
    sum.accelerator_bytes += accelerator_bytes;
    sum.accelerator_bytes_total += accelerator_bytes_total;
    sum.power_watts += power_watts;
}
