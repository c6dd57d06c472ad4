//! From evidence to verdicts.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::binomial::{Looks, TIMES_MAX, Trials};
use super::evidence::{Evidence, Tracker};
use super::objective::{Question, Slo, Stat};
use super::set::Slos;
use super::verdict::{SloVerdict, Verdict};
use super::windows::{BATCHES_MIN, Cell, INDEPENDENT_MIN, LEVELS, Spread, spread, sum};
use crate::metrics::{Samples, rank};
use crate::summary::Goodput;
use crate::time::Offset;

/// Misses in fewer cells say too little of how they cluster. Then those that would miss a stricter limit speak for them, as
/// near to the limit as enough of them are; the values themselves would make one long answer look like a whole cluster.
const CLUSTERS_MIN: usize = 20;

/// Independent trials that a window stands for whose parts resemble each other: enough to see that half of all requests
/// miss, and not to see that none does.
const FEW: f64 = 5.0;
/// How many times as wide an interval is whose variance is likely to be too small.
const DOUBT: f64 = 3.0;

/// How verdicts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How often the evidence is looked at.
    pub looks: Looks,
    /// The end of the measured window, or the present: how far rates reach.
    pub now: Offset,
}

/// Judges each objective by the evidence, in their order.
///
/// The verdict rests on requests alone. Whether the client measured itself (INVALID), whether the backlog grew
/// (OVERLOADED) and whether the run was long enough to see that, is for [`super::Gate`] to say.
pub fn evaluate(slos: &Slos, evidence: &Evidence, asked: Asked) -> Vec<SloVerdict> {
    let judge = |tracker: &Tracker| {
        let rate = tracker.slo.question() == Question::Rate;
        // An amount per second needs whole cells; the requests of a cell count even if the window ends within it.
        let until = if rate { evidence.until().min(asked.now) } else { evidence.until() };
        Judge {
            slo: &tracker.slo,
            cells: tracker.windows.between(evidence.from(), until),
            seconds: evidence.until().min(asked.now).since(evidence.from()).as_secs_f64(),
            cell_seconds: tracker.windows.cell_seconds(),
            values: tracker.windows.values_from(evidence.from()),
            alpha: slos.confidence().alpha(),
            looks: asked.looks,
        }
        .verdict()
    };
    evidence.trackers().iter().map(judge).collect()
}

/// Goodput and attainment by the evidence. The attainment has the interval of a verdict on it.
pub fn goodput(slos: &Slos, evidence: &Evidence, asked: Asked) -> Goodput {
    let good = evidence.good();
    let confidence = slos.confidence();
    let until = evidence.until().min(asked.now);
    let in_time = good.rate.between(evidence.from(), until);
    let seconds = in_time.len() as f64 * good.rate.cell_seconds();
    let all = sum(good.share.between(evidence.from(), evidence.until()));
    let share = (all.n > 0).then(|| {
        let cells = good.share.between(evidence.from(), evidence.until());
        let missing = all.misses as f64 / all.n as f64;
        let clustering = Clustering::of(
            all.n as f64,
            spread(&residuals(cells, missing, |cell| cell.misses as f64)),
            all.misses as f64 * (1.0 - missing),
            confidence.alpha(),
        );
        let trials =
            Trials { n: all.n as f64 / clustering.times, misses: all.misses as f64 / clustering.times };
        (1.0 - missing, trials.interval(confidence.alpha(), asked.looks))
    });
    Goodput {
        limits: good.limits.iter().map(ToString::to_string).collect(),
        good: all.n - all.misses,
        goodput: if seconds > 0.0 { sum(in_time).n as f64 / seconds } else { 0.0 },
        attainment: share.map(|(share, _)| share),
        low: share.map(|(_, (_, high))| 1.0 - high),
        high: share.map(|(_, (low, _))| 1.0 - low),
        confidence: confidence.value(),
    }
}

/// One objective and what is known of it.
struct Judge<'a> {
    slo: &'a Slo,
    cells: &'a [Cell],
    /// From the first cell to the present.
    seconds: f64,
    cell_seconds: f64,
    values: Samples,
    alpha: f64,
    looks: Looks,
}

