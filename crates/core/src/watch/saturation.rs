//! Which resource limits a server at the load that is on it: a rule, not a guess (docs/WATCH.md states it for people).

use serde::{Deserialize, Serialize};

use super::canonical::Canonical;
use super::report::ServerFigure;
use super::track::Level;

/// A resource that is used so much on average is saturated, and leaves no headroom: "consistently above 90 %".
const FULL: f64 = 0.90;
/// One that was used so much for a part of the time is saturated if requests wait.
const FULL_AT_TIMES: f64 = 0.97;
/// A machine that is used less than this idles for the most part.
const LOW: f64 = 0.30;
/// Requests that wait on average, from which on they are said to.
const WAITING: f64 = 1.0;
/// Requests that are computed together stand at their limit if they are, on average, so near to their most.
const AT_LIMIT: f64 = 0.95;
/// A process that uses about one core.
const ONE_CORE: std::ops::RangeInclusive<f64> = 0.95..=1.10;

/// Something of which a server has only so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Room for the keys and values of running requests.
    KvCache,
    /// The accelerator's way to its memory.
    GpuMemoryBandwidth,
    /// Processor time of the host.
    HostCpu,
    /// The accelerator.
    Gpu,
    /// Main memory of the host.
    HostMemory,
    /// Requests that the server lets run together.
    BatchSlots,
    /// The one core that a process with one thread uses.
    OneCore,
}

impl Resource {
    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Resource::KvCache => "KV cache",
            Resource::GpuMemoryBandwidth => "GPU memory bandwidth",
            Resource::HostCpu => "host CPU",
            Resource::Gpu => "GPU",
            Resource::HostMemory => "host memory",
            Resource::BatchSlots => "batch slots",
            Resource::OneCore => "one core of the server's process",
        }
    }
}

/// How much of a resource was in use over the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// The resource.
    pub resource: Resource,
    /// The metric that says so.
    pub metric: Canonical,
    /// Mean share in use, 0 to 1.
    pub mean: f64,
    /// The share that it was not above for 95 % of the time.
    pub p95: f64,
}

/// What limits the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// The resource that is saturated; `null` where none is, or none that is watched.
    pub resource: Option<Resource>,
    /// Mean number of requests that waited within the server; `null` where it does not say.
    pub waiting: Option<f64>,
    /// What was in use: the saturated first, then the fullest.
    pub uses: Vec<Use>,
    /// All that in a sentence.
    pub says: String,
}

/// The resources whose use is a share, in the order in which they are named when several are saturated. A full KV cache
/// comes first, for the batch is then smaller than the accelerator could have; an accelerator that was merely never idle
/// comes late, for that says little.
const SHARES: [(Resource, &[Canonical]); 5] = [
    (Resource::KvCache, &[Canonical::KvUsage]),
    (Resource::GpuMemoryBandwidth, &[Canonical::GpuDramActive]),
    (Resource::HostCpu, &[Canonical::HostCpu]),
    (Resource::Gpu, &[Canonical::GpuEngineActive, Canonical::GpuUtilization]),
    (Resource::HostMemory, &[Canonical::HostMemoryUsage]),
];

/// Finds it in the figures of a window; `overloaded` if the backlog grew.
pub(super) fn find(figures: &[ServerFigure], overloaded: bool) -> Saturation {
    let waiting = level(figures, Canonical::QueueDepth).map(|queue| queue.mean);
    let queued = overloaded || waiting.is_some_and(|waiting| waiting >= WAITING);
    let (mut full, mut rest): (Vec<Use>, Vec<Use>) =
        shares(figures).into_iter().partition(|one| one.mean >= FULL || (queued && one.p95 >= FULL_AT_TIMES));
    rest.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let limit = full.first().map(|one| one.resource).or_else(|| hidden_limit(figures, queued));
    full.extend(rest);
    let says = words(figures, limit, &full, waiting.filter(|_| queued));
    Saturation { resource: limit, waiting, uses: full, says }
}

