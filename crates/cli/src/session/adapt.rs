//! A question before the run, to a server that answers 422 where others ignore what they do not know.

use anyhow::{Context as _, anyhow};
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{Interface, Provider, RunSpec};
use plimsoll_core::workload::{Prompt, RequestSpec};
use plimsoll_drive::protocol::{self, Mask, refused_members};
use plimsoll_drive::transport::{ANSWER_LIMIT, post};

use super::server::{HttpWay, Way};
use crate::exit::UsageError;
use crate::report::emit;

/// Questions that are asked at most. A server names all that it does not know at once; another is for what it checks later.
const QUESTIONS: usize = 4;

/// Asks for one token, and takes out of all requests what the server says that it does not know; says so.
///
/// # Errors
/// The server cannot be reached, or refuses what the user asked for or what a request needs.
pub(super) fn adapt(spec: &mut RunSpec, way: &Way) -> anyhow::Result<()> {
    let asks_text =
        matches!(spec.api.interface, Interface::Chat | Interface::Completions | Interface::Responses);
    let Way::Http(way) = way else { return Ok(()) };
    if spec.target.provider != Provider::Transformers || !asks_text {
        return Ok(());
    }
    for _ in 0..QUESTIONS {
        let unknown = unknown_members(spec, way)?;
        if unknown.is_empty() {
            break;
        }
        spec.api.family.without.extend(unknown);
    }
    let without = &spec.api.family.without;
    if !without.is_empty() {
        let names: Vec<String> = without.iter().map(|name| format!("`{name}`")).collect();
        emit::warning(&format!(
            "the server does not know {}: requests go without (it answered 422)",
            names.join(", ")
        ));
    }
    Ok(())
}

/// What the server does not know of a request as the run would send it.
fn unknown_members(spec: &RunSpec, way: &HttpWay) -> anyhow::Result<Vec<String>> {
    let protocol = protocol::build(spec).map_err(|error| UsageError(error.to_string()))?;
    let question = RequestSpec {
        id: RequestId(0),
        prompt: Prompt::Text("Hello".into()),
        images: std::sync::Arc::default(),
        max_tokens: 1,
        prompt_tokens: None,
        cancel: false,
    };
    let outgoing = protocol.encode(&question);
    let sent = outgoing.body.concat();
    let route = protocol.route();
    let answer =
        post(&way.origin, &spec.target, &spec.transport, way.tls.clone(), route, outgoing, ANSWER_LIMIT)
            .with_context(|| format!("asked {} which members of a request it knows", spec.target.url))?;
    if answer.status != 422 {
        return Ok(Vec::new()); // whatever else is wrong, the run shows it
    }
    let extra = spec.api.extra_body.iter().flat_map(|extra| extra.keys());
    let refused = refused_members(&sent, &answer.body);
    let kept: Vec<&String> = extra.filter(|key| refused.contains(key)).collect();
    if refused.is_empty() || !kept.is_empty() {
        let said = Mask::of(&spec.target).hide(protocol::error_excerpt(&answer.body));
        return Err(anyhow!("POST {} answered 422: {said}; change the options that ask for it", route.path));
    }
    Ok(refused)
}
