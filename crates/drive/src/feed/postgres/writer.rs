//! The feed's own thread: batches into transactions, each written exactly once, whatever becomes of the connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::super::Counts;
use super::batch::{Author, Item};
use super::settings::{PostgresError, PostgresSettings};
use super::test_run::End;
use super::{schema, settings};

/// From one batch to the next.
const INTERVAL: Duration = Duration::from_millis(500);
/// Most items of a batch.
const BATCH: usize = 4_096;
/// Time for one batch; then the connection counts as broken.
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Pauses between attempts: they double from the one to the other.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Writes one run into the database.
pub(super) struct Writer {
    settings: PostgresSettings,
    author: Author,
    counts: Arc<Counts>,
    client: Option<Client>,
    /// The transaction of the current batch, if nobody knows whether it was committed.
    in_doubt: Option<i64>,
}

/// What one transaction writes.
enum Work<'a> {
    Batch(&'a [Item]),
    End(&'a End),
}

/// Makes the tables that are missing, and writes that the run has begun.
pub(super) async fn begin(settings: &PostgresSettings, author: &Author) -> Result<(), PostgresError> {
    let mut client = settings.connect().await?;
    schema::prepare(&mut client, &author.run.plan).await?;
    let transaction = client.transaction().await?;
    author.begin(&transaction).await?;
    Ok(transaction.commit().await?)
}

impl Writer {
    /// A writer that has no connection yet. `counts` counts requests.
    pub(super) fn new(settings: PostgresSettings, author: Author, counts: Arc<Counts>) -> Self {
        Writer { settings, author, counts, client: None, in_doubt: None }
    }

    /// Writes what comes until no more will, and then the end.
    pub(super) async fn run(mut self, mut items: Receiver<Item>, mut end: oneshot::Receiver<End>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut ended = None;
        while items.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&Work::Batch(&batch)).await;
            batch.clear();
            if ended.is_none() && items.len() < BATCH {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    known = &mut end => ended = Some(known),
                }
            }
        }
        let ended = match ended {
            Some(known) => known,
            None => end.await,
        };
        // A recorder that died without a word leaves a run without an end.
        if let Ok(end) = ended {
            self.deliver(&Work::End(&end)).await;
        }
    }

    /// Writes until it is written, or refused for what it is.
    async fn deliver(&mut self, work: &Work<'_>) {
        let mut pause = PAUSES.0;
        while let Err(error) = self.attempt(work).await {
            self.client = None;
            self.counts.failed(format!("{}: {error}", self.settings));
            if let Failure::Data(_) = error {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
            self.counts.retried();
        }
        if let Work::Batch(batch) = work {
            let requests = batch.iter().filter(|item| matches!(item, Item::Request(_))).count();
            self.counts.sent(requests as u64);
        }
    }

    async fn attempt(&mut self, work: &Work<'_>) -> Result<(), Failure> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => self.settings.connect().await?,
        };
        let written = tokio::time::timeout(WRITE_LIMIT, self.write(&mut client, work)).await;
        written
            .map_err(|_| Failure::Connection(format!("not written within {} s", WRITE_LIMIT.as_secs())))??;
        self.client = Some(client);
        Ok(())
    }

    /// One transaction. Where the connection breaks while it is committed, only the server knows what became of it: it is
    /// asked before the same is written again.
    async fn write(&mut self, client: &mut Client, work: &Work<'_>) -> Result<(), Failure> {
        if let Some(number) = self.in_doubt {
            match client.query_one("SELECT txid_status($1)", &[&number]).await?.get::<_, Option<&str>>(0) {
                Some("committed") => {
                    self.in_doubt = None;
                    return Ok(());
                }
                Some("in progress") => {
                    return Err(Failure::Connection("it still writes the last batch".into()));
                }
                _ => self.in_doubt = None,
            }
        }
        let transaction = client.transaction().await?;
        let number = transaction.query_one("SELECT txid_current()", &[]).await?.get(0);
        match work {
            Work::Batch(batch) => self.author.write(&transaction, batch).await?,
            Work::End(end) => self.author.end(&transaction, end).await?,
        }
        self.in_doubt = Some(number);
        transaction.commit().await?;
        self.in_doubt = None;
        Ok(())
    }
}

/// Why a transaction was not written.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The way to the database, or its state: worth another attempt.
    #[error("{0}")]
    Connection(String),
    /// What was to be written: it will be refused again.
    #[error("{0}")]
    Data(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = settings::explain(&error);
        // Classes of states: 22, data exceptions; 23, violated constraints.
        let class = error.code().map(SqlState::code).unwrap_or_default();
        if class.starts_with("22") || class.starts_with("23") {
            Failure::Data(text)
        } else {
            Failure::Connection(text)
        }
    }
}

impl From<PostgresError> for Failure {
    fn from(error: PostgresError) -> Self {
        Failure::Connection(error.to_string())
    }
}
