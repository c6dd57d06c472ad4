//! The boundaries of a run's phases, as far as they are known before it begins.

use std::time::Duration;

use super::{Arrivals, LoadModel};
use crate::record::Phase;
use crate::spec::RunSpec;
use crate::time::Offset;

/// The boundaries of the phases, as moments of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the load begins.
    pub begin: Offset,
    /// When all users are active.
    pub ramp_end: Offset,
    /// When the measured window begins.
    pub measure_start: Offset,
    /// When it ends, if that is known beforehand.
    pub measure_end: Option<Offset>,
}

impl Times {
    /// From the start of the clock to the beginning of the load: time for files and threads to be ready.
    pub const LEAD: Duration = Duration::from_millis(20);

    /// The times of a run on a clock that is started now.
    pub fn of(spec: &RunSpec) -> Self {
        let begin = Offset::ZERO + Times::LEAD;
        let ramp_end = begin + spec.load.ramp_end();
        let measure_start = ramp_end + spec.phases.warmup;
        let asked = spec.phases.measure.map(|length| measure_start + length);
        let natural = natural_length(&spec.load).map(|length| begin + length);
        Times { begin, ramp_end, measure_start, measure_end: [asked, natural].into_iter().flatten().min() }
    }

    /// The phase of a request by its scheduled instant.
    pub fn phase(&self, scheduled: Offset) -> Phase {
        if scheduled < self.ramp_end {
            Phase::Ramp
        } else if scheduled < self.measure_start {
            Phase::WarmUp
        } else {
            Phase::Measure
        }
    }
}

/// How long a load is that ends by itself.
fn natural_length(load: &LoadModel) -> Option<Duration> {
    let LoadModel::Open(open) = load else { return None };
    match &open.arrivals {
        Arrivals::Process { .. } => None,
        Arrivals::Stages { stages, .. } => Some(stages.iter().map(|stage| stage.duration).sum()),
        Arrivals::Replay(replay) => {
            let last = replay.due.last()?.since(Offset::ZERO);
            // The last request has its gap after it as the others have.
            let gaps = u32::try_from(replay.due.len()).unwrap_or(u32::MAX).saturating_sub(1).max(1);
            Some(last + (last / gaps).max(Duration::from_nanos(1)))
        }
    }
}
