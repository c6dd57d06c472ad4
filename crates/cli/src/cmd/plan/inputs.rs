//! The files that a plan is made from.

use std::fs;
use std::path::Path;

use plimsoll_core::certificate::{CERTIFICATE_SCHEMA, Certificate};
use plimsoll_core::cold_start::{COLD_START_SCHEMA, ColdStartReport};
use plimsoll_core::drift::{SOAK_SCHEMA, SoakReport};
use plimsoll_core::load::trace::{TimeUnit, Trace, TraceOptions};
use plimsoll_plan::capacity::{Capacity, ColdStart, Derating, NotUsable};
use plimsoll_plan::demand::{Counts, Demand, Growth, Tokens, Traffic};
use plimsoll_plan::prices::PriceBook;
use serde::de::DeserializeOwned;

use crate::args::plan::{DemandArgs, Labelled, PlanArgs};
use crate::exit::{UsageError, refuse};
use crate::report::emit;
use crate::stored::read_versioned;

/// Seconds in which the requests of a trace are counted.
const BIN: f64 = 1.0;

/// What the fleet is for.
///
/// # Errors
/// Nothing says it, or the trace cannot be read.
pub(super) fn demand(args: &DemandArgs) -> Result<Demand, UsageError> {
    let (traffic, tokens) = match (&args.demand, &args.trace) {
        (Some(rate), _) => (Traffic::Peak(rate * args.scale), None),
        (None, Some(path)) => {
            let trace = trace(path, args)?;
            let times = trace.rows.iter().map(|row| row.at);
            let counts = Counts::of(&trace.source, times, BIN, args.scale);
            (Traffic::Trace(counts), tokens(&trace))
        }
        (None, None) => {
            refuse!("what is the fleet for? Give --demand RATE, such as --demand 500, or --trace FILE")
        }
    };
    let given = args.input_tokens.zip(args.output_tokens).map(|(input, output)| Tokens { input, output });
    Ok(Demand {
        traffic,
        growth: args.growth.zip(args.months).map(|(per_month, months)| Growth { per_month, months }),
        ramp_per_minute: args.ramp,
        cv: args.demand_cv,
        forecast_error: args.forecast_error.unwrap_or(0.0),
        tokens: given.or(tokens),
    })
}

fn trace(path: &Path, args: &DemandArgs) -> Result<Trace, UsageError> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| UsageError(format!("cannot read the trace `{shown}` ({error}): check the path")))?;
    let options = TraceOptions {
        time_column: args.trace_time_column.clone(),
        time_unit: args.trace_time_unit.as_deref().and_then(TimeUnit::from_name),
        ..TraceOptions::default()
    };
    let trace = Trace::parse(&shown, &text, &options).map_err(|error| UsageError(error.to_string()))?;
    if trace.span.is_zero() {
        refuse!("{shown} has all its requests at one moment: it says nothing of a rate");
    }
    Ok(trace)
}

/// Tokens of a request on average; nothing where rows do not say.
fn tokens(trace: &Trace) -> Option<Tokens> {
    let mean = |of: &dyn Fn(usize) -> Option<u32>| {
        let sum = (0..trace.rows.len()).map(|index| of(index).map(f64::from)).sum::<Option<f64>>()?;
        Some(sum / trace.rows.len() as f64)
    };
    Some(Tokens {
        input: mean(&|index| trace.rows[index].input_tokens)?,
        output: mean(&|index| trace.rows[index].output_tokens)?,
    })
}

/// The price book, if one was named.
///
/// # Errors
/// It cannot be read or used.
pub(super) fn prices(args: &PlanArgs) -> Result<Option<PriceBook>, UsageError> {
    let Some(path) = &args.money.prices else { return Ok(None) };
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        UsageError(format!("cannot read the price book {shown} ({error}): check its path"))
    })?;
    let book: PriceBook = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        UsageError(format!("{shown}, line {line}: {}: docs/prices.sample.toml is a sample", error.message()))
    })?;
    book.validate().map_err(|error| UsageError(format!("{shown}: {error}")))?;
    Ok(Some(book))
}

