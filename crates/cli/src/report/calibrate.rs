//! What a calibration found: the constants, how sure they are, and how well they predict.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::calibrate::{
    Calibration, Compared, Comparison, Constant, Estimate, Identified, Quantity, Slots,
};
use plimsoll_sim::calibrated::{Calibrated, typical_error};
use serde::Serialize;

use super::numbers::{count, ms, percent, short};
use super::style::lines;

/// All that a calibration has to say.
pub(crate) struct Findings {
    /// The server.
    pub(crate) calibrated: Calibrated,
    /// The runs that it was fitted to, as it makes them.
    pub(crate) reproduced: Vec<Comparison>,
    /// Runs that it had not seen.
    pub(crate) held_out: Vec<Comparison>,
    /// Whether the number of slots was given by the user.
    pub(crate) slots_given: bool,
    /// Where the server was written to.
    pub(crate) file: String,
}

/// The whole report.
pub(crate) fn text(findings: &Findings) -> String {
    let mut sections =
        vec![header(findings), constants(&findings.calibrated), limits(findings), fitted(findings)];
    if findings.held_out.is_empty() {
        sections.push(
            "Held out   nothing, so nothing is known of how well this predicts: give --holdout RUN, or three runs or more\n"
                .to_owned(),
        );
    }
    sections.extend(findings.held_out.iter().map(held_out));
    sections.push(format!(
        "Server     {}\n           {}\n",
        findings.file,
        findings.calibrated.calibration.sim_target()
    ));
    sections.join("\n")
}

fn header(findings: &Findings) -> String {
    let Calibration { model, source, .. } = &findings.calibrated.calibration;
    let runs = source.runs.join(", ");
    format!("Fitted     {} requests of {runs}; model {model}\n", count(source.requests as u64))
}

