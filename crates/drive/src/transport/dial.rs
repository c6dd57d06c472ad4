//! Opens connections: name, TCP, TLS, each timed apart and each with its own limit.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::record::{ConnectTimes, Outcome};
use plimsoll_core::spec::TransportSpec;
use plimsoll_core::time::Offset;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::stamped::StampedTcp;
use super::target::Origin;
use crate::clock::Clock;

/// How long the addresses of a name are used before it is looked up again.
const ADDRESS_LIFETIME: Duration = Duration::from_secs(30);

/// Opens connections to one origin. One per I/O thread.
pub(crate) struct Dialer {
    origin: Origin,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Clock,
    connect_timeout: Duration,
    tls_timeout: Duration,
    /// Addresses of the host, the last that worked first, and when they were looked up.
    addresses: RefCell<(Vec<SocketAddr>, Offset)>,
}

/// A connection that could not be opened.
#[derive(Clone, Debug)]
pub(crate) struct DialError {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
}

impl Dialer {
    pub(crate) fn new(
        origin: Origin,
        tls: Option<Arc<ClientConfig>>,
        spec: &TransportSpec,
        clock: Clock,
    ) -> Result<Self, DialError> {
        let tls = match tls {
            Some(config) => {
                let name = ServerName::try_from(origin.host.clone()).map_err(|error| DialError {
                    outcome: Outcome::Tls,
                    reason: format!("`{}` is not a name that TLS can check: {error}", origin.host),
                })?;
                Some((TlsConnector::from(config), name))
            }
            None => None,
        };
        Ok(Dialer {
            origin,
            tls,
            clock,
            connect_timeout: spec.connect_timeout,
            tls_timeout: spec.tls_timeout,
            addresses: RefCell::new((Vec::new(), Offset::ZERO)),
        })
    }

    /// Opens a connection.
    pub(crate) async fn dial(&self) -> Result<(Connection, ConnectTimes), DialError> {
        let started = self.clock.now();
        let mut times = ConnectTimes::default();
        let tcp = match timeout(self.connect_timeout, self.connect(started, &mut times)).await {
            Ok(result) => result.map_err(|error| self.refused(&error))?,
            Err(_) => return Err(self.late("no connection", self.connect_timeout, "--connect-timeout")),
        };
        let Some((connector, name)) = &self.tls else {
            return Ok((Connection::plain(tcp, times.tcp), times));
        };
        let connected = self.clock.now();
        let handshake = connector.connect(name.clone(), tcp);
        let stream = match timeout(self.tls_timeout, handshake).await {
            Ok(result) => result.map_err(|error| self.no_tls(&error))?,
            Err(_) => return Err(self.late("no TLS handshake", self.tls_timeout, "--tls-timeout")),
        };
        times.tls = self.clock.now().since(connected);
        Ok((Connection::tls(stream, times.tcp), times))
    }

    async fn connect(&self, started: Offset, times: &mut ConnectTimes) -> io::Result<StampedTcp> {
        let addresses = self.resolve(started).await?;
        let resolved = self.clock.now();
        times.dns = resolved.since(started);
        let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    times.tcp = self.clock.now().since(resolved);
                    self.prefer(address);
                    return Ok(StampedTcp::new(stream));
                }
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    async fn resolve(&self, now: Offset) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.origin.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.origin.port)]);
        }
        {
            let known = self.addresses.borrow();
            if !known.0.is_empty() && now.since(known.1) < ADDRESS_LIFETIME {
                return Ok(known.0.clone());
            }
        }
        let found: Vec<_> = lookup_host((self.origin.host.as_str(), self.origin.port)).await?.collect();
        *self.addresses.borrow_mut() = (found.clone(), self.clock.now());
        Ok(found)
    }

    /// Puts an address that worked in front, so that a dead one beside it is not tried each time.
    fn prefer(&self, address: SocketAddr) {
        let known = &mut self.addresses.borrow_mut().0;
        if let Some(place) = known.iter().position(|&other| other == address) {
            known[..=place].rotate_right(1);
        }
    }

    fn refused(&self, error: &io::Error) -> DialError {
        DialError {
            outcome: Outcome::Connect,
            reason: format!("cannot connect to {}: {error}", self.place()),
        }
    }

    fn no_tls(&self, error: &io::Error) -> DialError {
        DialError { outcome: Outcome::Tls, reason: format!("no TLS with {}: {error}", self.place()) }
    }

    fn late(&self, what: &str, limit: Duration, option: &str) -> DialError {
        DialError {
            outcome: Outcome::Timeout,
            reason: format!("{what} with {} within {limit:?} ({option})", self.place()),
        }
    }

    fn place(&self) -> String {
        format!("{} port {}", self.origin.host, self.origin.port)
    }
}
