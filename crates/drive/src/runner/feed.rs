//! Builds requests ahead of the I/O threads: prompts, bodies and heads, ready to be sent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, Thread};

use bytes::Bytes;
use plimsoll_core::record::RequestId;
use plimsoll_core::workload::{RequestSpec, Workload};

use crate::priority;
use crate::protocol::Protocol;
use crate::transport::{Http2Head, Http2Request, HttpRequest, RequestHead};

/// Requests built ahead per I/O thread, at least and at most.
const AHEAD: std::ops::RangeInclusive<usize> = 64..=4096;
/// Bytes of unshared bodies built ahead per I/O thread, about.
const AHEAD_BYTES: usize = 32 << 20;
/// Builder threads at most where time is simulated.
const BUILDERS_MAX: usize = 16;

/// A request ready to be sent, and what its record says of it.
pub(crate) struct Prepared<R> {
    pub(crate) id: RequestId,
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) max_tokens: u32,
    pub(crate) request: R,
}

/// Makes requests ready for an endpoint, on any thread.
pub trait Prepare: Clone + Send + 'static {
    /// What the endpoint takes.
    type Request: Send + 'static;

    /// Makes a request ready.
    fn prepare(&self, spec: RequestSpec) -> Self::Request;

    /// Bytes of memory that a request has to itself, about.
    fn size(request: &Self::Request) -> usize;
}

/// Makes requests ready for HTTP.
#[derive(Clone)]
pub(crate) struct PrepareHttp {
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) head: RequestHead,
}

impl Prepare for PrepareHttp {
    type Request = HttpRequest;

    fn prepare(&self, spec: RequestSpec) -> HttpRequest {
        let pieces = self.head.pieces(self.protocol.encode(&spec));
        HttpRequest {
            decoder: self.protocol.decoder(&spec),
            bytes: pieces.iter().map(Bytes::len).sum::<usize>() as u64,
            pieces,
            by_part: self.protocol.route().by_part,
            bodiless: self.protocol.route().is_bodiless(),
            cancel: spec.cancel,
        }
    }

    fn size(request: &HttpRequest) -> usize {
        // Shared pieces (images) take no room of their own: only what lies on this side of a page counts.
        request.pieces.iter().map(|piece| piece.len().min(1 << 16)).sum()
    }
}

/// Makes requests ready for HTTP/2.
#[derive(Clone)]
pub(crate) struct PrepareHttp2 {
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) head: Http2Head,
}

impl Prepare for PrepareHttp2 {
    type Request = Http2Request;

    fn prepare(&self, spec: RequestSpec) -> Http2Request {
        Http2Request {
            decoder: self.protocol.decoder(&spec),
            message: self.head.message(self.protocol.encode(&spec)),
            by_part: self.protocol.route().by_part,
            cancel: spec.cancel,
        }
    }

    fn size(request: &Http2Request) -> usize {
        request.message.body.iter().map(|piece| piece.len().min(1 << 16)).sum()
    }
}

/// What becomes of a request that is wanted before it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenBehind {
    /// It is built on the spot, and counted as late.
    BuildHere,
    /// It is waited for: simulated time stands still meanwhile.
    Wait,
}

/// Builds whole requests.
struct Builder<P> {
    workload: Arc<dyn Workload>,
    prepare: P,
}

impl<P: Prepare> Builder<P> {
    fn build(&self, id: RequestId) -> Prepared<P::Request> {
        let spec = self.workload.request(id);
        let (prompt_tokens, max_tokens) = (spec.prompt_tokens, spec.max_tokens);
        Prepared { id, prompt_tokens, max_tokens, request: self.prepare.prepare(spec) }
    }
}

/// Which requests one I/O thread wants: ids `first`, `first + step`, `first + 2 step`, …, about `ahead` of them
/// built ahead.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub(crate) first: u64,
    pub(crate) step: u64,
    pub(crate) ahead: usize,
}

/// The requests of one I/O thread.
pub(crate) struct Feed<R> {
    build: Box<dyn Fn(RequestId) -> Prepared<R> + Send>,
    /// The builders; they take turns.
    stocks: Vec<Stock<R>>,
    /// Whose turn it is.
    turn: usize,
    /// One that was ready before those wanted ahead of it.
    early: Option<Prepared<R>>,
    /// The id wanted next; the builder does not waste time on earlier ones.
    wanted: Arc<AtomicU64>,
    step: u64,
    when_behind: WhenBehind,
    /// Requests that were wanted before they were ready, over all threads.
    late: Arc<AtomicU64>,
}

/// What one builder has ready.
struct Stock<R> {
    ready: Receiver<Prepared<R>>,
    builder: Thread,
    /// How many it holds at most.
    room: usize,
    /// How many were asked for since the builder was last called.
    asked: usize,
}

impl<R> Stock<R> {
    /// Asks for one, and calls the builder whenever half of what it made is gone: to wake it for each would cost more than to
    /// build.
    fn next(&mut self, when_behind: WhenBehind) -> Option<Prepared<R>> {
        self.asked += 1;
        if self.asked >= self.room / 2 {
            self.asked = 0;
            self.builder.unpark();
        }
        match when_behind {
            WhenBehind::Wait => self.ready.recv().ok(),
            WhenBehind::BuildHere => self.ready.try_recv().ok(),
        }
    }
}

impl<R> Drop for Stock<R> {
    /// The builder sees that nobody wants anything any more.
    fn drop(&mut self) {
        let (_, nobody) = sync_channel(0);
        self.ready = nobody;
        self.builder.unpark();
    }
}

