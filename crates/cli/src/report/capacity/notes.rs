//! What is said beside the verdict: trials that do not count as others do, bursts, and what an overload does.

use plimsoll_core::certificate::{Burst, Certificate};
use plimsoll_core::search::{Doom, Slowdown, Variable, WarmUpFound};

use super::load;
use crate::report::numbers::{percent, short};

/// Trials in which this client measured itself.
pub(in crate::report) fn invalid(certificate: &Certificate) -> String {
    let mut reasons = certificate.trials.iter().filter_map(|trial| trial.invalid.as_deref());
    let Some(first) = reasons.next() else { return String::new() };
    let which = match (1 + reasons.count(), certificate.trials.len()) {
        (1, 1) => "the only trial was INVALID and counts".to_owned(),
        (1, all) => format!("1 of {all} trials was INVALID and counts"),
        (some, all) => format!("{some} of {all} trials were INVALID and count"),
    };
    format!("           {which} for nothing: {first}\n")
}

/// Trials that a rule of the user's cut short.
pub(in crate::report) fn stopped(certificate: &Certificate) -> String {
    let mut rules = certificate.trials.iter().filter_map(|trial| trial.stopped_by.as_deref());
    let Some(first) = rules.next() else { return String::new() };
    let which = match 1 + rules.count() {
        1 => "1 trial was ended by --abort-on, and its load fails".to_owned(),
        some => format!("{some} trials were ended by --abort-on, and their loads fail"),
    };
    format!("           {which}: {first}\n")
}

/// A warm-up that was too short.
pub(in crate::report) fn warm_up(certificate: &Certificate) -> String {
    let Some(found) = certificate.warm_up.filter(WarmUpFound::exceeds) else { return String::new() };
    format!(
        "           {} of {} trials became steady late, after {} s where {} s are left out: what is certified may rest on \
         their warm-up; give --warmup {}s\n",
        found.late,
        found.trials,
        short(found.seconds),
        short(certificate.method.warmup),
        found.seconds.ceil()
    )
}

/// What burstier arrivals cost, and why that is not known where it is not.
pub(in crate::report) fn burst(burst: &Burst) -> String {
    let cost = |cost: &Option<f64>| cost.map_or("not known".to_owned(), percent);
    let all: Vec<String> = burst.cost.iter().map(cost).collect();
    // Bursts are about the arrivals of an open loop.
    let show = |value: f64| load(value, Variable::Rate);
    let ended = match &burst.doom {
        Some(Doom::NotSustainable { load }) => {
            format!("; the least load tried with them, {}, fails", show(*load))
        }
        Some(Doom::ServerGone { load, .. }) => {
            format!("; the server answered nobody any more at {} of them", show(*load))
        }
        Some(Doom::Client { load, reason }) => format!(
            "; this client cannot put {} of them on the server without measuring itself: {reason}",
            show(*load)
        ),
        None if burst.capacity.cut_short => "; cut short, so that more time may tell better".to_owned(),
        None => String::new(),
    };
    let all = all.join(", ");
    match burst.cost.iter().all(Option::is_none) {
        true => format!("what arrivals with a CV of {} cost is not known{ended}", burst.cv),
        false => format!("arrivals with a CV of {} cost {all} of the certified load{ended}", burst.cv),
    }
}

/// What it means that the server gets slower beyond its limit, where it does.
pub(in crate::report) fn slowdown(slowdown: Option<&Slowdown>) -> String {
    let Some(slow) = slowdown else { return String::new() };
    format!(
        "Overload   completed {}/s at best, and {}/s where {} was due, which is {} less: beyond its limit this server gets \
         slower.\n           Keep headroom: once over, it stays over until the load drops below {}/s\n",
        short(slow.best),
        short(slow.overloaded),
        range(slow.from, slow.to),
        percent(slow.lost()),
        short(slow.overloaded)
    )
}

/// `49.2/s` or `49.2/s to 72.3/s`.
fn range(from: f64, to: f64) -> String {
    let (from, to) = (load(from, Variable::Rate), load(to, Variable::Rate));
    if from == to { from } else { format!("{from} to {to}") }
}
