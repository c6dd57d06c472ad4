//! Requests whose bodies were made ahead of the run.

use plimsoll_core::spec::tensors::PayloadSpec;
use plimsoll_core::spec::{PromptSource, RunSpec};
use plimsoll_core::workload::{Prompt, RequestSpec};

use super::Outgoing;

/// The payload of a request as it goes out. Its body is shared, not copied.
pub(super) fn outgoing(request: &RequestSpec) -> Outgoing {
    match &request.prompt {
        Prompt::Payload(payload) => Outgoing {
            path: payload.path.clone(),
            fields: payload.fields.clone(),
            body: payload.body.clone(),
        },
        Prompt::Text(_) | Prompt::Members(_) => Outgoing::default(),
    }
}

/// What is said of the payloads of a run, if it has any.
pub(super) fn payloads(spec: &RunSpec) -> Option<&PayloadSpec> {
    match &spec.workload.prompts {
        PromptSource::Payloads(payloads) => Some(payloads),
        _ => None,
    }
}

/// The version of the model to ask for.
pub(super) fn model_version(spec: &RunSpec) -> Option<&str> {
    payloads(spec)?.model_version.as_deref()
}
