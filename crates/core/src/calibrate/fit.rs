//! The constants that explain the measured times best, and how sure they are.

use rand::RngExt as _;

use super::constants::{Constant, Constants};
use super::observed::ObservedRun;
use super::rows::{Row, StepLimits, rows};
use crate::seed::Seed;
use crate::stats::NormalEquations;

/// Constants fitted to runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The constants.
    pub constants: Constants,
    /// One for each constant, in the order of [`Constant::ALL`].
    pub estimates: Vec<Estimate>,
    /// Median of the relative errors of the TTFTs that the constants were fitted to, 0.1 for 10 %.
    pub ttft_error: f64,
    /// The same of the TPOTs.
    pub tpot_error: f64,
    /// Requests that were used.
    pub requests: usize,
}

impl Fit {
    /// Takes other constants, found in another way. The intervals grow to include them: the two ways differ by as much.
    pub fn move_to(&mut self, constants: Constants) {
        self.constants = constants;
        for estimate in &mut self.estimates {
            let value = constants.get(estimate.constant);
            let (low, high) = (estimate.low.min(value), estimate.high.max(value));
            *estimate = Estimate { value, low, high, ..*estimate }.judged();
        }
    }
}

impl Estimate {
    /// The same with its doubt.
    fn judged(self) -> Self {
        let identified = match self.identified {
            Identified::Well if self.high - self.low > self.value => Identified::Weakly,
            other => other,
        };
        Estimate { identified, ..self }
    }
}

/// What runs say of one constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Which.
    pub constant: Constant,
    /// Its value, seconds.
    pub value: f64,
    /// Lower end of its 95 % interval, seconds.
    pub low: f64,
    /// Upper end of its 95 % interval, seconds.
    pub high: f64,
    /// Whether the runs determine it.
    pub identified: Identified,
}

/// Whether runs determine a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// They do.
    Well,
    /// Its interval is wider than its value.
    Weakly,
    /// They do not tell it from this one, which stands for both.
    SameAs(Constant),
    /// Nothing that it is paid for happened.
    Never,
}

/// A constant whose column is this much its own, at least, can be told from the others.
const OWN_PART_MIN: f64 = 1e-6;

/// Which of several constants that cannot be told apart is given up first: the least of them.
const GIVEN_UP_FIRST: [Constant; Constant::COUNT] = [
    Constant::PerPrefillPair,
    Constant::Batched,
    Constant::PerContextToken,
    Constant::PerSequence,
    Constant::PerRequest,
    Constant::PerPrefillToken,
    Constant::Fixed,
];

/// Rounds of reweighting: the weights no longer change after a few.
const ROUNDS: usize = 6;

/// Passes over the runs, each with a better idea of the constants.
const PASSES: usize = 3;

/// From this many standard deviations on a row counts less (Huber, Robust Statistics, 1981): 95 % as efficient as plain
/// least squares where the errors are normal.
const HUBER: f64 = 1.345;

/// Rows are not trusted to be more exact than this, relative to the median time of their kind: the linear model is not.
const SPREAD_MIN: f64 = 0.002;

/// Blocks into which the requests of a run are cut to be drawn from: neighbours shared their steps, so their errors are
/// not independent.
const BLOCKS: usize = 20;

/// Repetitions of the fit on drawn blocks.
const DRAWS: usize = 400;

/// Values of all constants, in the order of [`Constant::ALL`].
type Values = [f64; Constant::COUNT];

/// A row with its weight.
type Weighted = (Row, f64);

/// Fits the constants to `runs` by non-negative least squares on TTFT and TPOT, relative to their median in each run,
/// weighted by how well each kind of time is explained in each run, with Huber's weights against outliers.
///
/// The 95 % intervals are percentiles of fits to blocks of requests drawn with `seed` (Efron and Tibshirani, An
/// Introduction to the Bootstrap, 1993, chapters 8 and 13).
pub fn fit(runs: &[&ObservedRun], limits: StepLimits, seed: Seed) -> Fit {
    // Which steps a request met depends on the constants: both are found in a few passes.
    let mut solved = Solved::of(runs, limits, &Constants::default());
    for _ in 1..PASSES {
        solved = Solved::of(runs, limits, &Constants::from_values(solved.values));
    }
    let Solved { runs: rows, usable, identified, values } = solved;
    let intervals = intervals(&rows.iter().map(|rows| blocks(rows)).collect::<Vec<_>>(), &usable, seed);
    let estimates = Constant::ALL.into_iter().zip(values).zip(intervals).zip(identified).map(
        |(((constant, value), (low, high)), identified)| {
            Estimate { constant, value, low, high, identified }.judged()
        },
    );
    let error = |ttft: bool| {
        let rows = rows.iter().flatten().filter(|(row, _)| row.is_ttft == ttft);
        median(rows.map(|(row, _)| (residual(row, &values) / row.seconds).abs()).collect())
    };
    Fit {
        constants: Constants::from_values(values),
        estimates: estimates.collect(),
        ttft_error: error(true),
        tpot_error: error(false),
        requests: rows.iter().flatten().filter(|(row, _)| row.is_ttft).count(),
    }
}

