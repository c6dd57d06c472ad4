//! The handle of a running server.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use mio::Waker;
use mio::net::TcpListener;
use plimsoll_core::time::Offset;
use socket2::{Domain, Protocol, Socket, Type};

use super::answer::Script;
use super::clockwork::Clockwork;
use super::event_loop::EventLoop;
use super::frames::Words;
use super::metrics::{Identity, Metrics};
use super::options::SimOptions;
use super::schedule::Schedule;
use super::service::Service;
use super::stats::{Lateness, Stats};
use super::system;
use super::truth::TruthFile;

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 16_384;

/// A simulated endpoint that answers on a port until it is stopped or dropped.
#[derive(Debug)]
pub struct SimServer {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<Ended>>>,
}

/// What there is to say about a server that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ended {
    /// How late its writes were against its own schedule.
    pub lateness: Lateness,
}

impl SimServer {
    /// Starts a server in a thread of its own, named `plimsoll-sim`. Port 0 takes a free one.
    ///
    /// # Errors
    /// The address is not a loopback address and the options do not allow others, it is in use, the CPU to pin to
    /// does not exist, or the system is out of descriptors or threads.
    pub fn start(options: SimOptions, bind: SocketAddr) -> io::Result<SimServer> {
        if !bind.ip().is_loopback() && !options.non_loopback {
            let message = format!(
                "{bind} is not a loopback address: the simulated endpoint has no protection, so say non_loopback=true to open it"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if let Err(error) = system::raise_open_files() {
            tracing::warn!(%error, "failed to raise the limit on open files");
        }
        let listener = listen(bind)?;
        let address = listener.local_addr()?;
        let metrics = options.metrics_port.map(|port| listen_for_metrics(bind.ip(), port)).transpose()?;
        let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        let listeners = [listener].into_iter().chain(metrics).collect();
        let core = options.core;
        let stop = Arc::new(AtomicBool::new(false));
        let (event_loop, waker) = EventLoop::new(listeners, service(options)?, Arc::clone(&stop))?;
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new().name("plimsoll-sim".to_owned()).spawn(move || {
            let pinned = core.map_or(Ok(()), system::pin_to);
            let go = pinned.is_ok();
            // The other side waits for this message, so it cannot have gone.
            let _ = tell.send(pinned);
            if go { event_loop.run() } else { Ok(Ended::default()) }
        })?;
        let server = SimServer { address, metrics_address, stop, waker, thread: Some(thread) };
        match told.recv() {
            Ok(Ok(())) => Ok(server),
            Ok(Err(error)) => {
                let core = core.unwrap_or_default();
                Err(io::Error::new(error.kind(), format!("failed to pin the server to CPU {core}: {error}")))
            }
            Err(_) => Err(io::Error::other("the server's thread ended before it began")),
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens besides, for those who scrape its metrics.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Stops the server, closes its connections and waits for its thread. The truth file is complete after it.
    ///
    /// # Errors
    /// The thread had ended early, because it could not wait for its sockets or because it panicked; or the truth file
    /// could not be written.
    pub fn stop(mut self) -> io::Result<Ended> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> io::Result<Ended> {
        let Some(thread) = self.thread.take() else {
            return Ok(Ended::default());
        };
        self.stop.store(true, Ordering::Release);
        self.waker.wake()?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the server's thread panicked")))
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::error!(%error, "the simulated endpoint failed");
        }
    }
}

fn listen_for_metrics(ip: IpAddr, port: u16) -> io::Result<TcpListener> {
    let message = |error| format!("metrics_port={port} cannot be opened ({error}): 0 takes a free one");
    listen(SocketAddr::new(ip, port)).map_err(|error| io::Error::new(error.kind(), message(error)))
}

fn listen(bind: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(bind), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    system::stamp_arrivals(&socket)?;
    // Some hosts default to a congestion control that paces (BBR): writes would leave later than their stamps say.
    // Reno is in every Linux kernel and does not. Accepted sockets inherit both settings.
    socket.set_tcp_congestion(b"reno")?;
    socket.bind(&bind.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn service(options: SimOptions) -> io::Result<Service> {
    let truth = options.truth_file.as_deref().map(TruthFile::create).transpose()?;
    let origin = system::now();
    let engine =
        options.engine.engine().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let identity = Identity::of(options.flavour, &options.model, &engine);
    Ok(Service {
        metrics: Metrics::new(identity, &engine.state(Offset::ZERO)),
        clockwork: Clockwork::new(engine, origin),
        script: Script { options, words: Words::default(), created: system::wall() / 1_000_000_000 },
        alarms: Schedule::default(),
        again: VecDeque::new(),
        stats: Stats::new().map_err(io::Error::other)?,
        connections: 0,
        out: Vec::new(),
        rows: Vec::new(),
        truth,
    })
}
