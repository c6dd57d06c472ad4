//! What a request for chat or text completions asks for.

use super::body::{self, Body, Logprobs, StreamOptions};
use super::document::CompletionDocument;
use super::stream::CompletionStream;
use crate::sim::surface::prompt::{Input, Prompt};
use crate::sim::surface::{About, JOBS_MAX, Refusal, Reply, Request, Work, wanted_tokens};

/// Most alternatives for which log probabilities are given (vLLM's default).
const LOGPROBS_MAX: u32 = 20;

/// Chat or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Chat,
    Text,
}

/// What an answer needs to know of its request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) model: String,
    /// The number of the request, for its id.
    pub(super) index: u64,
    pub(super) created: u64,
    /// Tokens of all prompts together.
    pub(super) prompt_tokens: u64,
    /// Choices of each prompt.
    pub(super) n: usize,
    /// The prompts, where the answer repeats them; else empty.
    pub(super) echo: Vec<String>,
    /// Alternatives of each token whose log probabilities are wanted, if any are.
    pub(super) logprobs: Option<u32>,
    /// `stream_options.include_usage`.
    pub(super) include_usage: bool,
    /// `stream_options.continuous_usage_stats`: usage in every event.
    pub(super) continuous_usage: bool,
}

impl Asked {
    /// What the choice of this number repeats.
    pub(super) fn echo_of(&self, job: usize) -> &str {
        self.echo.get(job / self.n).map_or("", String::as_str)
    }
}

/// Reads the body.
///
/// # Errors
/// 400 with what is wrong, 404 for another model where that is checked.
pub(super) fn read(form: Form, request: &Request<'_>, about: &About<'_>) -> Result<Work, Refusal> {
    let body = body::read(request.body)?;
    if let Some(model) = &body.model {
        about.check_model(model)?;
    }
    let prompts = prompts(form, &body)?;
    let tokens = tokens(&body)?;
    let n = choices(&body, prompts.len())?;
    let stream = body.stream.unwrap_or(false);
    let usage = stream_options(&body, stream)?;
    let asked = Asked {
        form,
        model: body.model.clone().unwrap_or_else(|| about.model().to_owned()),
        index: about.index(),
        created: about.script.created,
        prompt_tokens: prompts.iter().map(|prompt| u64::from(prompt.tokens())).sum(),
        n,
        echo: if form == Form::Text && body.echo == Some(true) { echoes(&body) } else { Vec::new() },
        logprobs: logprobs(form, &body)?,
        include_usage: usage.include_usage == Some(true),
        continuous_usage: usage.include_usage == Some(true) && usage.continuous_usage_stats == Some(true),
    };
    let jobs: Vec<_> = prompts.iter().flat_map(|prompt| vec![prompt.ask(tokens); n]).collect();
    let reply = if stream {
        Reply::Stream(Box::new(CompletionStream::new(asked, jobs.len())))
    } else {
        Reply::Whole(Box::new(CompletionDocument(asked)))
    };
    Ok(Work { jobs, reply })
}

fn prompts(form: Form, body: &Body) -> Result<Vec<Prompt>, Refusal> {
    match (form, &body.messages, &body.prompt) {
        (Form::Chat, Some(messages), _) => Ok(vec![messages.0.clone()]),
        (Form::Text, _, Some(inputs)) if inputs.0.is_empty() => {
            Err(Refusal::bad_field("prompt", "`prompt` is an empty list: give at least one prompt"))
        }
        (Form::Text, _, Some(inputs)) => Ok(inputs.0.iter().map(Input::prompt).collect()),
        (Form::Chat, None, _) => Err(Refusal::bad_field("messages", "`messages` is missing")),
        (Form::Text, _, None) => Err(Refusal::bad_field("prompt", "`prompt` is missing")),
    }
}

fn tokens(body: &Body) -> Result<u32, Refusal> {
    let (given, param) = match body.max_completion_tokens {
        Some(tokens) => (Some(tokens), "max_completion_tokens"),
        None => (body.max_tokens, "max_tokens"),
    };
    match (given, body.min_tokens) {
        (Some(most), Some(least)) if least > most => {
            let message = format!("`min_tokens` is {least}, more than `{param}`, which is {most}");
            Err(Refusal::bad_field("min_tokens", &message))
        }
        (None, Some(least)) => wanted_tokens(Some(least.max(super::super::TOKENS_DEFAULT)), "min_tokens"),
        (given, _) => wanted_tokens(given, param),
    }
}

/// The choices of each prompt.
fn choices(body: &Body, prompts: usize) -> Result<usize, Refusal> {
    let n = body.n.unwrap_or(1) as usize;
    if n == 0 {
        return Err(Refusal::bad_field("n", "`n` must be at least 1"));
    }
    if n.saturating_mul(prompts) > JOBS_MAX {
        let message = format!("`n` and the prompts ask for more than {JOBS_MAX} choices: ask for fewer");
        return Err(Refusal::bad_field("n", &message));
    }
    if body.best_of.is_some_and(|best_of| best_of as usize != n) {
        let message = "`best_of` is not supported: leave it out, or give it the value of `n`";
        return Err(Refusal::bad_field("best_of", message));
    }
    Ok(n)
}

fn stream_options(body: &Body, stream: bool) -> Result<StreamOptions, Refusal> {
    if body.stream_options.is_some() && !stream {
        let message = "`stream_options` is only for streams: give it with `stream` true";
        return Err(Refusal::bad_field("stream_options", message));
    }
    Ok(body.stream_options.unwrap_or_default())
}

fn logprobs(form: Form, body: &Body) -> Result<Option<u32>, Refusal> {
    let (count, param) = match (form, body.logprobs, body.top_logprobs) {
        (Form::Chat, None | Some(Logprobs::Wanted(false)), Some(1..)) => {
            let message = "`top_logprobs` needs `logprobs` to be true";
            return Err(Refusal::bad_field("top_logprobs", message));
        }
        (_, None | Some(Logprobs::Wanted(false)), _) => return Ok(None),
        (_, Some(Logprobs::Wanted(true)), top) => (top.unwrap_or(0), "top_logprobs"),
        (_, Some(Logprobs::Count(count)), _) => (count, "logprobs"),
    };
    if count > LOGPROBS_MAX {
        let message =
            format!("`{param}` is {count}: log probabilities of at most {LOGPROBS_MAX} tokens are given");
        return Err(Refusal::bad_field(param, &message));
    }
    Ok(Some(count))
}

/// The texts of the prompts; token ids are shown as ids, for there is no tokenizer.
fn echoes(body: &Body) -> Vec<String> {
    let text = |input: &Input| match input {
        Input::Text(text) => text.clone(),
        Input::Ids(ids) => ids.iter().map(|id| format!("<{id}>")).collect(),
    };
    body.prompt.iter().flat_map(|inputs| &inputs.0).map(text).collect()
}
