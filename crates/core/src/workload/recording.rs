//! Requests about a recording that all of them share: there is no prompt.

use std::sync::Arc;

use crate::record::RequestId;
use crate::workload::{Prompt, RequestSpec, Workload};

/// The workload of transcriptions. The recording itself is the protocol's.
pub struct Recording {
    /// Its length, in seconds.
    pub seconds: f64,
}

impl Workload for Recording {
    fn request(&self, id: RequestId) -> RequestSpec {
        RequestSpec {
            id,
            prompt: Prompt::Text(Arc::default()),
            images: Arc::default(),
            max_tokens: 0,
            prompt_tokens: None,
            cancel: false,
        }
    }

    fn describe(&self) -> String {
        format!("{} s of synthetic audio", self.seconds)
    }
}
