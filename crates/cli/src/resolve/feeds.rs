//! Which other systems are fed while a run goes on.

use std::net::SocketAddr;
use std::time::Duration;

use plimsoll_core::spec::Secret;
use plimsoll_drive::transport::Origin;

use super::target;
use crate::args::feeds::FeedArgs;
use crate::exit::{UsageError, refuse};

/// The path of a remote write where the URL has none: Prometheus' own.
const REMOTE_WRITE_PATH: &str = "/api/v1/write";
/// Longest label of a test, in characters.
const TESTID_MAX: usize = 200;

/// The systems that are fed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FeedPlan {
    /// The label of all; without it the name of the run's folder.
    pub(crate) testid: Option<String>,
    /// Where metrics are served.
    pub(crate) metrics_addr: Option<SocketAddr>,
    /// How long they are served after the end.
    pub(crate) metrics_linger: Duration,
    /// Where Prometheus' remote writes go.
    pub(crate) remote_write: Option<Receiver>,
    /// Where metrics and spans go by OpenTelemetry's protocol.
    pub(crate) otlp: Option<Receiver>,
    /// Share of the requests that become spans, 0 to 1.
    pub(crate) trace_sample: f64,
}

/// A system that is pushed to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receiver {
    pub(crate) origin: Origin,
    pub(crate) headers: Vec<(String, Secret)>,
    /// From one push to the next.
    pub(crate) every: Duration,
}

impl FeedPlan {
    /// The first option that asks for a feed.
    pub(crate) fn asked_by(&self) -> Option<&'static str> {
        let options = [
            ("--metrics-addr", self.metrics_addr.is_some()),
            ("--remote-write", self.remote_write.is_some()),
            ("--otlp", self.otlp.is_some()),
        ];
        options.into_iter().find_map(|(option, is_asked)| is_asked.then_some(option))
    }
}

/// Reads the options of feeds.
///
/// # Errors
/// One is no address, or makes no sense without another.
pub(super) fn resolve(args: &FeedArgs, given: &dyn Fn(&str) -> bool) -> Result<FeedPlan, UsageError> {
    for (option, other) in [
        ("metrics-linger", "metrics-addr"),
        ("remote-write-interval", "remote-write"),
        ("otlp-interval", "otlp"),
        ("trace-sample", "otlp"),
    ] {
        if given(option) && !given(other) {
            refuse!("--{option} does nothing without --{other}: add that, or leave it out");
        }
    }
    let remote_write = args.remote_write.as_deref().map(|url| {
        let mut receiver = receiver(url, "--remote-write", &args.remote_write_header)?;
        if receiver.origin.base_path.is_empty() {
            REMOTE_WRITE_PATH.clone_into(&mut receiver.origin.base_path);
        }
        if let Some(token) = &args.remote_write_bearer {
            add_authorization(&mut receiver, token)?;
        }
        Ok(Receiver { every: args.remote_write_interval, ..receiver })
    });
    let otlp = args.otlp.as_deref().map(|url| {
        let receiver = receiver(url, "--otlp", &args.otlp_header)?;
        Ok(Receiver { every: args.otlp_interval, ..receiver })
    });
    Ok(FeedPlan {
        testid: args.testid.as_deref().map(testid).transpose()?,
        metrics_addr: args.metrics_addr,
        metrics_linger: args.metrics_linger,
        remote_write: remote_write.transpose()?,
        otlp: otlp.transpose()?,
        trace_sample: args.trace_sample.unwrap_or(0.0),
    })
}

/// A label that is neither empty nor a text.
fn testid(text: &str) -> Result<String, UsageError> {
    if text.is_empty() || text.chars().count() > TESTID_MAX || text.contains(char::is_control) {
        refuse!(
            "--testid is the name of a test in one line of up to {TESTID_MAX} characters: write such a name"
        );
    }
    Ok(text.to_owned())
}

/// Where is pushed, with a login if the URL has one.
fn receiver(text: &str, option: &str, headers: &[String]) -> Result<Receiver, UsageError> {
    let mut url =
        target::parse_url(text).map_err(|UsageError(error)| UsageError(format!("{option}: {error}")))?;
    let mut headers: Vec<_> = headers
        .iter()
        .map(|header| target::header(&format!("{option}-header"), header))
        .collect::<Result<_, _>>()?;
    headers.extend(target::take_credentials(&mut url, false)?);
    let origin = Origin::parse(url.as_str()).map_err(|error| UsageError(format!("{option}: {error}")))?;
    Ok(Receiver { origin, headers, every: Duration::ZERO })
}

fn add_authorization(receiver: &mut Receiver, token: &str) -> Result<(), UsageError> {
    if receiver.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        refuse!(
            "--remote-write-bearer and the login of the URL, or a header, both set Authorization: give one of them"
        );
    }
    let token = token.trim();
    target::check_header_value(token, "the token of --remote-write-bearer")?;
    receiver.headers.push(("Authorization".to_owned(), Secret::new(format!("Bearer {token}"))));
    Ok(())
}
