//! The proof of a schedule: its figures beside what theory says of the process asked for.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::figures::Figures;
use super::schedule::even_instant;
use super::{Arrivals, GapDistribution, Schedule, ScheduleError};
use crate::seed::Seed;
use crate::time::{Offset, Rate};

/// The fewest gaps whose figures mean anything.
pub const GAPS_MIN: u32 = 1000;
/// The probability that one figure of a right schedule falls outside its bounds. With about ten figures, one seed in a
/// thousand is refuted wrongly.
pub const ALPHA: f64 = 1e-4;
/// The numbers of threads among which the schedule is shared out.
const THREADS: [u16; 3] = [1, 2, 8];

/// The figures of one schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArrivalProof {
    /// The process in words.
    pub process: String,
    /// Its seed.
    pub seed: Seed,
    /// How many gaps were looked at.
    pub gaps: u32,
    /// Arrivals per second.
    pub rate: Figure,
    /// Coefficient of variation of the gaps.
    pub cv: Figure,
    /// Kolmogorov-Smirnov test of the gaps against their distribution; none for equal gaps, which are exact.
    pub ks: Option<KsTest>,
    /// Index of dispersion of counts at several window lengths; those too long for the schedule are left out.
    pub dispersion: Vec<Dispersion>,
    /// Arrivals in the time of `gaps` mean gaps.
    pub total: Figure,
    /// Whether the shares of so many threads make up the same schedule.
    pub shares: Vec<Shares>,
    /// What follows.
    pub verdict: ProofVerdict,
}

/// A measured figure, what theory expects, and the bounds within which chance leaves it (all but [`ALPHA`]).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// As measured.
    pub measured: f64,
    /// By theory.
    pub expected: f64,
    /// Least value that agrees with theory.
    pub low: f64,
    /// Greatest value that agrees with theory.
    pub high: f64,
}

impl Figure {
    /// Whether the measured value agrees with theory.
    pub fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.measured)
    }

    pub(super) fn around(measured: f64, expected: f64, error: f64) -> Self {
        Figure { measured, expected, low: expected - error, high: expected + error }
    }
}

/// A Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KsTest {
    /// Largest distance between the two distributions.
    pub distance: f64,
    /// Probability of at least that distance for the process asked for.
    pub p_value: f64,
}

/// An index of dispersion of counts: their variance over their mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispersion {
    /// Length of a window, in mean gaps.
    pub window_gaps: u64,
    /// Length of a window, in seconds.
    pub window_s: f64,
    /// How many windows were counted.
    pub windows: u64,
    /// The index.
    pub idc: Figure,
}

/// A comparison of the merged shares of several threads with the whole schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Among how many threads.
    pub threads: u16,
    /// Whether every index and every instant is the same.
    pub equal: bool,
}

/// What a proof says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofVerdict {
    /// All figures agree with theory.
    Proven,
    /// These do not.
    Refuted(Vec<String>),
}

/// Why there is no proof.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ProofError {
    /// Too few gaps.
    #[error("{0} gaps prove nothing: ask for at least {GAPS_MIN}")]
    TooFew(u32),
    /// Longer than any run.
    #[error("{gaps} gaps at {rate} take longer than any run: ask for fewer")]
    TooLong {
        /// Gaps asked for.
        gaps: u32,
        /// At this rate.
        rate: Rate,
    },
    /// No such process.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl ArrivalProof {
    /// Draws `gaps` gaps of the process and holds them against theory.
    ///
    /// # Errors
    /// If there is no such process, or so few or so many gaps that nothing can be said.
    pub fn of(rate: Rate, distribution: GapDistribution, seed: Seed, gaps: u32) -> Result<Self, ProofError> {
        let arrivals = Arrivals::Process { rate, gaps: distribution };
        let schedule = Schedule::new(&arrivals, seed)?;
        if gaps < GAPS_MIN {
            return Err(ProofError::TooFew(gaps));
        }
        let too_long = ProofError::TooLong { gaps, rate };
        let horizon = even_instant(rate, u64::from(gaps)).ok_or(too_long)?;
        let due: Vec<Offset> = schedule.clone().take(gaps as usize + 1).collect();
        let total = schedule.clone().take_while(|&at| at < horizon).count();
        let shares = THREADS.map(|threads| Shares { threads, equal: shares_equal(&schedule, &due, threads) });
        let figures = Figures { rate, distribution, due: &due };
        let mut proof = ArrivalProof {
            process: arrivals.describe(),
            seed,
            gaps,
            rate: figures.rate(),
            cv: figures.cv(),
            ks: figures.ks(),
            dispersion: figures.dispersion(),
            total: figures.total(total, gaps),
            shares: shares.to_vec(),
            verdict: ProofVerdict::Proven,
        };
        let objections = proof.objections();
        if !objections.is_empty() {
            proof.verdict = ProofVerdict::Refuted(objections);
        }
        Ok(proof)
    }

    fn objections(&self) -> Vec<String> {
        let outside = |name: &str, figure: &Figure| {
            let Figure { measured, low, high, .. } = figure;
            (!figure.holds()).then(|| format!("{name} is {measured}, outside {low} to {high}"))
        };
        let mut objections = Vec::new();
        objections.extend(outside("rate", &self.rate));
        objections.extend(outside("cv", &self.cv));
        objections.extend(outside("total", &self.total));
        for Dispersion { window_gaps, idc, .. } in &self.dispersion {
            objections.extend(outside(&format!("idc of {window_gaps} gaps"), idc));
        }
        if let Some(KsTest { p_value, .. }) = self.ks.filter(|ks| ks.p_value < ALPHA) {
            objections.push(format!("the ks test has a p-value of {p_value}, below {ALPHA}"));
        }
        for Shares { threads, .. } in self.shares.iter().filter(|shares| !shares.equal) {
            objections.push(format!("the shares of {threads} threads make another schedule"));
        }
        objections
    }
}

