//! Builds requests ahead of the I/O threads: prompts, bodies and heads, ready to be handed to the kernel.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use bytes::Bytes;
use plimsoll_core::record::RequestId;
use plimsoll_core::workload::Workload;

use crate::priority;
use crate::protocol::{Decoder, Protocol};

/// Requests built ahead per I/O thread, at least and at most.
const AHEAD: std::ops::RangeInclusive<usize> = 64..=4096;
/// Bytes of unshared bodies built ahead per I/O thread, about.
const AHEAD_BYTES: usize = 32 << 20;

/// A request that only needs to be written.
pub(crate) struct Prepared {
    pub(crate) id: RequestId,
    /// Reads the response.
    pub(crate) decoder: Box<dyn Decoder>,
    /// Head and body, in order.
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) bytes: u64,
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) max_tokens: u32,
    pub(crate) cancel: bool,
}

/// Makes requests ready, on any thread.
#[derive(Clone)]
pub(crate) struct Builder {
    pub(crate) workload: Arc<dyn Workload>,
    pub(crate) protocol: Arc<dyn Protocol>,
    /// The head up to the value of `Content-Length`.
    pub(crate) head: Bytes,
}

impl Builder {
    fn build(&self, id: RequestId) -> Prepared {
        let request = self.workload.request(id);
        let body = self.protocol.encode(&request);
        let mut pieces = Vec::with_capacity(body.pieces.len() + 2);
        pieces.push(self.head.clone());
        pieces.push(Bytes::from(format!("{}\r\n\r\n", body.len())));
        pieces.extend(body.pieces);
        Prepared {
            id,
            decoder: self.protocol.decoder(&request),
            bytes: pieces.iter().map(Bytes::len).sum::<usize>() as u64,
            pieces,
            prompt_tokens: request.prompt_tokens,
            max_tokens: request.max_tokens,
            cancel: request.cancel,
        }
    }
}

/// The requests of one I/O thread: ids `first`, `first + step`, `first + 2 step`, …
pub(crate) struct Feed {
    builder: Builder,
    ready: Receiver<Prepared>,
    /// The id wanted next; the builder does not waste time on earlier ones.
    wanted: Arc<AtomicU64>,
    step: u64,
    /// Requests that were wanted before they were ready, over all threads.
    late: Arc<AtomicU64>,
}

impl Feed {
    /// Starts to build for I/O thread `first` of `step`, about `ahead` requests ahead, and returns once some are
    /// ready.
    pub(crate) fn start(
        builder: Builder,
        first: u64,
        step: u64,
        ahead: usize,
        late: Arc<AtomicU64>,
    ) -> io::Result<Feed> {
        let sample = builder.build(RequestId(first));
        // Shared pieces (images) take no room of their own: only what lies on this side of a page counts.
        let own: usize = sample.pieces.iter().map(|piece| piece.len().min(1 << 16)).sum();
        let room = ahead.clamp(*AHEAD.start(), *AHEAD.end()).min(AHEAD_BYTES / own.max(1)).max(4);
        let (sender, ready) = sync_channel(room);
        let (warm, warmed) = sync_channel(1);
        let wanted = Arc::new(AtomicU64::new(first));
        let (own_builder, own_wanted) = (builder.clone(), wanted.clone());
        thread::Builder::new().name(format!("plimsoll-build-{first}")).spawn(move || {
            build_on(&own_builder, &own_wanted, first, step, &sender, &warm);
        })?;
        // The builder says so when the channel is full for the first time.
        let _ = warmed.recv();
        Ok(Feed { builder, ready, wanted, step, late })
    }

    /// The next request of this thread. Built here if the builder is behind, which is counted.
    pub(crate) fn take(&mut self) -> Prepared {
        let id = self.wanted.fetch_add(self.step, Ordering::Relaxed);
        loop {
            match self.ready.try_recv() {
                Ok(prepared) if prepared.id.0 < id => {}
                Ok(prepared) => return prepared,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                    self.late.fetch_add(1, Ordering::Relaxed);
                    return self.builder.build(RequestId(id));
                }
            }
        }
    }
}

/// Builds until nobody listens any more.
fn build_on(
    builder: &Builder,
    wanted: &AtomicU64,
    first: u64,
    step: u64,
    sender: &SyncSender<Prepared>,
    warm: &SyncSender<()>,
) {
    let mut id = first;
    let mut stocked = false;
    loop {
        id = id.max(wanted.load(Ordering::Relaxed));
        let prepared = builder.build(RequestId(id));
        id += step;
        if let Err(full) = sender.try_send(prepared) {
            // From the first full channel on there is a store to live on: building must not delay an I/O thread.
            if !stocked {
                stocked = true;
                priority::only_when_idle();
                let _ = warm.try_send(());
            }
            let (std::sync::mpsc::TrySendError::Full(prepared)
            | std::sync::mpsc::TrySendError::Disconnected(prepared)) = full;
            if sender.send(prepared).is_err() {
                return;
            }
        }
    }
}
