//! What only some interfaces ask, and what has no meaning for them.

use plimsoll_core::spec::{Family, Interface, Rerank};

use super::groups;
use crate::args::RunArgs;
use crate::args::family::FamilyArgs;
use crate::exit::{UsageError, refuse};

/// The longest recording: an hour, 115 MB.
const MAX_AUDIO_SECONDS: f64 = 3600.0;

/// Options that belong to one interface.
const OWN: [(&str, Interface); 9] = [
    ("embeddings-batch-size", Interface::Embeddings),
    ("embeddings-dimensions", Interface::Embeddings),
    ("rerank-query", Interface::Rerank),
    ("num-documents", Interface::Rerank),
    ("tokens-per-document", Interface::Rerank),
    ("rerank-top-n", Interface::Rerank),
    ("rerank-return-documents", Interface::Rerank),
    ("audio-seconds", Interface::Transcriptions),
    ("image-size", Interface::Images),
];

/// What is asked, if somebody said so.
///
/// # Errors
/// Two options say different things.
pub(super) fn interface(args: &RunArgs) -> Result<Option<Interface>, UsageError> {
    let (api, family) = (&args.api, &args.family);
    let by_name = match (api.chat, api.no_chat) {
        (true, _) => Some(Interface::Chat),
        (_, true) => Some(Interface::Completions),
        _ => api.api,
    };
    let by_switch = match (family.embeddings, family.rerank) {
        (true, _) => Some(Interface::Embeddings),
        (_, true) => Some(Interface::Rerank),
        _ => None,
    };
    match (by_name, by_switch) {
        (Some(named), Some(switched)) if named != switched => refuse!(
            "--{} and the interface `{}` both say what is asked: give one of them",
            switched.name(),
            named.name()
        ),
        (named, switched) => Ok(named.or(switched)),
    }
}

/// Reads the options.
///
/// # Errors
/// An option of another interface, or a length out of range.
pub(super) fn resolve(
    args: &RunArgs,
    interface: Option<Interface>,
    given: &dyn Fn(&str) -> bool,
    warnings: &mut Vec<String>,
) -> Result<Family, UsageError> {
    for (option, own) in OWN {
        if given(option) && interface != Some(own) {
            refuse!("--{option} belongs to another interface: add --api {}, or leave it out", own.name());
        }
    }
    if let Some(interface) = interface {
        check_stream(args, interface)?;
        warn_of_no_effect(interface, given, warnings);
    }
    let typed = &args.family;
    if typed.audio_seconds > MAX_AUDIO_SECONDS {
        refuse!("--audio-seconds {} is more than an hour: make it smaller", typed.audio_seconds);
    }
    let of_rerank = rerank(typed);
    if let Some(top) = of_rerank.top_n.filter(|&top| top > of_rerank.documents) {
        refuse!(
            "--rerank-top-n {top} is more than there are documents ({}): make it smaller, or --num-documents larger",
            of_rerank.documents
        );
    }
    Ok(Family {
        without: Vec::new(),
        inputs: typed.embeddings_batch_size.get(),
        dimensions: typed.embeddings_dimensions.map(std::num::NonZeroU32::get),
        rerank: of_rerank,
        audio_seconds: typed.audio_seconds,
        image_size: typed.image_size.map(|size| (size.0, size.1)),
    })
}

fn rerank(typed: &FamilyArgs) -> Rerank {
    let usual = Rerank::default();
    Rerank {
        query: typed.rerank_query.clone().unwrap_or(usual.query),
        documents: typed.num_documents.get(),
        top_n: typed.rerank_top_n.map(std::num::NonZeroU32::get),
        return_documents: match (typed.rerank_return_documents, typed.no_rerank_return_documents) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
    }
}

fn check_stream(args: &RunArgs, interface: Interface) -> Result<(), UsageError> {
    if args.api.stream && !interface.streams() {
        refuse!("the answers of `{}` come in one piece: leave out --stream", interface.name());
    }
    if args.workload.cancel_rate > 0.0 && (!interface.streams() || interface == Interface::Transcriptions) {
        refuse!(
            "--cancel-rate cancels after the first token, and {} has none to wait for: leave it out",
            interface.name()
        );
    }
    Ok(())
}

fn warn_of_no_effect(interface: Interface, given: &dyn Fn(&str) -> bool, warnings: &mut Vec<String>) {
    let mut without = Vec::new();
    if !interface.has_length() {
        without.extend(groups::LENGTHS.into_iter().chain(["strict-length", "first-visible-token"]));
    }
    if !interface.streams() {
        without.push("temperature");
    }
    if interface == Interface::Transcriptions {
        without.extend(groups::PROMPTS);
    }
    without.retain(|option| given(option));
    for option in without {
        warnings.push(format!(
            "--{option} has no effect: the interface `{}` has no use for it",
            interface.name()
        ));
    }
}
