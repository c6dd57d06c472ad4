//! Whether misses among trials prove that few enough, or too many, of all trials miss: exact binomial tests.

use statrs::function::beta::{beta_reg, ln_beta};

/// How often the evidence is looked at before it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Once, when a length that was set beforehand is over.
    Once,
    /// Again and again, to stop as soon as it is decided. This asks for more evidence at each look, so that all looks
    /// together err no more often than one.
    Repeated,
}

/// Misses among trials. Both are real numbers because correlated trials count for fewer independent ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trials {
    /// Trials, 0 or more.
    pub n: f64,
    /// Those that miss, at most `n`.
    pub misses: f64,
}

/// Beyond so many times the evidence a figure is at its limit.
pub(super) const TIMES_MAX: f64 = 1e4;

/// Shares of misses that a failing load may have, against which evidence for more than `a` is weighed: up to this many
/// times `a`, and all.
const WORSE: f64 = 10.0;

impl Trials {
    /// Whether at most the share `allowed` (above 0, below 1) of all trials misses; nothing if these trials leave it open.
    /// Each answer is wrong with a probability of at most `alpha`.
    ///
    /// At one look these are the one-sided Clopper-Pearson bounds: met if `P(Bin(n, allowed) <= misses) <= alpha`, the
    /// rule of MLPerf's LoadGen; missed if `P(Bin(n, allowed) >= misses) <= alpha`. Fractions of trials enter by the beta
    /// function (Korn and Graubard, Survey Methodology 24, 1998). At repeated looks the likelihood ratio of a mixture of
    /// shares against `allowed` must reach `1 / alpha`, which by Ville's inequality happens with a probability of at most
    /// `alpha` in all looks together (Robbins, Annals of Mathematical Statistics 41, 1970).
    pub fn decide(self, allowed: f64, alpha: f64, looks: Looks) -> Option<bool> {
        let (met, missed) = match looks {
            Looks::Once => (self.at_most(allowed) <= alpha, self.at_least(allowed) <= alpha),
            Looks::Repeated => {
                let needed = -alpha.ln();
                (self.ln_evidence_below(allowed) >= needed, self.ln_evidence_above(allowed) >= needed)
            }
        };
        match (met, missed) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// `P(Bin(n, share) <= misses)`.
    fn at_most(self, share: f64) -> f64 {
        let Trials { n, misses } = self;
        if n - misses <= 0.0 { 1.0 } else { beta_reg(n - misses, misses + 1.0, 1.0 - share) }
    }

    /// `P(Bin(n, share) >= misses)`.
    fn at_least(self, share: f64) -> f64 {
        let Trials { n, misses } = self;
        if misses <= 0.0 { 1.0 } else { beta_reg(misses, n - misses + 1.0, share) }
    }

    /// Logarithm of the likelihood ratio of all shares below `share`, equally likely, against `share`.
    fn ln_evidence_below(self, share: f64) -> f64 {
        let (a, b) = self.shapes();
        self.ln_weight(share) + beta_reg(a, b, share).ln() - share.ln()
    }

    /// The same of shares above, half the weight on those up to [`WORSE`] times as large.
    fn ln_evidence_above(self, share: f64) -> f64 {
        let (a, b) = self.shapes();
        let worse = (WORSE * share).min(1.0);
        let up_to_share = beta_reg(a, b, share);
        let near = (beta_reg(a, b, worse) - up_to_share) / (worse - share);
        let all = (1.0 - up_to_share) / (1.0 - share);
        self.ln_weight(share) + (f64::midpoint(near, all)).max(0.0).ln()
    }

    fn shapes(self) -> (f64, f64) {
        (self.misses + 1.0, (self.n - self.misses).max(0.0) + 1.0)
    }

    /// Logarithm of the likelihood integrated over all shares, against the likelihood of `share`.
    fn ln_weight(self, share: f64) -> f64 {
        let (a, b) = self.shapes();
        ln_beta(a, b) - (a - 1.0) * share.ln() - (b - 1.0) * (1.0 - share).ln()
    }

    /// The shares between which that of all trials lies; each end is wrong with a probability of at most `alpha`.
    pub(super) fn interval(self, alpha: f64, looks: Looks) -> (f64, f64) {
        // Both tests go one way as the share grows: too many misses for small ones, few enough for large ones.
        let edge = |is_above: &dyn Fn(f64) -> bool| {
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if is_above(middle) { high = middle } else { low = middle }
            }
            f64::midpoint(low, high)
        };
        let low = edge(&|share| self.decide(share, alpha, looks) != Some(false));
        let high = edge(&|share| self.decide(share, alpha, looks) == Some(true));
        (if self.misses > 0.0 { low } else { 0.0 }, high)
    }

    /// How many times as many trials, with the same share of misses, would decide it; nothing if not even
    /// [`TIMES_MAX`] times as many would.
    pub(super) fn times_more(self, allowed: f64, alpha: f64, looks: Looks) -> Option<f64> {
        let times = |factor: f64| Trials { n: self.n * factor, misses: self.misses * factor };
        let decided = |factor: f64| times(factor).decide(allowed, alpha, looks).is_some();
        let mut high = 1.0;
        while !decided(high) {
            high *= 2.0;
            if high > TIMES_MAX {
                return None;
            }
        }
        let mut low = high / 2.0;
        while high / low > 1.001 {
            let middle = f64::midpoint(low, high);
            if decided(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }
}

/// The least number of independent requests of which `misses` may miss, so that at least the share `percentile` (0 to 1) of
/// all keeps the limit with this confidence (0 to 1): 299 without a miss for p99 at 95 %, 459 at 99 %.
pub fn least_requests(misses: u64, percentile: f64, confidence: f64) -> u64 {
    let enough = |n: u64| {
        let trials = Trials { n: n as f64, misses: misses as f64 };
        trials.at_most(1.0 - percentile) <= 1.0 - confidence + 1e-12
    };
    let mut high = misses + 1;
    while !enough(high) && high < 1 << 50 {
        high *= 2;
    }
    let mut low = misses;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}
