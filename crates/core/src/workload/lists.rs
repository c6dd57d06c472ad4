//! Requests that ask about several texts at once: inputs to embed, documents to rank.

use std::sync::Arc;

use bytes::Bytes;

use crate::record::RequestId;
use crate::workload::{Members, Prompt, RequestSpec, Workload};

/// Makes each request of a list of prompts, as a member of the request body.
pub struct Lists {
    /// What makes the prompts. Request `i` of `n` texts takes its prompts `i n` to `i n + n - 1`.
    pub prompts: Arc<dyn Workload>,
    /// The member: `input`, `documents`.
    pub member: &'static str,
    /// Texts in each list, at least 1.
    pub length: u32,
    /// Whether the tokens of a request are those of its prompts: a reranker puts the query to each document.
    pub counted: bool,
}

impl Workload for Lists {
    fn request(&self, id: RequestId) -> RequestSpec {
        let length = u64::from(self.length.max(1));
        let first = id.0.saturating_mul(length);
        let mut texts = Vec::new();
        let mut tokens = self.counted.then_some(0);
        for index in 0..length {
            let request = self.prompts.request(RequestId(first.saturating_add(index)));
            tokens = tokens.zip(request.prompt_tokens).map(|(sum, own)| u32::saturating_add(sum, own));
            match request.prompt {
                Prompt::Text(text) => texts.push(serde_json::Value::from(&*text)),
                // A body of the user's own.
                Prompt::Members(_) | Prompt::Payload(_) => return RequestSpec { id, ..request },
            }
        }
        let json = format!("\"{}\":{}", self.member, serde_json::Value::from(texts));
        let members = Members { keys: [self.member.to_owned()].into(), json: Bytes::from(json) };
        RequestSpec {
            id,
            prompt: Prompt::Members(members),
            images: Arc::default(),
            max_tokens: 0,
            prompt_tokens: tokens,
            cancel: false,
        }
    }

    fn describe(&self) -> String {
        format!("{} {} each of {}", self.length, self.member, self.prompts.describe())
    }

    fn inexact(&self) -> u64 {
        self.prompts.inexact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prompts that are their own numbers, quoted.
    struct Numbers;

    impl Workload for Numbers {
        fn request(&self, id: RequestId) -> RequestSpec {
            RequestSpec {
                id,
                prompt: Prompt::Text(format!("\"{}\"", id.0).into()),
                images: Arc::default(),
                max_tokens: 5,
                prompt_tokens: Some(3),
                cancel: false,
            }
        }

        fn describe(&self) -> String {
            "numbers".to_owned()
        }
    }

    #[test]
    fn lists_take_consecutive_prompts() {
        for (counted, tokens) in [(true, Some(9)), (false, None)] {
            let lists = Lists { prompts: Arc::new(Numbers), member: "input", length: 3, counted };
            let request = lists.request(RequestId(2));
            let Prompt::Members(members) = &request.prompt else { panic!("{request:?}") };
            assert_eq!(&members.json[..], br#""input":["\"6\"","\"7\"","\"8\""]"#);
            assert_eq!((&members.keys[..], request.prompt_tokens), (&["input".to_owned()][..], tokens));
            assert_eq!((request.id, lists.describe().as_str()), (RequestId(2), "3 input each of numbers"));
        }
    }
}
