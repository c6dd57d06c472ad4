//! What an autoscaler gets to see of a fleet, and how old it is.

use std::collections::VecDeque;

use plimsoll_core::time::Offset;
use plimsoll_sim::flow::Cell;

use super::scene::{Outage, Scene};
use crate::autoscale::{Metric, Reading, Signal, Source};

/// What a scrape found.
#[derive(Clone, Copy, Debug)]
struct Scrape {
    at: f64,
    in_flight: f64,
    waiting: f64,
    counters: Counters,
    ready: u32,
}

/// Requests so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    /// Those that came, as whatever stands in front of the servers counts them.
    arrived: f64,
    /// Those that were answered, as servers count them: at most what they can do, however many come.
    answered: f64,
}

impl Counters {
    fn seen_by(self, source: Source) -> f64 {
        match source {
            Source::Gateway => self.arrived,
            Source::Pods | Source::Kubelets | Source::Servers => self.answered,
        }
    }
}

/// What was scraped, and what Knative's proxies counted.
#[derive(Clone, Debug)]
pub(super) struct Telemetry {
    period: f64,
    staleness: f64,
    outage: Option<Outage>,
    cell: f64,
    /// How long what is old may still be asked for.
    longest: f64,
    scrapes: VecDeque<Scrape>,
    /// The latest cells, newest last.
    cells: VecDeque<Cell>,
    counters: Counters,
    next: f64,
}

impl Telemetry {
    /// Of a fleet that is played in cells of so many seconds.
    pub(super) fn new(scene: &Scene, cell: f64, metrics: &[Metric]) -> Self {
        let Scene { scrape: period, staleness, outage, .. } = *scene;
        let window = |metric: &Metric| match metric.signal {
            Signal::InFlight | Signal::Waiting => 0.0,
            Signal::Rate { window } | Signal::MeanInFlight { window } | Signal::MeanRate { window } => window,
        };
        let longest = metrics.iter().map(window).fold(0.0, f64::max) + staleness + 2.0 * period;
        Telemetry {
            period,
            staleness,
            outage,
            cell,
            longest,
            scrapes: VecDeque::new(),
            cells: VecDeque::new(),
            counters: Counters::default(),
            next: 0.0,
        }
    }

    /// A cell has passed, which ends at `now`.
    pub(super) fn note(&mut self, now: Offset, cell: Cell) {
        let at = now.as_secs_f64();
        self.counters.arrived += f64::from(cell.arrivals);
        self.counters.answered += cell.throughput * self.cell;
        self.cells.push_back(cell);
        while self.cells.len() as f64 * self.cell > self.longest {
            self.cells.pop_front();
        }
        if at >= self.next {
            self.next = at + self.period;
            let scrape = Scrape {
                at,
                in_flight: cell.in_flight(),
                waiting: cell.waiting,
                counters: self.counters,
                ready: cell.ready,
            };
            self.scrapes.push_back(scrape);
            while self.scrapes.front().is_some_and(|scrape| scrape.at < at - self.longest) {
                self.scrapes.pop_front();
            }
        }
    }

    /// What a metric reads at `now`.
    pub(super) fn read(&self, now: Offset, metric: &Metric) -> Reading {
        match metric.signal {
            Signal::MeanInFlight { window } => self.mean(window, Cell::in_flight),
            Signal::MeanRate { window } => self.mean(window, |cell| f64::from(cell.arrivals) / self.cell),
            Signal::InFlight | Signal::Waiting | Signal::Rate { .. } => self.scraped(now, metric),
        }
    }

    fn scraped(&self, now: Offset, metric: &Metric) -> Reading {
        let by_prometheus = metric.source != Source::Kubelets;
        if by_prometheus && self.outage.is_some_and(|outage| outage.covers(now.as_secs_f64())) {
            return Reading::Failed;
        }
        let newest = now.as_secs_f64() - self.staleness;
        let known = self.scrapes.partition_point(|scrape| scrape.at <= newest);
        let Some(last) = known.checked_sub(1).map(|index| self.scrapes[index]) else {
            return Reading::Failed; // nothing has been scraped yet
        };
        let at_door = metric.source == Source::Gateway;
        if last.ready == 0 && !at_door {
            return Reading::Empty;
        }
        match metric.signal {
            Signal::Waiting => Reading::Value(last.waiting),
            Signal::Rate { window } => {
                let first = self.scrapes.iter().find(|scrape| scrape.at >= newest - window);
                match first {
                    Some(first) if first.at < last.at => {
                        let counted = |scrape: &Scrape| scrape.counters.seen_by(metric.source);
                        Reading::Value((counted(&last) - counted(first)) / (last.at - first.at))
                    }
                    _ => Reading::Empty, // a rate needs two scrapes
                }
            }
            _ => Reading::Value(last.in_flight),
        }
    }

    fn mean(&self, window: f64, of: impl Fn(&Cell) -> f64) -> Reading {
        let cells = ((window / self.cell).round() as usize).max(1);
        let seen = self.cells.len().min(cells);
        if seen == 0 {
            return Reading::Failed;
        }
        Reading::Value(self.cells.iter().rev().take(seen).map(of).sum::<f64>() / seen as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scene;
    use super::*;
    use crate::autoscale::Target;

    #[test]
    fn servers_count_what_they_answer_and_a_gateway_what_comes() {
        let metric = |source| Metric {
            signal: Signal::Rate { window: 60.0 },
            source,
            target: Target::AverageValue(7.0),
        };
        let metrics = [Source::Servers, Source::Pods, Source::Gateway, Source::Kubelets].map(metric);
        let outage = Some(Outage { from: 90.0, to: 120.0 });
        let scene = Scene { staleness: 0.0, outage, ..scene(60.0) };
        let mut telemetry = Telemetry::new(&scene, 1.0, &metrics);
        let full = Cell { arrivals: 30, throughput: 12.0, ready: 1, ..Cell::default() };
        for second in 0..=60 {
            telemetry.note(Offset::from_secs_f64(f64::from(second)), full);
        }
        let read = metrics.map(|metric| telemetry.read(Offset::from_secs_f64(60.0), &metric));
        assert_eq!(read, [12.0, 12.0, 30.0, 12.0].map(Reading::Value));
        let out = metrics.map(|metric| telemetry.read(Offset::from_secs_f64(100.0), &metric));
        assert_eq!(out[..3], [Reading::Failed; 3], "nobody can be asked while Prometheus is out");
        assert_eq!(out[3], Reading::Value(12.0), "metrics-server does not ask it");
    }
}
