//! The feed of spans: a record of the sample becomes a span, spans become batches.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::metrics::Totals;
use plimsoll_core::record::Record;
use plimsoll_core::summary::Summary;
use prost::Message as _;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::CONTENT_TYPE;
use super::message::{Export, Span, rejected};
use super::span::span;
use super::tracing::Tracing;
use crate::clock::Clock;
use crate::feed::delivery::{Manner, Parcel, Waiting, deliver};
use crate::feed::outlet::{Counts, Outlet};
use crate::feed::{Feed, FeedThread};
use crate::recorder::WindowRow;
use crate::transport::Destination;

/// Spans that may wait to be put into a batch.
const CAPACITY: usize = 4_096;
/// Spans of a batch at most.
const BATCH: usize = 512;
/// How long a batch is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How spans are posted.
const MANNER: Manner = Manner { path: "/v1/traces", content_type: CONTENT_TYPE, fields: &[], rejected };

/// What the spans of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanInfo {
    /// Whose they are.
    pub testid: String,
    /// What is asked: `chat`, `completions`, `infer`.
    pub operation: String,
    /// The model asked for; may be empty.
    pub model: String,
    /// Host of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
}

/// Makes spans of the traced requests.
pub struct SpanFeed {
    tracing: Tracing,
    info: SpanInfo,
    clock: Clock,
    outlet: Outlet<Span>,
    thread: FeedThread,
}

impl SpanFeed {
    /// Starts to send. `clock` is the run's.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn start(info: SpanInfo, tracing: Tracing, clock: Clock, to: Destination) -> io::Result<Self> {
        let given: Arc<Counts> = Arc::default();
        let (outlet, spans) = Outlet::new(CAPACITY, given.clone());
        let testid = info.testid.clone();
        let name = format!("OTLP spans to {}", to.origin.authority);
        let thread = FeedThread::start(name, "spans", given, move |counts| async move {
            let waiting = Waiting::default();
            tokio::join!(batch(spans, &testid, &waiting), deliver(&waiting, &to, MANNER, &counts));
        })?;
        Ok(SpanFeed { tracing, info, clock, outlet, thread })
    }
}

impl Feed for SpanFeed {
    fn on_record(&mut self, record: &Record, _: Option<&str>) {
        if let Some(identity) = self.tracing.of(record.id) {
            self.outlet.give(span(record, identity, &self.info, self.clock), 1);
        }
    }

    fn on_window(&mut self, _: &WindowRow, _: &Totals) {
        self.thread.look_after();
    }

    fn close(self: Box<Self>, _: &Summary) -> Vec<FeedThread> {
        vec![self.thread]
    }
}

/// Puts spans together until no more come.
async fn batch(mut spans: Receiver<Span>, testid: &str, waiting: &Waiting) {
    while let Some(first) = spans.recv().await {
        let mut batch = vec![first];
        let fill = async { while batch.len() < BATCH && spans.recv_many(&mut batch, BATCH).await > 0 {} };
        let _ = timeout(PATIENCE, fill).await;
        let n = batch.len() as u64;
        let body = Bytes::from(Export::of(testid, batch).encode_to_vec());
        waiting.put(Parcel { body, n });
    }
    waiting.close();
}
