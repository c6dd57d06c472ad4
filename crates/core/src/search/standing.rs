//! What all trials at one load say of one tier.

use super::outcome::TrialOutcome;
use super::settings::Settings;
use crate::slo::{Looks, SloVerdict, Trials, Verdict};

/// Trials that find a load to be too much for this client before that is believed.
pub(super) const INVALID_MIN: usize = 2;
/// The same where this client has put a greater load on the server: then it is rather the host that was disturbed.
pub(super) const INVALID_MIN_BELOW: usize = 5;

/// Where a load stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It passes, by the evidence.
    Pass,
    /// It seems to pass.
    Good,
    /// The evidence that a search may gather at one load does not decide it.
    Near,
    /// It seems to fail.
    Bad,
    /// It fails, by the evidence.
    Fail,
    /// This client cannot put it on the server.
    TooMuch,
}

/// A load with all that its trials say of a tier.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) sign: Sign,
    /// Seconds that count.
    pub(super) seconds: f64,
    /// Seconds more that would decide it, as far as anybody can tell.
    pub(super) more: Option<f64>,
    /// The objective that is missed or nearest to its limit, by its place in the tier.
    pub(super) binding: Option<usize>,
    pub(super) confirmed: bool,
    /// The pressure of each objective, as a logarithm, and its weight.
    pub(super) pressures: Vec<(f64, f64)>,
}

/// How much one load may take, and what it needs to pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Needs {
    /// Seconds in which a slow overload would show.
    pub(super) guard: f64,
    /// Seconds after which the load is too close to call.
    pub(super) patience: f64,
    /// Trials in a row after which it is too much for this client.
    pub(super) invalid_min: usize,
}

/// One objective over all trials at a load.
struct Pooled {
    decided: Option<bool>,
    looks_good: bool,
    /// How near to its limit: the logarithm of the share of misses over the share allowed, or of a mean over its limit.
    pressure: f64,
    /// One over the variance of `pressure`.
    weight: f64,
    /// Seconds that would decide it.
    more: Option<f64>,
}

impl Standing {
    /// The standing of a load in tier `tier` after `trials`, all of them at this load and at least one.
    pub(super) fn of(settings: &Settings, tier: usize, trials: &[&TrialOutcome], needs: Needs) -> Self {
        let valid: Vec<&TrialOutcome> =
            trials.iter().copied().filter(|trial| trial.invalid.is_none()).collect();
        let seconds: f64 = valid.iter().map(|trial| trial.seconds).sum();
        let blank = Standing {
            sign: Sign::Good,
            seconds,
            more: None,
            binding: None,
            confirmed: false,
            pressures: Vec::new(),
        };
        // Again and again, or valid evidence at this load would be waited for in vain.
        let mut latest = trials.iter().rev().take(needs.invalid_min);
        if trials.len() >= needs.invalid_min && latest.all(|trial| trial.invalid.is_some()) {
            return Standing { sign: Sign::TooMuch, ..blank };
        }
        if valid.is_empty() {
            return Standing { sign: Sign::Bad, ..blank };
        }
        let alpha = settings.tiers.get(tier).map_or(0.05, |tier| tier.slos.confidence().alpha());
        // As many as are asked for: one of which no trial says anything is open, and not met.
        let objectives = settings.tiers.get(tier).map_or(0, |tier| tier.slos.iter().count());
        let pooled: Vec<Pooled> = (0..objectives)
            .map(|place| {
                let of = |trial: &&TrialOutcome| trial.tiers.get(tier)?.get(place).cloned();
                let found: Vec<(SloVerdict, f64)> =
                    valid.iter().filter_map(|trial| Some((of(trial)?, trial.seconds))).collect();
                Pooled::of(&found, alpha)
            })
            .collect();
        let binding = (0..pooled.len()).max_by(|&a, &b| pooled[a].pressure.total_cmp(&pooled[b].pressure));
        let failing: f64 =
            valid.iter().filter(|trial| fails_alone(trial, tier)).map(|trial| trial.seconds).sum();
        // A rule that the user made was broken: that is as good as an objective that is surely missed.
        let sign = match valid.iter().any(|trial| trial.stopped_by.is_some()) {
            true => Sign::Fail,
            false => sign(settings, &pooled, seconds, failing, needs),
        };
        let confirmed = valid.iter().any(|trial| trial.effort.is_confirmation() && !fails_alone(trial, tier));
        let more = match sign {
            Sign::Good if pooled.iter().all(|one| one.decided == Some(true)) => {
                let diluted = failing / settings.exceed_ratio.max(1e-9) - seconds;
                Some((needs.guard - seconds).max(diluted))
            }
            Sign::Good | Sign::Bad | Sign::Near => {
                pooled.iter().filter(|one| one.decided.is_none()).filter_map(|one| one.more).reduce(f64::max)
            }
            _ => None,
        };
        let pressures = pooled.iter().map(|one| (one.pressure, one.weight)).collect();
        Standing { sign, more, binding, confirmed, pressures, ..blank }
    }
}

