//! The search itself: outcomes in, the next step out.

use std::collections::BTreeMap;

use super::bracket::{Found, Points, Want, want};
use super::capacity::{Bound, Capacity, Ceiling, Doom, TierCapacity};
use super::grid::Grid;
use super::outcome::{Effort, TrialOutcome};
use super::plan::{Lengths, rate_at};
use super::settings::{Settings, SettingsError, Tier};
use super::standing::{INVALID_MIN_BELOW, Needs, Sign, Standing};

/// A trial shorter than this share of what was planned, because the budget ends, is not worth making.
const WORTH: f64 = 0.5;

/// A search that has spent this share of its budget is in a hurry.
const HURRY: f64 = 0.4;

/// Trials in a row, looks aside, in which the client measured itself, so that others would too.
const TIRED: usize = 8;

/// A trial to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialPlan {
    /// Per second, or users.
    pub load: f64,
    /// Seconds to measure.
    pub seconds: f64,
    /// What for.
    pub effort: Effort,
    /// How many trials were made before: another seed for each.
    pub number: usize,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make a trial.
    Trial(TrialPlan),
    /// Make a trial at the answer.
    Confirm(TrialPlan),
    /// It is over.
    Done(Capacity),
    /// It is over without an answer.
    Doomed(Doom),
}

/// A search for a capacity.
#[derive(Clone, Debug)]
pub struct Search {
    settings: Settings,
    grid: Grid,
    trials: Vec<TrialOutcome>,
}

