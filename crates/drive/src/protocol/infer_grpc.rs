//! Triton, KServe and MLServer by gRPC: `ModelInfer`, one answer, and `ModelStreamInfer`, as many as the model makes.

use plimsoll_core::record::{Delta, DeltaKind};
use plimsoll_core::spec::RunSpec;
use plimsoll_core::spec::tensors::Framing;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use prost::Message as _;

use super::grpc::{Messages, Status, decoded, grpc_field, grpc_route, prefixed, refused};
use super::open_inference::{
    ModelInferRequest, ModelInferResponse, ModelStreamInferResponse, Named, Parameter, ParameterValue,
};
use super::payload::{model_version, outgoing, payloads};
use super::{Decoder, Fields, Malformed, Outgoing, Protocol, Reply, Route};

/// Asks for an empty last answer where a model ends without one, so that the end can be seen.
const ENABLE_EMPTY_FINAL: &str = "triton_enable_empty_final_response";
/// Marks the last answer.
const FINAL: &str = "triton_final_response";

/// `ModelInfer`, or `ModelStreamInfer` with a stream for each request.
pub(super) struct InferGrpc {
    route: Route,
    streamed: bool,
    /// What all requests share: the model, the outputs, what is asked of streams. It goes before the tensors of each:
    /// messages of protobuf put behind each other are one message.
    head: Vec<u8>,
}

impl InferGrpc {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let streamed = spec.api.stream;
        let outputs = match payloads(spec).map(|payloads| &payloads.framing) {
            Some(Framing::Tensors { outputs, .. }) => outputs.as_slice(),
            _ => &[],
        };
        let truth = Parameter { value: Some(ParameterValue::Truth(true)) };
        let head = ModelInferRequest {
            model_name: spec.target.model.clone(),
            model_version: model_version(spec).unwrap_or_default().to_owned(),
            parameters: streamed.then(|| (ENABLE_EMPTY_FINAL.to_owned(), truth)).into_iter().collect(),
            outputs: outputs.iter().map(|name| Named { name: name.clone() }).collect(),
            ..ModelInferRequest::default()
        };
        let mut route = grpc_route(if streamed { "ModelStreamInfer" } else { "ModelInfer" });
        if let Some(path) = &spec.target.endpoint {
            route.path = path.clone();
        }
        InferGrpc { route, streamed, head: head.encode_to_vec() }
    }
}

impl Protocol for InferGrpc {
    fn route(&self) -> &Route {
        &self.route
    }

    fn encode(&self, request: &RequestSpec) -> Outgoing {
        let mut outgoing = outgoing(request);
        let head = prefixed(&self.head, outgoing.body.len());
        outgoing.body.pieces.insert(0, head);
        outgoing.fields.push(grpc_field());
        outgoing
    }

    fn decoder(&self, _request: &RequestSpec) -> Box<dyn Decoder> {
        Box::new(InferReader::new(self.streamed))
    }
}

/// Reads the answers to one request.
#[derive(Debug)]
pub(super) struct InferReader {
    messages: Messages,
    streamed: bool,
    /// Whether the call has said how it ended.
    ended: bool,
}

impl InferReader {
    pub(super) fn new(streamed: bool) -> Self {
        InferReader { messages: Messages::default(), streamed, ended: false }
    }

    fn streamed_answer(&self, answer: ModelStreamInferResponse, at: Offset, reply: &mut Reply) {
        if !answer.error_message.is_empty() {
            reply.error = Some(answer.error_message);
            return;
        }
        let Some(answer) = answer.infer_response else { return };
        reply.complete |= answer
            .parameters
            .get(FINAL)
            .is_some_and(|value| value.value == Some(ParameterValue::Truth(true)));
        if !answer.outputs.is_empty() {
            reply.has_content = true;
            reply.deltas.push(Delta { at, tokens: 0, kind: DeltaKind::Text });
        }
    }
}

