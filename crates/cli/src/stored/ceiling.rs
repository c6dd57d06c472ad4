//! The loads up to which this host's figures can be trusted, as `plimsoll selftest` found and kept them.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::Context as _;
use plimsoll_core::load::{Arrivals, LoadModel};
use plimsoll_core::spec::RunSpec;
use serde::{Deserialize, Serialize};

use super::file::read_versioned;
use crate::report::numbers::grouped;

const SCHEMA: &str = "plimsoll.ceiling/1";
/// A 99th percentile of the error of TTFT above this is the client's fault, ms.
const ERROR_MAX_MS: f64 = 1.0;
/// A load above this share of the ceiling is near it.
const NEAR: f64 = 0.8;

/// The ceiling of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ceiling {
    schema: String,
    /// Version of Plimsoll that found it.
    tool: String,
    /// When, RFC 3339.
    pub(crate) found: String,
    pub(crate) host: Host,
    /// I/O threads of the client.
    pub(crate) threads: u16,
    /// Events of streams per second, at the highest rung that holds.
    pub(crate) events_per_s: Option<f64>,
    /// Streams at once whose 99th percentile of the error of TTFT stays within a millisecond.
    pub(crate) streams: Option<u32>,
    /// Small requests per second, on a schedule.
    pub(crate) requests_per_s: Option<f64>,
    /// The rungs of the ladder of streams.
    pub(crate) stream_rungs: Vec<Rung>,
    /// The rungs of the ladder of rates.
    pub(crate) rate_rungs: Vec<Rung>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// Cores that this process may use.
    pub(crate) cores: u16,
}

impl Host {
    /// This machine.
    ///
    /// # Errors
    /// The operating system does not say.
    pub(crate) fn this() -> anyhow::Result<Self> {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").context("cannot read this host's name")?;
        let cores = u16::try_from(available_parallelism()?.get()).unwrap_or(u16::MAX);
        Ok(Host { name: name.trim().to_owned(), cores })
    }
}

/// One load of a ladder, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rung {
    /// Streams at once, or requests per second, as asked for.
    pub(crate) load: u32,
    /// Events or requests per second, as measured.
    pub(crate) reached: f64,
    /// 99th percentile of the error of TTFT, or of how late requests were sent, ms; absent without enough samples.
    pub(crate) error_p99_ms: Option<f64>,
    /// Why the run was INVALID, if it was.
    pub(crate) broken: Option<String>,
    /// The server could not keep its schedule: the rung says nothing of the client.
    pub(crate) server_late: bool,
}

impl Rung {
    /// Whether figures measured at this load can be trusted, and the load was put on.
    pub(crate) fn holds(&self) -> bool {
        self.broken.is_none()
            && !self.server_late
            && self.error_p99_ms.is_none_or(|error| error <= ERROR_MAX_MS)
    }
}

impl Ceiling {
    /// What the ladders say.
    pub(crate) fn from(
        found: String,
        threads: u16,
        host: Host,
        stream_rungs: Vec<Rung>,
        rate_rungs: Vec<Rung>,
    ) -> Self {
        let top = |rungs: &[Rung]| rungs.iter().rfind(|rung| rung.holds()).cloned();
        let (streams, rates) = (top(&stream_rungs), top(&rate_rungs));
        Ceiling {
            schema: SCHEMA.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            found,
            host,
            threads,
            events_per_s: streams.as_ref().map(|rung| rung.reached),
            streams: streams.map(|rung| rung.load),
            requests_per_s: rates.map(|rung| rung.reached),
            stream_rungs,
            rate_rungs,
        }
    }

    /// Whether any rung held.
    pub(crate) fn is_known(&self) -> bool {
        self.streams.is_some() && self.requests_per_s.is_some()
    }

    /// Keeps it for later runs, and says where.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn keep(&self) -> anyhow::Result<PathBuf> {
        let path = place()
            .context("there is no home for what was found: set PLIMSOLL_CACHE, XDG_CACHE_HOME or HOME")?;
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, serde_json::to_string_pretty(self)? + "\n"));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// What was kept of this host and this version, if anything was, and where. What cannot be read is as good as
    /// nothing: it only warns.
    pub(crate) fn of_this_host() -> Option<(Ceiling, PathBuf)> {
        let path = place()?;
        let ceiling: Ceiling = read_versioned(&path, SCHEMA).ok()?;
        let same = ceiling.host == Host::this().ok()? && ceiling.tool == env!("CARGO_PKG_VERSION");
        same.then_some((ceiling, path))
    }

    /// Says so if the load that a run asks for comes near the ceiling.
    pub(crate) fn near(&self, spec: &RunSpec) -> Option<String> {
        // More threads than were tried prove nothing; fewer bear less.
        let share = (f64::from(spec.threads) / f64::from(self.threads.max(1))).min(1.0);
        let (asked, ceiling, what) = match &spec.load {
            LoadModel::Open(open) => (most_of(&open.arrivals)?, self.requests_per_s?, "requests/s"),
            LoadModel::Closed(closed) if spec.api.stream && spec.api.interface.streams() => {
                (f64::from(closed.users.get()), f64::from(self.streams?), "streams")
            }
            LoadModel::Closed(_) => return None,
        };
        let ceiling = ceiling * share;
        (asked > ceiling * NEAR).then(|| {
            format!(
                "{} {what} are more than {:.0} % of the {} up to which figures of this host can be trusted with {} I/O \
                 thread{}: look at the verdict, add I/O threads (--threads), or use another machine",
                grouped(asked),
                NEAR * 1e2,
                grouped(ceiling),
                spec.threads,
                if spec.threads == 1 { "" } else { "s" }
            )
        })
    }
}

