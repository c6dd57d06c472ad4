//! From the windows of a soak to its verdict.

use std::time::Duration;

use super::report::{Change, Exhaustion, Finding, Growth, SOAK_SCHEMA, Shape, SoakReport, SoakVerdict};
use super::series::{Direction, Kind, Limits, Series, series};
use super::shape::lasts;
use super::windows::SoakWindow;
use crate::seed::Seed;
use crate::stats::{ChangePointOptions, Trend, change_points, trend};

/// What counts as a drift.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria {
    /// The change over the soak that matters: a share of the level, or a difference of what is a share itself.
    pub tolerance: f64,
    /// Probability of DRIFTING where nothing drifts, over all series together.
    pub alpha: f64,
    /// A limit that is reached within this time after the soak matters, however slow the growth.
    pub horizon: Duration,
    /// What must not be passed.
    pub limits: Limits,
    /// Seed of the rearrangements behind change points.
    pub seed: Seed,
}

/// Values below which a series is UNDECIDED.
pub const POINTS_MIN: usize = 30;
/// Of the interval of a slope.
const CONFIDENCE: f64 = 0.95;
/// A step before this share of the soak is its beginning: caches fill, code warms up.
const BEGINNING: f64 = 1.0 / 3.0;
/// A share of requests drifts by a difference of this much of the tolerance: a tolerance of 10 % of a latency is one
/// request in a hundred.
const SHARE_OF_TOLERANCE: f64 = 0.1;
/// A change of less than this share of the tolerance is not told, however sure: a server whose times hardly vary changes them
/// by microseconds all the time.
const TOLD: f64 = 0.1;
/// Rearrangements that a change point is tested with.
const PERMUTATIONS: u32 = 1_999;

/// Judges the `windows` of a soak, in order and of equal length.
pub fn judge(windows: &[SoakWindow], criteria: &Criteria) -> SoakReport {
    let all = series(windows);
    let trends: Vec<Option<Trend>> = all
        .iter()
        .map(|series| trend(&series.values, CONFIDENCE).filter(|_| series.values.len() >= POINTS_MIN))
        .collect();
    let p_values: Vec<f64> = trends.iter().map(|trend| trend.map_or(1.0, |trend| trend.p_value)).collect();
    let findings: Vec<Finding> = all
        .iter()
        .zip(trends)
        .zip(holm(&p_values))
        .map(|((series, trend), p_value)| match trend {
            Some(trend) => Judged { series, trend, p_value, criteria, of: all.len() }.finding(),
            None => too_short(series),
        })
        .collect();
    let length = windows.first().map_or(0.0, |window| window.length);
    let mut report = SoakReport {
        schema: SOAK_SCHEMA.to_owned(),
        complete: false,
        verdict: verdict(&findings),
        reasons: Vec::new(),
        covered: length * windows.len() as f64,
        window: length,
        windows: windows.len(),
        tolerance: criteria.tolerance,
        alpha: criteria.alpha,
        horizon: criteria.horizon.as_secs_f64(),
        findings,
    };
    report.reasons = super::words::reasons(&report);
    report
}

fn verdict(findings: &[Finding]) -> SoakVerdict {
    let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    if any(SoakVerdict::Drifting) {
        SoakVerdict::Drifting
    } else if findings.is_empty() || any(SoakVerdict::Undecided) {
        SoakVerdict::Undecided
    } else {
        SoakVerdict::Steady
    }
}

/// Holm's correction: each probability as if only it had been looked at, in the order of their sizes.
fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (place, index) in order.into_iter().enumerate() {
        least = least.max(p_values[index] * (p_values.len() - place) as f64).min(1.0);
        corrected[index] = least;
    }
    corrected
}

