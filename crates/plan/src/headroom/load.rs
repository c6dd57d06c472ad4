//! What one of many replicas carries: the conditions that always hold.

use plimsoll_sim::flow::Routing;
use serde::{Deserialize, Serialize};

use super::{Basis, Cause, Facts, Line, Settings, quotient, seconds};
use crate::capacity::{Capacity, Measured};
use crate::demand::{Demand, Traffic};
use crate::figures::{figure, percent};

/// How requests are spread over replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Each to any, with equal chances: a Kubernetes Service by iptables.
    Random,
    /// Each in turn.
    RoundRobin,
    /// To the one with the fewest in flight.
    LeastInFlight,
}

impl Split {
    /// Squared coefficient of variation of what one of `replicas` gets of arrivals with that of `scv`. Whitt, The Queueing
    /// Network Analyzer, Bell System Technical Journal 62, 1983: random splitting thins, taking turns adds gaps up. The
    /// fewest in flight are at least as good as turns.
    pub fn at_replica(self, scv: f64, replicas: u32) -> f64 {
        let share = 1.0 / f64::from(replicas.max(1));
        match self {
            Split::Random => 1.0 + share * (scv - 1.0),
            Split::RoundRobin | Split::LeastInFlight => share * scv,
        }
    }

    /// How a fleet in cells of time does it; the fewest in flight are as good as one queue, and so, nearly, are turns.
    pub(crate) fn routing(self) -> Routing {
        match self {
            Split::Random => Routing::Random,
            Split::RoundRobin | Split::LeastInFlight => Routing::Shared,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Split::Random => "random",
            Split::RoundRobin => "round robin",
            Split::LeastInFlight => "least in flight",
        }
    }
}

/// How the rate that keeps the objectives falls as arrivals get burstier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bursts {
    measured: Measured,
    low: f64,
}

impl Bursts {
    pub(super) fn of(capacity: &Capacity) -> Option<Bursts> {
        Some(Bursts { measured: capacity.measured?, low: capacity.low })
    }

    /// The share of the certified load that arrivals of squared coefficient of variation `scv` leave, 1 at most: what
    /// calmer arrivals may give is not counted on.
    pub(crate) fn kept(&self, scv: f64) -> f64 {
        let measured = self.measured.cv * self.measured.cv;
        if scv <= measured {
            return 1.0;
        }
        let Some(burst) = self.measured.burst.filter(|burst| burst.cv * burst.cv > measured) else {
            return self.by_queueing(scv);
        };
        let (to, kept) = (burst.cv * burst.cv, (burst.low / self.low).min(1.0));
        if scv <= to {
            1.0 - (1.0 - kept) * (scv - measured) / (to - measured)
        } else {
            kept * self.by_queueing(scv) / self.by_queueing(to)
        }
    }

    /// Whether [`Bursts::kept`] lies within what was measured.
    pub(crate) fn is_measured(&self, scv: f64) -> bool {
        scv <= self.measured.cv.max(self.measured.burst.map_or(0.0, |burst| burst.cv)).powi(2)
    }

    /// Kingman (1961): waits grow as `rho / (1 - rho) (ca^2 + cs^2) / 2`, so the same wait at other arrivals asks for
    /// other odds `rho / (1 - rho)` of the server being busy.
    fn by_queueing(&self, scv: f64) -> f64 {
        let Measured { cv, service_scv, saturation, .. } = self.measured;
        let busy = self.low / saturation;
        let odds = busy / (1.0 - busy) * (cv * cv + service_scv) / (scv + service_scv);
        odds / (1.0 + odds) / busy
    }
}

/// What one of `replicas` carries under the conditions of a demand, requests per second.
pub fn replica_capacity(capacity: &Capacity, demand: &Demand, settings: &Settings, replicas: u32) -> f64 {
    Facts::of(capacity, demand, settings).per_replica(replicas, capacity.low)
}

/// Hours over which drift counts where nobody says how often replicas are started again: a day.
const RESTART: f64 = 24.0 * 3600.0;

/// The share of a capacity that drift leaves.
pub(super) fn left_by_drift(capacity: &Capacity, settings: &Settings) -> f64 {
    let every = settings.restart_every.unwrap_or(RESTART);
    capacity.derating.as_ref().map_or(1.0, |derating| derating.left_after(every))
}

/// The conditions, each with those before it.
pub(super) fn conditions(
    capacity: &Capacity,
    demand: &Demand,
    settings: &Settings,
    facts: &Facts,
) -> Vec<Line> {
    let today = demand.peak_today(settings.peak_quantile);
    let middle = capacity.middle();
    let given = if capacity.measured.is_some() { Basis::Measured } else { Basis::Given };
    let peak = match &demand.traffic {
        Traffic::Peak(_) => "peak".to_owned(),
        Traffic::Trace(_) => format!("p{} of minutes", figure(settings.peak_quantile * 100.0)),
    };
    let traffic = Line {
        cause: Cause::Traffic,
        formula: "ceil(peak / C)".to_owned(),
        numbers: format!("{peak} {}/s / {}/s", figure(today), figure(middle)),
        replicas: quotient(today, middle),
        basis: given,
    };
    let mut lines = vec![traffic, growth(demand, facts, middle), measurement(capacity, facts)];
    lines.push(soak(capacity, settings, facts));
    lines.push(burstiness(capacity, demand, settings, facts));
    lines.push(seconds::line(capacity, facts));
    lines
}

