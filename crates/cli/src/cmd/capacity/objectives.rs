//! The objectives of a capacity search, tier by tier.

use plimsoll_core::certificate::TierObjectives;
use plimsoll_core::search::Tier;
use plimsoll_core::slo::{Kind, Observable, Slo, Slos};
use plimsoll_core::spec::RunSpec;

use crate::args::capacity::CapacityArgs;
use crate::exit::{UsageError, refuse};
use crate::report::emit;

/// For whom a capacity is searched.
pub(super) struct Objectives {
    pub(super) tiers: Vec<Tier>,
    /// Nobody named any.
    pub(super) by_default: bool,
}

impl Objectives {
    /// The objectives of `--slo` and of each `--slo-set`; without any, those that are usual for the kind of server.
    ///
    /// # Errors
    /// They contradict each other, or no search can be about them.
    pub(super) fn of(args: &CapacityArgs, spec: &RunSpec) -> Result<Self, UsageError> {
        let mut tiers = Vec::new();
        if !spec.objectives.slos.is_empty() {
            tiers.push(Tier { name: String::new(), slos: spec.objectives.slos.clone() });
        }
        for set in &args.search.slo_set {
            let slos = Slos::new(set.slos.clone(), spec.objectives.slos.confidence())
                .map_err(|error| UsageError(format!("--slo-set {}: {error}", set.name)))?;
            if tiers.iter().any(|tier| tier.name == set.name) {
                refuse!("--slo-set {} is given twice: give each set a name of its own", set.name);
            }
            tiers.push(Tier { name: set.name.clone(), slos });
        }
        let observable = Observable::of(&spec.api);
        for tier in &tiers {
            tier.slos.check(observable).map_err(|error| UsageError(error.to_string()))?;
            refuse_amounts(&tier.slos)?;
        }
        let by_default = tiers.is_empty();
        if by_default {
            let kind = match observable {
                Observable { tokens: false, .. } => Kind::Classic,
                Observable { streaming: true, .. } => Kind::Streamed,
                Observable { .. } => Kind::WholeText,
            };
            tiers.push(Tier { name: String::new(), slos: Slos::default_for(kind) });
        }
        Ok(Objectives { tiers, by_default })
    }

    /// Says which objectives are taken, where nobody named any.
    pub(super) fn announce(&self) {
        if self.by_default {
            let all: Vec<String> = self.tiers.iter().map(|tier| tier.slos.to_string()).collect();
            emit::note(&format!("no --slo was given: the objectives are {}", all.join("; ")));
        }
    }

    pub(super) fn texts(&self) -> Vec<TierObjectives> {
        let of_tier = |tier: &Tier| TierObjectives {
            name: tier.name.clone(),
            slos: tier.slos.iter().map(Slo::to_string).collect(),
        };
        self.tiers.iter().map(of_tier).collect()
    }

    pub(super) fn confidence(&self) -> f64 {
        self.tiers.first().map_or(0.95, |tier| tier.slos.confidence().value())
    }
}

/// An amount per second that must be reached is missed by every load below it.
fn refuse_amounts(slos: &Slos) -> Result<(), UsageError> {
    match slos.iter().find(|slo| slo.is_about_an_amount()) {
        Some(slo) => refuse!(
            "`{slo}` is missed by every load below it, so it limits no load from above: leave it out, or search without it"
        ),
        None => Ok(()),
    }
}