impl Decoder for InferReader {
    fn fields(&mut self, fields: &Fields<'_>, reply: &mut Reply) -> bool {
        if let Some(status) = Status::of(fields) {
            self.ended = true;
            status.tell(reply);
        }
        fields.status == Some(200)
    }

    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        self.messages.take(bytes);
        let before = reply.events;
        while let Some(message) = self.messages.next()? {
            if !self.streamed {
                let answer: ModelInferResponse = decoded("a ModelInferResponse", message)?;
                reply.has_content |= !answer.outputs.is_empty();
                continue;
            }
            self.streamed_answer(decoded("a ModelStreamInferResponse", message)?, at, reply);
            reply.coalesced_events += u32::from(reply.events > before);
            reply.events += 1;
        }
        Ok(())
    }

    fn finish(&mut self, _: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if self.messages.is_within() {
            // Whatever its status says: an answer is not there that was begun.
            (reply.unreadable_end, reply.complete) = (true, false);
        }
        if self.ended { Ok(()) } else { Err(refused("a grpc-status at the end of the answer", b"")) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plimsoll_core::record::Outcome;
    use plimsoll_core::spec::Provider;
    use plimsoll_core::workload::{Body, Payload, Prompt};

    use super::super::grpc::calling;
    use super::super::test_spec::{request, spec};
    use super::super::{Ended, judge};
    use super::*;

    fn answer(outputs: &[&str], last: bool) -> ModelInferResponse {
        let outputs = outputs.iter().map(|name| Named { name: (*name).to_owned() }).collect();
        let parameters = [(FINAL.to_owned(), Parameter { value: Some(ParameterValue::Truth(last)) })].into();
        ModelInferResponse { parameters, outputs }
    }

    fn event(outputs: &[&str], last: bool) -> Vec<u8> {
        let infer_response = Some(answer(outputs, last));
        calling(&ModelStreamInferResponse { error_message: String::new(), infer_response }).body.concat()
    }

    fn read(streamed: bool, body: &[u8], status: Option<&str>) -> (Outcome, Reply) {
        let mut reader = InferReader::new(streamed);
        let mut reply = Reply::default();
        assert!(reader.fields(&Fields { status: Some(200), list: &[] }, &mut reply));
        let mut at = Offset::ZERO;
        for piece in body.chunks(7) {
            at = Offset::from_nanos(at.as_nanos() + 1);
            reader.feed(piece, at, &mut reply).unwrap();
        }
        if let Some(code) = status {
            let list = [httparse::Header { name: "grpc-status", value: code.as_bytes() }];
            reader.fields(&Fields { status: None, list: &list }, &mut reply);
        }
        let ended = match reader.finish(at, &mut reply) {
            Ok(()) => Ended::Whole,
            Err(malformed) => Ended::Malformed(malformed),
        };
        (judge(&reply, ended).0, reply)
    }

    #[test]
    fn a_request_is_its_head_and_its_tensors_in_one_message() {
        let mut spec = spec(Provider::TritonGrpc, false, true);
        spec.target.model = "m".to_owned();
        let tensors = ModelInferRequest { raw_input_contents: vec!["abc".into()], ..Default::default() };
        let body = Body { pieces: vec![tensors.encode_to_vec().into()] };
        let payload = Payload { body, ..Payload::default() };
        let request = RequestSpec { prompt: Prompt::Payload(Arc::new(payload)), ..request("", 1) };
        let protocol = InferGrpc::new(&spec);
        assert_eq!(protocol.route().path, "/inference.GRPCInferenceService/ModelStreamInfer");
        let outgoing = protocol.encode(&request);
        assert_eq!(outgoing.fields, [("te".into(), "trailers".to_owned())]);
        let mut messages = Messages::default();
        messages.take(&outgoing.body.concat());
        let message = messages.next().unwrap().unwrap();
        assert!(!messages.is_within());
        let message = ModelInferRequest::decode(message).unwrap();
        assert_eq!((message.model_name.as_str(), message.raw_input_contents.len()), ("m", 1));
        assert!(message.parameters.contains_key(ENABLE_EMPTY_FINAL));
    }

    #[test]
    fn one_answer_is_complete_with_its_status() {
        let body = calling(&answer(&["y"], false)).body.concat();
        let (outcome, reply) = read(false, &body, Some("0"));
        assert_eq!((outcome, reply.events, reply.deltas.len()), (Outcome::Ok, 0, 0));
        assert_eq!(read(false, &body, None).0, Outcome::Invalid);
        assert_eq!(read(false, &body, Some("13")).0, Outcome::StreamError);
        assert_eq!(read(false, b"", Some("8")).0, Outcome::Http429);
        assert_eq!(read(false, b"", Some("0")).0, Outcome::Empty);
    }

    #[test]
    fn a_stream_ends_with_its_marked_answer() {
        let body = [event(&["y"], false), event(&["y"], false), event(&[], true)].concat();
        let (outcome, reply) = read(true, &body, Some("0"));
        assert_eq!((outcome, reply.events, reply.deltas.len()), (Outcome::Ok, 3, 2));
        assert!(reply.deltas[0].at < reply.deltas[1].at);
        let failed = ModelStreamInferResponse { error_message: "no".into(), infer_response: None };
        let (outcome, reply) = read(true, &calling(&failed).body.concat(), Some("0"));
        assert_eq!((outcome, reply.error.as_deref()), (Outcome::StreamError, Some("no")));
    }
}