fn growth(demand: &Demand, facts: &Facts, capacity: f64) -> Line {
    let (numbers, basis) = match demand.growth {
        Some(growth) => (
            format!(
                "{} a month for {} months: {}/s",
                percent(growth.per_month),
                figure(growth.months),
                figure(facts.peak)
            ),
            Basis::Given,
        ),
        None => ("no growth given (--growth)".to_owned(), Basis::Unknown),
    };
    let formula = "ceil(peak (1 + g)^months / C)".to_owned();
    Line { cause: Cause::Growth, formula, numbers, replicas: quotient(facts.peak, capacity), basis }
}

fn measurement(capacity: &Capacity, facts: &Facts) -> Line {
    let (numbers, basis) = match (capacity.high, capacity.confidence) {
        (Some(high), Some(confidence)) => (
            format!(
                "C is {} to {}/s, each end right with {}; the lower counts",
                figure(capacity.low),
                figure(high),
                percent(confidence)
            ),
            Basis::Measured,
        ),
        (None, Some(_)) => {
            (format!("at least {}/s; no load is known to fail", figure(capacity.low)), Basis::Measured)
        }
        (_, None) => {
            ("a bare number: how sure it is, nobody knows (--certificate)".to_owned(), Basis::Unknown)
        }
    };
    let formula = "ceil(peak / C_low)".to_owned();
    let replicas = quotient(facts.peak, capacity.low);
    Line { cause: Cause::Measurement, formula, numbers, replicas, basis }
}

fn soak(capacity: &Capacity, settings: &Settings, facts: &Facts) -> Line {
    let every = settings.restart_every.unwrap_or(RESTART) / 3600.0;
    let (numbers, basis) = match &capacity.derating {
        None => ("no soak: drift is not known (--soak)".to_owned(), Basis::Unknown),
        Some(derating) if facts.left >= 1.0 => {
            (format!("the soak is {}: nothing is lost", verdict(derating.verdict)), Basis::Measured)
        }
        Some(derating) => (
            format!(
                "{} grows by {} a minute: {} of C is left {} h after a start{}",
                derating.series,
                percent(derating.per_minute),
                percent(facts.left),
                figure(every),
                if settings.restart_every.is_none() { " (assumed; --restart-every)" } else { "" }
            ),
            Basis::Extrapolated,
        ),
    };
    let formula = "ceil(peak / (C_low / (1 + growth)))".to_owned();
    let replicas = quotient(facts.peak, capacity.low * facts.left);
    Line { cause: Cause::Soak, formula, numbers, replicas, basis }
}

fn verdict(verdict: plimsoll_core::drift::SoakVerdict) -> &'static str {
    use plimsoll_core::drift::SoakVerdict;
    match verdict {
        SoakVerdict::Steady => "STEADY",
        SoakVerdict::Drifting => "DRIFTING, but not in how long requests take",
        SoakVerdict::Undecided => "UNDECIDED, and no drift is shown",
    }
}

fn burstiness(capacity: &Capacity, demand: &Demand, settings: &Settings, facts: &Facts) -> Line {
    let replicas = facts.spread_out(facts.peak, capacity.low);
    let line = |numbers, basis| Line {
        cause: Cause::Burstiness,
        formula: "least n with n C(ca^2 at one of n) >= peak".to_owned(),
        numbers,
        replicas,
        basis,
    };
    let Some(scv) = facts.scv else {
        return match demand.arrival_cv().filter(|_| facts.seconds.is_some()) {
            Some(cv) => line(
                format!(
                    "CV {} over 10 s of the trace: counted below, second by second; within a second as measured",
                    figure(cv)
                ),
                Basis::Assumed,
            ),
            None => line("how bursty arrivals are, nobody said (--demand-cv)".to_owned(), Basis::Unknown),
        };
    };
    let Some(bursts) = facts.bursts else {
        return line("what bursts cost is not known without a certificate".to_owned(), Basis::Unknown);
    };
    let at_replica = facts.split.at_replica(scv, replicas);
    let kept = bursts.kept(at_replica);
    let arrivals = format!(
        "CV {}; {} over {replicas}: {} at each, measured with {}",
        figure(scv.sqrt()),
        settings.split.words(),
        figure(at_replica.sqrt()),
        figure(bursts.measured.cv)
    );
    match kept {
        1.0 => line(format!("{arrivals}: nothing is lost"), Basis::Measured),
        _ if bursts.is_measured(at_replica) => {
            line(format!("{arrivals}: {} of C is left", percent(kept)), Basis::Measured)
        }
        _ => line(format!("{arrivals}: {} of C is left, by Kingman", percent(kept)), Basis::Extrapolated),
    }
}
