//! The endpoint at which Prometheus reads the client's own metrics while runs go on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

use super::format::Format;
use super::page::{self, What};
use super::{protobuf, text};
use crate::feed::heart::Heart;
use crate::feed::metrics::Snapshot;

/// Connections at a time.
const CONNECTIONS: usize = 16;
/// How long a connection may be idle: longer than the usual intervals of scraping.
const IDLE: Duration = Duration::from_secs(120);

/// An address that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address} for --metrics-addr ({reason}): choose another port, or 0 for a free one")]
pub struct ExpositionError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub reason: io::Error,
}

/// The endpoint. It lives as long as this value, from run to run.
#[derive(Debug)]
pub struct Exposition {
    address: SocketAddr,
    shown: Shown,
    /// What was read last.
    read: watch::Receiver<Arc<Snapshot>>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

/// Where the newest metrics are put. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Shown {
    newest: watch::Sender<Arc<Snapshot>>,
    heart: Arc<Heart>,
}

impl Shown {
    /// Shows these metrics from now on. Called each second while a run goes on, it also sees to it that readers are answered
    /// where no core is idle.
    pub fn show(&self, snapshot: Arc<Snapshot>) {
        self.newest.send_replace(snapshot);
        self.heart.look_after();
    }
}

/// What the connections share.
struct Shared {
    newest: watch::Receiver<Arc<Snapshot>>,
    read: watch::Sender<Arc<Snapshot>>,
}

impl Exposition {
    /// Begins to listen; port 0 takes a free one.
    ///
    /// # Errors
    /// The address cannot be listened on, or there is no thread for it.
    pub fn listen(address: SocketAddr) -> Result<Self, ExpositionError> {
        let failed = |reason| ExpositionError { address, reason };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let empty = Arc::new(Snapshot::default());
        let (newest, receiver) = watch::channel(empty.clone());
        let (sender, read) = watch::channel(empty);
        let shared = Arc::new(Shared { newest: receiver, read: sender });
        let (stop, heart) = (Arc::new(Notify::new()), Heart::new());
        let (stopped, beating) = (stop.clone(), heart.clone());
        let serving = move || {
            beating.begin();
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, shared) => {}
                    () = beating.beat() => {}
                    () = stopped.notified() => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("plimsoll-metrics".to_owned());
        let thread = Some(thread.spawn(serving).map_err(failed)?);
        let shown = Shown { newest, heart };
        Ok(Exposition { address, shown, read, stop, thread })
    }

    /// Where the metrics are read.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, page::PATH)
    }

    /// Where new metrics are put.
    pub fn shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Whether the newest metrics have been read.
    pub fn is_read(&self) -> bool {
        Arc::ptr_eq(&self.shown.newest.borrow(), &self.read.borrow())
    }
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.stop.notify_one();
        // The address is free again when this is over.
        self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the metrics cannot be served: {error}"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    // A reader that goes away, or says nothing, ends its own connection.
                    let _ = converse(stream, &shared).await;
                    drop(place);
                });
            }
            // Out of files, say: others may be given back meanwhile.
            Err(error) => {
                tracing::warn!("a reader of the metrics could not be let in: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let asked = loop {
            if let Some(asked) = page::read(&bytes) {
                break asked;
            }
            if timeout(IDLE, stream.read_buf(&mut bytes)).await?? == 0 {
                return Ok(());
            }
        };
        bytes.drain(..asked.len);
        let keep_alive = asked.keep_alive;
        match asked.what {
            What::Refused(status, why) => {
                let answer = page::response(status, "text/plain; charset=utf-8", why.as_bytes(), keep_alive);
                timeout(IDLE, stream.write_all(&answer)).await??;
            }
            What::Metrics(format) => {
                let snapshot = shared.newest.borrow().clone();
                let body = match format {
                    Format::Text => text::text(&snapshot, false).into_bytes(),
                    Format::OpenMetrics => text::text(&snapshot, true).into_bytes(),
                    Format::Protobuf => protobuf::delimited(&snapshot),
                };
                let answer = page::response("200 OK", format.content_type(), &body, keep_alive);
                timeout(IDLE, stream.write_all(&answer)).await??;
                shared.read.send_replace(snapshot);
            }
        }
        if !keep_alive {
            return stream.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::feed::metrics::{Meter, RunInfo};

    fn ask(exposition: &Exposition, request: &str) -> String {
        let mut stream = std::net::TcpStream::connect(exposition.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn the_newest_metrics_are_read_and_that_is_noticed() {
        let exposition = Exposition::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let get = "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n";
        assert!(ask(&exposition, get).ends_with("\r\n\r\n"), "nothing runs yet");
        let meter = Meter::new(RunInfo { testid: "t1".to_owned(), ..RunInfo::default() });
        exposition.shown().show(Arc::new(meter.snapshot(Duration::ZERO)));
        assert!(!exposition.is_read());
        let twice = format!("GET / HTTP/1.1\r\n\r\n{get}");
        let answer = ask(&exposition, &twice);
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        assert!(answer.contains("plimsoll_requests_sent_total{testid=\"t1\"} 0\n"), "{answer}");
        assert!(exposition.is_read());
    }

    #[test]
    fn an_address_that_is_taken_is_refused_and_free_again_afterwards() {
        let first = Exposition::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.address;
        let error = Exposition::listen(address).unwrap_err();
        assert!(error.to_string().contains("--metrics-addr"), "{error}");
        drop(first);
        Exposition::listen(address).unwrap();
    }
}
