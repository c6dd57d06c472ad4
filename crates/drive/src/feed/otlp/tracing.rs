//! Which requests are traced, and the header by which the server can join in.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::record::RequestId;
use plimsoll_core::seed::Seed;
use plimsoll_core::workload::RequestSpec;
use rand::RngExt as _;

use crate::protocol::{Decoder, Outgoing, Protocol, Route};

/// The header of W3C Trace Context.
pub(super) const HEADER: &str = "traceparent";

/// A sample of a run's requests. Any thread finds the same ones, with the same identities, from their numbers alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracing {
    seed: Seed,
    share: f64,
}

/// The identity of a traced request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
}

impl Tracing {
    /// Traces `share` of the requests, 0 to 1, of the run with this seed that started at `wall`: a run made again has
    /// traces of its own.
    pub fn new(seed: Seed, wall: Duration, share: f64) -> Self {
        let nanos = wall.as_nanos() as u64;
        Tracing { seed: Seed(seed.0.rotate_left(32) ^ nanos), share }
    }

    /// The identity of a request, if it is traced.
    pub(super) fn of(&self, id: RequestId) -> Option<Identity> {
        let mut numbers = self.seed.keyed("traces", id.0);
        if numbers.random::<f64>() >= self.share {
            return None;
        }
        // No identity may be all zeros.
        let (trace, span) = (numbers.random::<u128>() | 1, numbers.random::<u64>() | 1);
        Some(Identity { trace: trace.to_be_bytes(), span: span.to_be_bytes() })
    }
}

impl Identity {
    /// The value of [`HEADER`]: version 00, and the flag that says that the trace is kept.
    fn header(&self) -> String {
        let mut text = String::from("00-");
        let hex = |text: &mut String, bytes: &[u8]| {
            bytes.iter().for_each(|byte| {
                let _ = write!(text, "{byte:02x}");
            });
        };
        hex(&mut text, &self.trace);
        text.push('-');
        hex(&mut text, &self.span);
        text.push_str("-01");
        text
    }
}

/// A protocol whose traced requests say so to the server.
pub struct Traced {
    inner: Arc<dyn Protocol>,
    tracing: Tracing,
}

impl Traced {
    /// The protocol `inner` with a header for each traced request.
    pub fn new(inner: Arc<dyn Protocol>, tracing: Tracing) -> Self {
        Traced { inner, tracing }
    }
}

impl Protocol for Traced {
    fn route(&self) -> &Route {
        self.inner.route()
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        let mut outgoing = self.inner.encode(request);
        if let Some(identity) = self.tracing.of(request.id) {
            outgoing.fields.push((Cow::Borrowed(HEADER), identity.header()));
        }
        outgoing
    }

    fn decoder(&self, request: &RequestSpec) -> Box<dyn Decoder> {
        self.inner.decoder(request)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_sample_has_its_share_and_everybody_finds_the_same() {
        let tracing = |share| Tracing::new(Seed(7), Duration::from_nanos(5), share);
        let traced = |share| {
            let tracing = tracing(share);
            (0..10_000).filter(|&id| tracing.of(RequestId(id)).is_some()).count()
        };
        assert_eq!((traced(0.0), traced(1.0)), (0, 10_000));
        // Binomial with mean 100 and deviation 10: five deviations.
        assert!((50..150).contains(&traced(0.01)), "{}", traced(0.01));
        let identities: BTreeSet<String> =
            (0..1_000).filter_map(|id| Some(tracing(1.0).of(RequestId(id))?.header())).collect();
        assert_eq!(identities.len(), 1_000);
        let again = Tracing::new(Seed(7), Duration::from_nanos(6), 1.0);
        assert_ne!(again.of(RequestId(0)), tracing(1.0).of(RequestId(0)), "another run, other traces");
    }

    #[test]
    fn the_header_is_that_of_trace_context() {
        let mut identity = Identity { trace: [0; 16], span: [0xab; 8] };
        identity.trace[15] = 1;
        assert_eq!(identity.header(), "00-00000000000000000000000000000001-abababababababab-01");
    }
}
