//! One client's connection: bytes in, answers out.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use plimsoll_sim::{Event, Failure};
use socket2::SockRef;

use super::answer::{Answer, Next, Step};
use super::clockwork::Done;
use super::metrics::End;
use super::reply::{After, Document, push_document};
use super::request::{Progress, RequestReader};
use super::schedule::Key;
use super::service::{Plan, Service};
use super::surface::Surface;
use super::system;

/// Reads per turn: the rest of a large body waits until others have had theirs.
const READS_PER_TURN: usize = 2;
/// How much of further requests is taken in while one is being answered, bytes.
const PIPELINED_MAX: usize = 64 * 1024;
/// How long a connection that was closed here may stay open on the other side, ns.
const LINGER: u64 = 2_000_000_000;

/// The connection is over and can be forgotten.
#[derive(Debug)]
pub(crate) struct Gone;

/// A connection. At most one request is being answered at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    key: Key,
    reader: RequestReader,
    state: State,
    /// What the socket did not take of the last write. No further step is taken before this is gone, so that a slow
    /// client costs no memory, and every stamp is taken just before its write.
    pending: Vec<u8>,
    /// The socket may hold bytes for which no event will come.
    unread: bool,
    /// The client has announced the end: there is one to read.
    peer_closed: bool,
    /// When the last answer ended (CLOCK_MONOTONIC, ns).
    idle_since: u64,
    /// Kernel time of the last arrival (wall clock, ns).
    arrived: Option<u64>,
    /// Steps that were due before this moment were held up by the client (CLOCK_MONOTONIC, ns).
    held_up_until: u64,
}

