//! One user, before the search: how long a request takes, and how much that varies.

use std::time::Duration;

use anyhow::anyhow;
use plimsoll_core::search::Guard;
use plimsoll_core::spec::Phases;
use plimsoll_core::summary::Summary;

use super::bench::Bench;
use super::resume::Asked;
use super::stored::Beginning;
use super::waiting::First;
use crate::exit::NothingYet;
use crate::session::Interrupted;

/// Seconds that one user asks before anything counts: first requests meet cold caches.
const WARMUP: f64 = 2.0;
/// Seconds that count, and requests at least.
const MEASURE: f64 = 5.0;
const REQUESTS: f64 = 2.0;
/// Requests below which the spread of service times is not known.
const SPREAD_MIN: u64 = 10;
/// Times that a request takes until a server at a new load has settled: batch slots must fill before a queue shows.
const SETTLE: f64 = 5.0;
/// Seconds left out at the start of each trial, at least and at most.
const WARMUP_RANGE: [f64; 2] = [2.0, 30.0];

impl Beginning {
    /// Lets one user ask for a while, as soon as the server has time for that.
    ///
    /// # Errors
    /// The server answers nothing, or the user has had enough.
    pub(super) fn measure(
        bench: &mut Bench<'_>,
        asked: Vec<Asked>,
        budget: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let alone = match bench.first_answer(budget)? {
            First::Takes(seconds) => seconds,
            First::Unknown => 0.0,
            First::NoAnswer(time) => return Err(no_answer(&format!("no answer in {time:?}"))),
            First::Interrupted => return Err(NothingYet.into()),
        };
        let phases = Phases {
            warmup: Duration::from_secs_f64(WARMUP),
            measure: Some(Duration::from_secs_f64(MEASURE.max(REQUESTS * alone))),
            max_requests: None,
            drain_timeout: bench.drain_timeout(),
        };
        let (summary, ended) = bench.one_user(phases)?;
        if ended != Interrupted::No {
            return Err(NothingYet.into());
        }
        let mut beginning = Beginning::of(&summary)?;
        if let Some(warmup) = bench.warmup_given() {
            beginning.warmup = warmup;
        }
        bench.begin(&beginning, asked)?;
        Ok(beginning)
    }

    fn of(summary: &Summary) -> anyhow::Result<Self> {
        let latency = summary.metrics.get("latency").filter(|latency| latency.n > 0);
        let typical = latency.and_then(|latency| latency.percentile(50.0).or(latency.mean));
        let Some(typical) = typical.filter(|&seconds| seconds > 0.0) else {
            let errors =
                summary.errors.iter().map(|class| format!("{}: {}", class.outcome.name(), class.example));
            let why = errors.take(1).collect::<String>();
            let why = if why.is_empty() { "no answer in time".to_owned() } else { why };
            return Err(no_answer(&why));
        };
        let spread = latency.filter(|latency| latency.n >= SPREAD_MIN);
        let scv = spread.and_then(|latency| Some((latency.stdev? / latency.mean?).powi(2)));
        let [least, most] = WARMUP_RANGE;
        Ok(Beginning {
            latency: typical,
            service_scv: scv.unwrap_or(1.0).min(4.0),
            warmup: (SETTLE * typical).clamp(least, most),
        })
    }

    /// Requests per second of one user, where a search for a rate begins.
    pub(super) fn rate(&self) -> f64 {
        1.0 / self.latency
    }

    /// What decides how long a slow overload can stay unseen.
    pub(super) fn guard(&self, cv: Option<f64>, overload: f64) -> Guard {
        Guard { arrivals: cv.unwrap_or(1.0).powi(2), service: self.service_scv, overload }
    }
}

fn no_answer(why: &str) -> anyhow::Error {
    anyhow!("the server answered none of one user's requests, so no load is sustainable ({why})")
}
