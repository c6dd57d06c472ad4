//! What stands before and after the tokens of a streamed answer.

use serde_json::{Value, json};

use super::{Answer, Script, simulated_failure, timed_out};
use crate::sim::ask::Shape;
use crate::sim::fate::Fault;
use crate::sim::frames::{self, Stamp};
use crate::sim::options::{SimOptions, UsageForm};
use crate::sim::reply::{Refusal, connection_header};

impl Answer {
    pub(super) fn push_opening(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
             transfer-encoding: chunked\r\n{}\r\n",
            connection_header(self.job.after)
        );
        out.extend_from_slice(head.as_bytes());
        if self.job.ask.shape == Shape::Chat {
            let rest = "\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\
                        \"logprobs\":null,\"finish_reason\":null}]}";
            frames::push_event(out, &self.lead, stamp, rest);
        }
    }

    /// TGI's last token carries the whole text and the counts.
    pub(super) fn push_tgi_end(&self, stamp: Stamp, count: u32, out: &mut Vec<u8>) {
        let text = frames::text(self.tokens);
        let last = &text[text.len() - text.len() / self.tokens.max(1) as usize * count as usize..];
        let rest = format!(
            "\",\"token\":{{\"id\":1,\"text\":{},\"logprob\":-0.5,\"special\":false}},\"generated_text\":{},\
             \"details\":{}}}",
            Value::from(last),
            Value::from(text.as_str()),
            self.tgi_details(),
        );
        frames::push_event(out, &self.lead, stamp, &rest);
    }

    pub(super) fn tgi_details(&self) -> Value {
        let reason = if self.finish_reason() == "length" { "length" } else { "eos_token" };
        let prompt = self.job.ask.prompt_tokens;
        json!({"finish_reason": reason, "generated_tokens": self.tokens, "seed": null, "input_length": prompt})
    }

    pub(super) fn push_tail(&self, stamp: Stamp, script: &Script, out: &mut Vec<u8>) {
        match self.job.fate.fault {
            _ if self.timed_out() => self.push_error(&timed_out(), script, out),
            Fault::Truncate => return, // the last chunk never comes
            Fault::StreamError => self.push_error(&simulated_failure(), script, out),
            _ if matches!(self.job.ask.shape, Shape::Chat | Shape::Text) => {
                self.push_finish(stamp, script, out)
            }
            _ => {}
        }
        out.extend_from_slice(b"0\r\n\r\n");
    }

    fn push_finish(&self, stamp: Stamp, script: &Script, out: &mut Vec<u8>) {
        let options = &script.options;
        let content = if self.job.ask.shape == Shape::Chat { "\"delta\":{}" } else { "\"text\":\"\"" };
        let usage = match options.usage {
            UsageForm::Finish => format!(",\"usage\":{}", self.usage(options)),
            UsageForm::Own | UsageForm::None => String::new(),
        };
        let finish = format!(
            "\",\"choices\":[{{\"index\":0,{content},\"logprobs\":null,\"finish_reason\":\"{}\"}}]{usage}}}",
            self.finish_reason()
        );
        frames::push_event(out, &self.lead, stamp, &finish);
        if options.usage == UsageForm::Own && self.job.ask.include_usage {
            let usage = format!("\",\"choices\":[],\"usage\":{}}}", self.usage(options));
            frames::push_event(out, &self.lead, stamp, &usage);
        }
        if options.done {
            frames::push_chunk(out, &[b"data: [DONE]\n\n"]);
        }
    }

    fn push_error(&self, error: &Refusal, script: &Script, out: &mut Vec<u8>) {
        let document = error.document();
        match self.job.ask.shape {
            Shape::Chat | Shape::Text => {
                frames::push_chunk(out, &[b"data: ", document.as_bytes(), b"\n\n"]);
                if script.options.done {
                    frames::push_chunk(out, &[b"data: [DONE]\n\n"]);
                }
            }
            Shape::Tgi => {
                let event = json!({"error": error.message, "error_type": "generation"});
                frames::push_chunk(out, &[format!("data:{event}\n\n").as_bytes()]);
            }
            Shape::TritonGenerate | Shape::TritonInfer => {
                let event = json!({"error": error.message});
                frames::push_chunk(out, &[format!("data: {event}\n\n").as_bytes()]);
            }
        }
    }

    pub(super) fn usage(&self, options: &SimOptions) -> Value {
        let (prompt, completion) = (self.job.ask.prompt_tokens, self.tokens);
        let mut usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": u64::from(prompt) + u64::from(completion),
            "prompt_tokens_details": {"cached_tokens": 0},
        });
        if options.reasoning > 0 && self.job.ask.shape == Shape::Chat {
            let reasoning = options.reasoning.min(completion);
            usage["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
        }
        usage
    }
}
