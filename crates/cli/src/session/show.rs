//! `--show-request` and `--show-response`: prints each exchange as it ends.

use std::sync::Arc;

use plimsoll_core::record::Record;
use plimsoll_core::workload::{Prompt, Workload};
use plimsoll_drive::protocol::{Mask, Protocol};
use plimsoll_drive::recorder::RecordSink;

use crate::report::emit;

/// Prints exchanges.
pub(super) struct Shown {
    pub(super) request: bool,
    pub(super) response: bool,
    pub(super) workload: Arc<dyn Workload>,
    pub(super) protocol: Arc<dyn Protocol>,
    /// Servers that repeat a key in their answer must not make us show it.
    pub(super) mask: Mask,
}

impl RecordSink for Shown {
    fn on_record(&mut self, record: &Record, text: Option<&str>) {
        // Requests are a function of their number, so what was sent need not have been kept.
        let request = self.workload.request(record.id);
        let secrets = match &request.prompt {
            Prompt::Payload(payload) => payload.secrets.as_slice(),
            Prompt::Text(_) | Prompt::Members(_) => &[],
        };
        let hide = |text: String| Mask::of_texts(secrets.iter().map(String::as_str)).hide(text);
        if self.request {
            let body = self.protocol.encode(&request).body.concat();
            let body = hide(String::from_utf8_lossy(&body).into_owned());
            emit::note(&format!("--- request {} ---\n{body}", record.id.0));
        }
        if self.response {
            let end = record.error.as_deref().unwrap_or_else(|| record.outcome.name());
            let text = self.mask.hide(hide(text.unwrap_or_default().to_owned()));
            emit::note(&format!("--- response {} ({end}) ---\n{text}", record.id.0));
        }
    }
}
