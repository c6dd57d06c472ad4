//! A load model in words: for the first line of a run, its report, and the Summary block.

use super::{
    Arrivals, ClosedLoop, ClosedShape, ConcurrencyCap, GapDistribution, LoadModel, OpenLoop, Replay, Stage,
    ThinkTime, WhenFull,
};
use crate::time::Rate;

impl LoadModel {
    /// In words: `closed loop, 8 users at 2/s`; `open loop, Poisson at 600/s, at most 100 in flight (late when full)`.
    pub fn describe(&self) -> String {
        match self {
            LoadModel::Closed(closed) => format!("closed loop, {}", closed.describe()),
            LoadModel::Open(open) => format!("open loop, {}", open.describe()),
        }
    }

    /// The `Concurrency` of the Summary block, as the seed's load test writes it: the number of users, or
    /// `QPS 0.5 constant` when a rate is given.
    pub fn concurrency_label(&self) -> String {
        match self {
            LoadModel::Closed(closed) => closed.users.to_string(),
            LoadModel::Open(open) => match &open.arrivals {
                // `{:?}` keeps the point of a whole number, as that tool's `1.0` has it.
                Arrivals::Process { rate, gaps } => {
                    format!("QPS {:?} {}", rate.per_second(), gaps.qps_name())
                }
                Arrivals::Stages { start, stages, gaps } => {
                    let rates = stages.iter().map(|stage| stage.target).chain([*start]);
                    let (low, high) =
                        rates.fold((f64::MAX, 0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
                    format!("QPS {low:?}-{high:?} {}", gaps.qps_name())
                }
                Arrivals::Replay(replay) => replay.describe(),
            },
        }
    }
}

impl ClosedLoop {
    fn describe(&self) -> String {
        let users = counted(self.users.get() as usize, "user");
        let spawned = |rate: Option<Rate>| rate.map_or(String::new(), |rate| format!(" at {rate}"));
        let shape = match self.shape {
            ClosedShape::Steady { spawn_rate } => format!("{users}{}", spawned(spawn_rate)),
            ClosedShape::Burst { period, spawn_rate } => {
                format!("{users}{}, all together every {period:?}", spawned(spawn_rate))
            }
            ClosedShape::Ramp { warmup, time } => {
                format!("1 user for {warmup:?}, then geometrically to {users} over {time:?}")
            }
        };
        match self.think {
            ThinkTime::Zero => shape,
            ThinkTime::Constant(pause) => format!("{shape}, thinking {pause:?}"),
            ThinkTime::Uniform(low, high) => format!("{shape}, thinking {low:?} to {high:?}"),
            ThinkTime::Exponential(mean) => format!("{shape}, thinking {mean:?} on average (exponential)"),
        }
    }
}

impl OpenLoop {
    fn describe(&self) -> String {
        let arrivals = self.arrivals.describe();
        match self.cap {
            None => arrivals,
            Some(ConcurrencyCap { max, when_full }) => {
                let when_full = match when_full {
                    WhenFull::Lag => "late when full",
                    WhenFull::Shed => "shed when full",
                };
                format!("{arrivals}, at most {max} in flight ({when_full})")
            }
        }
    }
}

impl Arrivals {
    /// In words: `Poisson at 600/s`.
    pub fn describe(&self) -> String {
        match self {
            Arrivals::Process { rate, gaps } => format!("{} at {rate}", gaps.describe()),
            Arrivals::Stages { start, stages, gaps } => {
                let stages: Vec<_> = stages.iter().map(Stage::describe).collect();
                format!("{} from {start}/s, {}", gaps.describe(), stages.join(", "))
            }
            Arrivals::Replay(replay) => replay.describe(),
        }
    }
}

impl Stage {
    fn describe(&self) -> String {
        let Stage { duration, target } = self;
        if duration.is_zero() {
            format!("at once {target}/s")
        } else {
            format!("to {target}/s in {duration:?}")
        }
    }
}

impl GapDistribution {
    fn describe(self) -> String {
        match self {
            GapDistribution::Constant => "constant".to_owned(),
            GapDistribution::Uniform => "uniform".to_owned(),
            GapDistribution::Poisson => "Poisson".to_owned(),
            GapDistribution::Gamma { cv } => format!("gamma (CV {cv})"),
        }
    }

    /// The name that `--qps-distribution` has for it.
    fn qps_name(self) -> String {
        match self {
            GapDistribution::Poisson => "exponential".to_owned(),
            other => other.describe(),
        }
    }
}

impl Replay {
    fn describe(&self) -> String {
        let replay = format!("replay of {} from {}", counted(self.due.len(), "request"), self.source);
        if self.speed == 1.0 { replay } else { format!("{replay} at {} times the speed", self.speed) }
    }
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::time::Offset;

    const SECOND: Duration = Duration::from_secs(1);

    fn closed(users: u32, shape: ClosedShape, think: ThinkTime) -> LoadModel {
        LoadModel::Closed(ClosedLoop { users: NonZeroU32::new(users).expect("not zero"), shape, think })
    }

    fn open(arrivals: Arrivals, cap: Option<(u32, WhenFull)>) -> LoadModel {
        let cap = cap.map(|(max, when_full)| ConcurrencyCap {
            max: NonZeroU32::new(max).expect("not zero"),
            when_full,
        });
        LoadModel::Open(OpenLoop { arrivals, cap })
    }

    fn process(per_second: f64, gaps: GapDistribution) -> Arrivals {
        Arrivals::Process { rate: Rate::try_from(per_second).expect("in range"), gaps }
    }

    #[test]
    fn a_load_model_is_put_in_words() {
        let rate = Rate::try_from(2.0).ok();
        let steady = |spawn_rate| ClosedShape::Steady { spawn_rate };
        let burst = ClosedShape::Burst { period: SECOND * 10, spawn_rate: rate };
        let ramp = ClosedShape::Ramp { warmup: SECOND * 5, time: SECOND * 60 };
        let stages = vec![
            Stage { duration: SECOND * 60, target: 100.0 },
            Stage { duration: Duration::ZERO, target: 5.0 },
        ];
        let staged = Arrivals::Stages { start: 10.0, stages, gaps: GapDistribution::Poisson };
        let replay = |speed| {
            Arrivals::Replay(Replay { source: "a.csv".to_owned(), speed, due: [Offset::ZERO].into() })
        };
        for (load, words, label) in [
            (closed(8, steady(rate), ThinkTime::Zero), "closed loop, 8 users at 2/s", "8"),
            (closed(1, steady(None), ThinkTime::Constant(SECOND)), "closed loop, 1 user, thinking 1s", "1"),
            (closed(9, burst, ThinkTime::Zero), "closed loop, 9 users at 2/s, all together every 10s", "9"),
            (
                closed(8, ramp, ThinkTime::Exponential(SECOND / 2)),
                "closed loop, 1 user for 5s, then geometrically to 8 users over 60s, \
                 thinking 500ms on average (exponential)",
                "8",
            ),
            (
                open(process(600.0, GapDistribution::Poisson), Some((100, WhenFull::Lag))),
                "open loop, Poisson at 600/s, at most 100 in flight (late when full)",
                "QPS 600.0 exponential",
            ),
            (
                open(process(0.5, GapDistribution::Constant), Some((7, WhenFull::Shed))),
                "open loop, constant at 0.5/s, at most 7 in flight (shed when full)",
                "QPS 0.5 constant",
            ),
            (
                open(process(0.001, GapDistribution::Uniform), None),
                "open loop, uniform at 0.001/s",
                "QPS 0.001 uniform",
            ),
            (
                open(process(1.0, GapDistribution::Gamma { cv: 2.5 }), None),
                "open loop, gamma (CV 2.5) at 1/s",
                "QPS 1.0 gamma (CV 2.5)",
            ),
            (
                open(staged, None),
                "open loop, Poisson from 10/s, to 100/s in 60s, at once 5/s",
                "QPS 5.0-100.0 exponential",
            ),
            (
                open(replay(1.0), None),
                "open loop, replay of 1 request from a.csv",
                "replay of 1 request from a.csv",
            ),
            (
                open(replay(2.0), None),
                "open loop, replay of 1 request from a.csv at 2 times the speed",
                "replay of 1 request from a.csv at 2 times the speed",
            ),
        ] {
            assert_eq!(load.describe(), words);
            assert_eq!(load.concurrency_label(), label);
        }
    }
}
