//! Chat and text completions that are streamed.

use serde_json::Value;

use super::completion::{Asked, Form};
use super::document::{opening, usage};
use super::logprobs::logprobs;
use crate::sim::frames::{self, WORD};
use crate::sim::options::UsageForm;
use crate::sim::surface::{Ending, Moment, Refusal, Said, Stream, Tokens};

/// Writes the events. What is constant is laid out before the first token, so that an event is a few copies.
#[derive(Debug)]
pub(super) struct CompletionStream {
    asked: Asked,
    /// What every event begins with, up to the digits of the stamp.
    lead: Vec<u8>,
    /// Tokens that each choice has had so far.
    given: Vec<Ending>,
    /// Choices that are not over.
    open: usize,
}

impl CompletionStream {
    /// The answer to `asked`, which has so many choices.
    pub(super) fn new(asked: Asked, choices: usize) -> Self {
        let object = if asked.form == Form::Chat { "chat.completion.chunk" } else { "text_completion" };
        let lead = format!("data: {}", opening(&asked, object)).into_bytes();
        CompletionStream {
            asked,
            lead,
            given: vec![Ending { tokens: 0, told: 0, short: true }; choices],
            open: choices,
        }
    }
}

impl Stream for CompletionStream {
    fn say(&mut self, said: &Said<'_>, at: &Moment<'_>, out: &mut Vec<u8>) {
        match *said {
            Said::Opening => self.push_roles(at, out),
            Said::Tokens(tokens) => self.push_tokens(tokens, at, out),
            Said::Finished { job, ending } => self.push_finish(job, ending, at, out),
            Said::Closing => self.push_closing(at, out),
            Said::Failure(refusal) => push_failure(refusal, at, out),
        }
    }
}

impl CompletionStream {
    /// A chat says first who speaks.
    fn push_roles(&self, at: &Moment<'_>, out: &mut Vec<u8>) {
        if self.asked.form == Form::Chat {
            for job in 0..self.given.len() {
                let content = "\"delta\":{\"role\":\"assistant\",\"content\":\"\"}";
                self.push_choice(job, content, &Value::Null, "null", at, out);
            }
        }
    }

    fn push_tokens(&mut self, tokens: Tokens, at: &Moment<'_>, out: &mut Vec<u8>) {
        let Tokens { job, from, count, .. } = tokens;
        let given = from + count;
        self.given[job] = Ending { tokens: given, told: given, short: true };
        let text = at.script.words.slice(from, count);
        let (open, close) = match self.asked.form {
            Form::Chat if from < at.script.options.reasoning => {
                ("\"delta\":{\"reasoning_content\":\"", "\"}")
            }
            Form::Chat => ("\"delta\":{\"content\":\"", "\"}"),
            Form::Text => ("\"text\":\"", "\""),
        };
        let echo = if from == 0 { self.asked.echo_of(job) } else { "" };
        if self.asked.logprobs.is_none() && !self.asked.continuous_usage && echo.is_empty() {
            let close = close.as_bytes();
            let end = b",\"logprobs\":null,\"finish_reason\":null}]}";
            let choice: &[u8] = b"\",\"choices\":[{\"index\":";
            let index = frames::Digits::of_number(job as u64);
            let rest = [choice, index.as_bytes(), b",", open.as_bytes(), text, close, end];
            return frames::push_parts(out, &self.lead, at.stamp, &rest);
        }
        // Words and spaces are ASCII. What is repeated has to be escaped.
        let escaped = Value::from(format!("{echo}{}", String::from_utf8_lossy(text))).to_string();
        let content = format!("{open}{}{close}", &escaped[1..escaped.len() - 1]);
        let logprobs = self.asked.logprobs.map_or(Value::Null, |alternatives| {
            let offset = self.asked.echo_of(job).chars().count() + from as usize * WORD;
            logprobs(self.asked.form, from, count, alternatives, offset)
        });
        self.push_choice(job, &content, &logprobs, "null", at, out);
    }

    fn push_finish(&mut self, job: usize, end: Ending, at: &Moment<'_>, out: &mut Vec<u8>) {
        self.given[job] = end;
        self.open -= 1;
        let content = if self.asked.form == Form::Chat { "\"delta\":{}" } else { "\"text\":\"\"" };
        self.push_choice(job, content, &Value::Null, &format!("\"{}\"", end.reason()), at, out);
    }

    /// Appends the event of one choice.
    fn push_choice(
        &self,
        job: usize,
        content: &str,
        logprobs: &Value,
        reason: &str,
        at: &Moment<'_>,
        out: &mut Vec<u8>,
    ) {
        let options = &at.script.options;
        let usage = match options.usage {
            UsageForm::Own if self.asked.continuous_usage => {
                format!(",\"usage\":{}", usage(&self.asked, &self.given[job..=job], options))
            }
            UsageForm::Finish if reason != "null" && self.open == 0 => {
                format!(",\"usage\":{}", usage(&self.asked, &self.given, options))
            }
            _ => String::new(),
        };
        let rest = format!(
            "\",\"choices\":[{{\"index\":{job},{content},\"logprobs\":{logprobs},\"finish_reason\":{reason}}}]{usage}}}"
        );
        frames::push_event(out, &self.lead, at.stamp, &rest);
    }

    fn push_closing(&self, at: &Moment<'_>, out: &mut Vec<u8>) {
        let options = &at.script.options;
        if options.usage == UsageForm::Own && self.asked.include_usage {
            let usage = usage(&self.asked, &self.given, options);
            let rest = format!("\",\"choices\":[],\"usage\":{usage}}}");
            frames::push_event(out, &self.lead, at.stamp, &rest);
        }
        push_done(at, out);
    }
}

fn push_failure(refusal: &Refusal, at: &Moment<'_>, out: &mut Vec<u8>) {
    let error = super::refusal(refusal).to_string();
    frames::push_chunk(out, &[b"data: ", error.as_bytes(), b"\n\n"]);
    push_done(at, out);
}

fn push_done(at: &Moment<'_>, out: &mut Vec<u8>) {
    if at.script.options.done {
        frames::push_chunk(out, &[b"data: [DONE]\n\n"]);
    }
}
