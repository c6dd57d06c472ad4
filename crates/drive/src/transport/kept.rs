//! Requests one after the other, on one connection while the server keeps it.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::dial::{DialError, Dialer};
use super::fetch::{Fetched, exchange};
use crate::clock::Clock;
use crate::protocol::Fields;

/// One who asks one server by HTTP/1.1.
pub(super) struct Kept {
    dialer: Dialer,
    connection: Option<Connection>,
    /// Time for each answer.
    limit: Duration,
    clock: Clock,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// No connection.
    Unreachable(DialError),
    /// No usable answer on it.
    Unusable(String),
}

impl Kept {
    /// There is no connection before the first request. Each answer has `limit` of time.
    pub(super) fn new(dialer: Dialer, limit: Duration, clock: Clock) -> Self {
        Kept { dialer, connection: None, limit, clock }
    }

    /// Sends a request, and shows the fields of its answer. It may be sent twice: a server may have closed a connection
    /// that it said it would keep.
    pub(super) async fn ask(
        &mut self,
        pieces: Vec<Bytes>,
        mut on_fields: impl FnMut(&Fields<'_>),
    ) -> Result<Fetched, NoAnswer> {
        if let Some(connection) = self.connection.take().filter(|connection| !connection.is_stale())
            && let Ok(fetched) = self.exchange(connection, pieces.clone(), &mut on_fields).await
        {
            return Ok(fetched);
        }
        let (connection, _) = self.dialer.dial().await.map_err(NoAnswer::Unreachable)?;
        self.exchange(connection, pieces, &mut on_fields).await.map_err(NoAnswer::Unusable)
    }

    async fn exchange(
        &mut self,
        mut connection: Connection,
        pieces: Vec<Bytes>,
        on_fields: &mut impl FnMut(&Fields<'_>),
    ) -> Result<Fetched, String> {
        let answer = exchange(&mut connection, Unsent::new(pieces), self.clock, on_fields);
        let (fetched, reusable) = match timeout(self.limit, answer).await {
            Ok(answer) => answer?,
            Err(_) => return Err(format!("none within {:?}", self.limit)),
        };
        self.connection = reusable.then_some(connection);
        Ok(fetched)
    }
}
