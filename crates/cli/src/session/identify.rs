//! Who the server is and which of its models is asked, where the user left that open.

use anyhow::{Context as _, anyhow};
use plimsoll_core::spec::{Provider, Target, TransportSpec};
use plimsoll_drive::protocol::Mask;
use plimsoll_drive::protocol::probe::{Answer, Found, Probe, Step};
use plimsoll_drive::transport::{Conversation, FetchError, reach};

use super::models::{self, Asker};
use super::server::HttpWay;
use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::TargetDraft;

/// Questions without any answer, after which a server is not asked further: each takes its whole time limit.
const SILENCES: usize = 2;

/// Provider and model of a run, and how the user is told what was found.
pub(super) struct Identity {
    pub(super) provider: Provider,
    pub(super) model: String,
    /// `found llama.cpp b1234 serving tiny`; nothing where the user named the provider.
    pub(super) found: Option<String>,
}

/// Completes what the draft leaves open. What the user named is never changed.
///
/// # Errors
/// The server cannot be reached, is not known, or does not tell its models.
pub(super) fn identify(
    draft: &TargetDraft,
    way: &HttpWay,
    target: &Target,
    transport: &TransportSpec,
) -> anyhow::Result<Identity> {
    let asker = Asker { way, target, transport };
    let Some(provider) = draft.provider else { return recognise(draft, &asker) };
    let model = match &draft.model {
        Some(model) => {
            let reached = reach(&way.origin, transport, way.tls.clone());
            reached.with_context(|| unreachable(&target.url))?;
            model.clone()
        }
        None => models::find(provider, &asker)?,
    };
    Ok(Identity { provider, model, found: None })
}

/// What to do where nobody answers.
pub(super) fn unreachable(url: &str) -> String {
    format!("no server at {url}: start it, or give another target with -H")
}

/// Asks the server itself.
fn recognise(draft: &TargetDraft, asker: &Asker<'_>) -> anyhow::Result<Identity> {
    let found = probe(draft, asker)?;
    if let Some(note) = &found.note {
        emit::warning(note);
    }
    let (model, others) = match &draft.model {
        Some(model) => (model.clone(), 0),
        None => {
            let mut listed = found.models.clone();
            if listed.is_empty() && found.provider == Provider::Torchserve {
                listed = models::by_management(asker)?;
            }
            let first = listed.first().cloned().ok_or_else(|| no_model(&found, asker))?;
            (first, listed.len() - 1)
        }
    };
    let text = describe(&found, &model, others);
    Ok(Identity { provider: found.provider, model, found: Some(text) })
}

fn describe(found: &Found, model: &str, others: usize) -> String {
    let version = found.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let more = match others {
        0 => String::new(),
        1 => " and another model (-m names one)".to_owned(),
        others => format!(" and {others} other models (-m names one)"),
    };
    format!("found {}{version} serving {model}{more}", found.name)
}

fn no_model(found: &Found, asker: &Asker<'_>) -> UsageError {
    let url = &asker.target.url;
    UsageError(format!("{url} is {}, and lists no model that is ready: name one with --model", found.name))
}

fn probe(draft: &TargetDraft, asker: &Asker<'_>) -> anyhow::Result<Found> {
    let url = &asker.target.url;
    let mut conversation = asker.conversation()?;
    let mut probe = Probe::new(&asker.way.origin.host, draft.model.as_deref());
    loop {
        match probe.next() {
            Step::Found(found) => return Ok(found),
            Step::Ask(question) if probe.silences() < SILENCES => {
                let answer = match conversation.ask(question.path(), question.body()) {
                    Ok(fetched) => Ok(Answer { status: fetched.status, body: fetched.body }),
                    Err(error) if error.is_unreachable() => {
                        return Err(anyhow!(error).context(unreachable(url)));
                    }
                    Err(FetchError::NoAnswer { reason, .. }) => Err(reason),
                    Err(error) => Err(error.to_string()),
                };
                probe.heard(question, answer);
            }
            Step::Ask(_) | Step::Unknown => return Err(unknown(&probe, asker.target)),
        }
    }
}

/// What was asked, what came back, and what to do.
fn unknown(probe: &Probe, target: &Target) -> anyhow::Error {
    let providers: Vec<&str> = Provider::ALL.into_iter().map(Provider::name).collect();
    let key = match target.api_key {
        None if probe.refuses_strangers() => "; if it wants a key, give it with -k",
        _ => "",
    };
    let report = Mask::of(target).hide(probe.report());
    anyhow!(
        "{} answers like no server that is known:{report}\nname what it speaks like with --provider ({}), and its \
         model with --model{key}",
        target.url,
        providers.join(", ")
    )
}

impl<'a> Asker<'a> {
    /// Begins to ask the server questions.
    pub(super) fn conversation(&self) -> Result<Conversation<'a>, FetchError> {
        Conversation::new(&self.way.origin, self.target, self.transport, self.way.tls.clone())
    }
}
