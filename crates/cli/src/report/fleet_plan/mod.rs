//! A plan for people.

pub(crate) mod money;
mod over_time;
pub(crate) mod scaling;

use std::path::Path;

use plimsoll_plan::figures::{figure, percent};
use plimsoll_plan::headroom::{Basis, Cause, Line};
use plimsoll_plan::{Capacity, Plan};

use super::style::{Style, Tone, lines, plain_table, right_align};

/// The whole report. `results` is the folder in which the plan lies.
pub(crate) fn text(plan: &Plan, results: &Path, style: Style) -> String {
    let sections = [
        answer(plan, style),
        basis(plan),
        headroom(plan, style),
        models(plan, style),
        over_time::text(plan, style),
        scaling::text(plan, style),
        money::cost(plan, style),
        money::choice(plan, style),
        money::fit(plan, style),
        doubts(plan, style),
        format!("Results    {}\n", results.display()),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn answer(plan: &Plan, style: Style) -> String {
    let headroom = &plan.headroom;
    let sure = &headroom.confidence;
    let noun = |count: u32| if count == 1 { "replica" } else { "replicas" };
    let bare = format!(
        "{} {}: ceil({} / {}), if nothing ever happens",
        headroom.bare,
        noun(headroom.bare),
        figure(plan.demand.peak_today),
        figure(plan.capacity.middle())
    );
    let enough = if sure.with_capacity || sure.with_demand {
        format!(
            "           enough in {} of what capacity and forecast leave open, and in {} if the worst event comes on top\n",
            percent(sure.calm),
            percent(sure.in_event)
        )
    } else {
        String::new()
    };
    format!("{}: {}\n           {bare}\n{enough}", style.paint(Tone::Good, "PLAN"), plan.answer)
}

fn basis(plan: &Plan) -> String {
    let capacity = &plan.capacity;
    let cv = plan.demand.cv.map_or_else(String::new, |cv| format!("; arrivals of CV {}", figure(cv)));
    let mut text = format!("Demand     {}{cv}\nReplica    {}\n", plan.demand.words, replica(capacity));
    if !capacity.slos.is_empty() {
        text += &format!("           within {}\n", capacity.slos.join("; "));
    }
    if let Some(cold) = capacity.cold_start {
        let how = if cold.starts > 0 {
            format!("slowest of {} starts", cold.starts)
        } else {
            "as given".to_owned()
        };
        text += &format!("           starts cold in {} s ({how})\n", figure(cold.worst));
    }
    text
}

pub(crate) fn replica(capacity: &Capacity) -> String {
    let on = match capacity.instance.as_str() {
        "" => String::new(),
        name => format!(" on {name}"),
    };
    let model = match capacity.model.as_str() {
        "" => String::new(),
        name => format!(", model {name}"),
    };
    match (capacity.high, capacity.confidence) {
        (Some(high), _) => {
            format!("{} to {}/s{on}{model} ({})", figure(capacity.low), figure(high), capacity.source)
        }
        (None, Some(_)) => format!("at least {}/s{on}{model} ({})", figure(capacity.low), capacity.source),
        (None, None) => format!("{}/s{on}, as typed", figure(capacity.low)),
    }
}

/// What always holds and what may happen, line by line.
fn headroom(plan: &Plan, style: Style) -> String {
    let headroom = &plan.headroom;
    let mut table = plain_table(style);
    table.set_header(["replicas", "for", "because", "basis"]);
    let row = |line: &Line, binds: bool| {
        let cause = name(line.cause);
        [
            line.replicas.to_string(),
            if binds { format!("{cause} <- binds") } else { cause.to_owned() },
            format!("{}: {}", line.formula, line.numbers),
            basis_word(line.basis).to_owned(),
        ]
    };
    table.add_row(["", "ALWAYS", "each with those above it", ""]);
    for line in &headroom.conditions {
        table.add_row(row(line, line.cause == headroom.bound_by));
    }
    table.add_row(["", "EVENTS", &format!("one at a time, on top of {}", headroom.calm), ""]);
    for line in &headroom.events {
        table.add_row(row(line, line.cause == headroom.bound_by));
    }
    right_align(&mut table, 0..1);
    let surge = match headroom.surge {
        0 => String::new(),
        surge => format!("A rollout puts {surge} more beside them for a while (maxSurge).\n"),
    };
    let free = headroom.free_for_ramp.filter(|free| *free > 0.0).map_or_else(String::new, |free| {
        format!("A fleet that is scaled must keep {} free, so that a rise does not overtake a replica that starts.\n", percent(free))
    });
    format!("{}\n{}{surge}{free}", style.paint(Tone::Heading, "Replicas"), lines(&table))
}

/// Over what the simulated fleet kept the objective.
pub(crate) fn over(plan: &Plan) -> &'static str {
    if plan.timeline.is_some() { "over the trace" } else { "at the peak" }
}

pub(crate) fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Traffic => "traffic",
        Cause::Measurement => "measurement interval",
        other => other.words(),
    }
}

pub(crate) fn basis_word(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Given => "given",
        Basis::Extrapolated => "extrapolated",
        Basis::Assumed => "assumed",
        Basis::Unknown => "not counted",
    }
}

fn models(plan: &Plan, style: Style) -> String {
    let mut table = plain_table(style);
    table.set_header(["replicas", "model", "by", ""]);
    for answer in &plan.models.answers {
        table.add_row([
            answer.replicas.map_or("-".to_owned(), |replicas| replicas.to_string()),
            answer.model.clone(),
            answer.basis.clone(),
            if answer.extrapolated { "extrapolated".to_owned() } else { String::new() },
        ]);
    }
    right_align(&mut table, 0..1);
    let kept = plan.models.attainment.zip(plan.models.attainment_in_event).map_or_else(String::new, |kept| {
        format!(
            "In simulation the plan keeps the objective for {} of requests {}, and for {} after the worst event.\n",
            percent(kept.0),
            over(plan),
            percent(kept.1)
        )
    });
    let verdict = &plan.models.verdict;
    format!(
        "{}, while nothing happens: {verdict}\n{}{kept}",
        style.paint(Tone::Heading, "Three models"),
        lines(&table)
    )
}

fn doubts(plan: &Plan, style: Style) -> String {
    let lines: String = plan.doubts.iter().map(|doubt| format!("  - {doubt}\n")).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}", style.paint(Tone::Doubt, "Doubts")) }
}

#[cfg(test)]
mod tests;
