//! The fleet as its clients and its autoscaler see it, cell by cell.

use plimsoll_core::seed::Rng;
use plimsoll_core::time::Offset;

use super::door::{share_in_time, spread};
use super::options::{Closed, FlowOptions, Routing};
use super::pods::Pods;

/// A fleet in cells of time. Its state is that of the beginning of the next cell.
#[derive(Clone, Debug)]
pub struct Flow {
    options: FlowOptions,
    now: Offset,
    /// Requests that wait at each ready replica, the oldest replica first.
    queues: Vec<f64>,
    /// Arrivals of a cell at each replica.
    counts: Vec<u32>,
    /// Requests that wait while no replica is ready.
    held: f64,
    pods: Pods,
    rng: Rng,
}

/// What happened in one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Requests that arrived.
    pub arrivals: u32,
    /// Those of them that keep their objectives.
    pub in_time: f64,
    /// Requests that were begun, a second.
    pub throughput: f64,
    /// Requests that wait at its end.
    pub waiting: f64,
    /// Requests at work at its end.
    pub running: f64,
    /// Replicas that took requests.
    pub ready: u32,
    /// Replicas that were on their way.
    pub starting: u32,
    /// Those of them that had no machine yet.
    pub unscheduled: u32,
}

impl Cell {
    /// Requests in the fleet at its end.
    pub fn in_flight(&self) -> f64 {
        self.waiting + self.running
    }
}

impl Flow {
    /// A fleet whose first replicas are ready and idle.
    pub fn new(options: FlowOptions) -> Self {
        Flow {
            options,
            now: Offset::ZERO,
            queues: vec![0.0; options.replicas as usize],
            counts: Vec::new(),
            held: 0.0,
            pods: Pods::new(&options),
            rng: options.seed.stream("flow-routing"),
        }
    }

    /// When the next cell begins.
    pub fn now(&self) -> Offset {
        self.now
    }

    /// Replicas that take requests or will, those that drain left out.
    pub fn wanted(&self) -> u32 {
        (self.queues.len() + self.pods.starting()) as u32
    }

    /// Seconds that replicas have had machines, all together: what is paid for.
    pub fn machine_seconds(&self) -> f64 {
        self.pods.machine_seconds()
    }

    /// Asks for `to` replicas from now on. Those that go: first the ones that are not ready, then the youngest; a ready
    /// one finishes what it has. As [`crate::fleet::Fleet::scale`].
    pub fn scale(&mut self, to: u32) {
        for _ in self.wanted()..to {
            self.pods.order(self.now);
        }
        while self.wanted() > to && self.pods.call_off() {}
        while self.wanted() > to {
            let Some(queue) = self.queues.pop() else { return };
            let seconds = queue / self.options.rate_max + self.options.residence;
            self.pods.drain(self.now + std::time::Duration::from_secs_f64(seconds));
        }
    }

    /// Lets a cell pass in which `arrivals` requests come.
    pub fn step(&mut self, arrivals: u32) -> Cell {
        let ready = self.queues.len() + self.pods.arrived(self.now);
        self.queues.resize(ready, 0.0);
        let mut cell = Cell {
            arrivals,
            ready: ready as u32,
            starting: self.pods.starting() as u32,
            unscheduled: self.pods.waiting_for_machines(self.now) as u32,
            ..Cell::default()
        };
        if ready == 0 {
            self.wait_for_replicas(&mut cell);
        } else {
            self.let_in();
            match self.options.routing {
                Routing::Random => self.serve_apart(&mut cell),
                Routing::Shared => self.serve_together(&mut cell),
            }
        }
        self.pods.pay(self.now, self.options.cell, ready);
        self.now = self.now + self.options.cell;
        cell
    }

    fn wait_for_replicas(&mut self, cell: &mut Cell) {
        if self.options.closed == Closed::Hold {
            self.held += f64::from(cell.arrivals);
        }
        cell.waiting = self.held;
    }

    /// Those who waited for a replica go in.
    fn let_in(&mut self) {
        if self.held > 0.0 {
            let each = self.held / self.queues.len() as f64;
            self.queues.iter_mut().for_each(|queue| *queue += each);
            self.held = 0.0;
        }
    }

    fn serve_apart(&mut self, cell: &mut Cell) {
        self.counts.resize(self.queues.len(), 0);
        spread(cell.arrivals, &mut self.counts, &mut self.rng);
        let station = Station::new(&self.options, 1);
        let mut served = 0.0;
        for (queue, &count) in self.queues.iter_mut().zip(&self.counts) {
            let (in_time, done) = station.serve(queue, f64::from(count));
            cell.in_time += in_time;
            served += done;
            cell.waiting += *queue;
        }
        self.conclude(cell, served);
    }

    fn serve_together(&mut self, cell: &mut Cell) {
        let replicas = self.queues.len();
        let mut all: f64 = self.queues.iter().sum();
        let (in_time, served) =
            Station::new(&self.options, replicas).serve(&mut all, f64::from(cell.arrivals));
        self.queues.fill(all / replicas as f64);
        cell.in_time = in_time;
        cell.waiting = all;
        self.conclude(cell, served);
    }

    fn conclude(&self, cell: &mut Cell, served: f64) {
        cell.throughput = served / self.options.cell.as_secs_f64();
        cell.running = cell.throughput * self.options.residence; // Little's law
    }
}

/// What replicas with one queue can do.
struct Station {
    /// Requests begun in a cell, at most.
    most: f64,
    /// The longest queue in which waiting is bearable, and the longest that there can be.
    bearable: f64,
    longest: f64,
}

impl Station {
    fn new(options: &FlowOptions, replicas: usize) -> Self {
        let rate = options.rate_max * replicas as f64;
        Station {
            most: rate * options.cell.as_secs_f64(),
            bearable: rate * options.patience,
            longest: rate * options.give_up.unwrap_or(f64::INFINITY),
        }
    }

    /// Lets a cell pass: the requests that keep their objectives, and those that were begun.
    fn serve(&self, queue: &mut f64, arrivals: f64) -> (f64, f64) {
        let growth = arrivals - self.most;
        let in_time = arrivals * share_in_time(*queue, growth, self.bearable);
        let done = self.most.min(*queue + arrivals);
        *queue = (*queue + growth).clamp(0.0, self.longest);
        (in_time, done)
    }
}
