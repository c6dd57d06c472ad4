//! Options that feed other systems while a run goes on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use plimsoll_core::time::parse_duration;

use super::values::{part, positive_duration};

/// Other systems that are fed. None of them ever delays the load; what they do not take is dropped, counted and told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Feeding other systems (docs/FEEDS.md)")]
pub(crate) struct FeedArgs {
    /// Label `testid` of all that other systems are fed with; without it the name of the run's folder
    #[arg(long, value_name = "NAME")]
    pub(crate) testid: Option<String>,
    /// Serve the client's own metrics for Prometheus, on loopback unless a host is given: '9464', '0.0.0.0:9464'
    #[arg(long, value_name = "[HOST:]PORT", value_parser = listening)]
    pub(crate) metrics_addr: Option<SocketAddr>,
    /// Go on serving them so long after the end, or until their last state was read
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
    pub(crate) metrics_linger: Duration,
    /// Push the metrics by Prometheus' remote write: 'http://localhost:9090/api/v1/write'
    #[arg(long, value_name = "URL")]
    pub(crate) remote_write: Option<String>,
    /// From one remote write to the next
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "5s")]
    pub(crate) remote_write_interval: Duration,
    /// A header of remote writes, `Name: value`; the value is never shown or stored. Repeatable
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) remote_write_header: Vec<String>,
    /// Sent with remote writes as `Authorization: Bearer TOKEN`; never shown or stored
    #[arg(long, value_name = "TOKEN")]
    pub(crate) remote_write_bearer: Option<String>,
    /// Push the metrics, and the spans of --trace-sample, to a receiver of OpenTelemetry's protocol (OTLP over HTTP):
    /// 'http://localhost:4318'
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
    /// From one push of metrics by OTLP to the next
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10s")]
    pub(crate) otlp_interval: Duration,
    /// A header of all that is sent by OTLP, `Name: value`; the value is never shown or stored. Repeatable
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) otlp_header: Vec<String>,
    /// Make a trace span of this share of the requests, as '1%', and tell the server its trace (`traceparent`)
    #[arg(long, value_name = "SHARE", value_parser = part)]
    pub(crate) trace_sample: Option<f64>,
}

/// Reads an address to listen on; a port alone is one of loopback.
fn listening(text: &str) -> Result<SocketAddr, String> {
    let loopback = |port| SocketAddr::from((IpAddr::from(Ipv4Addr::LOCALHOST), port));
    let port = |text: &str| text.parse::<u16>().ok();
    let address = port(text).map(loopback);
    let address = address.or_else(|| port(text.strip_prefix("localhost:")?).map(loopback));
    address.or_else(|| text.parse().ok()).ok_or_else(|| {
        "write a port, such as 9464, or an address and a port, such as 0.0.0.0:9464 or [::1]:9464".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_loopback() {
        for (text, address) in [
            ("9464", Some("127.0.0.1:9464")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("[::1]:9464", Some("[::1]:9464")),
            (":9464", None),
            ("host:9464", None),
            ("70000", None),
            ("127.0.0.1", None),
        ] {
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(listening(text).ok(), expected, "{text}");
        }
    }
}
