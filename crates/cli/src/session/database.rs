//! The database that is fed with a trial.

use anyhow::anyhow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll_core::load::{Arrivals, LoadModel, Times};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::summary::{RunHeader, Summary};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::feed::postgres::{PostgresError, PostgresFeed, TestRun};
use plimsoll_drive::protocol::Route;

use crate::exit::{Exit, code_of};
use crate::resolve::PostgresOutput;

/// One trial as a database is told of it.
pub(super) struct Told<'a> {
    pub(super) spec: &'a RunSpec,
    pub(super) header: &'a RunHeader,
    pub(super) route: &'a Route,
    pub(super) times: Times,
    pub(super) clock: Clock,
    pub(super) exit_code_on_error: u8,
}

/// Begins to feed the database.
///
/// # Errors
/// It cannot be written to: better now than after the run.
pub(super) fn begin(output: &PostgresOutput, told: &Told<'_>) -> anyhow::Result<PostgresFeed> {
    let (ratio, on_error) = (told.spec.max_fail_ratio, told.exit_code_on_error);
    let exit_code = move |summary: &Summary| match summary.run.ended.as_str() {
        "aborted" => Exit::Interrupted as u8,
        _ => code_of(summary, ratio, on_error),
    };
    PostgresFeed::start(output.settings.clone(), test_run(output, told), told.clock, Box::new(exit_code))
        .map_err(|error| explained(&error, output))
}

fn explained(error: &PostgresError, output: &PostgresOutput) -> anyhow::Error {
    let next = match error {
        PostgresError::Database(_) | PostgresError::Silent => {
            "; see that it runs (`plimsoll stack up` starts one) and that --pghost, --pgport, --pguser, --pgpassword and \
             --pgdatabase, or the URL, are right; without --timescale and --postgres nothing is written to it"
        }
        PostgresError::Tls(_) | PostgresError::Schema(_) | PostgresError::System(_) => "",
    };
    anyhow!("cannot write to PostgreSQL at {}: {error}{next}", output.settings)
}

fn test_run(output: &PostgresOutput, told: &Told<'_>) -> TestRun {
    let Told { spec, header, route, .. } = told;
    let (clients, rate, ramp_end) = match &spec.load {
        LoadModel::Closed(closed) => (closed.users.get(), None, Some(told.times.ramp_end)),
        LoadModel::Open(open) => {
            let rate = match &open.arrivals {
                Arrivals::Process { rate, .. } => Some(rate.per_second()),
                Arrivals::Stages { .. } | Arrivals::Replay(_) => None,
            };
            (open.cap.map_or(0, |cap| cap.max.get()), rate, None)
        }
    };
    // A query may have a key of the user's.
    let path = route.path.split('?').next().unwrap_or_default();
    TestRun {
        plan: output.plan.clone(),
        clients,
        rate,
        description: output.description.clone(),
        environment: output.environment.clone(),
        version: output.version.clone(),
        user: output.user.clone(),
        arguments: format!("{}; {}; {}; {}", header.server(), header.api, header.load, header.workload),
        host: host_name(),
        method: route.method.to_string(),
        path: path.to_owned(),
        url: format!("{}{path}", spec.target.url).chars().take(255).collect(),
        ramp_end,
    }
}

/// This host's name, or what there is in its place.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}

/// A link to the dashboard of a run from its start to its end, or to the present if it has none yet.
pub(super) fn link(output: &PostgresOutput, clock: Clock, end: Option<Offset>) -> String {
    let url = output.dashboard.trim_end_matches(['?', '&']);
    let joint = if url.contains('?') { '&' } else { '?' };
    let plan = utf8_percent_encode(&output.plan, NON_ALPHANUMERIC);
    let from = clock.wall(Offset::ZERO).as_millis();
    // A second more, so that the last answers lie within.
    let to = end.map_or("now".to_owned(), |end| (clock.wall(end).as_millis() + 1000).to_string());
    format!("{url}{joint}var-testplan={plan}&from={from}&to={to}")
}