fn level(figures: &[ServerFigure], metric: Canonical) -> Option<Level> {
    figures.iter().find(|figure| figure.metric == metric).map(|figure| figure.level)
}

fn shares(figures: &[ServerFigure]) -> Vec<Use> {
    let of = |(resource, metrics): &(Resource, &[Canonical])| {
        let (metric, level) = metrics.iter().find_map(|&metric| Some((metric, level(figures, metric)?)))?;
        Some(Use { resource: *resource, metric, mean: level.mean, p95: level.p95 })
    };
    SHARES.iter().filter_map(of).collect()
}

/// A limit that no share tells of: requests wait although everything that is watched has room.
fn hidden_limit(figures: &[ServerFigure], queued: bool) -> Option<Resource> {
    let running = level(figures, Canonical::Running);
    let at_limit =
        running.is_some_and(|running| running.max >= 2.0 && running.mean >= AT_LIMIT * running.max);
    let one_core = level(figures, Canonical::ProcessCpu).is_some_and(|cpu| ONE_CORE.contains(&cpu.mean));
    match queued {
        true if at_limit => Some(Resource::BatchSlots),
        true if one_core => Some(Resource::OneCore),
        _ => None,
    }
}

fn words(figures: &[ServerFigure], limit: Option<Resource>, uses: &[Use], waiting: Option<f64>) -> String {
    let mut parts: Vec<String> =
        uses.iter().map(|one| format!("{} {}", one.resource.words(), percent(one.mean))).collect();
    if let (Some(Resource::BatchSlots), Some(running)) = (limit, level(figures, Canonical::Running)) {
        parts.insert(0, format!("batch slots, at their limit of {:.0}", running.max));
    }
    if limit == Some(Resource::OneCore) {
        parts.insert(0, Resource::OneCore.words().to_owned());
    }
    let wait = waiting.map_or_else(String::new, |waiting| format!("; {} requests wait", short(waiting)));
    match (limit, parts.is_empty()) {
        (Some(_), _) => format!("saturated: {}{wait}", parts.join("; ")),
        (None, true) => format!("nothing is known of its resources{wait}"),
        (None, false) if !wait.is_empty() => format!(
            "what is watched has room: {}{wait}: the limit is one that is not watched, such as a setting or a core",
            parts.join("; ")
        ),
        (None, false) => format!("nothing is saturated: {}", parts.join("; ")),
    }
}

/// What the use of resources warns of: no headroom, or money for what idles.
pub(super) fn warnings(figures: &[ServerFigure], saturation: &Saturation) -> Vec<String> {
    let mut warnings: Vec<String> = shares(figures)
        .into_iter()
        .filter(|one| one.mean >= FULL)
        .map(|one| {
            format!(
                "no headroom: {} {} in use on average, {} or more is at the risk of latency spikes and failures",
                one.resource.words(),
                percent(one.mean),
                percent(FULL)
            )
        })
        .collect();
    if let Some(rate) = level(figures, Canonical::PreemptionRate).filter(|rate| rate.mean > 0.0) {
        warnings.push(format!(
            "the KV cache was too small for what ran: running requests were put back {} times a second",
            short(rate.mean)
        ));
    }
    // A host that idles says nothing where nobody knows what its accelerators do.
    let gpu = saturation.uses.iter().find(|one| one.resource == Resource::Gpu);
    if let Some(busy) = gpu.filter(|busy| busy.mean < LOW && busy.p95 < 2.0 * LOW)
        && saturation.uses.iter().all(|one| one.mean < FULL || one.resource == Resource::HostMemory)
        && saturation.resource.is_none()
    {
        warnings.push(format!(
            "low utilisation: {} {} in use on average: at this load most of what is paid for idles",
            busy.resource.words(),
            percent(busy.mean)
        ));
    }
    warnings
}

/// A share as a whole percentage.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A number with as many digits as people read.
fn short(value: f64) -> String {
    if value >= 9.95 { format!("{value:.0}") } else { format!("{value:.1}") }
}