/// The least squares solution for one idea of the constants.
struct Solved {
    /// The rows of each run with their last weights.
    runs: Vec<Vec<Weighted>>,
    usable: [bool; Constant::COUNT],
    identified: [Identified; Constant::COUNT],
    values: Values,
}

impl Solved {
    fn of(runs: &[&ObservedRun], limits: StepLimits, idea: &Constants) -> Self {
        let rows = |run: &&ObservedRun| -> Vec<Weighted> {
            relative(rows(run, limits, idea)).into_iter().map(|row| (row, 1.0)).collect()
        };
        let mut runs: Vec<Vec<Weighted>> = runs.iter().map(rows).collect();
        let (usable, identified) = told_apart(&equations(runs.iter().flatten()));
        let mut values = [0.0; Constant::COUNT];
        for _ in 0..ROUNDS {
            values = equations(runs.iter().flatten()).non_negative(&usable);
            runs.iter_mut().for_each(|rows| reweight(rows, &values));
        }
        Solved { runs, usable, identified, values }
    }
}

/// Rows of a run in units of the median time of their kind: a run at low load weighs as much as one at high load, and TTFT
/// as much as TPOT.
fn relative(mut rows: Vec<Row>) -> Vec<Row> {
    for is_ttft in [false, true] {
        let typical =
            median(rows.iter().filter(|row| row.is_ttft == is_ttft).map(|row| row.seconds).collect());
        // Times are positive but for clocks that disagree; a median of zero would say nothing.
        let scale = if typical > 0.0 { typical } else { 1.0 };
        for row in rows.iter_mut().filter(|row| row.is_ttft == is_ttft) {
            row.seconds /= scale;
            row.features.iter_mut().for_each(|feature| *feature /= scale);
        }
    }
    rows
}

fn equations<'a>(rows: impl Iterator<Item = &'a Weighted>) -> NormalEquations<{ Constant::COUNT }> {
    let mut sum = NormalEquations::default();
    rows.for_each(|(row, weight)| sum.add(&row.features, row.seconds, *weight));
    sum
}

fn residual(row: &Row, values: &Values) -> f64 {
    row.seconds - row.features.iter().zip(values).map(|(feature, value)| feature * value).sum::<f64>()
}

/// Which constants the rows can tell apart, and what is to be said of each.
fn told_apart(
    all: &NormalEquations<{ Constant::COUNT }>,
) -> ([bool; Constant::COUNT], [Identified; Constant::COUNT]) {
    let mut usable = [true; Constant::COUNT];
    let mut identified = [Identified::Well; Constant::COUNT];
    let alone = |j: usize| all.own_part(j, &[false; Constant::COUNT]);
    for constant in GIVEN_UP_FIRST {
        let j = constant as usize;
        if alone(j) == 0.0 {
            (usable[j], identified[j]) = (false, Identified::Never);
        }
    }
    for constant in GIVEN_UP_FIRST {
        let j = constant as usize;
        if !usable[j] || all.own_part(j, &usable) >= OWN_PART_MIN {
            continue;
        }
        usable[j] = false;
        // The one that it resembles most stands for it.
        let likeness = |other: &Constant| {
            let pair: [bool; Constant::COUNT] = std::array::from_fn(|k| k == *other as usize);
            all.own_part(j, &pair)
        };
        let others = Constant::ALL.into_iter().filter(|other| usable[*other as usize]);
        let like = others.min_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        identified[j] = like.map_or(Identified::Never, Identified::SameAs);
    }
    // What stands for another may have been given up in its turn.
    for j in 0..Constant::COUNT {
        while let Identified::SameAs(other) = identified[j]
            && let next @ Identified::SameAs(_) = identified[other as usize]
        {
            identified[j] = next;
        }
    }
    (usable, identified)
}

/// Weighs the rows of a run by how well those of their kind are explained, and outliers less: the weight of a row is one
/// over the variance of its kind, times 1 up to some standard deviations and falling with the distance beyond. The standard
/// deviation is judged by the median, which outliers do not move.
fn reweight(rows: &mut [Weighted], values: &Values) {
    for is_ttft in [false, true] {
        let of_kind = |(row, _): &&Weighted| row.is_ttft == is_ttft;
        let off = rows.iter().filter(of_kind).map(|(row, _)| residual(row, values).abs()).collect();
        let spread = (1.4826 * median(off)).max(SPREAD_MIN);
        for (row, weight) in rows.iter_mut().filter(|(row, _)| row.is_ttft == is_ttft) {
            let off = residual(row, values).abs() / spread;
            *weight = (HUBER / off).min(1.0) / (spread * spread);
        }
    }
}

/// The equations of a run's requests, block by block in the order of sending.
fn blocks(rows: &[Weighted]) -> Vec<NormalEquations<{ Constant::COUNT }>> {
    let requests: Vec<&[Weighted]> = rows.chunk_by(|a, b| a.0.request == b.0.request).collect();
    let size = requests.len().div_ceil(BLOCKS).max(1);
    requests.chunks(size).map(|block| equations(block.iter().copied().flatten())).collect()
}

