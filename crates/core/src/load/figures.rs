//! The figures of arrivals, as counted and as theory has them.

use statrs::distribution::{ChiSquared, ContinuousCDF as _, Normal};

use super::GapDistribution;
use super::law::GapLaw;
use super::proof::{ALPHA, Dispersion, Figure, KsTest};
use super::schedule::even_instant;
use crate::stats::{Moments, kolmogorov_p_value, largest_distance};
use crate::time::{Offset, Rate};

/// The fewest windows that give an index of dispersion.
const WINDOWS_MIN: u64 = 30;

/// Arrivals and the process they are held against.
pub(super) struct Figures<'a> {
    pub(super) rate: Rate,
    pub(super) distribution: GapDistribution,
    pub(super) due: &'a [Offset],
}

impl Figures<'_> {
    /// One nanosecond, in mean gaps: what rounding may shift an arrival by, twice over.
    fn nano(&self) -> f64 {
        self.rate.per_second() * 1e-9
    }

    fn gap_nanos(&self) -> impl Iterator<Item = u64> {
        self.due.windows(2).map(|pair| pair[1].as_nanos().saturating_sub(pair[0].as_nanos()))
    }

    /// Gaps in mean gaps.
    fn gaps(&self) -> Moments {
        self.gap_nanos().map(|gap| gap as f64 * self.nano()).collect()
    }

    /// See [`super::proof::ArrivalProof::rate`].
    pub(super) fn rate(&self) -> Figure {
        let gaps = self.gaps();
        let n = gaps.count() as f64;
        let expected = self.rate.per_second();
        let error = quantile() * self.distribution.cv() / n.sqrt() + self.nano() / n + 1e-12;
        Figure::around(expected / gaps.mean(), expected, expected * error)
    }

    /// See [`super::proof::ArrivalProof::cv`].
    pub(super) fn cv(&self) -> Figure {
        let gaps = self.gaps();
        let expected = self.distribution.cv();
        let chance = match self.distribution {
            GapDistribution::Constant => 0.0,
            random => quantile() * expected * random.cv_error(gaps.count() as f64),
        };
        Figure::around(gaps.variance().sqrt() / gaps.mean(), expected, chance + self.nano() + 1e-12)
    }

    /// See [`super::proof::ArrivalProof::ks`].
    pub(super) fn ks(&self) -> Option<KsTest> {
        let law = GapLaw::of(self.distribution)?;
        let mut gaps: Vec<u64> = self.gap_nanos().collect();
        gaps.sort_unstable();
        let distance = largest_distance(&gaps, |nanos| law.cdf_of_rounded(nanos, self.nano()))?;
        Some(KsTest { distance, p_value: kolmogorov_p_value(distance, gaps.len() as u64) })
    }

    /// See [`super::proof::ArrivalProof::dispersion`].
    pub(super) fn dispersion(&self) -> Vec<Dispersion> {
        let shortest = self.distribution.long_window();
        [1.0, 5.0, 25.0, 125.0, 625.0]
            .into_iter()
            .filter_map(|times| self.dispersion_of((shortest * times).ceil() as u64))
            .collect()
    }

    fn dispersion_of(&self, window_gaps: u64) -> Option<Dispersion> {
        let last = *self.due.last()?;
        let edges = (1..).map_while(|window: u64| even_instant(self.rate, window.checked_mul(window_gaps)?));
        let mut counted = 0;
        let counts: Moments = edges
            .take_while(|&edge| edge <= last)
            .map(|edge| {
                let before = counted;
                counted += self.due[counted..].partition_point(|&at| at < edge);
                (counted - before) as f64
            })
            .collect();
        let windows = counts.count();
        if windows < WINDOWS_MIN {
            return None;
        }
        let expected = self.distribution.dispersion(window_gaps as f64);
        // The variance of counts is chi-squared about its expectation: exactly so for normal counts, and closely for
        // Poisson ones (the dispersion test of Fisher) and those of long windows.
        let freedom = (windows - 1) as f64;
        let chi = ChiSquared::new(freedom).ok()?;
        let bound = |p| expected * chi.inverse_cdf(p) / freedom;
        Some(Dispersion {
            window_gaps,
            window_s: window_gaps as f64 * self.rate.mean_gap(),
            windows,
            idc: Figure {
                measured: counts.variance() / counts.mean(),
                expected,
                low: bound(ALPHA / 2.0),
                high: bound(1.0 - ALPHA / 2.0),
            },
        })
    }

    /// See [`super::proof::ArrivalProof::total`].
    pub(super) fn total(&self, counted: usize, gaps: u32) -> Figure {
        let expected = f64::from(gaps);
        let variance = expected * self.distribution.dispersion(expected);
        Figure::around(counted as f64, expected, quantile() * variance.sqrt())
    }
}

