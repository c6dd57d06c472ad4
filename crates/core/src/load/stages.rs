//! A rate that moves linearly from stage to stage, and the inverse of its integral.
//!
//! ```text
//! rate            to           arrivals so far = area under the line;
//!  |          .--'|            an arrival at position u of the unit process
//!  |  from .-'    |            is due where that area reaches u
//!  |    |  area   |
//!  '----+---------+---- time
//! ```

use super::Stage;

/// A staged rate, read from its start to its end.
#[derive(Clone, Debug)]
pub(super) struct RateProfile {
    segments: Vec<Segment>,
    current: usize,
}

/// One stage that takes time. Times in seconds, rates per second.
#[derive(Clone, Copy, Debug)]
struct Segment {
    begins: f64,
    lasts: f64,
    from: f64,
    to: f64,
    /// Arrivals before it.
    before: f64,
}

impl Segment {
    fn area(self) -> f64 {
        (self.from + self.to) / 2.0 * self.lasts
    }

    /// When, after its beginning, the area reaches `area`: the root of `from t + slope t^2 / 2 = area`, in the form
    /// that loses no digits when `from` or the slope is small.
    fn inverse(self, area: f64) -> f64 {
        if area <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.lasts;
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        (2.0 * area / (self.from + root)).min(self.lasts)
    }
}

impl RateProfile {
    /// From `start` through all `stages`; a stage of no duration is a jump.
    pub(super) fn new(start: f64, stages: &[Stage]) -> Self {
        let (mut begins, mut before, mut from) = (0.0, 0.0, start);
        let mut segments = Vec::with_capacity(stages.len());
        for stage in stages {
            let segment =
                Segment { begins, lasts: stage.duration.as_secs_f64(), from, to: stage.target, before };
            begins += segment.lasts;
            before += segment.area();
            from = stage.target;
            if segment.area() > 0.0 {
                segments.push(segment);
            }
        }
        RateProfile { segments, current: 0 }
    }

    /// The integral of the rate: the requests asked for.
    pub(super) fn total(&self) -> f64 {
        self.segments.last().map_or(0.0, |last| last.before + last.area())
    }

    /// When, in seconds, the integral of the rate reaches `arrivals`; `None` from its end on. Successive calls must not
    /// go backwards.
    pub(super) fn reaches(&mut self, arrivals: f64) -> Option<f64> {
        while let Some(segment) = self.segments.get(self.current) {
            let area = arrivals - segment.before;
            if area < segment.area() {
                return Some(segment.begins + segment.inverse(area));
            }
            self.current += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn profile(start: f64, stages: &[(f64, f64)]) -> RateProfile {
        let stages: Vec<_> = stages
            .iter()
            .map(|&(secs, target)| Stage { duration: Duration::from_secs_f64(secs), target })
            .collect();
        RateProfile::new(start, &stages)
    }

    #[test]
    fn the_integral_is_inverted() {
        let ramp: &[(f64, f64)] = &[(10.0, 20.0)];
        let pause: &[(f64, f64)] = &[(1.0, 10.0), (0.0, 0.0), (5.0, 0.0), (0.0, 10.0), (1.0, 10.0)];
        let down: &[(f64, f64)] = &[(4.0, 0.0)];
        for (start, stages, total, points) in [
            (0.0, ramp, 100.0, vec![(0.0, 0.0), (1.0, 1.0), (25.0, 5.0), (81.0, 9.0)]),
            (10.0, pause, 20.0, vec![(5.0, 0.5), (9.5, 0.95), (10.5, 6.05), (19.0, 6.9)]),
            (8.0, down, 16.0, vec![(7.0, 1.0), (12.0, 2.0), (15.0, 3.0)]),
        ] {
            let mut profile = profile(start, stages);
            assert!((profile.total() - total).abs() < 1e-9, "{stages:?}");
            for (arrivals, seconds) in points {
                let reached = profile.reaches(arrivals).expect("before the end");
                assert!((reached - seconds).abs() < 1e-9, "{stages:?} {arrivals}: {reached}");
            }
            assert_eq!(profile.reaches(total), None);
        }
    }
}
