//! The peak of a demand: how high it is, how bursty, how fast it comes, and how sure that is.

use plimsoll_core::seed::Rng;
use rand::RngExt as _;
use rand_distr::StandardNormal;

use super::{Counts, Demand, Traffic};

/// Seconds over which the rate of a trace is averaged before its peak is taken. What varies faster is burstiness.
const AVERAGED: f64 = 60.0;
/// Seconds in which burstiness is counted: long enough that the rounded times of a trace do not show, short enough that a
/// fleet cannot be scaled meanwhile.
const BURST: f64 = 10.0;
/// Neighbouring minutes of a trace that stay together when it is drawn again.
const BLOCK: usize = 10;
/// The least share of the peak that a forecast can turn out to be.
const LEAST: f64 = 0.05;

impl Demand {
    /// The peak when the plan is to hold, per second: of a trace, the rate that the share `quantile` of its minutes does
    /// not exceed.
    pub fn peak_rate(&self, quantile: f64) -> f64 {
        self.growth_factor() * self.peak_today(quantile)
    }

    /// The peak before it grows, per second.
    pub fn peak_today(&self, quantile: f64) -> f64 {
        match &self.traffic {
            Traffic::Peak(rate) => *rate,
            Traffic::Trace(counts) => upper(minutes(counts).rates().collect(), quantile),
        }
    }

    /// The mean when the plan is to hold, per second; of a peak it is the peak.
    pub fn mean_rate(&self) -> f64 {
        self.growth_factor()
            * match &self.traffic {
                Traffic::Peak(rate) => *rate,
                Traffic::Trace(counts) => counts.mean(),
            }
    }

    /// The coefficient of variation that arrivals behave like while the rate stands: as given, or of a trace the root of
    /// its index of dispersion over ten seconds. Nothing where nobody knows. It tells people how bursty a trace is; what
    /// that costs is counted from its seconds themselves.
    pub fn arrival_cv(&self) -> Option<f64> {
        self.cv.or_else(|| match &self.traffic {
            Traffic::Peak(_) => None,
            Traffic::Trace(counts) => dispersion(counts).map(f64::sqrt),
        })
    }

    /// How much the rate of a trace can rise within `lag` seconds, per second; nothing for a peak.
    pub fn rise_within(&self, lag: f64) -> Option<f64> {
        let Traffic::Trace(counts) = &self.traffic else { return None };
        let minutes = minutes(counts);
        let rates: Vec<f64> = minutes.rates().collect();
        let steps = ((lag / minutes.bin).ceil() as usize).max(1);
        let rise = |(now, later): (&f64, &f64)| later - now;
        let most = rates.iter().zip(rates.iter().skip(steps)).map(rise).fold(0.0, f64::max);
        Some(most * self.growth_factor())
    }

    /// One of the peaks that may come: minutes of a trace drawn again in blocks, and the error of the forecast on top.
    pub fn draw_peak(&self, quantile: f64, rng: &mut Rng) -> f64 {
        let today = match &self.traffic {
            Traffic::Peak(rate) => *rate,
            Traffic::Trace(counts) => {
                let rates: Vec<f64> = minutes(counts).rates().collect();
                upper(drawn_again(&rates, rng), quantile)
            }
        };
        let error: f64 = rng.sample(StandardNormal);
        today * self.growth_factor() * (1.0 + self.forecast_error * error).max(LEAST)
    }
}

/// The counts in minutes, or in what they are counted in if that is longer.
fn minutes(counts: &Counts) -> Counts {
    counts.coarser((AVERAGED / counts.bin).round().max(1.0) as usize)
}