/// How many standard errors leave [`ALPHA`] outside on both sides together.
fn quantile() -> f64 {
    Normal::standard().inverse_cdf(1.0 - ALPHA / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Arrivals, Schedule};
    use crate::seed::Seed;

    fn rate(per_second: f64) -> Rate {
        Rate::try_from(per_second).expect("in range")
    }

    /// The objections to arrivals that were made in some other way than asked for.
    fn objections(per_second: f64, distribution: GapDistribution, due: &[Offset]) -> Vec<&'static str> {
        let figures = Figures { rate: rate(per_second), distribution, due };
        let mut objections = Vec::new();
        for (name, holds) in [
            ("rate", figures.rate().holds()),
            ("cv", figures.cv().holds()),
            ("ks", figures.ks().is_none_or(|ks| ks.p_value >= ALPHA)),
            ("idc", figures.dispersion().iter().all(|window| window.idc.holds())),
        ] {
            if !holds {
                objections.push(name);
            }
        }
        objections
    }

    fn due(per_second: f64, distribution: GapDistribution, seed: u64) -> Vec<Offset> {
        let arrivals = Arrivals::Process { rate: rate(per_second), gaps: distribution };
        Schedule::new(&arrivals, Seed(seed)).expect("valid").take(20_001).collect()
    }

    #[test]
    fn schedules_that_lie_are_refuted() {
        let poisson = GapDistribution::Poisson;
        let right = due(600.0, poisson, 5);
        assert_eq!(objections(600.0, poisson, &right), [""; 0]);

        // Gaps cut to whole milliseconds and added up: 600/s asked, 1000/s sent.
        let cut: Vec<_> = (0..20_001).map(|index| Offset::from_nanos(index * 1_000_000)).collect();
        assert_eq!(objections(600.0, GapDistribution::Constant, &cut), ["rate", "idc"]);

        // Two workers with the same seed at half the rate each: every arrival twice.
        let mut twins: Vec<_> = due(300.0, poisson, 5)[..10_001].repeat(2);
        twins.sort_unstable();
        assert!(objections(600.0, poisson, &twins).contains(&"idc"));

        // Constant called Poisson, and Poisson called constant.
        let constant = due(600.0, GapDistribution::Constant, 5);
        assert_eq!(objections(600.0, poisson, &constant), ["cv", "ks", "idc"]);
        assert_eq!(objections(600.0, GapDistribution::Constant, &right)[1..], ["cv", "idc"]);

        // The neighbouring distributions.
        assert!(objections(600.0, GapDistribution::Gamma { cv: 1.1 }, &right).contains(&"ks"));
        assert!(objections(600.0, GapDistribution::Uniform, &right).contains(&"ks"));

        // The right gaps in order of length: only the counts show it.
        let mut gaps: Vec<_> = right.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        gaps.sort_unstable();
        let ordered: Vec<_> = gaps
            .iter()
            .scan(right[0], |at, &gap| {
                *at = *at + gap;
                Some(*at)
            })
            .collect();
        assert_eq!(objections(600.0, poisson, &ordered), ["idc"]);
    }
}
