//! A run's requests on their marks: over the network in real time, or within this process in simulated time.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::load::Times;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::workload::Workload;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::Protocol;
use plimsoll_drive::recorder::RecorderHandle;
use plimsoll_drive::runner::{self, Feeds, RunPlan, Running};
use plimsoll_drive::transport::{Http2Request, HttpRequest, HttpVersion};
use plimsoll_serve::in_process::{InProcess, SimulatedServer};
use plimsoll_sim::client::Call;

use super::server::{HttpWay, Way};

/// Time that files and threads still need once requests are being made ready: 1 to 2 ms, and a reserve.
const TO_BE_READY: Duration = Duration::from_millis(5);

/// Requests that are being made ready, and the way that they will take.
pub(super) enum Launch<'a> {
    Http(Feeds<HttpRequest>, &'a HttpWay),
    Http2(Feeds<Http2Request>, &'a HttpWay),
    InProcess(Feeds<Call>, &'a SimulatedServer),
}

impl<'a> Launch<'a> {
    /// Begins to make requests ready.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(super) fn prepare(
        spec: &RunSpec,
        way: &'a Way,
        protocol: &Arc<dyn Protocol>,
        workload: &Arc<dyn Workload>,
    ) -> anyhow::Result<Self> {
        Ok(match way {
            Way::Http(way) if way.http == HttpVersion::Http2 => {
                Launch::Http2(runner::prepare_http2(spec, &way.origin, protocol, workload)?, way)
            }
            Way::Http(way) => Launch::Http(runner::prepare(spec, &way.origin, protocol, workload)?, way),
            Way::InProcess(server) => {
                Launch::InProcess(runner::prepare_simulated(spec, workload, &server.calls())?, server)
            }
        })
    }

    /// The clock of the run. To make requests ready was the first part of what [`Times::LEAD`] is for: that time is not
    /// waited for again.
    pub(super) fn clock(&self) -> Clock {
        match self {
            Launch::Http(..) | Launch::Http2(..) => Clock::started(Times::LEAD.saturating_sub(TO_BE_READY)),
            Launch::InProcess(..) => Clock::simulated(),
        }
    }

    /// Begins the load.
    ///
    /// # Errors
    /// The schedule is impossible, or the operating system refuses what the run needs.
    pub(super) fn start(
        self,
        spec: Arc<RunSpec>,
        clock: Clock,
        times: Times,
        recorder: RecorderHandle,
    ) -> anyhow::Result<Running> {
        Ok(match self {
            Launch::Http(feeds, way) => {
                let plan = RunPlan { spec, clock, times, feeds, recorder };
                runner::start(plan, &way.origin, way.tls.as_ref())?
            }
            Launch::Http2(feeds, way) => {
                let plan = RunPlan { spec, clock, times, feeds, recorder };
                runner::start_http2(plan, &way.origin, way.tls.as_ref())?
            }
            Launch::InProcess(feeds, server) => {
                let (own, server) = (spec.clone(), server.clone());
                let plan = RunPlan { spec, clock, times, feeds, recorder };
                runner::start_simulated(plan, move |station| InProcess::new(station, server, &own))?
            }
        })
    }
}
