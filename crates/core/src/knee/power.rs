//! The power point (L. Kleinrock, Power and deterministic rules of thumb, ICC 1979): the greatest throughput over latency.

use super::KneePoint;

/// Loads nearer to each other than this are one.
const SAME: f64 = 0.005;

/// The load at the top of throughput over latency: of a parabola in log space through the best load and its neighbours.
/// Nothing if the best is the least or the greatest load, because the top may lie beyond.
pub(super) fn point(points: &[KneePoint]) -> Option<f64> {
    let curve = curve(points);
    let best = (0..curve.len()).max_by(|&a, &b| curve[a].1.total_cmp(&curve[b].1))?;
    let [(x0, y0), (x1, y1), (x2, y2)] =
        [curve.get(best.checked_sub(1)?)?, &curve[best], curve.get(best + 1)?];
    let (left, right) = ((y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1));
    let curvature = (right - left) / (x2 - x0);
    let top = if curvature < 0.0 { f64::midpoint(*x0, *x1) - left / (2.0 * curvature) } else { *x1 };
    Some(top.clamp(*x0, *x2).exp())
}

/// Logarithm of the load, logarithm of the power, in order of load; trials at one load are averaged by their length.
fn curve(points: &[KneePoint]) -> Vec<(f64, f64)> {
    let mut usable: Vec<&KneePoint> = points
        .iter()
        .filter(|point| point.throughput > 0.0 && point.latency > 0.0 && point.load > 0.0)
        .collect();
    usable.sort_by(|a, b| a.load.total_cmp(&b.load));
    let same = |a: &&KneePoint, b: &&KneePoint| b.load / a.load < 1.0 + SAME;
    let of_load = |trials: &[&KneePoint]| {
        let seconds: f64 = trials.iter().map(|trial| trial.seconds).sum();
        let mean = |of: fn(&KneePoint) -> f64| {
            trials.iter().map(|trial| trial.seconds * of(trial)).sum::<f64>() / seconds
        };
        (mean(|trial| trial.load).ln(), (mean(|trial| trial.throughput) / mean(|trial| trial.latency)).ln())
    };
    usable.chunk_by(same).map(of_load).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knee::Knees;
    use crate::seed::Seed;

    /// An M/M/1 queue that can do 100 a second: its power is greatest at 50.
    fn mm1(load: f64) -> KneePoint {
        let latency = 1.0 / (100.0 - load);
        KneePoint {
            load,
            seconds: 10.0,
            throughput: load,
            latency,
            concurrency: load * latency,
            steady: true,
        }
    }

    #[test]
    fn a_queue_with_one_server_has_its_power_point_at_half_its_load() {
        let points: Vec<KneePoint> = [10.0, 20.0, 35.0, 50.0, 65.0, 80.0, 95.0].map(mm1).to_vec();
        let power = Knees::of(&points, Seed(1)).power.unwrap();
        assert!((power.value - 50.0).abs() < 3.0, "{power:?}");
        assert!(power.low <= power.value && power.value <= power.high && power.high < 80.0, "{power:?}");
    }

    #[test]
    fn a_top_at_an_end_is_none() {
        assert_eq!(point(&[5.0, 10.0, 20.0].map(mm1)), None);
        assert_eq!(point(&[60.0, 80.0, 90.0].map(mm1)), None);
        assert_eq!(point(&[]), None);
    }
}