impl Judge<'_> {
    fn verdict(&self) -> SloVerdict {
        match self.slo.question() {
            Question::Misses(allowed) => self.by_misses(allowed),
            Question::Mean => self.by_mean(),
            Question::Rate => self.by_rate(),
        }
    }

    fn blank(&self, all: &Cell) -> SloVerdict {
        SloVerdict {
            slo: self.slo.clone(),
            verdict: Verdict::Undecided,
            estimate: None,
            low: None,
            high: None,
            n: all.n,
            misses: all.misses,
            allowed: None,
            failed: all.failed,
            effective_n: all.n as f64,
            more_requests: None,
            more_seconds: None,
            reason: (all.n == 0).then(|| "no request says anything of it".to_owned()),
        }
    }

    /// A share of misses against the share allowed.
    fn by_misses(&self, allowed: f64) -> SloVerdict {
        let all = sum(self.cells);
        let found = SloVerdict { allowed: Some(allowed), ..self.blank(&all) };
        if all.n == 0 {
            return found;
        }
        let clustering = self.clustering(&all);
        let trials = |misses: u64| Trials {
            n: all.n as f64 / clustering.times,
            misses: misses as f64 / clustering.times,
        };
        let mine = trials(all.misses);
        let decided = mine.decide(allowed, self.alpha, self.looks);
        let decides = |misses: u64| trials(misses).decide(allowed, self.alpha, self.looks);
        let (estimate, low, high) = self.figure(&all, mine, &decides);
        let more = clustering.longer.or_else(|| mine.times_more(allowed, self.alpha, self.looks));
        let found = SloVerdict { estimate, low, high, effective_n: mine.n, ..found };
        self.conclude(found, decided, more, clustering.longer.is_none())
    }

    /// The figure itself with its interval: a percentile, or a share.
    fn figure(
        &self,
        all: &Cell,
        mine: Trials,
        decides: &dyn Fn(u64) -> Option<bool>,
    ) -> (Option<f64>, Option<f64>, Option<f64>) {
        if let Slo::Statistic(statistic) = self.slo
            && let Some(Stat::Percentile(p)) = statistic.stat
        {
            let ranks = Ranks { n: all.n, failed: all.failed, upper: self.slo.is_upper() };
            let at = |rank: Option<u64>| Some(self.values.at_rank(ranks.value(rank?)?) as f64 / 1e9);
            return (at(Some(rank(all.n, p))), at(ranks.low(decides)), at(ranks.high(decides)));
        }
        let share = all.misses as f64 / all.n as f64;
        let (low, high) = mine.interval(self.alpha, self.looks);
        if self.slo.is_upper() {
            (Some(share), Some(low), Some(high))
        } else {
            (Some(1.0 - share), Some(1.0 - high), Some(1.0 - low))
        }
    }

    /// For how many trials one independent trial speaks.
    fn clustering(&self, all: &Cell) -> Clustering {
        let (by_misses, with_misses) = self.clustering_at(all, |cell| cell.misses);
        if with_misses >= CLUSTERS_MIN {
            return by_misses;
        }
        if let Some(by_level) = (0..LEVELS).find_map(|level| self.settled_at(all, level)) {
            return by_misses.or_more(by_level);
        }
        let n = all.n as f64;
        let (Some(mean), Some(stdev)) = (self.values.mean(), self.values.stdev()) else {
            return by_misses;
        };
        let answered = self.values.n() as f64;
        let by_values = spread(&residuals_of_values(self.cells, mean));
        by_misses.or_more(Clustering::of(n, by_values, stdev * stdev * answered, self.alpha))
    }

    /// The same as if the limit were stricter by so many levels, if that tells it.
    fn settled_at(&self, all: &Cell, level: usize) -> Option<Clustering> {
        let beyond = |cell: &Cell| cell.failed + u64::from(cell.beyond[level]);
        let (clustering, cells) = self.clustering_at(all, beyond);
        // Where most are beyond it is the others that cluster.
        let few = 2 * beyond(all) <= all.n;
        (few && cells >= CLUSTERS_MIN && clustering.longer.is_none()).then_some(clustering)
    }

    /// For how many requests an independent one speaks, by those that `of` counts in a cell, and how many cells have some.
    fn clustering_at(&self, all: &Cell, of: impl Fn(&Cell) -> u64) -> (Clustering, usize) {
        let (n, counted) = (all.n as f64, of(all) as f64);
        let share = counted / n;
        let spread = spread(&residuals(self.cells, share, |cell| of(cell) as f64));
        let with_some = self.cells.iter().filter(|cell| of(cell) > 0).count();
        (Clustering::of(n, spread, counted * (1.0 - share), self.alpha), with_some)
    }

    /// The mean of samples, by batch means.
    fn by_mean(&self) -> SloVerdict {
        let all = sum(self.cells);
        let found = self.blank(&all);
        let (n, mean) = (all.n as f64, all.sum as f64 / all.n.max(1) as f64);
        let residuals = residuals_of_values(self.cells, mean);
        self.by_batches(found, mean / 1e9, spread(&residuals), n * 1e9)
    }

    /// The mean per second, by batch means.
    fn by_rate(&self) -> SloVerdict {
        let all = sum(self.cells);
        let found =
            SloVerdict { n: (self.cells.len() as f64 * self.cell_seconds) as u64, ..self.blank(&all) };
        let each = all.n as f64 / self.cells.len().max(1) as f64;
        let residuals: Vec<f64> = self.cells.iter().map(|cell| cell.n as f64 - each).collect();
        let seconds = self.cells.len() as f64 * self.cell_seconds;
        self.by_batches(found, each / self.cell_seconds, spread(&residuals), seconds)
    }

    /// `estimate` is a sum divided by `per`, and `spread` is of that sum.
    fn by_batches(&self, found: SloVerdict, estimate: f64, spread: Option<Spread>, per: f64) -> SloVerdict {
        let Some(spread) = spread.filter(|_| found.n > 0) else {
            let reason = format!("the window is shorter than {BATCHES_MIN} batches");
            return SloVerdict { reason: Some(found.reason.clone().unwrap_or(reason)), ..found };
        };
        let error = spread.variance.sqrt() / per;
        let doubt = if spread.settled { 1.0 } else { DOUBT };
        let width = doubt * error * self.quantile(spread.batches);
        let (low, high) = (estimate - width, estimate + width);
        let limit = self.slo.limit();
        let decided = if limit > high {
            Some(self.slo.is_upper())
        } else if limit < low {
            Some(!self.slo.is_upper())
        } else {
            None
        };
        let distance = (estimate - limit).abs();
        let more = if spread.settled {
            (distance > 0.0).then(|| (width / distance).powi(2)).filter(|times| *times < TIMES_MAX)
        } else {
            longer(Some(spread))
        };
        let found =
            SloVerdict { estimate: Some(estimate), low: Some(low.max(0.0)), high: Some(high), ..found };
        self.conclude(found, decided, more, spread.settled)
    }

    /// Standard errors from an estimate to the end of its interval. Repeated looks use the boundary of Robbins' normal
    /// mixture (Annals of Mathematical Statistics 41, 1970), which grows with the number of looks that there may have been.
    fn quantile(&self, batches: usize) -> f64 {
        match self.looks {
            Looks::Once => student(batches, self.alpha),
            Looks::Repeated => {
                let seen = batches as f64;
                let doubt = student(batches, self.alpha) / normal(self.alpha);
                doubt * ((1.0 + 1.0 / seen) * ((1.0 + seen) / (4.0 * self.alpha * self.alpha)).ln()).sqrt()
            }
        }
    }

    fn conclude(
        &self,
        found: SloVerdict,
        decided: Option<bool>,
        more: Option<f64>,
        settled: bool,
    ) -> SloVerdict {
        let verdict = match decided {
            Some(true) => Verdict::Pass,
            Some(false) => Verdict::Fail,
            None => Verdict::Undecided,
        };
        if decided.is_some() {
            return SloVerdict { verdict, ..found };
        }
        let more = more.map(|times| (times - 1.0).max(0.0));
        let requests = |times: f64| (found.n as f64 * times).ceil() as u64;
        let reason = if settled {
            more.is_none()
                .then(|| "the figure is at its limit: no number of requests may decide it".to_owned())
        } else {
            Some("successive requests resemble each other over a large part of the window".to_owned())
        };
        SloVerdict {
            more_requests: more.map(requests).filter(|_| self.slo.question() != Question::Rate),
            more_seconds: more.map(|times| times * self.seconds),
            reason: found.reason.clone().or(reason),
            ..found
        }
    }
}

