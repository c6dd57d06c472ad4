//! TorchServe's `predictions`: any body in, any body out.
//!
//! A handler that streams sends each piece as a chunk of the transfer, with nothing else between them: the chunks are
//! the events.

use plimsoll_core::record::{Delta, DeltaKind};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;

use super::body_reader::{MAX_DOCUMENT, malformed};
use super::payload::{model_version, outgoing};
use super::{Decoder, Malformed, Outgoing, Protocol, Reply, Route};

/// `POST /predictions/MODEL[/VERSION]`.
pub(super) struct TorchServe {
    route: Route,
    stream: bool,
    keep_text: bool,
}

impl TorchServe {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let version = model_version(spec).map(|version| format!("/{version}")).unwrap_or_default();
        let path = || format!("/predictions/{}{version}", spec.target.model);
        let path = spec.target.endpoint.clone().unwrap_or_else(path);
        let route = Route {
            content_type: None,
            accept: "*/*".into(),
            by_part: spec.api.stream,
            ..Route::json(path, false)
        };
        TorchServe { route, stream: spec.api.stream, keep_text: spec.api.keep_text }
    }
}

impl Protocol for TorchServe {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        outgoing(request)
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(Prediction {
            stream: self.stream,
            keep_text: self.keep_text,
            pending: Vec::new(),
            open: false,
        })
    }
}

/// Reads one answer, whatever it is.
struct Prediction {
    stream: bool,
    keep_text: bool,
    /// Text of which the end may be within a character.
    pending: Vec<u8>,
    /// Whether bytes came since the last chunk ended.
    open: bool,
}

impl Decoder for Prediction {
    fn feed(&mut self, bytes: &[u8], _at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if !bytes.is_empty() {
            self.open = true;
            reply.has_content = true;
            if self.keep_text {
                if self.pending.len() + bytes.len() > MAX_DOCUMENT {
                    return Err(malformed("a response that is too large", &self.pending));
                }
                self.pending.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn part_ended(&mut self, at: Offset, reply: &mut Reply) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        reply.events += 1;
        reply.coalesced_events += u32::from(reply.deltas.last().is_some_and(|last| last.at == at));
        reply.deltas.push(Delta { at, tokens: 0, kind: DeltaKind::Text });
    }

    fn finish(&mut self, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if self.stream {
            self.part_ended(at, reply); // a body that did not come in chunks is one event
        }
        reply.take_str(&String::from_utf8_lossy(&self.pending), self.keep_text);
        reply.ends_with_transfer = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::record::Outcome;

    use super::super::{Ended, judge};
    use super::*;

    fn decoder(stream: bool) -> Prediction {
        Prediction { stream, keep_text: true, pending: Vec::new(), open: false }
    }

    #[test]
    fn each_chunk_of_the_transfer_is_an_event_at_its_own_arrival() {
        let mut decoder = decoder(true);
        let mut reply = Reply::default();
        let at = Offset::from_nanos;
        for (text, moment, ends) in [("ca", 1, false), ("f\u{e9}", 5, true), ("x", 5, true), ("y", 9, true)] {
            decoder.feed(text.as_bytes(), at(moment), &mut reply).unwrap();
            if ends {
                decoder.part_ended(at(moment), &mut reply);
            }
        }
        decoder.finish(at(10), &mut reply).unwrap();
        let arrivals: Vec<u64> = reply.deltas.iter().map(|delta| delta.at.as_nanos()).collect();
        assert_eq!((arrivals, reply.events, reply.coalesced_events), (vec![5, 5, 9], 3, 1));
        assert_eq!(reply.text.as_deref(), Some("caféxy"));
        assert_eq!(judge(&reply, Ended::Whole), (Outcome::Ok, None));
    }

    #[test]
    fn a_whole_body_is_one_event_where_chunks_were_expected_and_none_elsewhere() {
        for (stream, body, events, outcome) in
            [(true, "[1]", 1, Outcome::Ok), (false, "[1]", 0, Outcome::Ok), (true, "", 0, Outcome::Empty)]
        {
            let (mut decoder, mut reply) = (decoder(stream), Reply::default());
            decoder.feed(body.as_bytes(), Offset::ZERO, &mut reply).unwrap();
            decoder.finish(Offset::ZERO, &mut reply).unwrap();
            assert_eq!(
                (reply.deltas.len(), judge(&reply, Ended::Whole).0),
                (events, outcome),
                "{stream} {body}"
            );
        }
    }
}
