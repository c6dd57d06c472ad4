//! How far a figure's difference would move if the same was measured again: bootstrap and permutation of stretches.

use rand::RngExt;

use super::difference::Scale;
use super::figure::Figure;
use super::pool::Pool;
use crate::seed::Seed;
use crate::stats::Moments;

/// Two sides in one pool: the first `split` stretches are A's.
pub(super) struct Sides {
    pub(super) pool: Pool,
    pub(super) split: usize,
    pub(super) total: usize,
}

/// How far the places of both sides move.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Movement {
    /// Variance of A's place on the figure's scale.
    pub(super) a: f64,
    /// Variance of B's place.
    pub(super) b: f64,
}

/// Exceedances after which the permutation test stops: the p-value is then large enough to be known (Besag and Clifford,
/// Biometrika 78, 1991).
const EXCEEDANCES: u32 = 20;

impl Sides {
    /// How often each stretch is taken if side A (or B) is taken as it is.
    pub(super) fn as_measured(&self, a: bool) -> Vec<u32> {
        (0..self.total).map(|index| u32::from((index < self.split) == a)).collect()
    }

    /// Places of both sides on the figure's scale, if each has a value.
    pub(super) fn places(&self, figure: Figure, a: &[u32], b: &[u32]) -> Option<(f64, f64)> {
        let scale = Scale::of(figure);
        let place = |times: &[u32]| scale.place(self.pool.figure(figure, times)?);
        Some((place(a)?, place(b)?))
    }

    /// How far each figure moves when both sides are drawn again `draws` times, stretches with replacement (Efron, Annals
    /// of Statistics 7, 1979). Nothing for a figure that most draws do not have.
    pub(super) fn bootstrap(&self, figures: &[Figure], draws: u32, seed: Seed) -> Vec<Option<Movement>> {
        let mut rng = seed.stream("compare bootstrap");
        let mut places = vec![(Vec::new(), Vec::new()); figures.len()];
        for _ in 0..draws {
            let mut a = vec![0; self.total];
            let mut b = vec![0; self.total];
            (0..self.split).for_each(|_| a[rng.random_range(0..self.split)] += 1);
            (self.split..self.total).for_each(|_| b[rng.random_range(self.split..self.total)] += 1);
            for (figure, (on_a, on_b)) in figures.iter().zip(&mut places) {
                if let Some((a, b)) = self.places(*figure, &a, &b) {
                    on_a.push(a);
                    on_b.push(b);
                }
            }
        }
        let variance = |places: Vec<f64>| places.into_iter().collect::<Moments>().variance();
        let enough = |(a, b): (Vec<f64>, Vec<f64>)| {
            (2 * a.len() > draws as usize).then(|| Movement { a: variance(a), b: variance(b) })
        };
        places.into_iter().map(enough).collect()
    }

    /// Of each figure, how often stretches dealt anew to both sides differ at least as much as the sides do: the p-value
    /// of a permutation test with at most `deals` deals.
    pub(super) fn permutation(&self, figures: &[Figure], deals: u32, seed: Seed) -> Vec<Option<f64>> {
        let mut rng = seed.stream("compare permutation");
        let (a, b) = (self.as_measured(true), self.as_measured(false));
        let distance =
            |figure: Figure, a: &[u32], b: &[u32]| self.places(figure, a, b).map(|(a, b)| (b - a).abs());
        let mut tests: Vec<Test> = figures
            .iter()
            .map(|&figure| Test { measured: distance(figure, &a, &b), dealt: 0, exceeding: 0 })
            .collect();
        let mut order: Vec<usize> = (0..self.total).collect();
        for _ in 0..deals {
            for index in 0..self.split {
                order.swap(index, rng.random_range(index..self.total));
            }
            let (mut a, mut b) = (vec![0; self.total], vec![1; self.total]);
            order[..self.split].iter().for_each(|&index| (a[index], b[index]) = (1, 0));
            let mut open = false;
            for (test, &figure) in tests.iter_mut().zip(figures).filter(|(test, _)| test.is_open()) {
                test.add(distance(figure, &a, &b));
                open |= test.is_open();
            }
            if !open {
                break;
            }
        }
        tests.iter().map(Test::p_value).collect()
    }
}

struct Test {
    measured: Option<f64>,
    dealt: u32,
    exceeding: u32,
}

impl Test {
    fn is_open(&self) -> bool {
        self.measured.is_some() && self.exceeding < EXCEEDANCES
    }

    fn add(&mut self, distance: Option<f64>) {
        let Some(measured) = self.measured else { return };
        self.dealt += 1;
        // Rounding must not make a deal that changes nothing smaller than what was measured.
        let exceeds = distance.is_none_or(|distance| distance >= measured * (1.0 - 1e-9) - 1e-12);
        self.exceeding += u32::from(exceeds);
    }

    fn p_value(&self) -> Option<f64> {
        self.measured?;
        let (exceeding, dealt) = (f64::from(self.exceeding), f64::from(self.dealt));
        Some(if self.is_open() { (exceeding + 1.0) / (dealt + 1.0) } else { exceeding / dealt })
    }
}
