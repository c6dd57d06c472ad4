//! A recorded response through the code of a connection, without one: what it costs this client in instructions, the same
//! each time.

use std::sync::Arc;

use plimsoll_core::record::{Phase, Record, RequestId};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use thiserror::Error;

use super::answer::Follow;
use super::dial::Dialer;
use super::exchange::Exchange;
use super::settle::settle;
use super::target::{Origin, RequestHead};
use super::wire::{Answers, Wire};
use crate::clock::Clock;
use crate::endpoint::Station;
use crate::protocol::{Protocol, build};
use crate::runner::pulse::Pulse;

/// A run of which nothing can be rehearsed.
#[derive(Debug, Error)]
#[error("the requests of this run cannot be made: {0}")]
pub struct RehearsalError(String);

/// Rehearses the requests of a run. It is for benchmarks: nothing is sent.
pub struct Rehearsal {
    wire: Wire,
    protocol: Arc<dyn Protocol>,
    head: RequestHead,
}

impl Rehearsal {
    /// Gets ready for the requests of this run.
    ///
    /// # Errors
    /// The run cannot be made.
    pub fn new(spec: &RunSpec) -> Result<Self, RehearsalError> {
        let clock = Clock::simulated();
        let origin = Origin::parse(&spec.target.url).map_err(|error| RehearsalError(error.to_string()))?;
        let protocol = build(spec).map_err(|error| RehearsalError(error.to_string()))?;
        let head = origin.head(&spec.target, protocol.route());
        let dialer = Dialer::new(origin, None, &spec.transport, clock)
            .map_err(|error| RehearsalError(error.reason))?;
        let station = Station::new(clock, Pulse::simulated(0, Offset::ZERO));
        let answers = Answers { streamed: spec.api.stream, keep_text: spec.api.keep_text };
        let wire = Wire::new(station, dialer, spec.transport.clone(), answers);
        Ok(Rehearsal { wire, protocol, head })
    }

    /// Makes a request ready and lets the `reads` of its response arrive, a millisecond apart.
    pub fn request(&self, request: &RequestSpec, reads: &[Vec<u8>]) -> Record {
        let pieces = self.head.pieces(self.protocol.encode(request));
        let decoder = self.protocol.decoder(request);
        let mut record = Box::new(Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO));
        record.sent = Some(Offset::ZERO);
        record.bytes_sent = pieces.iter().map(|piece| piece.len() as u64).sum();
        let mut exchange = Exchange::new(record, decoder, Follow::default());
        self.wire.pulse.sent(Offset::ZERO);
        let mut ending = None;
        for (place, read) in (1..).zip(reads) {
            let at = Offset::from_nanos(place * 1_000_000);
            let mut scratch = self.wire.scratch.borrow_mut();
            let room = &mut scratch[..read.len()];
            room.copy_from_slice(read);
            ending = ending.or(exchange.arrived(&self.wire, room, at, Some(1_000)));
        }
        let ending = ending.unwrap_or_else(|| exchange.connection_ended(&self.wire, "the recording ends"));
        self.wire.pulse.ended(Offset::from_nanos(reads.len() as u64 * 1_000_000), true, false);
        *settle(exchange.answer, ending, self.wire.clock).0
    }
}