/// The 95 % interval of each constant.
fn intervals(
    runs: &[Vec<NormalEquations<{ Constant::COUNT }>>],
    usable: &[bool; Constant::COUNT],
    seed: Seed,
) -> [(f64, f64); Constant::COUNT] {
    let mut rng = seed.stream("calibrate");
    let mut drawn: [Vec<f64>; Constant::COUNT] = std::array::from_fn(|_| Vec::with_capacity(DRAWS));
    for _ in 0..DRAWS {
        let mut sum = NormalEquations::default();
        for blocks in runs.iter().filter(|blocks| !blocks.is_empty()) {
            (0..blocks.len()).for_each(|_| sum.merge(&blocks[rng.random_range(0..blocks.len())]));
        }
        let values = sum.non_negative(usable);
        drawn.iter_mut().zip(values).for_each(|(drawn, value)| drawn.push(value));
    }
    drawn.map(|mut values| {
        values.sort_by(f64::total_cmp);
        (values[DRAWS * 25 / 1000], values[DRAWS * 975 / 1000 - 1])
    })
}

/// The middle of the values; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::super::observed::ObservedRequest;
    use super::super::observed::fixture::{request, run};
    use super::*;

    const LIMITS: StepLimits = StepLimits { slots: None, tokens: 2048 };

    /// Lone requests with prompts of these lengths on a server that takes 5 ms for a request, 10 ms for a step and 0.2 ms for
    /// a prompt token.
    fn lonely(prompts: &[u32]) -> ObservedRun {
        let requests = (0..40).zip(prompts.iter().cycle()).map(|(id, &prompt)| {
            let sent = id * 5_000;
            let first = sent + 15 + u64::from(prompt) / 5;
            let request = request(sent, first, first + 500);
            ObservedRequest { prompt_tokens: prompt, prefill_tokens: prompt, output_tokens: 51, ..request }
        });
        run(requests.collect())
    }

    #[test]
    fn exact_data_gives_the_constants_and_no_width() {
        let fit = fit(&[&lonely(&[50, 200, 1000])], LIMITS, Seed(1));
        for (constant, truth) in
            [(Constant::PerRequest, 5e-3), (Constant::Fixed, 10e-3), (Constant::PerPrefillToken, 0.2e-3)]
        {
            let Estimate { value, low, high, .. } = fit.estimates[constant as usize];
            for found in [value, low, high] {
                assert!((found / truth - 1.0).abs() < 0.01, "{constant:?}: {found} instead of {truth}");
            }
        }
        assert!(fit.ttft_error < 1e-3 && fit.tpot_error < 1e-3, "{fit:?}");
        assert_eq!(fit.requests, 40);
    }

    #[test]
    fn an_outlier_moves_little_and_the_seed_moves_only_the_intervals() {
        let mut noisy = lonely(&[50, 200, 1000]);
        let later = noisy.requests[7].last + std::time::Duration::from_secs(3);
        noisy.requests[7].last = later;
        let [one, other] = [1, 2].map(|seed| fit(&[&noisy], LIMITS, Seed(seed)));
        assert!((one.constants.fixed / 10e-3 - 1.0).abs() < 0.02, "{one:?}");
        assert_eq!(one.constants, other.constants);
        assert_eq!(one, fit(&[&noisy], LIMITS, Seed(1)));
    }

    #[test]
    fn constants_that_the_runs_do_not_tell_apart_are_named() {
        let identified = |prompts: &[u32]| {
            let fit = fit(&[&lonely(prompts)], LIMITS, Seed(1));
            move |constant: Constant| fit.estimates[constant as usize].identified
        };
        // Nobody ever decodes beside another.
        let one_length = identified(&[200]);
        assert_eq!(one_length(Constant::PerSequence), Identified::SameAs(Constant::Fixed));
        assert_eq!(one_length(Constant::PerPrefillPair), Identified::SameAs(Constant::PerPrefillToken));
        assert_eq!(one_length(Constant::PerRequest), Identified::SameAs(Constant::PerPrefillToken));
        let three_lengths = identified(&[50, 200, 1000]);
        assert_eq!(three_lengths(Constant::PerPrefillToken), Identified::Well);
        assert_eq!(three_lengths(Constant::PerRequest), Identified::Well);
        // What was found in another way is within the interval, and may be too far off to be sure.
        let mut moved = fit(&[&lonely(&[50, 200, 1000])], LIMITS, Seed(1));
        moved.move_to(moved.constants.with(Constant::Fixed, 0.002));
        let fixed = moved.estimates[Constant::Fixed as usize];
        assert_eq!((fixed.value, fixed.low, fixed.identified), (0.002, 0.002, Identified::Weakly));
        // No run, no constants.
        assert!(fit(&[], LIMITS, Seed(1)).estimates.iter().all(|one| one.identified == Identified::Never));
    }
}