/// For how many correlated trials one independent trial speaks.
#[derive(Clone, Copy)]
struct Clustering {
    times: f64,
    /// How many times as long the window must be before that is known; nothing where it is.
    longer: Option<f64>,
}

impl Clustering {
    /// From the variance of the sum of `n` trials as it is and as it would be were they independent.
    fn of(n: f64, spread: Option<Spread>, independent: f64, alpha: f64) -> Self {
        let longer = longer(spread);
        if longer.is_some() {
            return Clustering { times: (n / FEW).max(1.0), longer };
        }
        let Some(spread) = spread.filter(|_| independent > 0.0) else {
            return Clustering { times: 1.0, longer };
        };
        // The variance is itself estimated: what Student's t does to the quantile, in terms of variance.
        let doubt = (student(spread.batches, alpha) / normal(alpha)).powi(2);
        Clustering { times: (spread.variance / independent * doubt).max(1.0), longer }
    }

    fn or_more(self, other: Clustering) -> Clustering {
        let longer = [self.longer, other.longer].into_iter().flatten().reduce(f64::max);
        Clustering { times: self.times.max(other.times), longer }
    }
}

/// How many times as long a window must be for its variance to be believed; nothing if it is.
fn longer(spread: Option<Spread>) -> Option<f64> {
    match spread {
        Some(spread) if spread.settled => None,
        Some(spread) => Some((INDEPENDENT_MIN / spread.independent).max(2.0)),
        None => Some(2.0),
    }
}