fn constants(calibrated: &Calibrated) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["constant", "value", "95 % interval", "paid for"]);
    for estimate in &calibrated.fit.estimates {
        table.add_row([
            estimate.constant.name().to_owned(),
            time(estimate.value),
            format!("{} .. {}", time(estimate.low), time(estimate.high)),
            estimate.constant.meaning().to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let doubts = calibrated.fit.estimates.iter().filter_map(|estimate| {
        let doubt = Some(doubt(estimate)).filter(|doubt| !doubt.is_empty())?;
        Some(format!("  - {}: {doubt}\n", estimate.constant.name()))
    });
    lines(&table) + &doubts.collect::<String>()
}

/// What is to be said against an estimate; nothing if it is good.
fn doubt(estimate: &Estimate) -> String {
    let needs = estimate.constant.needs();
    match estimate.identified {
        Identified::Well => String::new(),
        Identified::Weakly => format!("UNSURE: needs {needs}"),
        Identified::SameAs(other) => format!("NOT IDENTIFIED: counted in {}; needs {needs}", other.name()),
        Identified::Never => format!("NOT IDENTIFIED: needs {needs}"),
    }
}

fn limits(findings: &Findings) -> String {
    let limits = &findings.calibrated.calibration.limits;
    let slots = match (findings.slots_given, findings.calibrated.slots) {
        (true, Slots::Limited(seen)) if seen != limits.max_num_seqs.get() => {
            format!("given, but others waited while {seen} decoded")
        }
        (true, _) => "given".to_owned(),
        (false, Slots::Limited(_)) => "read from the runs: others waited while so many decoded".to_owned(),
        (false, Slots::AtLeast(_)) => {
            "NOT IDENTIFIED: so many were in hand, and nobody waited; give --max-num-seqs, or a run with more users"
                .to_owned()
        }
    };
    format!(
        "Limits     max_num_seqs {} ({slots})\n           max_num_batched_tokens {}, KV cache of {} tokens\n",
        limits.max_num_seqs,
        limits.max_num_batched_tokens,
        count(u64::from(limits.kv_blocks.get()) * u64::from(limits.block_size.get())),
    )
}

fn fitted(findings: &Findings) -> String {
    let Calibrated { fit, refined, .. } = &findings.calibrated;
    let change = format!("{} -> {}", percent(refined.before), percent(refined.after));
    let simulator = if refined.helped() {
        format!(
            "Refined    through the simulator, which predicts the other half of the runs better: {change}\n"
        )
    } else {
        format!(
            "Refined    no: constants moved through the simulator predict the other half of the runs no better, {change}\n"
        )
    };
    let runs: String = findings
        .reproduced
        .iter()
        .map(|run| format!("           {}: {}\n", run.run, percent(typical_error(std::slice::from_ref(run)))))
        .collect();
    format!(
        "Explained  a request's TTFT to {}, its TPOT to {} (medians)\n{simulator}\
         Simulated  percentiles of TTFT and TPOT of the runs fitted to, typical error\n{runs}",
        percent(fit.ttft_error),
        percent(fit.tpot_error),
    )
}

fn held_out(run: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "measured", "95 % interval", "predicted", "error"]);
    for figure in &run.figures {
        let show = |value: f64| match figure.percentile {
            Some(_) => ms(Some(value)),
            None => short(value),
        };
        let interval = match (figure.low, figure.high) {
            (None, None) => String::new(),
            (low, high) => format!(
                "{} .. {}",
                low.map_or_else(|| "-".to_owned(), show),
                high.map_or_else(|| "-".to_owned(), show)
            ),
        };
        table.add_row([
            name(figure),
            show(figure.measured),
            interval,
            show(figure.predicted),
            format!("{:+.1} %", figure.error() * 100.0),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "Held out   {}: {} requests measured, {} predicted\n{}{}",
        run.run,
        run.requests.0,
        run.requests.1,
        lines(&table),
        verdict(run)
    )
}

fn verdict(run: &Comparison) -> String {
    let Some(worst) = run.deciding().max_by(|a, b| a.error().abs().total_cmp(&b.error().abs())) else {
        return "Too few requests for a verdict\n".to_owned();
    };
    let (all, good) =
        (run.deciding().count(), run.deciding().filter(|one| one.error().abs() <= Comparison::GOOD).count());
    let word = if good == all { "GOOD" } else { "NOT GOOD" };
    // A miss that the measurement itself does not exclude says little against the prediction.
    let within = worst.low.is_some_and(|low| low <= worst.predicted)
        && worst.high.is_some_and(|high| worst.predicted <= high);
    let noise = if within { ", but within the interval of what was measured" } else { "" };
    format!(
        "{word}: p50 and p99 of TTFT and TPOT: {good} of {all} are within {}; the worst is {}, {} off{noise}\n",
        percent(Comparison::GOOD),
        name(worst),
        percent(worst.error().abs()),
    )
}

fn name(figure: &Compared) -> String {
    match (figure.quantity, figure.percentile) {
        (Quantity::RequestRate | Quantity::TokenRate, _) => format!("{}, /s", figure.quantity.name()),
        (quantity, Some(p)) => format!("{} p{p}, ms", quantity.name()),
        (quantity, None) => quantity.name().to_owned(),
    }
}

/// Seconds in the unit that suits them.
fn time(seconds: f64) -> String {
    let (unit, scale) = match seconds {
        0.0 => return "0".to_owned(),
        large if large >= 1e-3 => ("ms", 1e3),
        medium if medium >= 1e-6 => ("us", 1e6),
        _ => ("ns", 1e9),
    };
    format!("{} {unit}", short(seconds * scale))
}

/// The version of the form that programs read.
const JSON_SCHEMA: &str = "plimsoll.calibrate/1";

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    calibration: &'a Calibration,
    max_num_seqs_identified: bool,
    constants: Vec<JsonConstant>,
    refined: bool,
    reproduced: Vec<JsonRun<'a>>,
    held_out: Vec<JsonRun<'a>>,
}

#[derive(Serialize)]
struct JsonConstant {
    constant: Constant,
    value: f64,
    low: f64,
    high: f64,
    identified: bool,
    doubt: Option<String>,
}

#[derive(Serialize)]
struct JsonRun<'a> {
    run: &'a str,
    requests_measured: usize,
    requests_predicted: usize,
    typical_error: f64,
    good: Option<bool>,
    figures: Vec<JsonFigure<'a>>,
}

#[derive(Serialize)]
struct JsonFigure<'a> {
    quantity: &'a str,
    percentile: Option<f64>,
    measured: f64,
    low: Option<f64>,
    high: Option<f64>,
    predicted: f64,
    error: f64,
}