#[derive(Debug)]
enum State {
    /// No request is complete.
    Reading,
    /// A request is complete; its answer waits, or is under way.
    Answering(Box<Answer>),
    /// Nothing more will be said; the end is announced as soon as `pending` is out.
    Closing,
    /// The end was announced. Closing right away could destroy what the client has not read yet.
    Lingering,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, key: Key) -> Self {
        Connection {
            stream,
            key,
            reader: RequestReader::default(),
            state: State::Reading,
            pending: Vec::new(),
            unread: false,
            peer_closed: false,
            idle_since: 0,
            arrived: None,
            held_up_until: 0,
        }
    }

    /// Whether [`Connection::read`] should be called again, although no event says so.
    pub(crate) fn wants_turn(&self) -> bool {
        self.unread && !self.is_full()
    }

    /// Notes whether the client has announced that it will send no more, which this server takes for its leaving.
    pub(crate) fn expect_end(&mut self, announced: bool) {
        self.peer_closed |= announced;
    }

    fn is_full(&self) -> bool {
        matches!(self.state, State::Answering(_)) && self.reader.buffered() >= PIPELINED_MAX
    }

    /// Reads what has come, a bounded amount, and acts on it.
    pub(crate) fn read(&mut self, service: &mut Service, buffer: &mut [u8]) -> Result<(), Gone> {
        self.unread = true;
        for _ in 0..READS_PER_TURN {
            if self.is_full() {
                break;
            }
            match system::receive(&self.stream, buffer) {
                Ok((0, _)) => return Err(Gone),
                Ok((length, arrived)) => {
                    self.arrived = arrived;
                    // A short read has emptied the socket: whatever comes later raises an event. An end that had come
                    // before raises no other.
                    self.unread = length == buffer.len() || self.peer_closed;
                    if !matches!(self.state, State::Closing | State::Lingering) {
                        self.reader.push(&buffer[..length]);
                        self.proceed(service)?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.unread = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
            if !self.unread {
                break;
            }
        }
        Ok(())
    }

    /// Goes on with a write that the socket did not take whole.
    pub(crate) fn writable(&mut self, service: &mut Service) -> Result<(), Gone> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.write_some(&self.pending)?;
        self.pending.drain(..written);
        if !self.pending.is_empty() {
            return Ok(());
        }
        match &self.state {
            State::Answering(answer) => {
                self.held_up_until = system::now();
                if answer.due(&service.script).is_some() {
                    service.again.push_back(self.key);
                }
                Ok(())
            }
            State::Closing => self.announce_end(service),
            State::Reading => self.proceed(service),
            State::Lingering => Ok(()),
        }
    }

    /// The engine has done something for the request of this connection.
    pub(crate) fn take(&mut self, done: Done, now: u64, service: &mut Service) -> Result<(), Gone> {
        let State::Answering(answer) = &mut self.state else {
            return Ok(());
        };
        let Some(place) = answer.job().place(done.job) else {
            return Ok(());
        };
        if done.event == Event::Failed(Failure::Crashed) {
            return Err(self.reset());
        }
        if matches!(done.event, Event::Failed(_)) {
            service.give_up(answer.job(), now, End::Failed); // what is left of the request
        }
        answer.take(done.at, place, done.event);
        if self.pending.is_empty() {
            return self.take_steps(now, service);
        }
        if service.is_too_slow((self.pending.len() + answer.backlog()) as u64) {
            service.stats.dropped += 1;
            return Err(self.reset());
        }
        Ok(())
    }

    /// Goes on with an answer of which more was due than one turn may take.
    pub(crate) fn go_on(&mut self, now: u64, service: &mut Service) -> Result<(), Gone> {
        if self.pending.is_empty() { self.take_steps(now, service) } else { Ok(()) }
    }

    /// The moment has come for which this connection is in the schedule.
    pub(crate) fn alarm(&self) -> Result<(), Gone> {
        match self.state {
            State::Lingering => Err(Gone),
            State::Answering(_) | State::Reading | State::Closing => Ok(()),
        }
    }

    /// Closes so that the client reads an error, as when the server's process dies.
    pub(crate) fn reset(&self) -> Gone {
        // Without lingering a close discards what is unsent and resets. Where that fails, the close is a plain one.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        Gone
    }

    /// The client is gone: gives back what its request held.
    pub(crate) fn abandon(&self, now: u64, service: &mut Service) {
        if let State::Answering(answer) = &self.state {
            service.give_up(answer.job(), now, End::Cancelled);
            service.stats.cancelled();
        }
    }

    /// Looks for complete requests and acts on them.
    fn proceed(&mut self, service: &mut Service) -> Result<(), Gone> {
        while matches!(self.state, State::Reading) && self.pending.is_empty() {
            match self.reader.advance() {
                Ok(Progress::Partial) => break,
                Ok(Progress::AwaitsContinue) => self.send(b"HTTP/1.1 100 Continue\r\n\r\n")?,
                Ok(Progress::Whole) => self.begin(service)?,
                Err(refusal) => {
                    service.stats.refused += 1;
                    let options = &service.script.options;
                    let document = Surface::of(options.flavour).refuse(&refusal, options);
                    self.say(service, &document, After::Close)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, service: &mut Service) -> Result<(), Gone> {
        let Some((head, body)) = self.reader.request() else {
            return Ok(());
        };
        let arrival = self.arrived.map_or_else(system::now, system::monotonic_of);
        let plan = service.plan(head, body, arrival);
        let after = if head.keep_alive { After::Keep } else { After::Close };
        self.reader.consume();
        match plan {
            Plan::Say(document) => self.say(service, &document, after),
            Plan::Reset => Err(self.reset()),
            // A pipelined request begins when the answer before it has ended.
            Plan::Work(job) => match service.admit(&job, arrival.max(self.idle_since), self.key) {
                Ok(()) => {
                    self.state = State::Answering(Box::new(Answer::new(*job)));
                    Ok(())
                }
                Err(Plan::Say(document)) => self.say(service, &document, after),
                Err(_) => Err(self.reset()),
            },
        }
    }

    /// Writes what is due, stamped `now`. Of what is due beyond one write, others have their turn first.
    fn take_steps(&mut self, mut now: u64, service: &mut Service) -> Result<(), Gone> {
        while let State::Answering(answer) = &mut self.state {
            service.out.clear();
            let Some(step) = answer.write(now, &service.script, &mut service.out, &mut service.rows) else {
                break;
            };
            let more = answer.due(&service.script).is_some();
            self.count(step, now, service);
            self.send(&service.out)?;
            match step.next {
                Next::End(after) => return self.end_answer(after, service),
                _ if !self.pending.is_empty() => {
                    service.stats.blocked_writes += 1;
                    break; // goes on when the socket is writable
                }
                Next::Now => now = system::now(),
                Next::AtDue => {
                    if more {
                        service.again.push_back(self.key);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    fn count(&self, step: Step, now: u64, service: &mut Service) {
        service.stats.events += u64::from(step.events);
        if let Some(timing) = step.timing {
            service.stats.timed(timing);
            if step.due >= self.held_up_until {
                service.stats.late(now.saturating_sub(step.due));
            }
        }
        service.write_down_truth(now);
    }

    fn end_answer(&mut self, after: After, service: &mut Service) -> Result<(), Gone> {
        self.state = State::Reading;
        self.idle_since = system::now();
        service.stats.completed();
        match after {
            After::Keep => self.proceed(service),
            After::Close => self.close(service),
        }
    }

    /// Answers with a whole document.
    fn say(&mut self, service: &mut Service, document: &Document, after: After) -> Result<(), Gone> {
        service.out.clear();
        push_document(&mut service.out, document, after);
        self.send(&service.out)?;
        match after {
            After::Keep => Ok(()),
            After::Close => self.close(service),
        }
    }

    fn close(&mut self, service: &mut Service) -> Result<(), Gone> {
        self.state = State::Closing;
        if self.pending.is_empty() { self.announce_end(service) } else { Ok(()) }
    }

    fn announce_end(&mut self, service: &mut Service) -> Result<(), Gone> {
        self.stream.shutdown(Shutdown::Write).map_err(|_| Gone)?;
        self.state = State::Lingering;
        service.alarms.add(system::now() + LINGER, self.key);
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let written = if self.pending.is_empty() { self.write_some(bytes)? } else { 0 };
        self.pending.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Writes as much as the socket takes, and says how much that was.
    fn write_some(&self, bytes: &[u8]) -> Result<usize, Gone> {
        let mut written = 0;
        while written < bytes.len() {
            match (&self.stream).write(&bytes[written..]) {
                Ok(0) => return Err(Gone),
                Ok(length) => written += length,
                Err(error) if is_retry(&error) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Err(Gone),
            }
        }
        Ok(written)
    }
}

fn is_retry(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}
