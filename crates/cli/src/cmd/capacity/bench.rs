//! Makes the trials of a search against one server, and tells them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use plimsoll_core::certificate::Certificate;
use plimsoll_core::load::{
    Arrivals, ClosedLoop, ClosedShape, GapDistribution, LoadModel, OpenLoop, ThinkTime,
};
use plimsoll_core::record::Outcome;
use plimsoll_core::search::{Search, Tier, TrialOutcome, TrialPlan, Variable};
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::Phases;
use plimsoll_core::summary::{RunHeader, Summary};
use plimsoll_core::time::{Offset, Rate};
use plimsoll_drive::clock::Clock;

use super::judge::Judge;
use super::resume::{self, Asked};
use super::stored::{Beginning, OUTCOME_FILE, SEARCH_FILE, SearchFile, Stored, StoredTrial};
use super::telling;
use super::waiting::{self, First};
use crate::args::values::ViewName;
use crate::exit::UsageError;
use crate::live::SearchStory;
use crate::report::{capacity as report, emit};
use crate::session::{Blueprint, CommandFolder, Done, Interrupted, Once, Session, Trial};

/// Time for the server to settle between two trials.
const SETTLE: Duration = Duration::from_secs(1);
/// A trial waits this long for the requests that it left, at least.
const DRAIN_MIN: Duration = Duration::from_secs(5);
/// The name of the certificate in its folder.
const CERTIFICATE_FILE: &str = "certificate.json";

/// A server, what is asked of it, and where the results go.
pub(super) struct Bench<'a> {
    session: Session,
    blueprint: &'a Blueprint,
    folder: CommandFolder,
    tiers: &'a [Tier],
    /// Seconds left out at the start of each trial.
    warmup: f64,
    /// Seconds that a request takes by itself.
    alone: f64,
    /// The last trial left requests on which the server may still work, or was refused some.
    marked: bool,
    /// The gaps between arrivals; nothing in a closed loop.
    gaps: Option<GapDistribution>,
    /// Of the run with one user.
    header: Option<RunHeader>,
    /// Trials are not of the search that a later one may go on with.
    aside: bool,
    /// What the live view tells of the search.
    known: SearchStory,
}

