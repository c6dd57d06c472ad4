//! What autoscalers did with the traffic before anybody applies them.

use plimsoll_plan::Plan;
use plimsoll_plan::figures::{figure, percent};
use plimsoll_plan::proof::{Baseline, Figures, Miss, Proof};
use plimsoll_plan::scaling::{Autoscaling, Proven};

use super::{lines, money::money, plain_table, right_align};
use crate::report::style::{Style, Tone};

/// Stretches of minutes that are shown of each law.
const MISSES: usize = 3;

/// The proofs side by side, the static fleet and the oracle beneath; nothing where there are no manifests.
pub(super) fn text(plan: &Plan, style: Style) -> String {
    let Some(scaling) = &plan.autoscaling else { return String::new() };
    let mut rows = plain_table(style);
    rows.set_header(["manifest", "kept", "", "replica-hours", OVER, "cost", "up", "down"]);
    for tried in tried(scaling) {
        let Tried { name, kept, figures, over } = tried;
        rows.add_row([
            name.to_owned(),
            percent(figures.attainment),
            verdict(kept).to_owned(),
            hours(figures.replica_hours),
            over.map_or("-".to_owned(), signed),
            figures.cost.map_or("-".to_owned(), money),
            figures.scale_ups.to_string(),
            figures.scale_downs.to_string(),
        ]);
    }
    right_align(&mut rows, 1..2);
    right_align(&mut rows, 3..8);
    let goal = scaling.proven.first().map_or(1.0, |proven| proven.proof.goal);
    let misses: String =
        scaling.proven.iter().flat_map(|proven| missed(proven).map(|line| format!("{line}\n"))).collect();
    let adopted: String = adopted(scaling).map(|line| format!("{line}\n")).into_iter().collect();
    let better: String = scaling.proven.iter().filter_map(proposed).map(|line| format!("{line}\n")).collect();
    let supposed: String = scaling.assumptions.iter().map(|line| format!("  - {line}\n")).collect();
    format!(
        "{}: each law over the traffic, in a simulated fleet; the goal is {} of requests\n{}{misses}{adopted}{better}{supposed}\
         Manifests are in manifests/: read its README.md first, and apply one of them.\n",
        style.paint(Tone::Heading, "Autoscaling"),
        percent(goal),
        lines(&rows)
    )
}

/// The column of what is used beyond the least that could do.
pub(crate) const OVER: &str = "over the oracle";

/// A law, or something that laws are compared with.
pub(crate) struct Tried<'a> {
    pub(crate) name: &'a str,
    pub(crate) kept: bool,
    pub(crate) figures: &'a Figures,
    /// Replica-hours beyond the oracle's, as a share of them.
    pub(crate) over: Option<f64>,
}

impl<'a> Tried<'a> {
    fn law(proven: &'a Proven) -> Self {
        let Proof { kept, figures, over_oracle, .. } = &proven.proof;
        Tried { name: &proven.manifest, kept: *kept, figures, over: *over_oracle }
    }

    fn compared(name: &'a str, baseline: &'a Baseline, over: Option<f64>) -> Self {
        Tried { name, kept: baseline.kept, figures: &baseline.figures, over }
    }
}

/// All laws, the static fleet and the oracle beneath.
pub(crate) fn tried(scaling: &Autoscaling) -> Vec<Tried<'_>> {
    let mut all: Vec<Tried<'_>> = scaling.proven.iter().map(Tried::law).collect();
    if let Some(first) = scaling.proven.first() {
        let Proof { static_peak, oracle, .. } = &first.proof;
        let best = oracle.figures.replica_hours;
        let over = (best > 0.0).then(|| static_peak.figures.replica_hours / best - 1.0);
        all.push(Tried::compared("a fixed fleet", static_peak, over));
        all.push(Tried::compared("an oracle", oracle, None));
    }
    all
}

/// `+12 %`.
pub(crate) fn signed(share: f64) -> String {
    format!("{:+.0} %", share * 100.0)
}

/// Whether the goal was reached.
pub(crate) fn verdict(kept: bool) -> &'static str {
    if kept { "reached" } else { "MISSED" }
}

/// Replica-hours with one decimal.
fn hours(hours: f64) -> String {
    figure((hours * 10.0).round() / 10.0)
}

/// Where a law missed, and why: the stretches with most requests.
pub(crate) fn missed(proven: &Proven) -> impl Iterator<Item = String> {
    let mut misses: Vec<Miss> = if proven.proof.kept { Vec::new() } else { proven.proof.misses.clone() };
    misses.sort_by(|a, b| b.requests.total_cmp(&a.requests));
    misses.truncate(MISSES);
    let name = proven.manifest.clone();
    misses.into_iter().map(move |miss| {
        format!(
            "{name} misses {} requests in minutes {} to {}: {}",
            figure(miss.requests.round()),
            miss.from,
            miss.to,
            miss.cause.words()
        )
    })
}

/// What the manifests have from a search, where their own numbers miss the goal.
pub(crate) fn adopted(scaling: &Autoscaling) -> Option<String> {
    let changes = scaling.adopted.join(", ");
    (!changes.is_empty()).then(|| {
        format!("what follows from the measurement alone misses the goal; the manifests have {changes}")
    })
}

/// What a search found to be better.
pub(crate) fn proposed(proven: &Proven) -> Option<String> {
    let proposal = proven.proposal.as_ref()?;
    Some(format!(
        "{}: better with {}: {} kept in {} replica-hours",
        proven.manifest,
        proposal.changes.join(", "),
        percent(proposal.figures.attainment),
        hours(proposal.figures.replica_hours)
    ))
}