impl Search {
    /// A search in which nothing was tried yet.
    ///
    /// # Errors
    /// The settings make no search.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let grid = Grid::new(&settings);
        Ok(Search { settings, grid, trials: Vec::new() })
    }

    /// What is searched.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was tried.
    pub fn trials(&self) -> &[TrialOutcome] {
        &self.trials
    }

    /// Takes in a trial, be it new or stored.
    pub fn observe(&mut self, outcome: TrialOutcome) {
        self.trials.push(outcome);
    }

    /// What to do next.
    pub fn next(&self) -> Step {
        if let Some(gone) = self.trials.iter().find(|trial| trial.gone) {
            let answered = self.trials.iter().filter(|trial| trial.throughput > 0.0).map(|trial| trial.load);
            return Step::Doomed(Doom::ServerGone { load: gone.load, answered: answered.reduce(f64::max) });
        }
        let points = self.points();
        if let Some(doom) =
            self.tired().filter(|_| points.iter().all(|points| Found::of(points).pass.is_none()))
        {
            return Step::Doomed(doom);
        }
        let wanted = self.again().or_else(|| self.wanted(&points));
        let Some(plan) = wanted.or_else(|| self.confirmation(&points)) else {
            return self.end(&points);
        };
        match self.within_budget(plan) {
            Some(plan) if plan.effort == Effort::Confirm => Step::Confirm(plan),
            Some(plan) => Step::Trial(plan),
            None => Step::Done(self.capacity(&points, true)),
        }
    }

    /// Whether this client measures itself whenever a trial is long enough to decide anything.
    fn tired(&self) -> Option<Doom> {
        let mut deciding = self.trials.iter().rev().filter(|trial| trial.effort != Effort::Look).take(TIRED);
        let last = deciding.next()?;
        let all = last.invalid.is_some() && deciding.clone().all(|trial| trial.invalid.is_some());
        let tired = all && deciding.count() + 1 == TIRED;
        tired.then(|| Doom::Client { load: last.load, reason: last.invalid.clone().unwrap_or_default() })
    }

    /// The last trial once more, if this client measured itself in it, and not yet often enough at its load to be believed:
    /// that may have been another program's doing.
    fn again(&self) -> Option<TrialPlan> {
        let last = self.trials.last().filter(|last| last.invalid.is_some())?;
        let index = self.grid.index(last.load);
        let here = self.trials.iter().filter(|trial| self.grid.index(trial.load) == index);
        let invalid = here.filter(|trial| trial.invalid.is_some()).count();
        (invalid < self.needs(index).invalid_min).then(|| TrialPlan {
            load: last.load,
            seconds: last.seconds.max(self.settings.trial_min),
            effort: last.effort,
            number: self.trials.len(),
        })
    }

    /// What the first tier that is not done wants to know.
    fn wanted(&self, points: &[Points]) -> Option<TrialPlan> {
        points.iter().find_map(|points| match want(points, &self.grid, self.hurried()) {
            Want::Look(index) => Some(self.plan(index, Effort::Look, None)),
            Want::Decide(index) => Some(self.plan(index, Effort::Decide, points.get(&index))),
            Want::Nothing => None,
        })
    }

    /// What is known now, for those who stop here.
    pub fn so_far(&self) -> Capacity {
        self.capacity(&self.points(), true)
    }

    /// What is known of each load, tier by tier.
    fn points(&self) -> Vec<Points> {
        let mut by_load: BTreeMap<i32, Vec<&TrialOutcome>> = BTreeMap::new();
        for trial in &self.trials {
            by_load.entry(self.grid.index(trial.load)).or_default().push(trial);
        }
        let of_tier = |tier: usize| {
            let standing = |(&index, trials): (&i32, &Vec<&TrialOutcome>)| {
                (index, Standing::of(&self.settings, tier, trials, self.needs(index)))
            };
            by_load.iter().map(standing).collect()
        };
        (0..self.settings.tiers.len()).map(of_tier).collect()
    }

    fn lengths(&self, index: i32) -> Lengths {
        let load = self.grid.load(index);
        Lengths::at(&self.settings, rate_at(&self.settings, load, &self.trials))
    }

    /// What a load needs to be judged. Where this client has put on a greater one, it takes more to believe that this one is
    /// too much for it.
    fn needs(&self, index: i32) -> Needs {
        let needs = self.lengths(index).needs;
        let greater = |trial: &TrialOutcome| trial.invalid.is_none() && self.grid.index(trial.load) > index;
        match self.trials.iter().any(greater) {
            true => Needs { invalid_min: INVALID_MIN_BELOW, ..needs },
            false => needs,
        }
    }

    fn plan(&self, index: i32, effort: Effort, so_far: Option<&Standing>) -> TrialPlan {
        let lengths = self.lengths(index);
        let seconds = match (effort, so_far) {
            (Effort::Look, _) => lengths.look,
            (Effort::Decide, Some(so_far)) => lengths.next(&self.settings, so_far),
            (Effort::Decide, None) => lengths.first,
            (Effort::Confirm, _) => lengths.first.max(lengths.needs.guard),
        };
        TrialPlan { load: self.grid.load(index), seconds, effort, number: self.trials.len() }
    }

    /// A run of its own at an answer that has none yet.
    fn confirmation(&self, points: &[Points]) -> Option<TrialPlan> {
        let open = |points: &Points| {
            Found::of(points).pass.filter(|pass| points.get(pass).is_some_and(|point| !point.confirmed))
        };
        points.iter().find_map(open).map(|pass| self.plan(pass, Effort::Confirm, None))
    }

    /// The plan, shortened to what is left of the budget; nothing if that is not worth it.
    fn within_budget(&self, plan: TrialPlan) -> Option<TrialPlan> {
        let Some(budget) = self.settings.budget else { return Some(plan) };
        let beside: f64 = self.trials.iter().map(|trial| trial.spent - trial.seconds).sum();
        let left = budget - self.spent() - beside / self.trials.len().max(1) as f64;
        let worth = (WORTH * plan.seconds).max(self.settings.trial_min);
        (left >= worth).then(|| TrialPlan { seconds: plan.seconds.min(left), ..plan })
    }

    /// Seconds that all trials took.
    fn spent(&self) -> f64 {
        self.trials.iter().map(|trial| trial.spent).sum()
    }

    fn hurried(&self) -> bool {
        self.settings.budget.is_some_and(|budget| self.spent() > HURRY * budget)
    }

    /// The end of a search that wants nothing more.
    fn end(&self, points: &[Points]) -> Step {
        if points.iter().any(|points| Found::of(points).pass.is_some()) {
            return Step::Done(self.capacity(points, false));
        }
        let least = self.grid.load(self.grid.min);
        let invalid = self.trials.iter().rev().find_map(|trial| trial.invalid.clone());
        let too_much = points.iter().flatten().any(|(_, point)| point.sign == Sign::TooMuch);
        let fails = points.iter().flatten().any(|(_, point)| point.sign == Sign::Fail);
        match invalid {
            Some(reason) if too_much && !fails => Step::Doomed(Doom::Client { load: least, reason }),
            _ if fails => Step::Doomed(Doom::NotSustainable { load: least }),
            _ => Step::Done(self.capacity(points, false)),
        }
    }

    fn capacity(&self, points: &[Points], cut_short: bool) -> Capacity {
        let tiers = self.settings.tiers.iter().zip(points);
        Capacity {
            tiers: tiers.map(|(tier, points)| self.of_tier(tier, points, cut_short)).collect(),
            trials: self.trials.len(),
            seconds: self.spent(),
            cut_short,
        }
    }

    fn of_tier(&self, tier: &Tier, points: &Points, cut_short: bool) -> TierCapacity {
        let Found { pass, fail, too_much } = Found::of(points);
        let bound = |index: i32| {
            let point = points.get(&index)?;
            Some(Bound { load: self.grid.load(index), seconds: point.seconds, confirmed: point.confirmed })
        };
        let ceiling = match fail {
            Some(_) => None,
            None if too_much.is_some() => {
                too_much.map(|index| Ceiling::Client { load: self.grid.load(index) })
            }
            None if pass == Some(self.grid.max) => Some(Ceiling::GreatestAllowed),
            None if cut_short => Some(Ceiling::OutOfTime),
            None => Some(Ceiling::TooClose),
        };
        let telling = fail.or(pass).and_then(|index| points.get(&index)?.binding);
        TierCapacity {
            name: tier.name.clone(),
            low: pass.and_then(bound),
            high: fail.and_then(bound),
            ceiling,
            binding: fail
                .and_then(|index| self.rule_at(index))
                .or_else(|| telling.and_then(|place| tier.slos.iter().nth(place)).map(ToString::to_string)),
            needs_seconds: if pass.is_none() { self.needs_seconds(points) } else { None },
        }
    }

    /// The rule of `--abort-on` that ended a trial at this load, without its figure.
    fn rule_at(&self, index: i32) -> Option<String> {
        let here = |trial: &&TrialOutcome| trial.invalid.is_none() && self.grid.index(trial.load) == index;
        let said = self.trials.iter().filter(here).find_map(|trial| trial.stopped_by.as_deref())?;
        Some(said.split_once(": ").map_or(said, |(rule, _)| rule).to_owned())
    }

    /// Seconds more that would certify a load: at the most promising one, or else those of a first trial that is to decide,
    /// where this search would try next. Nothing where nobody can tell.
    fn needs_seconds(&self, points: &Points) -> Option<f64> {
        let more = |sign| {
            points.values().filter(|point| point.sign == sign).filter_map(|point| point.more).reduce(f64::min)
        };
        // What a budget leaves for a trial is not what it needs.
        let unhurried = Settings { budget: None, ..self.settings.clone() };
        let first = |index| {
            let load = self.grid.load(index);
            Lengths::at(&unhurried, rate_at(&unhurried, load, &self.trials)).first
        };
        let next = || match want(points, &self.grid, false) {
            Want::Look(index) => Some(first(index)),
            Want::Decide(index) => points.get(&index).map_or_else(|| Some(first(index)), |point| point.more),
            Want::Nothing => None,
        };
        more(Sign::Good).or_else(|| more(Sign::Near)).or_else(next)
    }
}
