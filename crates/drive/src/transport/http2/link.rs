//! One connection of HTTP/2: its task, and the places for requests on it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::{self, ResponseFuture, SendRequest};
use plimsoll_core::record::{ConnectTimes, Outcome};
use plimsoll_core::time::Offset;
use tokio::time::timeout;

use super::super::connection::Connection;
use super::super::dial::DialError;
use super::super::wire::Wire;
use super::request::Message;
use super::socket::{Reads, Socket};

/// Bytes that the server may send ahead on one stream. What comes is read at once, so this only has to exceed what is
/// under way: 16 MiB are 10 Gbit/s over 13 ms.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams of a connection together: no stream shall wait for another.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// Longest header list accepted, in bytes as HTTP/2 counts them: what HTTP/1.1 may have as its head.
const MAX_HEADER_LIST: u32 = super::super::http1::MAX_HEAD as u32;

/// A connection that carries several requests at a time.
pub(super) struct Link {
    /// Absent once it has ended.
    connection: RefCell<Option<client::Connection<Socket, Bytes>>>,
    /// Absent once no more requests are to begin.
    sender: RefCell<Option<SendRequest<Bytes>>>,
    reads: Rc<Reads>,
    /// Wakes the task of the connection.
    waker: RefCell<Option<Waker>>,
    in_flight: Cell<usize>,
    /// Requests that it has carried.
    carried: Cell<u64>,
    /// The user's limit for requests at a time.
    most: usize,
    /// See [`Connection::news_take`].
    news_take: Duration,
}

impl Link {
    /// Opens a connection and waits for the server's settings, because they say how many requests it takes at a time.
    pub(super) async fn open(wire: &Rc<Wire>, most: usize) -> Result<(Rc<Link>, ConnectTimes), DialError> {
        let _awake = wire.pulse.stay_awake();
        let (connection, mut times) = wire.dialer.dial().await?;
        if connection.settled_on_http2() == Some(false) {
            let reason = "the server does not offer HTTP/2 in TLS (ALPN): use --http 1.1".to_owned();
            return Err(DialError { outcome: Outcome::Tls, reason });
        }
        let dialed = wire.clock.now();
        let settling = timeout(wire.limits.connect_timeout, settle(wire, connection, most));
        let link = match settling.await {
            Ok(Ok(link)) => Rc::new(link),
            Ok(Err(error)) => {
                let reason =
                    format!("no HTTP/2 with the server ({error}): check the port, or use --http 1.1");
                return Err(DialError { outcome: Outcome::Connect, reason });
            }
            Err(_) => {
                let limit = wire.limits.connect_timeout;
                let reason =
                    format!("no settings of HTTP/2 from the server within {limit:?} (--connect-timeout)");
                return Err(DialError { outcome: Outcome::Timeout, reason });
            }
        };
        times.tcp += wire.clock.now().since(dialed);
        Ok((link, times))
    }

    /// Keeps the connection going until it ends; its reads and most of its writes happen here.
    pub(super) async fn drive(self: Rc<Self>) {
        poll_fn(|cx| {
            self.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
            self.reads.may_read();
            // Why it ended each of its streams is told.
            self.poll_connection(cx).map(drop)
        })
        .await;
        self.close();
    }

    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let mut connection = self.connection.borrow_mut();
        let Some(open) = &mut *connection else { return Poll::Ready(Ok(())) };
        let polled = Pin::new(open).poll(cx);
        if polled.is_ready() {
            // That it is gone tells all of its streams. h2 does not tell them of a write that failed: who keeps the connection
            // after that waits for answers for ever.
            *connection = None;
        }
        polled
    }

    /// No more requests begin here; those under way end as they may, and then the connection.
    pub(super) fn close(&self) {
        if self.sender.take().is_some()
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Whether requests may begin here.
    pub(super) fn is_open(&self) -> bool {
        self.sender.borrow().is_some()
    }

    /// Whether it has carried no request yet.
    pub(super) fn is_unused(&self) -> bool {
        self.carried.get() == 0
    }

    /// Requests that it takes at a time.
    pub(super) fn limit(&self) -> usize {
        let theirs = self.sender.borrow().as_ref().map_or(0, SendRequest::current_max_send_streams);
        theirs.min(self.most)
    }

    /// A place for a request, if there is one.
    pub(super) fn seat(self: &Rc<Self>) -> Option<Seat> {
        (self.in_flight.get() < self.limit()).then(|| {
            let idle = self.in_flight.replace(self.in_flight.get() + 1) == 0;
            Seat { used_idle: idle && !self.is_unused(), link: self.clone() }
        })
    }
}