/// What a replica carries, from certificates or a bare number.
///
/// # Errors
/// There is none, or no plan can rest on one.
pub(super) fn capacities(args: &PlanArgs) -> Result<Vec<Capacity>, UsageError> {
    let typed = &args.capacity;
    let own = typed.instance.as_deref().unwrap_or_default();
    if let Some(rate) = typed.capacity {
        let capacity = Capacity { instance: own.to_owned(), ..Capacity::typed(rate.per_second()) };
        return Ok(vec![with_the_rest(capacity, args)?]);
    }
    if typed.certificate.is_empty() {
        refuse!(
            "what does one replica carry? Give --certificate FILE (from `plimsoll capacity`), --capacity RATE, or -H TARGET \
             to measure it first"
        );
    }
    let unnamed = typed.certificate.iter().filter(|labelled| labelled.instance.is_none()).count();
    if unnamed > 1 {
        refuse!("{unnamed} certificates have no instance type: say --certificate INSTANCE=FILE for each");
    }
    typed
        .certificate
        .iter()
        .map(|labelled| {
            let certificate: Certificate = read(&labelled.path, "certificate.json", CERTIFICATE_SCHEMA)?;
            let instance = labelled.instance.as_deref().unwrap_or(own);
            let source = labelled.path.display().to_string();
            with_the_rest(certified(&certificate, args, instance, &source)?, args)
        })
        .collect()
}

/// A certificate as a capacity.
///
/// # Errors
/// No plan can rest on it.
pub(super) fn certified(
    certificate: &Certificate,
    args: &PlanArgs,
    instance: &str,
    source: &str,
) -> Result<Capacity, UsageError> {
    let typed = &args.capacity;
    Capacity::certified(certificate, typed.tier.as_deref(), typed.model.as_deref(), instance, source)
        .map_err(|error: NotUsable| UsageError(error.to_string()))
}

/// A capacity with its cold start and its soak, as far as files were named for it.
///
/// # Errors
/// A file cannot be used.
pub(super) fn with_the_rest(capacity: Capacity, args: &PlanArgs) -> Result<Capacity, UsageError> {
    let typed = &args.capacity;
    let cold_start = match (file_for(&typed.coldstart, &capacity), typed.cold_start) {
        (Some(path), _) => {
            let report: ColdStartReport = read(path, "coldstart.json", COLD_START_SCHEMA)?;
            let found = ColdStart::of(&report);
            if found.is_none() {
                refuse!("{}: none of its starts came to an answer: measure again", path.display());
            }
            found
        }
        (None, Some(time)) => Some(ColdStart::given(time.as_secs_f64())),
        (None, None) => capacity.cold_start,
    };
    let derating = match file_for(&typed.soak, &capacity) {
        Some(path) => {
            let report: SoakReport = read(path, "soak.json", SOAK_SCHEMA)?;
            if !report.complete {
                emit::warning(&format!("{}: this soak has not ended, so it says less", path.display()));
            }
            Some(Derating::of(&report))
        }
        None => None,
    };
    Ok(Capacity { cold_start, derating, ..capacity })
}

/// The file about the capacity's instance type, or the one about all.
fn file_for<'a>(files: &'a [Labelled], capacity: &Capacity) -> Option<&'a Path> {
    let own = files.iter().find(|labelled| labelled.instance.as_deref() == Some(capacity.instance.as_str()));
    own.or_else(|| files.iter().find(|labelled| labelled.instance.is_none()))
        .map(|found| found.path.as_path())
}

/// Reads a result of another command. A folder stands for the file in it.
fn read<T: DeserializeOwned>(path: &Path, name: &str, schema: &str) -> Result<T, UsageError> {
    let file = if path.is_dir() { path.join(name) } else { path.to_owned() };
    read_versioned(&file, schema)
}
