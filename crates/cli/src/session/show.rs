//! `--show-request` and `--show-response`: prints each exchange as it ends.

use std::sync::Arc;

use plimsoll_core::record::Record;
use plimsoll_core::workload::Workload;
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
        if self.request {
            // Requests are a function of their number, so the body need not have been kept.
            let body = self.protocol.encode(&self.workload.request(record.id)).body.concat();
            emit::note(&format!("--- request {} ---\n{}", record.id.0, String::from_utf8_lossy(&body)));
        }
        if self.response {
            let end = record.error.as_deref().unwrap_or_else(|| record.outcome.name());
            let text = self.mask.hide(text.unwrap_or_default().to_owned());
            emit::note(&format!("--- response {} ({end}) ---\n{text}", record.id.0));
        }
    }
}