/// Speaks the first words of HTTP/2.
async fn settle(wire: &Rc<Wire>, connection: Connection, most: usize) -> Result<Link, String> {
    let news_take = connection.news_take();
    let reads = Rc::new(Reads::default());
    let socket = Socket::new(connection, wire.clone(), reads.clone());
    let (sender, connection) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        // None until the server has said how many.
        .initial_max_send_streams(0)
        .handshake(socket)
        .await
        .map_err(|error| error.to_string())?;
    let link = Link {
        connection: RefCell::new(Some(connection)),
        sender: RefCell::new(Some(sender)),
        reads,
        waker: RefCell::default(),
        in_flight: Cell::new(0),
        carried: Cell::new(0),
        most,
        news_take,
    };
    poll_fn(|cx| {
        link.reads.may_read();
        match link.poll_connection(cx) {
            Poll::Ready(Err(error)) if !error.is_io() => Poll::Ready(Err(error.to_string())),
            Poll::Ready(_) => Poll::Ready(Err("the server closed the connection".to_owned())),
            Poll::Pending if link.limit() > 0 => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await?;
    Ok(link)
}

/// A place for one request on a connection.
pub(super) struct Seat {
    link: Rc<Link>,
    /// Whether the connection was used before and carried nothing when the place was taken: the server may have been
    /// about to close it.
    used_idle: bool,
}

impl Seat {
    /// Begins the request and hands it to the kernel as far as that takes it.
    pub(super) fn send(&self, message: &Message) -> Result<ResponseFuture, h2::Error> {
        let link = &self.link;
        link.carried.set(link.carried.get() + 1);
        let sent = match &mut *link.sender.borrow_mut() {
            Some(sender) => begin(sender, message),
            None => Err(Reason::REFUSED_STREAM.into()),
        };
        if sent.is_err() {
            // No other request of ours could begin here either.
            link.close();
        } else if let Some(waker) = &*link.waker.borrow() {
            // Polled with the waker of its own task, which it goes on to wake. An end shows there.
            link.reads.may_not_read();
            if link.poll_connection(&mut Context::from_waker(waker)).is_ready() {
                waker.wake_by_ref();
            }
        }
        sent
    }

    /// Whether the server may have closed the connection, which carried nothing, just as the request was sent on it,
    /// `waited` ago.
    pub(super) fn was_a_race(&self, waited: Duration) -> bool {
        self.used_idle && waited <= self.link.news_take
    }

    /// When the last read of the connection had arrived.
    pub(super) fn arrival(&self) -> Offset {
        self.link.reads.arrival()
    }

    /// Lets the connection end when its requests have.
    pub(super) fn close_link(&self) {
        self.link.close();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.link.in_flight.set(self.link.in_flight.get() - 1);
    }
}

fn begin(sender: &mut SendRequest<Bytes>, message: &Message) -> Result<ResponseFuture, h2::Error> {
    let (response, mut body) = sender.send_request(message.head.clone(), message.body.is_empty())?;
    let last = message.body.len().saturating_sub(1);
    for (index, piece) in message.body.iter().enumerate() {
        // Bodies are in memory anyway: h2 keeps a reference to what does not fit the server's windows yet.
        body.send_data(piece.clone(), index == last)?;
    }
    Ok(response)
}