/// A series of which too little is known.
fn too_short(series: &Series) -> Finding {
    let nothing = Trend {
        p_value: 1.0,
        slope: 0.0,
        slope_low: 0.0,
        slope_high: 0.0,
        intercept: series.values.first().copied().unwrap_or_default(),
        widening: 1.0,
    };
    let missing = POINTS_MIN.saturating_sub(series.values.len()) as f64;
    let step = if series.step > 0.0 { series.step } else { 2.0 * series.begin };
    Finding {
        series: series.name.to_owned(),
        harm: series.harm,
        verdict: SoakVerdict::Undecided,
        shape: Shape::Flat,
        level: nothing.intercept,
        points: series.values.len(),
        growth: growth(series, &nothing, 1.0),
        exhaustion: None,
        changes: Vec::new(),
        more: Some(missing * step),
    }
}

/// What a slope per value is as a share of the level, or as a difference.
fn scale(series: &Series, trend: &Trend) -> f64 {
    match series.kind {
        Kind::Share => 1.0,
        // A level of nothing has no shares; the differences themselves are then as good as any.
        Kind::Service | Kind::Resource => match trend.intercept.abs() {
            0.0 => 1.0,
            level => 1.0 / level,
        },
    }
}

fn growth(series: &Series, trend: &Trend, p_value: f64) -> Growth {
    let scale = scale(series, trend);
    let per_minute = if series.step > 0.0 { 60.0 / series.step * scale } else { 0.0 };
    let over = series.values.len().saturating_sub(1) as f64 * scale;
    Growth {
        per_minute: trend.slope * per_minute,
        low: trend.slope_low * per_minute,
        high: trend.slope_high * per_minute,
        over_soak: trend.slope * over,
        over_soak_low: trend.slope_low * over,
        over_soak_high: trend.slope_high * over,
        p_value,
        widening: trend.widening,
    }
}

/// A series with its trend.
struct Judged<'a> {
    series: &'a Series,
    trend: Trend,
    /// Corrected for the number of series.
    p_value: f64,
    criteria: &'a Criteria,
    /// Series that are judged together.
    of: usize,
}

