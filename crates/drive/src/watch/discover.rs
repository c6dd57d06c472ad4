//! Finds what can be watched beside the target of a run, on its own host only, quickly and without a word.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::spec::{Secret, TransportSpec};
use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Page, Tracker};
use tokio::task::LocalSet;

use super::target::{ACCEPT, PageTarget};
use crate::clock::Clock;
use crate::transport::{Origin, PageAddress, PageReader, TlsConfig};

/// Time for a page of the target itself, which is there and may be busy.
const OWN_LIMIT: Duration = Duration::from_secs(3);
/// Time for a connection to a port at which there may be nobody.
const CONNECT: Duration = Duration::from_millis(300);
/// Time for a page from there.
const LIMIT: Duration = Duration::from_secs(1);
/// Where exporters and metrics ports of servers are by default: Triton, TorchServe and MLServer, DCGM, the node exporter.
const PORTS: [u16; 4] = [8002, 8082, 9400, 9100];

/// The target of a run, as far as it matters to what is found beside it.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// Where requests go.
    pub origin: &'a Origin,
    /// What requests carry, which a page of the same server may ask for as well.
    pub headers: &'a [(String, Secret)],
    /// The key that they carry.
    pub api_key: Option<&'a Secret>,
    /// Connections.
    pub transport: &'a TransportSpec,
    /// TLS, as requests have it.
    pub tls: Option<&'a Arc<TlsConfig>>,
    /// Whether it is the embedded server, which is alone on its port and has a second page.
    pub embedded: bool,
}

/// The pages of metrics that answer beside a target, and have something that is known. Other ports than the target's own
/// are tried only on hosts of a private network: a public service is not looked over.
pub fn discover(beside: &Beside<'_>) -> Vec<PageTarget> {
    let others = !beside.embedded && is_private(beside.origin);
    let briefly = TransportSpec {
        connect_timeout: CONNECT.min(beside.transport.connect_timeout),
        ..beside.transport.clone()
    };
    let (pages, limits): (Vec<PageTarget>, Vec<Duration>) = candidates(beside, others)
        .into_iter()
        .map(|address| match address.origin.port == beside.origin.port {
            true => (PageTarget::new(address, beside.transport, beside.tls.cloned()), OWN_LIMIT),
            false => (PageTarget::new(address, &briefly, beside.tls.cloned()), LIMIT),
        })
        .unzip();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let answers = LocalSet::new().block_on(&runtime, async {
        let asked: Vec<_> = pages
            .iter()
            .cloned()
            .zip(limits)
            .map(|(page, limit)| tokio::task::spawn_local(answers(page, limit)))
            .collect();
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.unwrap_or(false));
        }
        answers
    });
    let found = pages.into_iter().zip(answers).filter_map(|(page, answers)| answers.then_some(page));
    found.map(|page| PageTarget { transport: beside.transport.clone(), ..page }).collect()
}

/// Where pages may be.
fn candidates(beside: &Beside<'_>, others: bool) -> Vec<PageAddress> {
    let own = |origin: Origin, path: &str| PageAddress {
        origin,
        path: path.to_owned(),
        headers: beside.headers.to_vec(),
        api_key: beside.api_key.cloned(),
        accept: ACCEPT,
    };
    let origin = beside.origin;
    let mut found = vec![own(origin.clone(), "/metrics")];
    if !origin.base_path.is_empty() {
        found.push(own(Origin { base_path: String::new(), ..origin.clone() }, "/metrics"));
    }
    if beside.embedded {
        found.push(own(origin.clone(), "/dcgm/metrics"));
    }
    if others {
        // Triton and TorchServe have their metrics two ports above their requests.
        let above = origin.port.checked_add(2).filter(|port| !PORTS.contains(port));
        let ports = PORTS.into_iter().chain(above).filter(|&port| port != origin.port);
        found.extend(ports.map(|port| PageAddress {
            // Exporters speak plain HTTP, and the target's secrets are not theirs.
            origin: Origin { tls: false, ..origin.on_port(port) },
            path: "/metrics".to_owned(),
            headers: Vec::new(),
            api_key: None,
            accept: ACCEPT,
        }));
    }
    found
}

/// Whether a page answers in this time with something that is known.
async fn answers(page: PageTarget, limit: Duration) -> bool {
    let Ok(mut reader) = PageReader::new(&page.address, &page.transport, page.tls.clone(), Clock::start())
    else {
        return false;
    };
    let Ok(got) = reader.read(limit).await else { return false };
    let page = if got.protobuf { Page::Protobuf(got.body) } else { Page::Text(got.body) };
    Tracker::new(0).take(Offset::ZERO, page).is_ok_and(|taken| taken.known > 0)
}

/// Whether a host is on this machine or in a network that nobody reaches from outside.
fn is_private(origin: &Origin) -> bool {
    let Ok(addresses) = (origin.host.as_str(), origin.port).to_socket_addrs() else { return false };
    let mut addresses = addresses.peekable();
    addresses.peek().is_some() && addresses.all(|address| private(address.ip()))
}

fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| private(IpAddr::V4(v4)))
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::testing;

    use super::*;

    fn urls(target: &str, others: bool, embedded: bool) -> Vec<String> {
        let origin = Origin::parse(target).unwrap();
        let transport = testing::run().transport;
        let headers = [("X-Key".to_owned(), Secret::new("k"))];
        let key = Secret::new("key");
        let beside = Beside {
            origin: &origin,
            headers: &headers,
            api_key: Some(&key),
            transport: &transport,
            tls: None,
            embedded,
        };
        let candidates = candidates(&beside, others);
        for page in &candidates {
            let own = page.origin.port == origin.port;
            let carried = (!page.headers.is_empty(), page.api_key.is_some());
            assert_eq!(carried, (own, own), "secrets stay with their server");
        }
        let name = |address: PageAddress| PageTarget::new(address, &transport, None).name().to_owned();
        candidates.into_iter().map(name).collect()
    }

    #[test]
    fn pages_are_looked_for_on_the_targets_host_alone() {
        assert_eq!(
            urls("https://api.example.org/v9", false, false),
            ["https://api.example.org/v9/metrics", "https://api.example.org/metrics"]
        );
        assert_eq!(
            urls("http://10.0.0.1:8000", true, false),
            [
                "http://10.0.0.1:8000/metrics",
                "http://10.0.0.1:8002/metrics",
                "http://10.0.0.1:8082/metrics",
                "http://10.0.0.1:9400/metrics",
                "http://10.0.0.1:9100/metrics"
            ]
        );
        assert!(
            urls("http://10.0.0.1:7000", true, false).contains(&"http://10.0.0.1:7002/metrics".to_owned())
        );
        assert_eq!(
            urls("http://127.0.0.1:5", false, true),
            ["http://127.0.0.1:5/metrics", "http://127.0.0.1:5/dcgm/metrics"]
        );
    }

    #[test]
    fn public_hosts_are_told_from_private_ones() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("192.168.1.5", true),
            ("172.20.0.1", true),
            ("10.1.1.1", true),
            ("8.8.8.8", false),
            ("::1", true),
            ("fd00::1", true),
            ("::ffff:10.0.0.1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(private(address.parse().unwrap()), expected, "{address}");
        }
    }
}
