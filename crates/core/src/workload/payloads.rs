//! The workload of requests whose bodies are made ahead of the run and used in turn.

use std::borrow::Cow;
use std::sync::Arc;

use crate::record::RequestId;
use crate::workload::{Body, RequestSpec, Workload};

/// A whole request body, and the header fields that describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The path of the request, where it has its own.
    pub path: Option<String>,
    /// Header fields that belong to this body.
    pub fields: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Body,
    /// What of all this must be shown nowhere, should a server repeat it.
    pub secrets: Vec<String>,
    /// Items in it: the first dimension of its tensors, its instances. Nothing where nobody can tell.
    pub items: Option<u64>,
}

/// Asks with each payload in turn, again and again.
pub struct Payloads {
    all: Vec<Arc<Payload>>,
    description: String,
}

impl Payloads {
    /// A workload of these payloads; nothing if there are none. `description` is one line for people.
    pub fn new(all: Vec<Payload>, description: String) -> Option<Self> {
        (!all.is_empty()).then(|| Payloads { all: all.into_iter().map(Arc::new).collect(), description })
    }
}

impl Workload for Payloads {
    fn request(&self, id: RequestId) -> RequestSpec {
        let turn = id.0 % self.all.len() as u64;
        RequestSpec::of_payload(id, self.all[turn as usize].clone())
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn items_per_request(&self) -> Option<f64> {
        let items: Option<u64> = self.all.iter().map(|payload| payload.items).sum();
        Some(items? as f64 / self.all.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Prompt;

    #[test]
    fn payloads_are_shared_and_used_in_turn() {
        let payload = |items| Payload { items, ..Payload::default() };
        let workload = Payloads::new(vec![payload(Some(1)), payload(Some(4))], "two".to_owned()).unwrap();
        let asked: Vec<Prompt> = (0..4).map(|id| workload.request(RequestId(id)).prompt).collect();
        let shared = |left: &Prompt, right: &Prompt| match (left, right) {
            (Prompt::Payload(left), Prompt::Payload(right)) => Arc::ptr_eq(left, right),
            _ => false,
        };
        assert!(
            shared(&asked[0], &asked[2]) && shared(&asked[1], &asked[3]) && !shared(&asked[0], &asked[1])
        );
        assert_eq!(workload.items_per_request(), Some(2.5));
        let unknown = Payloads::new(vec![payload(Some(1)), payload(None)], String::new()).unwrap();
        assert_eq!(unknown.items_per_request(), None);
        assert!(Payloads::new(Vec::new(), String::new()).is_none());
    }
}