/// A trial, as far as the user let it go on.
pub(super) enum Made {
    Whole(Box<TrialOutcome>),
    Interrupted(Interrupted),
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        session: Session,
        blueprint: &'a Blueprint,
        folder: CommandFolder,
        tiers: &'a [Tier],
    ) -> Self {
        let gaps = match &blueprint.spec.load {
            LoadModel::Open(OpenLoop { arrivals: Arrivals::Process { gaps, .. }, .. }) => Some(*gaps),
            _ => None,
        };
        let variable = if gaps.is_some() { Variable::Rate } else { Variable::Concurrency };
        let known = telling::nothing_yet(variable);
        Bench {
            session,
            blueprint,
            folder,
            tiers,
            warmup: 0.0,
            alone: 0.0,
            marked: false,
            gaps,
            header: None,
            aside: false,
            known,
        }
    }

    /// Takes up a search that was interrupted.
    ///
    /// # Errors
    /// It was another one.
    pub(super) fn go_on(
        &mut self,
        stored: Stored,
        asked: &[Asked],
    ) -> Result<(Beginning, Vec<TrialOutcome>), UsageError> {
        resume::same(&stored.search.asked, asked)?;
        self.warmup = stored.search.beginning.warmup;
        self.alone = stored.search.beginning.latency;
        self.header = Some(stored.search.run);
        self.session.go_on_after(stored.trials.iter().map(|trial| trial.asked).sum());
        emit::note(&format!("going on after {} trials", stored.trials.len()));
        Ok((stored.search.beginning, stored.trials.into_iter().map(|trial| trial.outcome).collect()))
    }

    /// Keeps what one user found.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn begin(&mut self, beginning: &Beginning, asked: Vec<Asked>) -> anyhow::Result<()> {
        self.warmup = beginning.warmup;
        self.alone = self.alone.max(beginning.latency);
        emit::note(&report::beginning(beginning.latency, self.warmup, &self.blueprint.spec.target));
        let search = SearchFile::new(asked, *beginning, self.header()?);
        self.folder.write_json(SEARCH_FILE, &search)
    }

    /// Waits for a server that is busy with other work, `longest` at most.
    ///
    /// # Errors
    /// The operating system refuses what the wait needs.
    pub(super) fn first_answer(&mut self, longest: Option<Duration>) -> anyhow::Result<First> {
        let first = waiting::first_answer(&mut self.session, self.blueprint, longest)?;
        if let First::Takes(seconds) = first {
            self.alone = seconds;
        }
        Ok(first)
    }

    /// Lets one user ask for a while.
    ///
    /// # Errors
    /// The run cannot be made or kept.
    pub(super) fn one_user(&mut self, phases: Phases) -> anyhow::Result<(Summary, Interrupted)> {
        let mut trial = Trial::among_others(self.blueprint, self.folder.path().join("one-user"));
        trial.show = telling::show(trial.show, telling::of_one_user(&self.known));
        let done = self.session.trial(Trial { load: users(1, ThinkTime::Zero), phases, ..trial })?;
        whole(&done)?;
        self.header = Some(done.finished.summary.run.clone());
        Ok((done.finished.summary, done.interrupted))
    }

    /// Makes a trial of the search.
    ///
    /// # Errors
    /// It cannot be made or kept.
    pub(super) fn trial(&mut self, plan: &TrialPlan) -> anyhow::Result<Made> {
        let watch = Clock::start();
        if self.settle(plan)? {
            return Ok(Made::Interrupted(Interrupted::Gracefully));
        }
        let number = self.folder.next_trial()?;
        let spec = &self.blueprint.spec;
        let mut trial = Trial {
            seed: Seed(spec.seed.0.wrapping_add(number as u64)),
            load: self.load(plan.load)?,
            phases: Phases {
                warmup: Duration::from_secs_f64(self.warmup),
                measure: Some(Duration::from_secs_f64(plan.seconds)),
                max_requests: None,
                drain_timeout: self.drain_of_trial(),
            },
            ..Trial::among_others(self.blueprint, self.folder.trial(number))
        };
        let judge = Judge::new(self.tiers, trial.times().measure_start);
        let sink = judge.clone();
        trial.each = Some(Box::new(|_| Box::new(sink)));
        let slow = Duration::from_secs_f64(self.warmup);
        let tell = telling::of_trial(&self.known, plan, (judge.clone(), self.tiers.to_vec()), slow);
        trial.show = telling::show(trial.show, tell);
        let done = self.session.trial(trial)?;
        whole(&done)?;
        if done.interrupted != Interrupted::No {
            return Ok(Made::Interrupted(done.interrupted));
        }
        self.marked = leaves_a_mark(&done.finished.summary);
        let outcome = self.outcome(plan, &done, &judge, watch);
        if self.aside {
            return Ok(Made::Whole(Box::new(outcome)));
        }
        let asked = done.finished.summary.counts.total;
        self.folder.write_json(
            &format!("trials/{number:03}/{OUTCOME_FILE}"),
            &StoredTrial { outcome: outcome.clone(), asked },
        )?;
        Ok(Made::Whole(Box::new(outcome)))
    }

    /// Lets the server rest before a trial, and for longer where the last one left requests behind or was refused some.
    /// Returns whether the user has had enough.
    fn settle(&mut self, plan: &TrialPlan) -> anyhow::Result<bool> {
        let settle = if plan.number == 0 { Duration::ZERO } else { SETTLE };
        if self.session.pause(settle)? {
            return Ok(true);
        }
        match std::mem::take(&mut self.marked) {
            true => waiting::itself_again(&mut self.session, self.blueprint, self.alone),
            false => Ok(false),
        }
    }

    /// How long a trial waits for the requests that it left: no longer than until those that have not ended miss every
    /// objective of every tier, whatever becomes of them. Those that this client would have cancelled miss none.
    fn drain_of_trial(&self) -> Duration {
        if self.blueprint.spec.workload.cancel_rate > 0.0 {
            return self.drain_timeout();
        }
        let sending = self.session.sending_limit(&self.blueprint.spec);
        let settled: Option<Vec<Duration>> =
            self.tiers.iter().map(|tier| tier.slos.settled_after(sending)).collect();
        let longest = settled.and_then(|settled| settled.into_iter().max());
        longest.map_or(self.drain_timeout(), |longest| longest.max(DRAIN_MIN).min(self.drain_timeout()))
    }

    fn load(&self, load: f64) -> anyhow::Result<LoadModel> {
        Ok(match (&self.blueprint.spec.load, self.gaps) {
            (LoadModel::Open(open), Some(gaps)) => {
                let rate =
                    Rate::try_from(load).ok().context("a rate that is none: a fault of this program")?;
                LoadModel::Open(OpenLoop { arrivals: Arrivals::Process { rate, gaps }, cap: open.cap })
            }
            (LoadModel::Closed(closed), _) => users(load as u32, closed.think),
            (LoadModel::Open(open), None) => LoadModel::Open(open.clone()),
        })
    }

    /// What a trial says that began when `watch` was started.
    fn outcome(&mut self, plan: &TrialPlan, done: &Done, judge: &Judge, watch: Clock) -> TrialOutcome {
        let gone = self.is_gone(&done.finished.summary);
        let summary = &done.finished.summary;
        let window = &summary.window;
        let end = done.times.measure_start + Duration::from_secs_f64(window.measured);
        let latency = summary.metrics.get("latency");
        let p99 = latency.and_then(|latency| latency.percentiles.iter().find(|one| one.p == 99.0));
        let of = |outcome| summary.counts.outcomes.get(&outcome).copied().unwrap_or(0);
        TrialOutcome {
            load: plan.load,
            effort: plan.effort,
            seconds: window.measured,
            steady_after: window.steady_after,
            spent: if summary.run.simulated {
                window.ramp + window.warmup + window.measured + window.drain
            } else {
                watch.now().since(Offset::ZERO).as_secs_f64()
            },
            tiers: judge.verdicts(self.tiers, end),
            overloaded: summary.validity.overloaded,
            invalid: summary.validity.reasons.first().cloned(),
            stopped_by: summary.run.stopped_by.clone(),
            gone,
            rate_limited: of(Outcome::Http429),
            throughput: summary.rates.completed_rate,
            latency: latency.and_then(|latency| latency.mean),
            latency_p99: p99.and_then(|p99| p99.value),
            latency_p99_low: p99.and_then(|p99| p99.low),
            latency_p99_high: p99.and_then(|p99| p99.high),
            concurrency: summary.rates.concurrency_mean,
            server: summary.server.as_ref().map(|server| server.saturation.clone()),
        }
    }

    /// Whether nobody answers any more: in a trial nobody did, and one more request finds no connection, or one that ends.
    fn is_gone(&mut self, summary: &Summary) -> bool {
        let of = |outcome| summary.counts.outcomes.get(&outcome).copied().unwrap_or(0);
        let lost = of(Outcome::Connect) + of(Outcome::Truncated);
        lost > 0
            && summary.counts.ok == 0
            && (!self.session.is_reachable(&self.blueprint.spec)
                || matches!(self.session.once(self.blueprint), Ok(Once::Failed)))
    }

    /// Takes in what the live view is to tell.
    pub(super) fn know(&mut self, search: &Search) {
        self.known = telling::so_far(search);
    }

    /// Tells the last trial.
    pub(super) fn say(&self, search: &Search) {
        if let Some(last) = search.trials().last().filter(|_| self.blueprint.outputs.view != ViewName::Off) {
            let variable = search.settings().variable;
            emit::note(&report::trial_line(search.trials().len(), last, &search.so_far(), variable));
        }
    }

    /// Arrivals of another distribution from now on, for another search than that of this folder.
    pub(super) fn arrive(&mut self, gaps: GapDistribution) {
        (self.gaps, self.aside) = (Some(gaps), true);
    }

    /// Stops the server, and keeps the certificate. Returns its path.
    ///
    /// # Errors
    /// It cannot be written, or an embedded server had failed.
    pub(super) fn close(self, certificate: &Certificate) -> anyhow::Result<PathBuf> {
        self.folder.write_json(CERTIFICATE_FILE, certificate)?;
        self.session.close()?;
        Ok(self.folder.path().join(CERTIFICATE_FILE))
    }

    /// The header of the run with one user.
    ///
    /// # Errors
    /// There was none: a fault of this program.
    pub(super) fn header(&self) -> anyhow::Result<RunHeader> {
        self.header.clone().context("a search without its first run: a fault of this program")
    }

    pub(super) fn arrivals(&self) -> String {
        match self.gaps {
            Some(GapDistribution::Constant) => "constant gaps".to_owned(),
            Some(GapDistribution::Uniform) => "uniform gaps".to_owned(),
            Some(GapDistribution::Poisson) => "Poisson".to_owned(),
            Some(GapDistribution::Gamma { cv }) => format!("gamma gaps, CV {cv}"),
            None => "closed loop".to_owned(),
        }
    }

    /// Coefficient of variation of the gaps between arrivals.
    pub(super) fn cv(&self) -> Option<f64> {
        self.gaps.map(|gaps| match gaps {
            GapDistribution::Constant => 0.0,
            GapDistribution::Uniform => 1.0 / 3.0_f64.sqrt(),
            GapDistribution::Poisson => 1.0,
            GapDistribution::Gamma { cv } => cv,
        })
    }

    pub(super) fn workload(&self) -> String {
        self.blueprint.describe()
    }

    /// Seconds of a trial at most (`-t`).
    pub(super) fn longest(&self) -> f64 {
        self.blueprint.spec.phases.measure.map_or(300.0, |time| time.as_secs_f64())
    }

    /// The warm-up that the user asked for, seconds.
    pub(super) fn warmup_given(&self) -> Option<f64> {
        let warmup = self.blueprint.spec.phases.warmup;
        (!warmup.is_zero()).then_some(warmup.as_secs_f64())
    }

    pub(super) fn drain_timeout(&self) -> Duration {
        self.blueprint.spec.phases.drain_timeout
    }
}

/// Users of a closed loop, all there within a second.
fn users(users: u32, think: ThinkTime) -> LoadModel {
    let users = std::num::NonZeroU32::new(users).unwrap_or(std::num::NonZeroU32::MIN);
    let shape = ClosedShape::Steady { spawn_rate: Rate::try_from(f64::from(users.get())).ok() };
    LoadModel::Closed(ClosedLoop { users, shape, think })
}

/// Whether a trial left the server in a state that takes time: requests on which it may still work, or a rate limit that
/// refuses for a while who came too fast.
fn leaves_a_mark(summary: &Summary) -> bool {
    let of = |outcome| summary.counts.outcomes.get(&outcome).copied().unwrap_or(0);
    of(Outcome::Unfinished) + of(Outcome::Timeout) + of(Outcome::Http429) > 0
}

/// Refuses results that could not be kept.
fn whole(done: &Done) -> anyhow::Result<()> {
    match &done.finished.failure {
        Some(failure) => Err(anyhow::anyhow!("{failure}")),
        None => Ok(()),
    }
}