impl<R: Send + 'static> Feed<R> {
    /// Starts to build and returns once some requests are ready.
    pub(crate) fn start<P: Prepare<Request = R>>(
        workload: &Arc<dyn Workload>,
        prepare: &P,
        share: Share,
        when_behind: WhenBehind,
        late: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let builder = || Builder { workload: workload.clone(), prepare: prepare.clone() };
        let here = builder();
        let own = P::size(&here.build(RequestId(share.first)).request);
        let room = share.ahead.clamp(*AHEAD.start(), *AHEAD.end()).min(AHEAD_BYTES / own.max(1)).max(4);
        // Simulated time goes as fast as requests are built, and nobody is there whom builders could delay.
        let builders = match when_behind {
            WhenBehind::BuildHere => 1,
            WhenBehind::Wait => thread::available_parallelism().map_or(1, usize::from).min(BUILDERS_MAX),
        };
        let wanted = Arc::new(AtomicU64::new(share.first));
        let (mut stocks, mut warm) = (Vec::new(), Vec::new());
        for turn in 0..builders as u64 {
            let first = share.first + turn * share.step;
            let own = Share { first, step: share.step * builders as u64, ahead: room };
            let (builder, wanted) = (builder(), wanted.clone());
            let (sender, receiver) = sync_channel(room);
            let (tell, told) = sync_channel(1);
            let thread = thread::Builder::new()
                .name(format!("plimsoll-build-{first}"))
                .spawn(move || build_on(&builder, &wanted, own, when_behind, &sender, &tell))?;
            stocks.push(Stock { ready: receiver, builder: thread.thread().clone(), room, asked: 0 });
            warm.push(told);
        }
        // A builder says so when its channel is full for the first time.
        for told in warm {
            let _ = told.recv();
        }
        let build = Box::new(move |id| here.build(id));
        Ok(Feed { build, stocks, turn: 0, early: None, wanted, step: share.step, when_behind, late })
    }

    /// The next request of this thread. Built here if the builder is behind, unless that is to be waited for.
    pub(crate) fn take(&mut self) -> Prepared<R> {
        let id = self.wanted.load(Ordering::Relaxed);
        let ready = self.ready_one(id);
        self.turn = (self.turn + 1) % self.stocks.len();
        self.wanted.store(id + self.step, Ordering::Relaxed);
        ready.unwrap_or_else(|| {
            self.late.fetch_add(1, Ordering::Relaxed);
            (self.build)(RequestId(id))
        })
    }

    /// The request `id` if the builder has made it.
    fn ready_one(&mut self, id: u64) -> Option<Prepared<R>> {
        loop {
            let prepared = match self.early.take() {
                Some(early) => early,
                None => self.stocks.get_mut(self.turn)?.next(self.when_behind)?,
            };
            if prepared.id.0 == id {
                return Some(prepared);
            }
            if prepared.id.0 > id {
                self.early = Some(prepared);
                return None;
            }
        }
    }
}

/// Builds until nobody listens any more.
fn build_on<P: Prepare>(
    builder: &Builder<P>,
    wanted: &AtomicU64,
    share: Share,
    when_behind: WhenBehind,
    sender: &SyncSender<Prepared<P::Request>>,
    warm: &SyncSender<()>,
) {
    let mut id = share.first;
    let mut stocked = false;
    loop {
        let wanted = wanted.load(Ordering::Relaxed);
        if when_behind == WhenBehind::BuildHere {
            id = id.max(wanted);
        }
        let mut prepared = builder.build(RequestId(id));
        id += share.step;
        while let Err(full) = sender.try_send(prepared) {
            // From the first full channel on there is a store to live on: building must not delay an I/O thread.
            if !stocked {
                stocked = true;
                if when_behind == WhenBehind::BuildHere {
                    priority::only_when_idle();
                }
                let _ = warm.try_send(());
            }
            match full {
                TrySendError::Full(back) => prepared = back,
                TrySendError::Disconnected(_) => return,
            }
            // Until half of the stock is gone.
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::test_spec;

    struct Hello;

    impl Workload for Hello {
        fn request(&self, id: RequestId) -> RequestSpec {
            RequestSpec { id, ..test_spec::request("hello", 1) }
        }

        fn describe(&self) -> String {
            "hello".to_owned()
        }
    }

    /// Every builder has a copy.
    #[derive(Clone)]
    struct Told(Arc<()>);

    impl Prepare for Told {
        type Request = u64;

        fn prepare(&self, spec: RequestSpec) -> u64 {
            spec.id.0
        }

        fn size(_: &u64) -> usize {
            100
        }
    }

    #[test]
    fn builders_rest_go_on_and_end() {
        let workload: Arc<dyn Workload> = Arc::new(Hello);
        for when_behind in [WhenBehind::Wait, WhenBehind::BuildHere] {
            let told = Told(Arc::default());
            let share = Share { first: 1, step: 3, ahead: 0 };
            let mut feed = Feed::start(&workload, &told, share, when_behind, Arc::default()).unwrap();
            for turn in 0..10_000 {
                let prepared = feed.take();
                assert_eq!((prepared.id.0, prepared.request), (1 + 3 * turn, 1 + 3 * turn));
            }
            drop(feed);
            while Arc::strong_count(&told.0) > 1 {
                thread::yield_now();
            }
        }
    }
}
