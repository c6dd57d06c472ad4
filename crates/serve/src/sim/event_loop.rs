//! The one thread of the server: waits for sockets and for the time grid, and serves both in small turns.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::connection::{Connection, Gone};
use super::schedule::Key;
use super::server::Ended;
use super::service::Service;
use super::system::{self, Timer};

const TIMER: Token = Token(0);
const WAKER: Token = Token(1);
/// The ports that are listened on: one for all, and one more for metrics if it was asked for.
const DOORS: [Token; 2] = [Token(2), Token(3)];
/// Tokens from here on are connections.
const FIRST_CONNECTION: usize = 4;

/// Connections accepted per turn. While thousands arrive at once, those that exist keep their grid.
const ACCEPTS_PER_TURN: usize = 32;
/// Steps taken per turn.
const STEPS_PER_TURN: usize = 256;
/// A shorter wait (ns) is spent looking at the sockets: setting a timer and waking from it costs about as much.
const SPIN: u64 = 20_000;
/// Bytes read at once.
const READ_SIZE: usize = 128 * 1024;
/// Most of what arrived is handled before the grid is looked at again.
const EVENTS_PER_TURN: usize = 64;

/// The server's state. Edge-triggered: what a turn leaves undone is kept in `unread` and with the doors.
pub(crate) struct EventLoop {
    poll: Poll,
    doors: Vec<Door>,
    timer: Timer,
    /// When the timer goes off (CLOCK_MONOTONIC, ns).
    armed: Option<u64>,
    table: Vec<Place>,
    free: Vec<u32>,
    unread: Vec<Key>,
    buffer: Vec<u8>,
    service: Service,
    stop: Arc<AtomicBool>,
}

/// A port that is listened on.
struct Door {
    listener: TcpListener,
    /// Somebody may wait to be let in.
    acceptable: bool,
}

/// A place in the table of connections.
#[derive(Default)]
struct Place {
    generation: u32,
    tenant: Option<Connection>,
}

