//! Keeps what happened to a fleet: totals, minutes, and why requests missed.

use std::collections::BTreeMap;

use plimsoll_sim::flow::Cell;

use super::report::{Cause, Event, Figures, Minute, Miss};

/// Seconds over which the traffic is averaged to say how many replicas it needs.
const NEED_WINDOW: f64 = 10.0;

/// A scaling down so many seconds ago can be the cause of a miss.
const LATELY: f64 = 600.0;

/// What happened so far.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    cell: f64,
    /// Requests/s of a replica within its objectives.
    rate: f64,
    most_allowed: u32,
    goal: f64,
    figures: Figures,
    in_time: f64,
    seconds: f64,
    ready_seconds: f64,
    recent_rate: f64,
    last_down: Option<f64>,
    last_cause: Cause,
    minute: OpenMinute,
    minutes: Vec<Minute>,
    misses: Vec<(Miss, BTreeMap<Cause, f64>)>,
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Debug, Default)]
struct OpenMinute {
    seconds: f64,
    requests: f64,
    in_time: f64,
    ready_seconds: f64,
    waiting: f64,
    missed: BTreeMap<Cause, f64>,
}

/// What came of it all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) figures: Figures,
    pub(super) events: Vec<Event>,
    pub(super) minutes: Vec<Minute>,
    pub(super) misses: Vec<Miss>,
}

impl Ledger {
    pub(super) fn new(cell: f64, rate: f64, most_allowed: u32, goal: f64) -> Self {
        Ledger {
            cell,
            rate,
            most_allowed,
            goal,
            figures: Figures::default(),
            in_time: 0.0,
            seconds: 0.0,
            ready_seconds: 0.0,
            recent_rate: 0.0,
            last_down: None,
            last_cause: Cause::Burst,
            minute: OpenMinute::default(),
            minutes: Vec::new(),
            misses: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The number of replicas was changed.
    pub(super) fn change(&mut self, at: f64, from: u32, to: u32) {
        self.events.push(Event { at, from, to });
        if to > from {
            self.figures.scale_ups += 1;
        } else {
            self.figures.scale_downs += 1;
            self.last_down = Some(at);
        }
    }

    /// A cell has passed; `wanted` replicas were asked for.
    pub(super) fn note(&mut self, cell: &Cell, wanted: u32) {
        let arrivals = f64::from(cell.arrivals);
        let weight = (self.cell / NEED_WINDOW).min(1.0);
        self.recent_rate += weight * (arrivals / self.cell - self.recent_rate);
        self.seconds += self.cell;
        self.in_time += cell.in_time;
        self.ready_seconds += f64::from(cell.ready) * self.cell;
        self.figures.requests += arrivals;
        self.figures.most_ready = self.figures.most_ready.max(cell.ready);
        self.figures.most_waiting = self.figures.most_waiting.max(cell.waiting);

        let missed = arrivals - cell.in_time;
        if missed > 0.0 {
            self.last_cause = self.cause(cell, wanted);
            *self.minute.missed.entry(self.last_cause).or_insert(0.0) += missed;
        }
        let minute = &mut self.minute;
        minute.seconds += self.cell;
        minute.requests += arrivals;
        minute.in_time += cell.in_time;
        minute.ready_seconds += f64::from(cell.ready) * self.cell;
        minute.waiting = minute.waiting.max(cell.waiting);
        if minute.seconds >= 60.0 - 1e-9 {
            self.close_minute(wanted);
        }
    }

    fn cause(&self, cell: &Cell, wanted: u32) -> Cause {
        let need = (self.recent_rate / self.rate).ceil() as u32;
        if cell.ready == 0 {
            return Cause::NoReplica;
        }
        if cell.ready >= need {
            // What is left over from a shortage has the shortage's cause.
            let left_over = cell.waiting > f64::from(cell.arrivals);
            return if left_over { self.last_cause } else { Cause::Burst };
        }
        if wanted >= need {
            let mostly_machines = 2 * cell.unscheduled > cell.starting;
            return if mostly_machines { Cause::Machines } else { Cause::Loading };
        }
        if wanted >= self.most_allowed {
            return Cause::Limit;
        }
        let lately = self.last_down.is_some_and(|at| self.seconds - at < LATELY);
        if lately { Cause::ScaledDown } else { Cause::Late }
    }

    fn close_minute(&mut self, wanted: u32) {
        let open = std::mem::take(&mut self.minute);
        let minute = Minute {
            minute: self.minutes.len() as u32,
            rate: open.requests / open.seconds,
            attainment: share(open.in_time, open.requests),
            ready: open.ready_seconds / open.seconds,
            wanted,
            waiting: open.waiting,
        };
        self.minutes.push(minute);
        if minute.attainment < self.goal {
            self.add_miss(minute.minute, open);
        }
    }

    fn add_miss(&mut self, minute: u32, open: OpenMinute) {
        let requests = open.requests - open.in_time;
        match self.misses.last_mut() {
            Some((miss, causes)) if miss.to + 1 == minute => {
                miss.to = minute;
                miss.requests += requests;
                for (cause, missed) in open.missed {
                    *causes.entry(cause).or_insert(0.0) += missed;
                }
            }
            _ => {
                let miss = Miss { from: minute, to: minute, requests, cause: Cause::Burst };
                self.misses.push((miss, open.missed));
            }
        }
    }

    /// The end; replicas had machines for `machine_seconds`.
    pub(super) fn conclude(mut self, machine_seconds: f64, price: Option<f64>, wanted: u32) -> Outcome {
        if self.minute.seconds > 0.0 {
            self.close_minute(wanted);
        }
        let hours = machine_seconds / 3600.0;
        let figures = Figures {
            attainment: share(self.in_time, self.figures.requests),
            replica_hours: hours,
            cost: price.map(|price| price * hours),
            mean_ready: if self.seconds > 0.0 { self.ready_seconds / self.seconds } else { 0.0 },
            ..self.figures
        };
        let most = |causes: &BTreeMap<Cause, f64>| {
            causes.iter().max_by(|a, b| a.1.total_cmp(b.1)).map_or(Cause::Burst, |(cause, _)| *cause)
        };
        let misses =
            self.misses.into_iter().map(|(miss, causes)| Miss { cause: most(&causes), ..miss }).collect();
        Outcome { figures, events: self.events, minutes: self.minutes, misses }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}