/// What is left of each cell's misses when its share of all is taken off.
fn residuals(cells: &[Cell], share: f64, of: impl Fn(&Cell) -> f64) -> Vec<f64> {
    cells.iter().map(|cell| of(cell) - share * cell.n as f64).collect()
}

/// The same of the values, whose mean is `mean` nanoseconds.
fn residuals_of_values(cells: &[Cell], mean: f64) -> Vec<f64> {
    cells.iter().map(|cell| cell.sum as f64 - mean * (cell.n - cell.failed) as f64).collect()
}

fn student(batches: usize, alpha: f64) -> f64 {
    StudentsT::new(0.0, 1.0, (batches.max(2) - 1) as f64)
        .map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - alpha))
}

fn normal(alpha: f64) -> f64 {
    Normal::standard().inverse_cdf(1.0 - alpha)
}

/// Ranks among values and requests without one, which stand above all where small values are good, and below all where
/// large ones are.
#[derive(Clone, Copy)]
struct Ranks {
    n: u64,
    failed: u64,
    upper: bool,
}

impl Ranks {
    /// The rank among the values alone, if there is a value.
    fn value(self, rank: u64) -> Option<u64> {
        let answered = self.n - self.failed;
        if self.upper {
            (rank <= answered).then_some(rank)
        } else {
            rank.checked_sub(self.failed).filter(|&rank| rank > 0)
        }
    }

    /// Misses if the limit were the value at `rank`.
    fn misses(self, rank: u64) -> u64 {
        if self.upper { self.n - rank } else { rank - 1 }
    }

    /// The rank below whose value a limit would surely be missed (where small values are good) or met.
    fn low(self, decides: &dyn Fn(u64) -> Option<bool>) -> Option<u64> {
        let edge = if self.upper {
            self.first(|rank| decides((self.misses(rank) + 1).min(self.n)) != Some(false))
        } else {
            self.first(|rank| decides(self.misses(rank)) != Some(true))
        };
        edge.unwrap_or(self.n + 1).checked_sub(1).filter(|&rank| rank > 0)
    }

    /// The rank from whose value on a limit would surely be met, or missed.
    fn high(self, decides: &dyn Fn(u64) -> Option<bool>) -> Option<u64> {
        if self.upper {
            self.first(|rank| decides(self.misses(rank)) == Some(true))
        } else {
            self.first(|rank| decides((self.misses(rank) + 1).min(self.n)) == Some(false))
        }
    }

    /// The least rank from 1 for which `holds`, which stays true once it is.
    fn first(self, holds: impl Fn(u64) -> bool) -> Option<u64> {
        let (mut low, mut high) = (1, self.n + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        (low <= self.n).then_some(low)
    }
}
