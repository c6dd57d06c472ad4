//! What trials are made of: a run that is complete, with its workload and its protocol.

use std::sync::Arc;

use plimsoll_core::load::LoadModel;
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::RunSpec;
use plimsoll_core::workload::{RequestSpec, Tokenizer, TraceLengths, Workload};
use plimsoll_drive::protocol::{self, Protocol};

use super::folder::CommandFolder;
use super::ready::{self, Uncounted};
use super::server::Way;
use crate::exit::UsageError;
use crate::resolve::Outputs;

/// A run as asked for, with everything that is slow to read: made once for many trials.
pub(crate) struct Blueprint {
    pub(crate) spec: RunSpec,
    /// What is shown and kept of its trials.
    pub(crate) outputs: Outputs,
    pub(super) workload: Arc<dyn Workload>,
    pub(super) tokenizer: Option<Arc<dyn Tokenizer>>,
    pub(super) protocol: Arc<dyn Protocol>,
    /// Requests after which a trace begins anew; 1 without a trace.
    period: u64,
}

impl Blueprint {
    /// Reads and checks everything that the run needs.
    ///
    /// # Errors
    /// Something is missing, malformed or impossible; nothing has been sent.
    pub(super) fn new(
        spec: RunSpec,
        outputs: Outputs,
        lengths: Option<TraceLengths>,
        way: &Way,
    ) -> anyhow::Result<Self> {
        ready::check(&spec.load)?;
        let interface = spec.api.interface;
        if matches!(way, Way::InProcess(_)) && !interface.has_length() {
            let error =
                format!("simulated time has text only, no {}: leave out time=virtual", interface.name());
            return Err(UsageError(error).into());
        }
        let period = lengths.as_ref().map_or(1, |rows| rows.len().max(1) as u64);
        let (mut workload, tokenizer) = ready::workload(&spec, lengths)?;
        if way.is_embedded() {
            workload = Arc::new(Uncounted(workload));
        }
        let protocol = protocol::build(&spec).map_err(|error| UsageError(error.to_string()))?;
        Ok(Blueprint { spec, outputs, workload, tokenizer, protocol, period })
    }

    /// A new folder for a command that makes trials of this run.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn new_folder(&self) -> anyhow::Result<CommandFolder> {
        CommandFolder::create(&self.outputs.out, &self.spec.name, &self.outputs.settings)
    }

    /// What is asked, in words.
    pub(crate) fn describe(&self) -> String {
        self.workload.describe()
    }

    /// The workload from the request with number `asked` on, or a little later: a trace begins with its first row.
    pub(super) fn workload_after(&self, asked: u64) -> Arc<dyn Workload> {
        match asked.next_multiple_of(self.period) {
            0 => self.workload.clone(),
            first => Arc::new(Continued { whole: self.workload.clone(), first }),
        }
    }

    /// The run with another load, as far as one follows from the other.
    pub(super) fn spec_of(&self, load: LoadModel) -> RunSpec {
        // A thread without a user would have nothing to do.
        let users = match &load {
            LoadModel::Closed(closed) => closed.users.get(),
            LoadModel::Open(_) => u32::MAX,
        };
        let threads = self.spec.threads.min(u16::try_from(users).unwrap_or(u16::MAX));
        RunSpec { load, threads, ..self.spec.clone() }
    }
}

/// A workload that goes on where another trial left it: a server that has seen the earlier prompts has not seen these.
struct Continued {
    whole: Arc<dyn Workload>,
    /// The number that its first request has within the whole.
    first: u64,
}

impl Workload for Continued {
    fn request(&self, id: RequestId) -> RequestSpec {
        let place = RequestId(self.first.wrapping_add(id.0));
        RequestSpec { id, ..self.whole.request(place) }
    }

    fn describe(&self) -> String {
        format!("{}, from request {} on", self.whole.describe(), self.first)
    }

    fn inexact(&self) -> u64 {
        self.whole.inexact()
    }

    fn items_per_request(&self) -> Option<f64> {
        self.whole.items_per_request()
    }
}