/// The classification of MLRsearch (RFC 9971), where a good trial is one that does not fail on its own and the duration
/// sum is the time in which a slow overload shows.
fn sign(settings: &Settings, pooled: &[Pooled], seconds: f64, failing: f64, needs: Needs) -> Sign {
    let whole = seconds.max(needs.guard);
    let exceeds = failing > settings.exceed_ratio * whole;
    let passing = seconds - failing;
    let enough = whole - passing <= settings.exceed_ratio * whole;
    if pooled.iter().any(|one| one.decided == Some(false)) {
        return Sign::Fail;
    }
    let met = !pooled.is_empty() && pooled.iter().all(|one| one.decided == Some(true));
    if met && enough && !exceeds {
        return Sign::Pass;
    }
    if seconds >= needs.patience {
        return if exceeds { Sign::Fail } else { Sign::Near };
    }
    if pooled.iter().all(|one| one.looks_good) && !exceeds { Sign::Good } else { Sign::Bad }
}

/// Whether a trial shows by itself that its load is too high.
fn fails_alone(trial: &TrialOutcome, tier: usize) -> bool {
    let missed = |found: &SloVerdict| found.verdict == Verdict::Fail;
    let cut_short = trial.stopped_by.is_some();
    trial.overloaded || cut_short || trial.tiers.get(tier).is_some_and(|found| found.iter().any(missed))
}

impl Pooled {
    /// The trials at one load are independent of each other, so that their independent trials add up.
    fn of(found: &[(SloVerdict, f64)], alpha: f64) -> Self {
        match found.iter().find_map(|(verdict, _)| verdict.allowed) {
            Some(allowed) => Pooled::by_misses(found, allowed, alpha),
            None => Pooled::by_the_longest(found),
        }
    }

    fn by_misses(found: &[(SloVerdict, f64)], allowed: f64, alpha: f64) -> Self {
        let counted = found.iter().filter(|(verdict, _)| verdict.n > 0);
        let (mut n, mut misses, mut seconds) = (0.0, 0.0, 0.0);
        for (verdict, length) in counted.clone() {
            n += verdict.n as f64;
            misses += verdict.misses as f64;
            seconds += length;
        }
        // A single miss among few requests is within what is allowed as far as anybody can tell.
        let looks_good = n > 0.0 && misses <= (allowed * n).max(1.0);
        let settled = counted.clone().any(|(verdict, _)| is_settled(verdict));
        let times = clustering(counted.map(|(verdict, _)| verdict));
        let says = Trials { n: n / times, misses: misses / times };
        let decided = says.decide(allowed, alpha, Looks::Repeated).filter(|_| settled);
        let more = match decided {
            Some(_) => None,
            None if !settled => Some(seconds),
            None => times_more(says, allowed, alpha).map(|times| (times - 1.0) * seconds),
        };
        // Half a miss more than there are, so that none has a logarithm too. The variance is that of a Poisson count.
        let share = (misses + 0.5) / (n + 1.0);
        Pooled { decided, looks_good, pressure: (share / allowed).ln(), weight: (misses + 0.5) / times, more }
    }

    /// Means and amounts per second have no trials to add up: the longest run speaks.
    fn by_the_longest(found: &[(SloVerdict, f64)]) -> Self {
        let longest = found.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((verdict, seconds)) = longest else {
            return Pooled { decided: None, looks_good: false, pressure: 0.0, weight: 0.0, more: None };
        };
        let decided = match verdict.verdict {
            Verdict::Pass => Some(true),
            Verdict::Fail => Some(false),
            Verdict::Undecided => None,
        };
        let pressure = verdict.pressure().map_or(0.0, |over| over.max(1e-9).ln());
        let looks_good = decided.unwrap_or(verdict.estimate.is_some() && pressure <= 0.0);
        // The interval is some four standard errors wide.
        let ends = verdict.low.zip(verdict.high).filter(|(low, high)| *low > 0.0 && high > low);
        let weight = ends.map_or(0.0, |(low, high)| (4.0 / (high / low).ln()).powi(2));
        // Another trial begins anew, so it has to be as long as both together.
        Pooled {
            decided,
            looks_good,
            pressure,
            weight,
            more: verdict.more_seconds.map(|more| more + seconds),
        }
    }
}

/// For how many requests of all trials at a load one independent request speaks. Each trial has its own estimate of that,
/// which is small where few requests happened to miss: so it is not for a trial to say how much it counts, but for all of
/// them together. Weighted by their misses, the estimates add up to the variance of all misses.
fn clustering<'a>(trials: impl Iterator<Item = &'a SloVerdict>) -> f64 {
    let (mut weighted, mut weights) = (0.0, 0.0);
    for trial in trials.filter(|trial| is_settled(trial)) {
        let requests = trial.n as f64;
        // Without misses a trial speaks by its length, but not loudly.
        let weight = trial.misses as f64 + 1e-3 * requests;
        weighted += weight * requests / trial.effective_n.max(1e-9);
        weights += weight;
    }
    if weights > 0.0 { (weighted / weights).max(1.0) } else { 1.0 }
}

/// Whether a trial was long enough to tell how much its requests resemble each other.
fn is_settled(verdict: &SloVerdict) -> bool {
    verdict.verdict != Verdict::Undecided || verdict.reason.is_none() || verdict.more_seconds.is_none()
}

/// How many times as much of the same would decide it, if at all.
fn times_more(trials: Trials, allowed: f64, alpha: f64) -> Option<f64> {
    let decided = |times: f64| {
        let many = Trials { n: trials.n * times, misses: trials.misses * times };
        many.decide(allowed, alpha, Looks::Repeated).is_some()
    };
    let mut times = 1.0;
    while !decided(times) {
        times *= 1.25;
        if times > 1e6 {
            return None;
        }
    }
    Some(times)
}
