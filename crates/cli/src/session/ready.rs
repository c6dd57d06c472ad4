//! Makes a run ready: its trace, its texts, its workload.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use plimsoll_core::load::trace::{Trace, TraceOptions};
use plimsoll_core::load::{Arrivals, LoadModel};
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{Corpus, Interface, RunSpec};
use plimsoll_core::workload::{Lists, Recording, RequestSpec, TraceLengths, Workload};
use plimsoll_drive::workload;

use crate::exit::UsageError;
use crate::report::emit;
use crate::resolve::TraceInput;

/// Reads the trace into the load and returns the lengths of its requests.
///
/// # Errors
/// The trace cannot be read or used.
pub(super) fn trace(load: &mut LoadModel, input: &TraceInput) -> anyhow::Result<TraceLengths> {
    let shown = input.path.display().to_string();
    let text = fs::read_to_string(&input.path)
        .map_err(|error| UsageError(format!("cannot read the trace `{shown}` ({error}): check the path")))?;
    let options = TraceOptions {
        speed: input.speed,
        start: input.start,
        stop: input.stop,
        time_column: input.time_column.clone(),
        time_unit: input.time_unit,
        input_column: input.input_column.clone(),
        output_column: input.output_column.clone(),
    };
    let trace = Trace::parse(&shown, &text, &options).map_err(|error| UsageError(error.to_string()))?;
    if trace.out_of_order > 0 {
        let what = "requests of the trace were not in order of time and have been sorted in";
        emit::warning(&format!("{} of {} {what}", trace.out_of_order, trace.recorded));
    }
    if let LoadModel::Open(open) = load {
        open.arrivals = Arrivals::Replay(trace.replay());
    }
    Ok(trace.rows.iter().map(|row| (row.input_tokens, row.output_tokens)).collect())
}

/// Checks the load as a whole, once the trace is part of it.
///
/// # Errors
/// Its values do not fit together.
pub(super) fn check(load: &LoadModel) -> Result<(), UsageError> {
    load.validate().map_err(|error| UsageError(error.to_string()))
}

/// The texts to force as answers.
pub(super) fn forced_texts(corpus: Corpus) -> Arc<[String]> {
    corpus.pieces().map(str::to_owned).collect()
}

/// The workload and the tokenizer that it counts with.
///
/// # Errors
/// A file is missing or malformed, or the workload is impossible.
pub(super) fn workload(spec: &RunSpec, lengths: Option<TraceLengths>) -> anyhow::Result<workload::Loaded> {
    let family = &spec.api.family;
    let interface = spec.api.interface;
    if interface == Interface::Transcriptions {
        return Ok((Arc::new(Recording { seconds: family.audio_seconds }), None));
    }
    let traced = lengths.is_some();
    let (prompts, tokenizer) = workload::load(&spec.workload, spec.seed, interface, lengths)
        .map_err(|error| UsageError(error.to_string()))
        .context("cannot make the workload")?;
    let (member, length) = match interface {
        Interface::Embeddings if family.inputs > 1 => ("input", family.inputs),
        Interface::Rerank => ("documents", family.rerank.documents),
        _ => return Ok((prompts, tokenizer)),
    };
    if traced {
        return Err(UsageError(format!(
            "a trace gives each request one length, and these have {length} {member} each: use --qps or --stages"
        ))
        .into());
    }
    Ok((Arc::new(Lists { prompts, member, length, counted: interface == Interface::Embeddings }), tokenizer))
}

/// A workload for the embedded server, which only estimates the tokens of a prompt: a difference from our count would
/// say nothing, so there is no count to compare with.
pub(super) struct Uncounted(pub(super) Arc<dyn Workload>);

impl Workload for Uncounted {
    fn request(&self, id: RequestId) -> RequestSpec {
        RequestSpec { prompt_tokens: None, ..self.0.request(id) }
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn inexact(&self) -> u64 {
        self.0.inexact()
    }

    fn items_per_request(&self) -> Option<f64> {
        self.0.items_per_request()
    }
}
