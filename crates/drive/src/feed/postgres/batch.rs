//! What is written at once: some rows of each table, in one transaction.

use std::pin::pin;
use std::time::SystemTime;

use plimsoll_core::metrics::LOCUST_METRIC;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{Json, ToSql, Type};
use tokio_postgres::{Error, Transaction};

use super::rows::RequestRow;
use super::test_run::{End, TestRun};

/// What the recorder's thread hands over.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    Request(Box<RequestRow>),
    /// Requests in flight at a moment.
    Users(SystemTime, u32),
    /// All users are active: so many.
    RampComplete(SystemTime, u32),
}

/// One run and this process, as each row names them.
pub(super) struct Author {
    pub(super) run: TestRun,
    /// The start, which is the run's name in all tables.
    pub(super) id: SystemTime,
    pub(super) pid: i32,
}

const REQUEST: &str = "COPY request (time, run_id, exception, greenlet_id, loadgen, name, request_type, response_length, \
                       response_time, success, testplan, pid, context, url) FROM STDIN BINARY";
const REQUEST_TYPES: [Type; 14] = [
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::TEXT,
    Type::INT4,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::FLOAT8,
    Type::INT2,
    Type::VARCHAR,
    Type::INT4,
    Type::JSONB,
    Type::VARCHAR,
];
const USER_COUNT: &str = "COPY user_count (testplan, user_count, time, run_id) FROM STDIN BINARY";
const USER_COUNT_TYPES: [Type; 4] = [Type::VARCHAR, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ];
const EVENT: &str = "INSERT INTO events (time, text) VALUES ($1, $2)";

impl Author {
    /// The run has begun: its row of `testrun`, and the event.
    pub(super) async fn begin(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let run = &self.run;
        let insert = "INSERT INTO testrun (id, testplan, num_clients, rps, description, env, username, changeset_guid, \
                      arguments) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let clients = whole(u64::from(run.clients));
        transaction
            .execute(
                insert,
                &[
                    &self.id,
                    &run.plan,
                    &clients,
                    &run.rate,
                    &run.description,
                    &run.environment,
                    &run.user,
                    &run.version,
                    &run.arguments,
                ],
            )
            .await?;
        self.event(transaction, self.id, &format!("{} started by {}", run.plan, run.user)).await
    }

    /// Writes a batch.
    pub(super) async fn write(&self, transaction: &Transaction<'_>, batch: &[Item]) -> Result<(), Error> {
        self.write_requests(transaction, batch).await?;
        self.write_users(transaction, batch).await?;
        for item in batch {
            if let Item::RampComplete(at, users) = item {
                let text = format!("{} rampup complete, {users} users spawned", self.run.plan);
                self.event(transaction, *at, &text).await?;
            }
        }
        Ok(())
    }

    /// The run is over: what its row of `testrun` still lacks, and the event.
    pub(super) async fn end(&self, transaction: &Transaction<'_>, end: &End) -> Result<(), Error> {
        let update = "UPDATE testrun SET end_time = $2, exit_code = $3, requests = $4, resp_time_avg = $5::float8, \
                      rps_avg = $6::float8, fail_ratio = $7 WHERE id = $1";
        let (code, totals) = (i32::from(end.exit_code), &end.totals);
        let requests = whole(totals.requests);
        transaction
            .execute(
                update,
                &[
                    &self.id,
                    &end.at,
                    &code,
                    &requests,
                    &totals.response_time(),
                    &totals.rate(),
                    &totals.fail_ratio(),
                ],
            )
            .await?;
        self.event(transaction, end.at, &format!("{} finished with exit code: {code}", self.run.plan)).await
    }

    async fn event(&self, transaction: &Transaction<'_>, at: SystemTime, text: &str) -> Result<(), Error> {
        transaction.execute(EVENT, &[&at, &text]).await.map(|_| ())
    }

    async fn write_requests(&self, transaction: &Transaction<'_>, batch: &[Item]) -> Result<(), Error> {
        let rows = batch.iter().filter_map(|item| match item {
            Item::Request(row) => Some(row),
            _ => None,
        });
        let writer = BinaryCopyInWriter::new(transaction.copy_in(REQUEST).await?, &REQUEST_TYPES);
        let mut writer = pin!(writer);
        let run = &self.run;
        for row in rows {
            let context = Json(&row.context);
            let length = Some(row.length);
            let request: [&(dyn ToSql + Sync); 14] = [
                &row.at,
                &self.id,
                &row.exception,
                &row.thread,
                &run.host,
                &run.path,
                &run.method,
                &length,
                &row.response_time,
                &row.success,
                &run.plan,
                &self.pid,
                &context,
                &run.url,
            ];
            writer.as_mut().write(&request).await?;
            for (name, value) in &row.metrics {
                let mut metric = request;
                metric[5] = name;
                metric[6] = &LOCUST_METRIC;
                metric[7] = &0_i32;
                metric[8] = value;
                writer.as_mut().write(&metric).await?;
            }
        }
        writer.finish().await.map(|_| ())
    }

    async fn write_users(&self, transaction: &Transaction<'_>, batch: &[Item]) -> Result<(), Error> {
        let writer = BinaryCopyInWriter::new(transaction.copy_in(USER_COUNT).await?, &USER_COUNT_TYPES);
        let mut writer = pin!(writer);
        for item in batch {
            if let Item::Users(at, users) = item {
                let users = whole(u64::from(*users));
                writer.as_mut().write(&[&self.run.plan, &users, at, &self.id]).await?;
            }
        }
        writer.finish().await.map(|_| ())
    }
}

/// A number as a column of integers takes it.
fn whole(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
