//! OpenTelemetry's protocol (OTLP), as protobuf over HTTP: metrics, and a span for each sampled request.

mod message;
mod metrics;
mod span;
mod span_feed;
mod tracing;

pub(super) use metrics::OtlpMetrics;
pub use span_feed::{SpanFeed, SpanInfo};
pub use tracing::{Traced, Tracing};

/// The media type of all that is posted.
const CONTENT_TYPE: &str = "application/x-protobuf";
/// The name of this program among services.
const SERVICE: &str = "plimsoll";