impl EventLoop {
    /// A loop that serves `listeners`, one or two, until `stop` is set and the waker, which is returned too, is used.
    pub(crate) fn new(
        listeners: Vec<TcpListener>,
        service: Service,
        stop: Arc<AtomicBool>,
    ) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let timer = Timer::new()?;
        let mut doors = Vec::new();
        for (mut listener, token) in listeners.into_iter().zip(DOORS) {
            poll.registry().register(&mut listener, token, Interest::READABLE)?;
            doors.push(Door { listener, acceptable: false });
        }
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let event_loop = EventLoop {
            poll,
            doors,
            timer,
            armed: None,
            table: Vec::new(),
            free: Vec::new(),
            unread: Vec::new(),
            buffer: vec![0; READ_SIZE],
            service,
            stop,
        };
        Ok((event_loop, waker))
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// The kernel refused to wait: nothing that a client can cause.
    pub(crate) fn run(mut self) -> io::Result<Ended> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        while !self.stop.load(Ordering::Acquire) {
            let timeout = self.arm_timer()?;
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                self.on_event(event);
            }
            for key in std::mem::take(&mut self.unread) {
                self.attend(key, |connection, service, buffer| connection.read(service, buffer));
            }
            for door in 0..self.doors.len() {
                self.accept(door);
            }
            self.take_due_steps();
            self.service.look(system::now());
        }
        self.service.end()
    }

    /// Sets the timer to the next step. No waiting when there is something to do already.
    fn arm_timer(&mut self) -> io::Result<Option<Duration>> {
        let acceptable = self.doors.iter().any(|door| door.acceptable);
        if acceptable || !self.unread.is_empty() || !self.service.again.is_empty() {
            return Ok(Some(Duration::ZERO));
        }
        let due = [self.service.clockwork.next_due(), self.service.alarms.next_due()];
        let Some(due) = due.into_iter().flatten().min() else {
            return Ok(None);
        };
        if due <= system::now() + SPIN {
            return Ok(Some(Duration::ZERO));
        }
        if self.armed != Some(due) {
            self.timer.arm(due)?;
            self.armed = Some(due);
        }
        Ok(None)
    }

    fn on_event(&mut self, event: &Event) {
        match event.token() {
            TIMER => self.armed = None, // setting it again makes it unreadable: it need not be read
            WAKER => {}
            token if let Some(door) = DOORS.iter().position(|door| *door == token) => {
                self.doors[door].acceptable = true;
            }
            Token(token) => {
                let Some(place) = self.table.get(token - FIRST_CONNECTION) else {
                    return;
                };
                let key = Key { index: (token - FIRST_CONNECTION) as u32, generation: place.generation };
                if event.is_writable() {
                    self.attend(key, |connection, service, _| connection.writable(service));
                }
                if event.is_readable() || event.is_error() {
                    let ends = event.is_read_closed() || event.is_error();
                    self.attend(key, |connection, service, buffer| {
                        connection.expect_end(ends);
                        connection.read(service, buffer)
                    });
                }
            }
        }
    }

    /// What is due by now: the engine's work, alarms, and answers that had more to write. A bounded amount, in turns.
    fn take_due_steps(&mut self) {
        for _ in 0..STEPS_PER_TURN {
            let now = system::now();
            let done = self.service.clockwork.pop(now);
            if let Some(done) = done {
                self.service.note(&done);
                self.attend(done.client, |connection, service, _| connection.take(done, now, service));
            }
            let alarm = self.service.alarms.pop_due(now);
            if let Some(key) = alarm {
                self.attend(key, |connection, _, _| connection.alarm());
            }
            let again = self.service.again.pop_front();
            if let Some(key) = again {
                self.attend(key, |connection, service, _| connection.go_on(system::now(), service));
            }
            if done.is_none() && alarm.is_none() && again.is_none() {
                break;
            }
        }
    }

    /// Lets a connection act, if it is still there, and does what follows from it.
    fn attend(
        &mut self,
        key: Key,
        act: impl FnOnce(&mut Connection, &mut Service, &mut [u8]) -> Result<(), Gone>,
    ) {
        let Some(connection) = tenant(&mut self.table, key) else {
            return;
        };
        match act(connection, &mut self.service, &mut self.buffer) {
            Ok(()) if connection.wants_turn() => self.unread.push(key),
            Ok(()) => {}
            Err(Gone) => self.remove(key),
        }
    }

    /// Lets some of those in who wait at a door.
    fn accept(&mut self, door: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.doors[door].acceptable {
                return;
            }
            match self.doors[door].listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.welcome(stream) {
                        tracing::warn!(%error, "failed to set up an accepted connection");
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    self.doors[door].acceptable = false;
                    if error.kind() != ErrorKind::WouldBlock {
                        // Too many open files, most likely. Accepting goes on when a connection is closed.
                        tracing::warn!(%error, "failed to accept a connection");
                    }
                }
            }
        }
    }

    fn welcome(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.table.push(Place::default());
                (self.table.len() - 1) as u32
            }
        };
        let token = Token(index as usize + FIRST_CONNECTION);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, token, interest) {
            self.free.push(index);
            return Err(error);
        }
        let place = &mut self.table[index as usize];
        let key = Key { index, generation: place.generation };
        place.tenant = Some(Connection::new(stream, key));
        self.service.connections += 1;
        Ok(())
    }

    fn remove(&mut self, key: Key) {
        let place = &mut self.table[key.index as usize];
        let Some(connection) = place.tenant.take() else {
            return;
        };
        connection.abandon(system::now(), &mut self.service);
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        self.service.connections -= 1;
        // There may be clients for whom there was no descriptor.
        self.doors.iter_mut().for_each(|door| door.acceptable = true);
    }
}

fn tenant(table: &mut [Place], key: Key) -> Option<&mut Connection> {
    let place = table.get_mut(key.index as usize)?;
    if place.generation == key.generation { place.tenant.as_mut() } else { None }
}
