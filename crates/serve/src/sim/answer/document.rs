//! An answer that is not streamed.

use serde_json::{Value, json};

use super::{Answer, Script, simulated_failure, timed_out};
use crate::sim::ask::Shape;
use crate::sim::fate::Fault;
use crate::sim::frames::{self, Stamp};
use crate::sim::options::UsageForm;
use crate::sim::reply::{Document, push_document};

impl Answer {
    pub(super) fn push_whole(&self, stamp: Stamp, script: &Script, out: &mut Vec<u8>) {
        if self.timed_out() {
            return push_document(out, &timed_out().reply(&script.options), self.job.after);
        }
        if self.job.fate.fault == Fault::StreamError {
            let document = Document::json(200, simulated_failure().document());
            return push_document(out, &document, self.job.after);
        }
        let body = self.document(stamp, script);
        let length = body.len();
        push_document(out, &Document::json(200, body), self.job.after);
        if self.job.fate.fault == Fault::Truncate {
            out.truncate(out.len() - length / 2);
        }
    }

    /// The answer as one JSON document.
    fn document(&self, stamp: Stamp, script: &Script) -> String {
        let options = &script.options;
        let ask = &self.job.ask;
        let text = frames::text(self.tokens);
        let content = match ask.shape {
            Shape::Chat => {
                let thought =
                    text.len() / self.tokens.max(1) as usize * options.reasoning.min(self.tokens) as usize;
                let mut message = json!({"role": "assistant", "content": text[thought..]});
                if options.reasoning > 0 {
                    message["reasoning_content"] = Value::from(&text[..thought]);
                }
                let reason = self.finish_reason();
                json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}])
            }
            Shape::Text => {
                json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": self.finish_reason()}])
            }
            Shape::Tgi => Value::from(text),
            Shape::TritonGenerate => Value::from(format!("{}{text}", ask.echo)),
            Shape::TritonInfer => {
                let text = format!("{}{text}", ask.echo);
                json!([{"name": "text_output", "datatype": "BYTES", "shape": [1], "data": [text]}])
            }
        };
        let opening = frames::opening(ask, options, self.job.index, script.created);
        let (key, more) = match ask.shape {
            Shape::Chat | Shape::Text if options.usage == UsageForm::None => ("choices", String::new()),
            Shape::Chat | Shape::Text => ("choices", format!(",\"usage\":{}", self.usage(options))),
            Shape::Tgi if ask.details => ("generated_text", format!(",\"details\":{}", self.tgi_details())),
            Shape::Tgi => ("generated_text", String::new()),
            Shape::TritonGenerate => ("text_output", String::new()),
            Shape::TritonInfer => ("outputs", String::new()),
        };
        format!("{opening}{stamp}\",\"{key}\":{content}{more}}}")
    }
}
