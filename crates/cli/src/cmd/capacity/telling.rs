//! What the live view tells of a search: what is known so far, the trials, and what the one that goes on says.

use std::cell::RefCell;
use std::time::Duration;

use plimsoll_core::search::{Search, Tier, TrialPlan, Variable};
use plimsoll_core::time::Offset;

use super::judge::Judge;
use crate::live::{Can, Occasion, SearchStory, Story, Tell, Trying};
use crate::session::Show;

/// From one look at the evidence of a trial to the next.
const JUDGED: Duration = Duration::from_secs(1);

/// A search with nothing tried yet.
pub(super) fn nothing_yet(variable: Variable) -> SearchStory {
    SearchStory { variable, trying: None, tiers: [].into(), trials: [].into(), found: Vec::new() }
}

/// How far a search has come.
pub(super) fn so_far(search: &Search) -> SearchStory {
    SearchStory {
        tiers: search.so_far().tiers.into(),
        trials: search.trials().into(),
        ..nothing_yet(search.settings().variable)
    }
}

/// How a trial of a search is shown.
pub(super) fn show(before: Show, tell: Tell) -> Show {
    let occasion = Occasion { full: true, ..before.occasion };
    // A search changes the load from trial to trial, and tells so itself.
    let can = Can { pause: true, change: false };
    Show { command: "capacity", occasion, names_load: false, tell: Some(tell), can }
}

/// Tells of the run with one user.
pub(super) fn of_one_user(known: &SearchStory) -> Tell {
    let known = known.clone();
    Box::new(move |_| Story::Search(known.clone()))
}

/// Tells of a trial, whose requests take up to `slow` to be answered.
pub(super) fn of_trial(
    known: &SearchStory,
    plan: &TrialPlan,
    (judge, tiers): (Judge, Vec<Tier>),
    slow: Duration,
) -> Tell {
    let trying = Some(Trying { number: known.trials.len() + 1, load: plan.load, effort: plan.effort });
    let story = RefCell::new(SearchStory { trying, ..known.clone() });
    let due = RefCell::new(Offset::ZERO);
    Box::new(move |now| {
        if now >= *due.borrow() {
            let settled = Offset::ZERO + now.since(Offset::ZERO).saturating_sub(slow);
            story.borrow_mut().found = judge.so_far(&tiers, settled);
            *due.borrow_mut() = now + JUDGED;
        }
        Story::Search(story.borrow().clone())
    })
}