impl Judged<'_> {
    fn finding(&self) -> Finding {
        let growth = growth(self.series, &self.trend, self.p_value);
        let exhaustion = self.exhaustion();
        let is_trend = self.p_value < self.criteria.alpha;
        let lasts = is_trend && lasts(&self.series.values, self.trend.slope, self.independent());
        let changes = if lasts { Vec::new() } else { self.changes() };
        let shape = self.shape(is_trend, lasts, &growth, &changes);
        let soon = exhaustion.is_some_and(|end| end.after <= self.criteria.horizon.as_secs_f64());
        let large = self.harmful(growth.over_soak).abs() >= self.tolerance();
        let verdict = match shape {
            Shape::Lasting if large || soon => SoakVerdict::Drifting,
            Shape::Stepped => SoakVerdict::Drifting,
            Shape::Settled | Shape::Improving => SoakVerdict::Steady,
            Shape::Lasting | Shape::Flat if self.worst(&growth) <= self.tolerance() => SoakVerdict::Steady,
            Shape::Lasting | Shape::Flat => SoakVerdict::Undecided,
        };
        Finding {
            series: self.series.name.to_owned(),
            harm: self.series.harm,
            verdict,
            shape,
            level: self.trend.intercept,
            points: self.series.values.len(),
            growth,
            exhaustion: exhaustion.filter(|_| shape == Shape::Lasting),
            changes,
            more: (verdict == SoakVerdict::Undecided).then(|| self.more(&growth)),
        }
    }

    fn shape(&self, is_trend: bool, lasts: bool, growth: &Growth, changes: &[Change]) -> Shape {
        let up = match is_trend {
            true => self.harmful(self.trend.slope) > 0.0,
            false => true,
        };
        let jumped = |change: &Change| {
            let rise = self.harmful(change.after - change.before) * scale(self.series, &self.trend);
            let elapsed = change.at - self.series.begin;
            rise >= self.tolerance() && elapsed > BEGINNING * self.duration()
        };
        let ends_higher = changes.last().zip(changes.first()).is_some_and(|(last, first)| {
            self.harmful(last.after - first.before) * scale(self.series, &self.trend) >= self.tolerance()
        });
        let stepped = self.series.kind != Kind::Resource && ends_higher && changes.iter().any(jumped);
        match (is_trend, up, lasts) {
            (_, true, false) if stepped => Shape::Stepped,
            (true, false, _) => Shape::Improving,
            (true, true, true) => Shape::Lasting,
            (true, true, false) => Shape::Settled,
            (false, ..) if self.worst(growth) > self.tolerance() && self.stands() => Shape::Settled,
            (false, ..) => Shape::Flat,
        }
    }

    /// Whether the second half alone excludes a drift: what came before has then come to an end.
    fn stands(&self) -> bool {
        let values = &self.series.values[self.series.values.len() / 2..];
        trend(values, CONFIDENCE).is_some_and(|half| {
            let growth = growth(self.series, &half, 1.0);
            half.p_value >= self.criteria.alpha && self.worst(&growth) <= self.tolerance()
        })
    }

    /// A change, positive where it does harm.
    fn harmful(&self, change: f64) -> f64 {
        match self.series.harm {
            Direction::Up => change,
            Direction::Down => -change,
        }
    }

    /// The most that may have been added over the soak in the direction that does harm.
    fn worst(&self, growth: &Growth) -> f64 {
        self.harmful(growth.over_soak_low).max(self.harmful(growth.over_soak_high))
    }

    fn tolerance(&self) -> f64 {
        match self.series.kind {
            Kind::Share => self.criteria.tolerance * SHARE_OF_TOLERANCE,
            Kind::Service | Kind::Resource => self.criteria.tolerance,
        }
    }

    fn duration(&self) -> f64 {
        self.series.step * self.series.values.len().saturating_sub(1) as f64
    }

    /// As how many independent values these count.
    fn independent(&self) -> f64 {
        self.series.values.len() as f64 / self.trend.widening
    }

    fn changes(&self) -> Vec<Change> {
        let options = ChangePointOptions {
            alpha: (self.criteria.alpha / self.of as f64).max(2.0 / f64::from(PERMUTATIONS + 1)),
            permutations: PERMUTATIONS,
            block: (self.trend.widening.ceil() as usize).clamp(1, self.series.values.len() / 20),
            ..ChangePointOptions::default()
        };
        let mut rng = self.criteria.seed.stream(self.series.name);
        change_points(&self.series.values, &options, &mut rng)
            .into_iter()
            .filter(|point| self.is_of_some_size(point.before, point.after))
            .map(|point| Change {
                at: self.series.begin + (point.at as f64 - 0.5) * self.series.step,
                before: point.before,
                after: point.after,
                p_value: point.p_value,
            })
            .collect()
    }

    fn is_of_some_size(&self, before: f64, after: f64) -> bool {
        let size = match self.series.kind {
            Kind::Share => after - before,
            Kind::Service | Kind::Resource => after / before - 1.0,
        };
        // The ratio of two zeros is none.
        size.abs() >= TOLD * self.tolerance()
    }

    fn exhaustion(&self) -> Option<Exhaustion> {
        let limit = *self.criteria.limits.get(self.series.name)?;
        let last = self.series.values.len().saturating_sub(1) as f64;
        let now = self.trend.intercept + self.trend.slope * last;
        let left = self.harmful(limit - now);
        let after = |slope: f64| {
            let pace = self.harmful(slope) / self.series.step;
            match left <= 0.0 {
                true => Some(0.0),
                false => (pace > 0.0).then(|| left / pace),
            }
        };
        let (fast, slow) = match self.series.harm {
            Direction::Up => (self.trend.slope_high, self.trend.slope_low),
            Direction::Down => (self.trend.slope_low, self.trend.slope_high),
        };
        Some(Exhaustion {
            limit,
            after: after(self.trend.slope)?,
            earliest: after(fast)?,
            latest: after(slow),
        })
    }

    /// Seconds of soak beside these that would narrow the interval enough: at a constant pace its width over the whole
    /// soak shrinks with the root of the number of values.
    fn more(&self, growth: &Growth) -> f64 {
        let wide = self.worst(growth) - self.harmful(growth.over_soak);
        let room = (self.tolerance() - self.harmful(growth.over_soak).max(0.0)).max(self.tolerance() / 4.0);
        let times = (wide / room).powi(2).clamp(1.25, 100.0);
        (times - 1.0) * self.duration()
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
