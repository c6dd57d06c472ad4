//! From a metric to a number of replicas (`replica_calculator.go`).

/// What the pods of a fleet report of a metric with one number for each pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodValues {
    /// The sum over the pods that report.
    pub sum: f64,
    /// Pods that report.
    pub measured: u32,
    /// Pods that wait for a machine, or of which CPU says nothing yet because they have just started.
    pub unready: u32,
    /// Pods that run and report nothing.
    pub missing: u32,
}

/// How far a ratio may be from 1 without anything happening, upwards and downwards.
pub type Band = (f64, f64);

fn is_within((up, down): Band, ratio: f64) -> bool {
    // As the controller of Kubernetes 1.33 and later has it; before, both were the same.
    (1.0 - down..=1.0 + up).contains(&ratio)
}

/// Replicas for a metric of single pods (`type: Pods`, `Resource` and `ContainerResource`; for the latter two in the
/// units of `target`). Pods that report nothing count as unused when more pods are wanted, and as using `fill` when
/// fewer are: both hold back. Nothing without a pod that reports.
pub fn per_pod(current: u32, target: f64, pods: PodValues, fill: f64, band: Band) -> Option<u32> {
    if pods.measured == 0 {
        return None;
    }
    let ratio = pods.sum / (f64::from(pods.measured) * target);
    let with_unready = pods.unready > 0 && ratio > 1.0;
    if !with_unready && pods.missing == 0 {
        return Some(if is_within(band, ratio) { current } else { ceil(ratio * f64::from(pods.measured)) });
    }
    let (mut sum, mut counted) = (pods.sum, pods.measured);
    if pods.missing > 0 {
        counted += pods.missing;
        if ratio < 1.0 {
            sum += fill * f64::from(pods.missing);
        } else if ratio == 1.0 {
            counted -= pods.missing; // neither up nor down: they are left out
        }
    }
    if with_unready {
        counted += pods.unready;
    }
    let careful = sum / (f64::from(counted) * target);
    let turns = ratio < 1.0 && careful > 1.0 || ratio > 1.0 && careful < 1.0;
    if is_within(band, careful) || turns {
        return Some(current);
    }
    let replicas = ceil(careful * f64::from(counted));
    let turns = careful < 1.0 && replicas > current || careful > 1.0 && replicas < current;
    Some(if turns { current } else { replicas })
}

/// Replicas for a sum of which each replica shall have `target` (`External` and `Object` with `AverageValue`). Ready or
/// not does not matter.
pub fn average_value(current: u32, target: f64, sum: f64, band: Band) -> u32 {
    let ratio = sum / (target * f64::from(current));
    // Without replicas the ratio is infinite, or not a number: outside of every band.
    if is_within(band, ratio) { current } else { ceil(sum / target) }
}

/// Replicas for a number that shall be `target` as a whole (`External` and `Object` with `Value`): the ready ones times
/// how far it is off.
pub fn value(current: u32, ready: u32, target: f64, value: f64, band: Band) -> u32 {
    let ratio = value / target;
    match current {
        0 => ceil(ratio),
        _ if is_within(band, ratio) => current,
        _ => ceil(ratio * f64::from(ready)),
    }
}

/// Rounded up as the controller does it, but for what floating point adds to a whole number.
fn ceil(replicas: f64) -> u32 {
    (replicas - 1e-9).ceil() as u32 // `as` saturates
}
