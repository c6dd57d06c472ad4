//! Snapshots as what is posted to a remote-write endpoint.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use super::write_request::WriteRequest;
use crate::feed::delivery::{Manner, Parcel};
use crate::feed::metrics::Snapshot;

/// How writes are posted: to the URL itself, by version 1.0 of the protocol.
pub(in crate::feed) const REMOTE_WRITE: Manner = Manner {
    path: "",
    content_type: "application/x-protobuf",
    fields: &[
        (Cow::Borrowed("Content-Encoding"), "snappy"),
        (Cow::Borrowed("X-Prometheus-Remote-Write-Version"), "0.1.0"),
    ],
    rejected: |_| None,
};
/// What moments of a series are apart at least.
const TICK: Duration = Duration::from_millis(1);

/// Makes remote writes of the snapshots of one run.
#[derive(Debug)]
pub(in crate::feed) struct WriteRequests {
    /// From one write to the next.
    every: Duration,
    /// The moment of the one before.
    last: Option<Duration>,
}

impl WriteRequests {
    /// Of a run whose writes are so far apart.
    pub(in crate::feed) fn new(every: Duration) -> Self {
        WriteRequests { every, last: None }
    }

    /// One write; after the last snapshot a second one, which ends all series when the next write would be due: until then
    /// their last values can be seen.
    pub(in crate::feed) fn of(&mut self, snapshot: &Snapshot, is_last: bool) -> Vec<Parcel> {
        let mut snapshot = snapshot.clone();
        // Two samples of one moment would be refused.
        snapshot.at = snapshot.at.max(self.last.map_or(Duration::ZERO, |last| last + TICK));
        let request = WriteRequest::of(&snapshot);
        let ended = is_last.then(|| parcel(&request.clone().ended(snapshot.at + self.every)));
        let request = if self.last.is_none() { request.with_metadata(&snapshot) } else { request };
        self.last = Some(snapshot.at);
        [Some(parcel(&request)), ended].into_iter().flatten().collect()
    }
}

fn parcel(request: &WriteRequest) -> Parcel {
    let plain = request.encode_to_vec();
    // It fails only beyond 4 GiB; an empty body is then refused, and counted as lost.
    let body = snap::raw::Encoder::new().compress_vec(&plain).unwrap_or_default();
    Parcel { body: Bytes::from(body), n: request.samples() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::metrics::Meter;

    #[test]
    fn moments_rise_and_the_last_write_ends_the_series() {
        let snapshot = Meter::new(Default::default()).snapshot(Duration::from_secs(5));
        let mut writes = WriteRequests::new(Duration::from_secs(5));
        let sizes: Vec<Vec<u64>> = [false, false, true]
            .into_iter()
            .map(|is_last| writes.of(&snapshot, is_last).iter().map(|parcel| parcel.n).collect())
            .collect();
        let n = sizes[0][0];
        assert_eq!(sizes, [vec![n], vec![n], vec![n, n]]);
        assert_eq!(writes.last, Some(Duration::from_millis(5_002)));
        let parcels = writes.of(&snapshot, false);
        let plain = snap::raw::Decoder::new().decompress_vec(&parcels[0].body).unwrap();
        assert_eq!(WriteRequest::decode(plain.as_slice()).unwrap().samples(), n);
    }
}
