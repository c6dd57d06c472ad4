//! What the records of a trial say of every tier, gathered on the recorder's thread.

use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_core::record::Record;
use plimsoll_core::search::Tier;
use plimsoll_core::slo::{Asked, Evidence, Looks, SloVerdict, evaluate};
use plimsoll_core::time::Offset;
use plimsoll_drive::recorder::RecordSink;

/// Evidence that a recorder adds to and the search reads.
#[derive(Clone)]
pub(super) struct Judge {
    evidence: Arc<Mutex<Vec<Evidence>>>,
}

impl Judge {
    /// No evidence yet of a trial whose measured window begins at `measure_start`.
    pub(super) fn new(tiers: &[Tier], measure_start: Offset) -> Self {
        let evidence = tiers.iter().map(|tier| Evidence::new(&tier.slos, measure_start)).collect();
        Judge { evidence: Arc::new(Mutex::new(evidence)) }
    }

    /// What the records say so far of every tier, with its name; what was scheduled after `settled` may still be in flight.
    pub(super) fn so_far(&self, tiers: &[Tier], settled: Offset) -> Vec<(String, SloVerdict)> {
        let verdicts = self.verdicts(tiers, settled);
        let named = tiers.iter().zip(verdicts);
        named.flat_map(|(tier, found)| found.into_iter().map(|found| (tier.name.clone(), found))).collect()
    }

    /// The verdicts, tier by tier, on a window that ended at `end`.
    pub(super) fn verdicts(&self, tiers: &[Tier], end: Offset) -> Vec<Vec<SloVerdict>> {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = Asked { looks: Looks::Repeated, now: end };
        tiers
            .iter()
            .zip(evidence.iter_mut())
            .map(|(tier, evidence)| {
                evidence.complete_until(end);
                evaluate(&tier.slos, evidence, asked)
            })
            .collect()
    }
}

impl RecordSink for Judge {
    fn on_record(&mut self, record: &Record, _text: Option<&str>) {
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        for one in evidence.iter_mut() {
            one.add(record);
        }
    }
}
