//! Chat and text completions that are not streamed.

use serde_json::{Map, Value, json};

use super::completion::{Asked, Form};
use super::logprobs::logprobs;
use crate::sim::frames::{self, WORD};
use crate::sim::options::{SimOptions, UsageForm};
use crate::sim::reply::Document;
use crate::sim::surface::{Ending, Moment, Whole};

/// Writes the completion as one document.
#[derive(Debug)]
pub(super) struct CompletionDocument(pub(super) Asked);

impl Whole for CompletionDocument {
    fn document(&self, ends: &[Ending], at: &Moment<'_>) -> Document {
        let options = &at.script.options;
        let choices = ends.iter().enumerate().map(|(job, end)| self.choice(job, *end, options));
        let choices: Vec<Value> = choices.collect();
        let usage = match options.usage {
            UsageForm::None => String::new(),
            UsageForm::Own | UsageForm::Finish => format!(",\"usage\":{}", usage(&self.0, ends, options)),
        };
        let object = if self.0.form == Form::Chat { "chat.completion" } else { "text_completion" };
        let opening = opening(&self.0, object);
        let stamp = at.stamp;
        Document::json(200, format!("{opening}{stamp}\",\"choices\":{}{usage}}}", Value::from(choices)))
    }
}

impl CompletionDocument {
    fn choice(&self, job: usize, end: Ending, options: &SimOptions) -> Value {
        let asked = &self.0;
        let text = frames::text(end.tokens);
        let echo = asked.echo_of(job);
        let logprobs = asked.logprobs.map_or(Value::Null, |alternatives| {
            logprobs(asked.form, 0, end.tokens, alternatives, echo.chars().count())
        });
        let mut choice = Map::new();
        choice.insert("index".to_owned(), job.into());
        match asked.form {
            Form::Chat => choice.insert("message".to_owned(), message(&text, options)),
            Form::Text => choice.insert("text".to_owned(), format!("{echo}{text}").into()),
        };
        choice.insert("logprobs".to_owned(), logprobs);
        choice.insert("finish_reason".to_owned(), end.reason().into());
        Value::Object(choice)
    }
}

fn message(text: &str, options: &SimOptions) -> Value {
    let thought = (options.reasoning as usize * WORD).min(text.len());
    let mut message = json!({"role": "assistant", "content": text[thought..]});
    if options.reasoning > 0 {
        message["reasoning_content"] = Value::from(&text[..thought]);
    }
    message
}

/// What an event or a document begins with, up to the digits of the stamp.
pub(super) fn opening(asked: &Asked, object: &str) -> String {
    let id = if asked.form == Form::Chat { "chatcmpl" } else { "cmpl" };
    let Asked { index, created, model, .. } = asked;
    let model = Value::from(model.as_str());
    format!(
        "{{\"id\":\"{id}-{index:016x}\",\"object\":\"{object}\",\"created\":{created},\"model\":{model},\
         \"system_fingerprint\":\"plimsoll:"
    )
}

/// What the answer used, all choices together.
pub(super) fn usage(asked: &Asked, ends: &[Ending], options: &SimOptions) -> Value {
    let completion: u64 = ends.iter().map(|end| u64::from(end.told)).sum();
    let mut usage = json!({
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": asked.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    });
    if options.reasoning > 0 && asked.form == Form::Chat {
        let reasoning: u64 = ends.iter().map(|end| u64::from(options.reasoning.min(end.tokens))).sum();
        usage["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
    }
    usage
}