/// The same for programs.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub(crate) fn json(findings: &Findings) -> serde_json::Result<String> {
    let constants = findings.calibrated.fit.estimates.iter().map(|estimate| JsonConstant {
        constant: estimate.constant,
        value: estimate.value,
        low: estimate.low,
        high: estimate.high,
        identified: estimate.identified == Identified::Well,
        doubt: Some(doubt(estimate)).filter(|doubt| !doubt.is_empty()),
    });
    let form = Json {
        schema: JSON_SCHEMA,
        calibration: &findings.calibrated.calibration,
        max_num_seqs_identified: findings.slots_given
            || matches!(findings.calibrated.slots, Slots::Limited(_)),
        constants: constants.collect(),
        refined: findings.calibrated.refined.helped(),
        reproduced: findings.reproduced.iter().map(json_run).collect(),
        held_out: findings.held_out.iter().map(json_run).collect(),
    };
    serde_json::to_string_pretty(&form).map(|text| text + "\n")
}

fn json_run(run: &Comparison) -> JsonRun<'_> {
    let figures = run.figures.iter().map(|figure| JsonFigure {
        quantity: figure.quantity.name(),
        percentile: figure.percentile,
        measured: figure.measured,
        low: figure.low,
        high: figure.high,
        predicted: figure.predicted,
        error: figure.error(),
    });
    JsonRun {
        run: &run.run,
        requests_measured: run.requests.0,
        requests_predicted: run.requests.1,
        typical_error: typical_error(std::slice::from_ref(run)),
        good: run.worst().map(|worst| worst <= Comparison::GOOD),
        figures: figures.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use plimsoll_core::calibrate::{Constants, Fit, Limits};
    use plimsoll_sim::calibrated::Refined;

    use super::*;

    fn figure(quantity: Quantity, percentile: Option<f64>, measured: f64, predicted: f64) -> Compared {
        let interval = percentile.map(|_| (measured * 0.95, measured * 1.02));
        let (low, high) = (interval.map(|ends| ends.0), interval.map(|ends| ends.1));
        Compared { quantity, percentile, measured, low, high, predicted }
    }

    fn findings(identified: Identified, worst: f64) -> Findings {
        let constants = Constants { fixed: 0.0071, per_context_token: 62e-9, ..Constants::default() };
        let estimates = Constant::ALL.into_iter().map(|constant| {
            let value = constants.get(constant);
            let identified = if value > 0.0 { Identified::Well } else { identified };
            Estimate { constant, value, low: value * 0.9, high: value * 1.1, identified }
        });
        let estimates = estimates.collect();
        let fit = Fit { constants, estimates, ttft_error: 0.031, tpot_error: 0.012, requests: 1738 };
        let whole = |value| NonZeroU32::new(value).unwrap();
        let limits = Limits {
            max_num_seqs: whole(8),
            max_num_batched_tokens: whole(2048),
            max_model_len: whole(32768),
            kv_blocks: whole(16384),
            block_size: whole(16),
        };
        let calibration =
            Calibration::of("m", vec!["low".to_owned(), "full".to_owned()], limits, constants, &fit);
        let figures = vec![
            figure(Quantity::Ttft, Some(50.0), 0.0421, 0.0421 * 0.97),
            figure(Quantity::Ttft, Some(99.0), 0.181, 0.181 * worst),
            figure(Quantity::Tpot, Some(50.0), 0.0099, 0.0099),
            figure(Quantity::TokenRate, None, 485.8, 484.7),
        ];
        let run = Comparison { run: "unseen".to_owned(), requests: (204, 203), figures };
        Findings {
            calibrated: Calibrated {
                fit,
                slots: Slots::Limited(8),
                refined: Refined { constants, before: 0.05, after: 0.02 },
                calibration,
            },
            reproduced: vec![Comparison { run: "low".to_owned(), ..run.clone() }],
            held_out: vec![run],
            slots_given: false,
            file: "server.toml".to_owned(),
        }
    }

    #[test]
    fn good_and_bad_predictions() {
        let good = findings(Identified::SameAs(Constant::Fixed), 1.09);
        let mut bad = findings(Identified::Weakly, 1.4);
        bad.calibrated.slots = Slots::AtLeast(8);
        bad.calibrated.refined.after = 0.06;
        let mut alone = findings(Identified::Never, 1.0);
        alone.held_out.clear();
        alone.slots_given = true;
        insta::assert_snapshot!([good, bad, alone].map(|findings| text(&findings)).join("----\n"));
    }

    #[test]
    fn programs_read_the_same() {
        insta::assert_snapshot!(json(&findings(Identified::Weakly, 1.4)).unwrap());
    }
}
