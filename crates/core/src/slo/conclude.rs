//! Puts the verdicts on objectives into the summary of a run.

use super::binomial::Looks;
use super::evaluate::{Asked, evaluate, goodput};
use super::evidence::Evidence;
use super::gate::Gate;
use super::set::Slos;
use super::verdict::{SloVerdict, Verdict};
use super::warmup::WarmUp;
use crate::metrics::{Conduct, Tally};
use crate::summary::Summary;

/// A run that becomes steady later than at this share of its window needs a longer warm-up.
pub(crate) const LATE: f64 = 0.25;

impl Summary {
    /// Says where the run became steady, and warns of verdicts that rest on its warm-up.
    pub fn settle(&mut self, warm_up: &WarmUp, conduct: &Conduct) {
        let window = &conduct.window;
        let Some(steady) = warm_up.steady(window.measure_end) else { return };
        let after = steady.from.since(window.measure_start).as_secs_f64();
        self.window.steady_after = steady.found.then_some(after);
        if self.slos.is_empty() {
            return;
        }
        if !steady.found {
            self.warnings.push(
                "throughput or latency never became steady: the verdicts may be those of a warm-up; add --warmup, or measure \
                 for longer"
                    .to_owned(),
            );
        } else if after > LATE * self.window.measured {
            self.warnings.push(format!(
                "throughput and latency became steady only {after:.1} s into the measured window: add --warmup {}s",
                after.ceil()
            ));
        }
    }

    /// Judges the objectives of a run that has ended, at one look, and says of each why it is not met if that is not for its
    /// figure.
    pub fn judge(&mut self, slos: &Slos, evidence: &Evidence, tally: &Tally, conduct: &Conduct) {
        if slos.is_empty() {
            return;
        }
        let asked = Asked { looks: Looks::Once, now: conduct.window.measure_end };
        let gate = Gate { valid: self.validity.valid, backlog: tally.backlog(conduct) };
        self.slos = evaluate(slos, evidence, asked);
        gate.apply(&mut self.slos);
        self.goodput = Some(goodput(slos, evidence, asked));
    }

    /// Whether an objective was missed, in a VALID run: also by a backlog that grew, as the load cannot be held then, and by
    /// the rule that ended the run.
    pub fn missed(&self) -> bool {
        let failed = self.slos.iter().any(|found| found.verdict == Verdict::Fail);
        let overloaded = !self.slos.is_empty() && self.validity.overloaded;
        self.validity.valid && (failed || overloaded || self.run.stopped_by.is_some())
    }

    /// What the run says of its objectives together; nothing where it has none and no rule ended it.
    pub fn verdict(&self) -> Option<Verdict> {
        if self.missed() {
            return Some(Verdict::Fail);
        }
        let all_pass = self.slos.iter().all(|found| found.verdict == Verdict::Pass);
        let sure = if all_pass && self.validity.valid { Verdict::Pass } else { Verdict::Undecided };
        (!self.slos.is_empty()).then_some(sure)
    }

    /// The objective that is missed most, or is the nearest to its limit: which binds.
    pub fn binding(&self) -> Option<&SloVerdict> {
        let pressed = self.slos.iter().filter_map(|found| Some((found, found.pressure()?)));
        pressed.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(found, _)| found)
    }
}