/// The highest rate that is asked for, per second; a trace has none.
fn most_of(arrivals: &Arrivals) -> Option<f64> {
    match arrivals {
        Arrivals::Process { rate, .. } => Some(rate.per_second()),
        Arrivals::Stages { start, stages, .. } => {
            Some(stages.iter().map(|stage| stage.target).fold(*start, f64::max))
        }
        Arrivals::Replay(_) => None,
    }
}

/// The file, in the user's cache.
fn place() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("PLIMSOLL_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("plimsoll")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/plimsoll")))?;
    Some(cache.join("ceiling.json"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::num::NonZeroU32;

    use plimsoll_core::load::{ClosedLoop, ClosedShape, GapDistribution, OpenLoop, Stage, ThinkTime};
    use plimsoll_core::testing;
    use plimsoll_core::time::Rate;

    use super::*;

    pub(crate) fn ceiling() -> Ceiling {
        let rung = |load: u32, reached: f64, error_p99_ms: f64| Rung {
            load,
            reached,
            error_p99_ms: Some(error_p99_ms),
            broken: None,
            server_late: false,
        };
        let too_much =
            Rung { broken: Some("I/O thread 0 was busy".to_owned()), ..rung(12_000, 11_500.0, 0.4) };
        let late = Rung { server_late: true, ..rung(1000, 91_000.0, 0.2) };
        Ceiling::from(
            "2026-11-22T20:00:00Z".to_owned(),
            2,
            Host { name: "bench".to_owned(), cores: 3 },
            vec![rung(800, 78_900.0, 0.04), late],
            vec![rung(4000, 4000.0, 0.01), rung(8000, 7998.0, 0.03), too_much],
        )
    }

    #[test]
    fn the_highest_rung_that_holds_is_the_ceiling() {
        let found = ceiling();
        assert_eq!(
            (found.events_per_s, found.streams, found.requests_per_s),
            (Some(78_900.0), Some(800), Some(7998.0))
        );
        let inexact = Rung { error_p99_ms: Some(1.2), ..found.stream_rungs[0].clone() };
        assert!(!inexact.holds(), "a client that is more than a millisecond off is no judge");
        let none = Ceiling::from(String::new(), 1, found.host, vec![inexact], Vec::new());
        assert!(!none.is_known() && none.streams.is_none());
    }

    #[test]
    fn a_load_near_the_ceiling_of_its_threads_is_told() {
        let found = ceiling();
        let spec = |load: LoadModel, threads: u16| RunSpec { load, threads, ..testing::run() };
        let closed = |users: u32| {
            let users = NonZeroU32::new(users).unwrap();
            LoadModel::Closed(ClosedLoop {
                users,
                shape: ClosedShape::Steady { spawn_rate: None },
                think: ThinkTime::Zero,
            })
        };
        let open = |arrivals| LoadModel::Open(OpenLoop { arrivals, cap: None });
        let gaps = GapDistribution::Constant;
        let process = |rate: f64| open(Arrivals::Process { rate: Rate::try_from(rate).unwrap(), gaps });
        let target = |target: f64| Stage { duration: std::time::Duration::from_secs(1), target };
        let stages = open(Arrivals::Stages { start: 1.0, stages: vec![target(7000.0), target(1.0)], gaps });
        for (load, threads, near) in [
            (closed(640), 2, false),
            (closed(641), 2, true),
            (closed(400), 1, true),
            (closed(641), 8, true),
            (process(6000.0), 2, false),
            (process(6500.0), 2, true),
            (stages, 2, true),
        ] {
            let told = found.near(&spec(load.clone(), threads));
            assert_eq!(told.is_some(), near, "{load:?} on {threads}: {told:?}");
        }
        let posts = RunSpec { load: closed(5000), ..testing::run() };
        let posts = RunSpec { api: plimsoll_core::spec::Api { stream: false, ..posts.api.clone() }, ..posts };
        assert_eq!(found.near(&posts), None, "it is not known what users without streams ask for");
    }
}
