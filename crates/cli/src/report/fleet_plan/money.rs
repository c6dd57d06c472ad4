//! What a plan costs, and what other instance types would.

use plimsoll_plan::Plan;
use plimsoll_plan::figures::{figure, percent};

use super::{lines, plain_table, right_align};
use crate::report::style::{Style, Tone};

/// Amounts of money: at least two decimals, and three digits that count.
pub(crate) fn money(amount: f64) -> String {
    let decimals = match amount.abs() {
        size if size >= 1.0 || size == 0.0 => 2,
        size => (2 - size.log10().floor() as i32).clamp(2, 8) as usize,
    };
    format!("{amount:.decimals$}")
}

/// The fleet's price, and that of a million inferences and tokens.
pub(super) fn cost(plan: &Plan, style: Style) -> String {
    let Some(found) = &plan.money else { return String::new() };
    let unit = &found.currency;
    let mut text = format!(
        "{}: {} x {}: {} {unit}/h, {} {unit}/month on demand\n",
        style.paint(Tone::Heading, "Cost"),
        found.machines,
        found.instance,
        money(found.per_hour),
        money(found.per_month),
    );
    text += &format!("           prices of {}: {}\n", found.as_of, found.source);
    let mut units = plain_table(style);
    let tokens = found.units.iter().any(|unit| unit.tokens.is_some());
    let mut header = vec![format!("{unit} for a million"), "busy".to_owned(), "inferences".to_owned()];
    if tokens {
        header.extend(["tokens", "if answers pay all", "if prompts pay all"].map(str::to_owned));
    }
    units.set_header(header);
    let or_dash = |amount: Option<f64>| amount.map_or("-".to_owned(), money);
    for unit in &found.units {
        let mut row = vec![unit.at.words().to_owned(), percent(unit.utilisation), money(unit.inferences)];
        if tokens {
            row.extend([unit.tokens, unit.output_tokens, unit.input_tokens].map(or_dash));
        }
        units.add_row(row);
    }
    right_align(&mut units, 1..6);
    text += &lines(&units);
    if found.mixes.len() > 1 {
        let mut mixes = plain_table(style);
        mixes.set_header(["bought as", "reserved", "on demand", "spot", "per hour", "per month", ""]);
        for mix in &found.mixes {
            mixes.add_row([
                mix.name.clone(),
                figure(mix.reserved),
                figure(mix.on_demand),
                figure(mix.spot),
                money(mix.per_hour),
                money(mix.per_month),
                mix.note.clone(),
            ]);
        }
        right_align(&mut mixes, 1..6);
        text += &lines(&mixes);
    }
    text
}

/// Instance types beside each other.
pub(super) fn choice(plan: &Plan, style: Style) -> String {
    if plan.comparison.len() < 2 {
        return String::new();
    }
    let mut rows = plain_table(style);
    rows.set_header(["instance", "carries", "p99 ms", "replicas", "machines", "per hour", "per million", ""]);
    for row in &plan.comparison {
        rows.add_row([
            row.instance.clone(),
            format!("{}/s", figure(row.capacity)),
            row.latency_p99.map_or("-".to_owned(), |latency| figure(latency * 1e3)),
            row.replicas.to_string(),
            row.machines.to_string(),
            money(row.per_hour),
            money(row.per_million),
            if row.pareto { "none is cheaper and faster".to_owned() } else { String::new() },
        ]);
    }
    right_align(&mut rows, 1..7);
    let mut text = format!("{}\n{}", style.paint(Tone::Heading, "Instance types"), lines(&rows));
    for range in &plan.cheapest {
        text += &format!(
            "{} is the cheapest from {} to {}/s\n",
            range.instance,
            figure(range.from),
            figure(range.to)
        );
    }
    text + &plan.sizes.iter().map(|words| format!("{words}\n")).collect::<String>()
}

/// Whether a model fits the types' memory.
pub(super) fn fit(plan: &Plan, style: Style) -> String {
    if plan.fit.is_empty() {
        return String::new();
    }
    let mut rows = plain_table(style);
    rows.set_header([
        "instance",
        "accelerators",
        "GiB",
        "weights",
        "keys and values",
        "other",
        "",
        "at most in flight",
    ]);
    for row in &plan.fit {
        rows.add_row([
            row.instance.clone(),
            row.accelerators.clone(),
            figure(row.memory),
            figure(row.weights),
            figure(row.kv),
            figure(row.other),
            if row.fits { "fits".to_owned() } else { "DOES NOT FIT".to_owned() },
            row.most_in_flight.to_string(),
        ]);
    }
    right_align(&mut rows, 2..6);
    format!(
        "{} (computed from published sizes, not measured)\n{}",
        style.paint(Tone::Heading, "Memory"),
        lines(&rows)
    )
}
