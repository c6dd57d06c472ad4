//! The dashboard of all runs in PostgreSQL, beside each other.

use super::dashboard::{Dashboard, Kind, Panel, Row, Source, Unit};
use super::postgresql::PLANS;

pub(super) const DASHBOARD: Dashboard = Dashboard {
    uid: "plimsoll-testruns",
    title: "Plimsoll: all runs, from PostgreSQL",
    tells: "The runs of the chosen plans in the chosen time, one line each: has anything changed from run to run?",
    source: Source::Postgresql,
    variables: PLANS,
    rows: &[Row { title: "Runs", panels: RUNS }],
};

const RUNS: &[Panel] = &[
    Panel {
        title: "Runs",
        tells: "What was run, by whom, and how it ended. No end: it still goes on, or its client died. Exit code 0: passed, 3: \
                the figures cannot be believed, 99: an objective was missed.",
        kind: Kind::Table,
        unit: Unit::Count,
        width: 24,
        queries: &[(
            "",
            "SELECT id AS start, end_time AS \"end\", testplan AS plan, num_clients AS users, rps AS \"rate asked for\", requests, rps_avg AS \"requests per second\", resp_time_avg AS \"mean response time, ms\", fail_ratio AS \"failed share\", exit_code AS \"exit code\", env AS environment, changeset_guid AS version, username AS \"who\", description, arguments FROM testrun WHERE $__timeFilter(id) AND testplan IN ($testplan) ORDER BY id DESC",
        )],
    },
    Panel {
        title: "Requests per second, run by run",
        tells: "Mean rate of each run, at its start.",
        kind: Kind::Points,
        unit: Unit::RequestsPerSecond,
        width: 12,
        queries: &[(
            "",
            "SELECT id AS time, testplan AS metric, rps_avg::float8 AS rate FROM testrun WHERE $__timeFilter(id) AND testplan IN ($testplan) AND rps_avg IS NOT NULL ORDER BY 1",
        )],
    },
    Panel {
        title: "Mean response time, run by run",
        tells: "Mean response time of each run's requests, at its start.",
        kind: Kind::Points,
        unit: Unit::Milliseconds,
        width: 12,
        queries: &[(
            "",
            "SELECT id AS time, testplan AS metric, resp_time_avg::float8 AS average FROM testrun WHERE $__timeFilter(id) AND testplan IN ($testplan) AND resp_time_avg IS NOT NULL ORDER BY 1",
        )],
    },
];