/// The value that the share `quantile` of all does not exceed; 0 if there are none.
fn upper(mut values: Vec<f64>, quantile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (quantile * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(0.0)
}

/// As many values as there are, drawn in blocks of neighbours (Kunsch, Annals of Statistics 17, 1989).
fn drawn_again(values: &[f64], rng: &mut Rng) -> Vec<f64> {
    let block = BLOCK.min(values.len());
    let mut drawn = Vec::with_capacity(values.len() + block);
    while drawn.len() < values.len() {
        let start = rng.random_range(0..=values.len() - block);
        drawn.extend_from_slice(&values[start..start + block]);
    }
    drawn.truncate(values.len());
    drawn
}

/// Index of dispersion of the counts of one stream over ten seconds: variance over mean, 1 for Poisson. The variance is
/// half the mean square of successive differences (von Neumann, 1941), so that slow changes of the rate do not count.
/// Streams on top of each other have the index of one. Nothing with too few stretches, or where they are longer.
fn dispersion(counts: &Counts) -> Option<f64> {
    if counts.bin > BURST {
        return None;
    }
    let stretches = counts.coarser((BURST / counts.bin).round() as usize).counts;
    let pairs = stretches.len().checked_sub(1).filter(|pairs| *pairs >= 10)?;
    let mean = stretches.iter().sum::<f64>() / stretches.len() as f64;
    let squares: f64 = stretches.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    (mean > 0.0).then(|| squares / (2.0 * pairs as f64) / mean / counts.scale)
}

#[cfg(test)]
mod tests {
    use plimsoll_core::seed::Seed;
    use rand_distr::Poisson;

    use super::*;

    fn trace(rates: &[f64], bin: f64, scale: f64) -> Demand {
        let counts = rates.iter().map(|rate| rate * bin * scale).collect();
        let counts = Counts { source: "test".to_owned(), bin, counts, scale };
        Demand { traffic: Traffic::Trace(counts), ..Demand::peak(1.0) }
    }

    #[test]
    fn the_peak_of_a_trace_is_that_of_its_minutes() {
        // A burst of a second is not a peak; a minute is.
        let mut rates = vec![2.0; 600];
        rates[17] = 62.0;
        rates[300..360].fill(5.0);
        let demand = trace(&rates, 1.0, 1.0);
        assert_eq!(demand.peak_rate(0.99), 5.0);
        assert_eq!(demand.peak_rate(0.5), 2.0);
        assert!((demand.mean_rate() - (2.0 + 0.1 + 0.3)).abs() < 1e-9);
        assert_eq!(demand.rise_within(45.0), Some(3.0));
        assert_eq!(Demand::peak(3.0).rise_within(45.0), None);
    }

    #[test]
    fn growth_compounds() {
        let growth = Some(super::super::Growth { per_month: 0.1, months: 2.0 });
        let demand = Demand { growth, ..Demand::peak(100.0) };
        assert!((demand.peak_rate(0.99) - 121.0).abs() < 1e-9);
    }

    #[test]
    fn burstiness_is_told_from_slow_changes_and_survives_scaling() {
        let mut rng = Seed(3).stream("test");
        let mut draw = |mean: f64| rng.sample(Poisson::new(mean).unwrap());
        // A rate that climbs from 20 to 80 per second in two hours, Poisson all the while.
        let rates: Vec<f64> = (0..7200).map(|second| draw(20.0 + f64::from(second) / 120.0)).collect();
        for scale in [1.0, 10.0] {
            let cv = trace(&rates, 1.0, scale).arrival_cv().unwrap();
            assert!((cv - 1.0).abs() < 0.08, "{cv}");
        }
        // Requests in groups of four: the index of dispersion is 4.
        let grouped: Vec<f64> = (0..7200).map(|_| 4.0 * draw(5.0)).collect();
        let cv = trace(&grouped, 1.0, 1.0).arrival_cv().unwrap();
        assert!((cv - 2.0).abs() < 0.15, "{cv}");
        assert_eq!(trace(&[1.0; 5], 1.0, 1.0).arrival_cv(), None, "five seconds say nothing");
    }

    #[test]
    fn peaks_that_may_come_lie_around_the_one_that_is_foreseen() {
        let demand = Demand { forecast_error: 0.1, ..Demand::peak(100.0) };
        let mut rng = Seed(1).stream("test");
        let draws: Vec<f64> = (0..4000).map(|_| demand.draw_peak(0.99, &mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!((mean - 100.0).abs() < 0.7 && (variance.sqrt() - 10.0).abs() < 0.5, "{mean} {variance}");
    }
}
