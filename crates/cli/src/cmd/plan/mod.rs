//! `plimsoll plan`: from certificates and a demand to a fleet, its headroom and its cost.

mod file;
mod inputs;
mod measure;
mod service;

use std::process::ExitCode;

use clap::ArgMatches;
use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::new_folder;
use plimsoll_plan::demand::Demand;
use plimsoll_plan::headroom::Settings;
use plimsoll_plan::plan::{Planned, check};
use plimsoll_plan::prices::PriceBook;
use plimsoll_plan::{Question, plan};

use self::measure::Measured;
use crate::args::plan::{PlanArgs, PlanCommand};
use crate::cmd::plan_lint;
use crate::exit::{Exit, UsageError, refuse};
use crate::report::style::Style;
use crate::report::{emit, fleet_plan};
use crate::resolve::Pages;
use crate::session::{CommandFolder, pages};

/// Runs the command.
///
/// # Errors
/// Bad usage, a certificate that no plan can rest on, or a failure of a measurement or of this host.
pub(crate) fn run(matches: &ArgMatches, typed: &PlanArgs) -> anyhow::Result<ExitCode> {
    if let Some(PlanCommand::Lint(lint)) = &typed.command {
        return plan_lint::run(lint);
    }
    let with_file = file::read(matches, typed)?;
    let args = with_file.as_ref().unwrap_or(typed);
    let demand = inputs::demand(&args.demand)?;
    let prices = inputs::prices(args)?;
    check_first(args, &demand, prices.as_ref())?;
    let capacities = match measure::measure(args)? {
        Measured::Nothing => inputs::capacities(args)?,
        Measured::Capacity(capacity) => vec![*capacity],
        Measured::Interrupted => return Ok(Exit::Interrupted.into()),
    };
    let service = service::of(args, &capacities);
    let question = Question {
        capacities,
        demand,
        settings: settings(args),
        prices,
        fit: args.money.fit.clone(),
        service,
        improve: args.manifests.improve,
        metrics_outage: args.manifests.metrics_outage.map(|time| time.as_secs_f64()),
    };
    let Planned { plan, manifests } = plan(&question).map_err(|error| UsageError(error.to_string()))?;
    // Without the settings that other commands keep beside their results: plan.json has its own.
    let now = Clock::start().wall(Offset::ZERO);
    let folder = CommandFolder::open(new_folder(&args.output.out, now, &args.output.name)?);
    folder.write_json("plan.json", &plan)?;
    service::write(&folder.path().join("manifests"), &manifests)?;
    let text = match args.output.json {
        true => format!("{}\n", serde_json::to_string_pretty(&plan)?),
        false => fleet_plan::text(&plan, folder.path(), Style::of_stdout(args.output.color)),
    };
    emit::result(&text)?;
    let typed = &args.output.page;
    pages::write(folder.path(), &Pages { file: typed.html.clone(), in_folder: !typed.no_report })?;
    Ok(Exit::Passed.into())
}

/// Finds what is wrong before anything is measured.
fn check_first(args: &PlanArgs, demand: &Demand, prices: Option<&PriceBook>) -> Result<(), UsageError> {
    let wrong = |error: &dyn std::fmt::Display| UsageError(error.to_string());
    service::check_address(&args.manifests.prometheus)?;
    check(demand, &settings(args)).map_err(|error| wrong(&error))?;
    let (Some(_), Some(book)) = (&args.measure.host, prices) else { return Ok(()) };
    match &args.capacity.instance {
        Some(name) => book.find(name).map(|_| ()).map_err(|error| wrong(&error)),
        None => refuse!("which instance type of the price book does -H run on? Say --instance NAME"),
    }
}

/// What the fleet must bear.
fn settings(args: &PlanArgs) -> Settings {
    let typed = &args.headroom;
    Settings {
        failures: typed.failures,
        zones: typed.zones,
        split: typed.router.into(),
        max_unavailable: typed.max_unavailable,
        max_surge: typed.max_surge,
        provisioning: typed.provisioning.as_secs_f64(),
        restart_every: typed.restart_every.map(|time| time.as_secs_f64()),
        peak_quantile: typed.peak_quantile,
        confidence: typed.confidence.value(),
        seed: Seed(typed.seed),
    }
}
