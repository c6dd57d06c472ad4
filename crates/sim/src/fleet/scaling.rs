//! Replicas come, go and crash.

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use rand::RngExt as _;

use super::replica::{Replica, Stage};
use super::service::{Fleet, Place};
use crate::engine::{Emission, Event, Failure, JobId};

impl Fleet {
    /// Asks for `to` replicas from `at` on, after [`Fleet::advance`] to it. Those that come are provisioned and
    /// loaded. Of those that go, the ones that are not ready leave first, and then the youngest; a ready one finishes
    /// what it has. Replicas that drain do not count and are not called back, as in Kubernetes.
    pub fn scale(&mut self, at: Offset, to: u32) {
        let wanted: Vec<u32> =
            (0..self.replicas.len() as u32).filter(|&index| self.replicas[index as usize].wanted()).collect();
        for _ in wanted.len()..to as usize {
            self.order(at);
        }
        let mut victims = wanted;
        victims.sort_by_key(|&index| {
            let ready = self.replicas[index as usize].stage == Stage::Ready;
            (ready, std::cmp::Reverse(index))
        });
        victims.truncate(victims.len().saturating_sub(to as usize));
        for index in victims {
            self.retire(at, index);
        }
    }

    /// Replica `index` crashes at `at`, after [`Fleet::advance`] to it: what it has fails, and it loads again on the
    /// same machine. One that drains is gone; one that loads begins again. Others do not notice.
    pub fn crash(&mut self, at: Offset, index: u32) {
        let Some(replica) = self.replicas.get(index as usize) else {
            return;
        };
        match replica.stage {
            Stage::Scheduled(_) | Stage::Gone => return,
            Stage::Draining(_) => self.kill(at, index),
            Stage::Loading(_) | Stage::Ready => {
                self.fail_all(at, index);
                self.close(index);
                let ready_at = at + self.loading(index);
                let replica = &mut self.replicas[index as usize];
                replica.stop(at);
                replica.ready_at = ready_at;
                replica.load(at);
            }
        }
        self.review(index);
    }

    /// The next stage of a replica, if it is due.
    pub(super) fn progress(&mut self, at: Offset, index: u32) {
        match self.replicas[index as usize].stage {
            Stage::Scheduled(due) if due <= at => self.replicas[index as usize].load(at),
            Stage::Loading(due) if due <= at => self.make_ready(Some(at), index),
            Stage::Draining(Some(due)) if due <= at => self.kill(at, index),
            _ => {}
        }
    }

    /// A draining replica that has nothing left goes.
    pub(super) fn leave_if_drained(&mut self, at: Offset, index: u32) {
        let replica = &mut self.replicas[index as usize];
        if matches!(replica.stage, Stage::Draining(_)) && replica.in_flight == 0 {
            replica.go(at);
        }
    }

    /// The replica takes requests; since `started`, if it was started within the run.
    pub(super) fn make_ready(&mut self, started: Option<Offset>, index: u32) {
        let replica = &mut self.replicas[index as usize];
        replica.starts += 1;
        let start = u64::from(index) << 32 | u64::from(replica.starts);
        let seed = Seed(self.options.seed.keyed("sim-replica", start).random());
        let mut engine = self.options.replica.clone();
        engine.reseed(seed);
        if let Some(at) = started {
            engine.conditions_mut().just_started(at);
        }
        replica.engine = Some(engine);
        replica.stage = Stage::Ready;
        self.reopen(index);
    }

    /// Orders one more replica.
    fn order(&mut self, at: Offset) {
        let index = self.replicas.len() as u32;
        let mut rng = self.options.seed.keyed("sim-provisioning", u64::from(index));
        let machine_at = at + self.options.provisioning.draw(&mut rng);
        let replica = Replica::ordered(machine_at, machine_at);
        self.replicas.push(replica);
        self.replicas[index as usize].ready_at = machine_at + self.loading(index);
        self.review(index);
    }

    /// How long the next load of a replica takes.
    fn loading(&self, index: u32) -> std::time::Duration {
        let load = u64::from(index) << 32 | u64::from(self.replicas[index as usize].starts);
        self.options.loading.draw(&mut self.options.seed.keyed("sim-loading", load))
    }

    fn retire(&mut self, at: Offset, index: u32) {
        self.close(index);
        let limit = self.options.drain_limit.map(|limit| at + limit);
        let replica = &mut self.replicas[index as usize];
        if replica.stage == Stage::Ready {
            replica.stage = Stage::Draining(limit);
            self.leave_if_drained(at, index);
        } else {
            replica.go(at);
        }
        self.review(index);
    }

    /// A draining replica ends with what it has.
    fn kill(&mut self, at: Offset, index: u32) {
        self.fail_all(at, index);
        self.replicas[index as usize].go(at);
    }

    /// All requests of a replica fail, in the order of their numbers.
    fn fail_all(&mut self, at: Offset, index: u32) {
        let has = |(job, place): (&JobId, &Place)| (*place == Place::Replica(index)).then_some(*job);
        let mut jobs: Vec<JobId> = self.places.iter().filter_map(has).collect();
        jobs.sort_unstable();
        for job in jobs {
            self.places.remove(&job);
            self.untold.push(Emission { at, job, event: Event::Failed(Failure::Crashed) });
        }
    }
}