fn shares_equal(schedule: &Schedule, due: &[Offset], threads: u16) -> bool {
    let mut shares: Vec<_> = (0..threads).map(|thread| schedule.clone().share(thread, threads)).collect();
    (0..).zip(due).all(|(index, &at)| {
        let thread = (index % u64::from(threads)) as usize;
        shares[thread].next() == Some((index, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESSES: [GapDistribution; 7] = [
        GapDistribution::Constant,
        GapDistribution::Uniform,
        GapDistribution::Poisson,
        GapDistribution::Gamma { cv: 0.1 },
        GapDistribution::Gamma { cv: 0.5 },
        GapDistribution::Gamma { cv: 2.0 },
        GapDistribution::Gamma { cv: 4.0 },
    ];

    fn rate(per_second: f64) -> Rate {
        Rate::try_from(per_second).expect("in range")
    }

    #[test]
    fn every_process_is_proven_at_every_rate() {
        for per_second in [0.001, 1.0, 600.0, 100_000.0] {
            for distribution in PROCESSES {
                let proof =
                    ArrivalProof::of(rate(per_second), distribution, Seed(42), 40_000).expect("valid");
                assert_eq!(proof.verdict, ProofVerdict::Proven, "{proof:#?}");
                assert!(proof.dispersion.len() >= 2, "{proof:#?}");
                assert_eq!(proof.ks.is_some(), distribution != GapDistribution::Constant);
            }
        }
    }

    #[test]
    fn equal_gaps_have_exact_figures() {
        let proof = ArrivalProof::of(rate(600.0), GapDistribution::Constant, Seed(1), 60_000).expect("valid");
        assert_eq!(proof.total.measured, 60_000.0);
        assert!(proof.dispersion.iter().all(|window| window.idc.measured == 0.0), "{proof:#?}");
        assert!(proof.cv.measured < 1e-6 && (proof.rate.measured - 600.0).abs() < 1e-9, "{proof:#?}");
    }

    #[test]
    fn the_bounds_are_as_wide_as_chance() {
        // No seed of 300 is refuted, and yet the p-values are spread evenly: the test is neither blind nor jumpy.
        let mut p_values = Vec::new();
        for seed in 0..300 {
            let proof =
                ArrivalProof::of(rate(600.0), GapDistribution::Poisson, Seed(seed), 2_000).expect("valid");
            assert_eq!(proof.verdict, ProofVerdict::Proven, "{proof:#?}");
            p_values.extend(proof.ks.map(|ks| ks.p_value));
        }
        for decile in 1..10 {
            let share = f64::from(decile) / 10.0;
            let below = p_values.iter().filter(|&&p| p < share).count() as f64 / 300.0;
            assert!((below - share).abs() < 0.1, "{below} of the p-values are below {share}");
        }
    }

    #[test]
    fn what_cannot_be_proven_is_said() {
        let of =
            |per_second, distribution, gaps| ArrivalProof::of(rate(per_second), distribution, Seed(1), gaps);
        assert_eq!(of(1.0, GapDistribution::Poisson, 999), Err(ProofError::TooFew(999)));
        assert!(matches!(of(0.001, GapDistribution::Poisson, 100_000_000), Err(ProofError::TooLong { .. })));
        let cv = GapDistribution::Gamma { cv: 0.0 };
        assert_eq!(of(1.0, cv, 1000), Err(ProofError::Schedule(ScheduleError::Cv(0.0))));
    }
}
