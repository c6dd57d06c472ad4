//! Puts the verdicts on objectives into the summary of a run.

use super::binomial::Looks;
use super::evaluate::{Asked, evaluate, goodput};
use super::evidence::Evidence;
use super::gate::Gate;
use super::set::Slos;
use super::verdict::Verdict;
use crate::metrics::{Conduct, Tally};
use crate::summary::Summary;

impl Summary {
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
}
