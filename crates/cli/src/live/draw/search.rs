//! A search for a capacity: what is known so far, and the trials.

use plimsoll_core::search::{Effort, TrialOutcome};
use plimsoll_core::slo::Verdict;
use ratatui_core::text::{Line, Span};

use super::look::Look;
use crate::live::story::SearchStory;
use crate::report::capacity::{interval, load, says};
use crate::report::numbers::{ms, short};
use crate::report::style::Tone;

pub(super) fn rows<'a>(story: &SearchStory, rows: usize, look: Look) -> Vec<Line<'a>> {
    let known: Vec<String> = story.tiers.iter().map(|tier| interval(tier, story.variable)).collect();
    let known = if known.is_empty() { "one user first".to_owned() } else { known.join(", ") };
    let mut all = vec![Line::from(vec![
        Span::raw(" "),
        look.span(Tone::Heading, "capacity so far"),
        Span::raw(format!(" {known}")),
    ])];
    all.extend(story.trying.map(|trying| {
        let (load, what) = (load(trying.load, story.variable), effort(trying.effort));
        let text = format!(" {:>3} {load:>9}     now {what}", trying.number);
        Line::from(look.span(Tone::Doubt, text))
    }));
    // The newest first, as they come: what was said long ago is in the interval.
    let made = story.trials.iter().enumerate().rev();
    all.extend(made.map(|(index, outcome)| trial(index + 1, outcome, story, look)));
    all.truncate(rows);
    all
}

fn trial<'a>(number: usize, outcome: &TrialOutcome, story: &SearchStory, look: Look) -> Line<'a> {
    let said = says(outcome);
    let tone = match said.as_str() {
        "PASS" => Tone::Good,
        "FAIL" | "OVERLOADED" | "STOPPED" => Tone::Bad,
        _ => Tone::Doubt,
    };
    let load = load(outcome.load, story.variable);
    Line::from(vec![
        Span::raw(format!(" {number:>3} {load:>9} {:>5} s ", short(outcome.seconds))),
        look.span(tone, format!("{said:<10}")),
        Span::raw(format!(" {}", why(outcome))),
    ])
}

/// The objective that a trial missed, or why it counts for nothing; else how slow it was.
fn why(outcome: &TrialOutcome) -> String {
    let missed = outcome.tiers.iter().flatten().find(|found| found.verdict == Verdict::Fail);
    match (outcome.invalid.as_ref().or(outcome.stopped_by.as_ref()), missed) {
        (Some(why), _) => why.clone(),
        (None, Some(found)) => found.slo.to_string(),
        (None, None) => match outcome.latency_p99 {
            Some(p99) => format!("p99 {} ms", ms(Some(p99))),
            None => format!("ok {}/s", short(outcome.throughput)),
        },
    }
}

fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Look => "to look",
        Effort::Decide => "to decide",
        Effort::Confirm => "to confirm",
    }
}
