//! What the answers of OpenAI's chat and text completions mean, as the many servers that speak them write them.

use plimsoll_core::record::{Delta, DeltaKind, Stamps, TokenSource};
use plimsoll_core::time::Offset;

use super::body_reader::{End, Meaning, malformed};
use super::excerpt::said_by;
use super::json_scan::{Text, Value};
use super::server_times;
use super::skeleton::{Ends, Skeleton};
use super::{Fields, Malformed, Reply};

/// Reads chunks and documents of both APIs: a choice has `delta`, `message` or `text`.
pub(super) struct Completion {
    keep_text: bool,
    /// Completion tokens at the last event with content, by choice: servers report a running total.
    reported: Vec<u32>,
    /// An event with content came without usage: no running totals, only a final one.
    final_usage_only: bool,
    /// Completion tokens in chunks of usage alone: llama.cpp sends one for each of several choices.
    totals: u32,
    /// Tokens counted from log probabilities.
    logprobs: u32,
    /// Choices that have begun and ended, as bits; choices beyond the 64th share the last.
    begun: u64,
    ended: u64,
    /// The last event that was read and carried nothing but a text, and what else it said.
    skeleton: Skeleton,
    again: Again,
}

/// What an event says that carries nothing but a text, apart from the text.
#[derive(Clone, Copy)]
struct Again {
    kind: DeltaKind,
    choice: usize,
    /// The places of the text and of the stamp among the texts of the skeleton.
    text: usize,
    stamp: Option<usize>,
}

/// What one event or document carried.
#[derive(Default)]
struct Carried<'a> {
    text: bool,
    tool_call: bool,
    reasoning: bool,
    /// An empty string as content where a token would stand: a special token, or part of a character.
    blank: bool,
    choices: u32,
    /// Index of the last choice.
    choice: usize,
    logprobs: u32,
    completion_tokens: Option<u32>,
    /// Texts taken, and the last of them.
    texts: u32,
    last_text: Text<'a>,
    stamp: Option<Text<'a>>,
    /// It says more than a text: nothing else may be taken for its like.
    says_more: bool,
}

impl Carried<'_> {
    fn kind(&self) -> Option<DeltaKind> {
        match self {
            Carried { text: true, .. } => Some(DeltaKind::Text),
            Carried { tool_call: true, .. } => Some(DeltaKind::ToolCall),
            Carried { reasoning: true, .. } => Some(DeltaKind::Reasoning),
            _ => None,
        }
    }
}

impl Completion {
    pub(super) fn new(keep_text: bool) -> Self {
        Completion {
            keep_text,
            reported: Vec::new(),
            final_usage_only: false,
            totals: 0,
            logprobs: 0,
            begun: 0,
            ended: 0,
            skeleton: Skeleton::default(),
            again: Again { kind: DeltaKind::Text, choice: 0, text: 0, stamp: None },
        }
    }

    /// Whether any choice has been seen.
    pub(super) fn has_begun(&self) -> bool {
        self.begun != 0
    }

    fn read<'a>(&mut self, json: Value<'a>, carried: &mut Carried<'a>, reply: &mut Reply) {
        for (key, value) in json.members().filter(|(_, value)| !value.is_null()) {
            match &*key {
                "choices" => value.items().for_each(|choice| self.choice(choice, carried, reply)),
                "usage" => usage(value, carried, reply),
                "system_fingerprint" => carried.stamp = value.string().filter(|text| stamp(*text).is_some()),
                "timings" => server_times::llama_cpp(value, reply),
                "metrics" => server_times::vllm(value, reply),
                "perf_metrics" => server_times::perf_metrics(value, reply),
                "error" => reply.error = said_by(value).or(reply.error.take()),
                "object" if value.string().is_some_and(|text| text == *"error") => {
                    reply.error = json.get("message").and_then(said_by).or(reply.error.take());
                }
                "output" => self.read(value, carried, reply), // Together wraps documents
                _ => continue,
            }
            carried.says_more |= !matches!(&*key, "choices" | "system_fingerprint");
        }
    }

    fn choice<'a>(&mut self, choice: Value<'a>, carried: &mut Carried<'a>, reply: &mut Reply) {
        let (mut index, mut blank, mut ended) = (0, false, false);
        for (key, value) in choice.members().filter(|(_, value)| !value.is_null()) {
            match &*key {
                "index" => index = value.count().unwrap_or(0),
                "delta" | "message" => blank |= self.message(value, carried, reply),
                "text" => {
                    blank |= value
                        .string()
                        .is_some_and(|text| !self.content(text, DeltaKind::Text, carried, reply));
                }
                "finish_reason" => {
                    ended = true;
                    reply.finish_reason = value.string().map(|reason| reason.unescape().into_owned());
                }
                "logprobs" => carried.logprobs += logprobs(value),
                _ => continue,
            }
            carried.says_more |= matches!(&*key, "finish_reason" | "logprobs");
        }
        carried.choices += 1;
        carried.choice = index as usize;
        carried.blank |= blank && !ended;
        let bit = 1 << index.min(63);
        self.begun |= bit;
        self.ended |= if ended { bit } else { 0 };
    }

    /// Reads a `delta` or a `message`; true if it is an empty string where a token would stand. The opening chunk has
    /// an empty string too, but with the role.
    fn message<'a>(&mut self, message: Value<'a>, carried: &mut Carried<'a>, reply: &mut Reply) -> bool {
        let (mut role, mut blank, mut reasoned) = (false, false, false);
        for (key, value) in message.members().filter(|(_, value)| !value.is_null()) {
            match (&*key, value.string()) {
                ("role", _) => role = true,
                ("content", Some(text)) => blank |= !self.content(text, DeltaKind::Text, carried, reply),
                ("refusal", Some(text)) => {
                    self.content(text, DeltaKind::Text, carried, reply);
                }
                // Some servers send both names with the same text.
                ("reasoning" | "reasoning_content", Some(text)) if !reasoned => {
                    reasoned = self.content(text, DeltaKind::Reasoning, carried, reply);
                }
                ("tool_calls", None) => {
                    for call in value.items() {
                        self.tool_call(call.get("function"), carried, reply);
                    }
                }
                ("function_call", None) => self.tool_call(Some(value), carried, reply),
                _ => {}
            }
        }
        carried.says_more |= role;
        blank && !role
    }

    fn tool_call<'a>(&mut self, function: Option<Value<'a>>, carried: &mut Carried<'a>, reply: &mut Reply) {
        (carried.tool_call, carried.says_more) = (true, true);
        for name in ["name", "arguments"] {
            if let Some(text) = function.and_then(|function| function.get(name)).and_then(Value::string) {
                self.content(text, DeltaKind::ToolCall, carried, reply);
            }
        }
    }

    /// Takes generated text; false if it is empty.
    fn content<'a>(
        &self,
        text: Text<'a>,
        kind: DeltaKind,
        carried: &mut Carried<'a>,
        reply: &mut Reply,
    ) -> bool {
        if text.is_empty() {
            return false;
        }
        match kind {
            DeltaKind::Text => carried.text = true,
            DeltaKind::Reasoning => carried.reasoning = true,
            DeltaKind::ToolCall => carried.tool_call = true,
        }
        (carried.texts, carried.last_text) = (carried.texts + 1, text);
        reply.take_text(text, self.keep_text);
        true
    }

    /// The tokens of an event with content: the growth of the running total, else the log probabilities; 0 if unknown.
    fn tokens(&mut self, carried: &Carried) -> u32 {
        let Some(total) = carried.completion_tokens.filter(|_| !self.final_usage_only) else {
            self.final_usage_only |= carried.completion_tokens.is_none();
            return carried.logprobs;
        };
        let choice = carried.choice.min(127);
        if self.reported.len() <= choice {
            self.reported.resize(choice + 1, 0);
        }
        let growth = total.saturating_sub(self.reported[choice]);
        self.reported[choice] = total;
        growth
    }

    /// Remembers an event that carried one text and nothing else, and a stamp perhaps.
    fn learn(&mut self, json: Value<'_>, carried: &Carried) {
        let Some(kind) =
            carried.kind().filter(|_| carried.texts == 1 && carried.choices == 1 && !carried.says_more)
        else {
            return;
        };
        let text = carried.last_text;
        let place = |text: Text<'_>| text.raw().as_ptr();
        let (texts, text, stamp) = match carried.stamp {
            None => ([text, Text::default()], 0, None),
            Some(stamp) if place(stamp) < place(text) => ([stamp, text], 1, Some(0)),
            Some(stamp) => ([text, stamp], 0, Some(1)),
        };
        if self.skeleton.learn(json.text(), &texts[..1 + usize::from(stamp.is_some())]) {
            self.again = Again { kind, choice: carried.choice, text, stamp };
        }
    }

    /// At the end: where the server gave no count, its log probabilities do.
    fn count_logprobs(&self, reply: &mut Reply) {
        if reply.usage.output_tokens.is_none() && self.logprobs > 0 {
            reply.usage.output_tokens = Some(self.logprobs);
            reply.usage.source = TokenSource::Logprobs;
        }
    }
}

impl Meaning for Completion {
    const FIELDS: fn(&Fields<'_>, &mut Reply) = server_times::headers;

    fn event(&mut self, json: Value<'_>, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        let mut carried = Carried::default();
        self.read(json, &mut carried, reply);
        self.logprobs += carried.logprobs;
        if let (0, Some(total)) = (carried.choices, carried.completion_tokens) {
            self.totals = self.totals.saturating_add(total);
            if self.begun.count_ones() > 1 {
                reply.usage.output_tokens = Some(self.totals);
            }
        }
        let Some(kind) = carried.kind().or(carried.blank.then_some(DeltaKind::Text)) else {
            return Ok(());
        };
        let tokens = self.tokens(&carried);
        if carried.kind().is_none() && carried.completion_tokens.is_some() && tokens == 0 {
            return Ok(()); // an empty string, and the server says that no token came with it
        }
        push_delta(Delta { at, tokens, kind }, carried.stamp.and_then(stamp), reply);
        self.learn(json, &carried);
        Ok(())
    }

    fn event_again(&mut self, bytes: &[u8], ends: Ends, at: Offset, reply: &mut Reply) -> Option<usize> {
        let (texts, length) = self.skeleton.texts(bytes, ends)?;
        let Again { kind, choice, text, stamp: stamped } = self.again;
        let (text, sent) = (texts[text], stamped.map(|place| stamp(texts[place])));
        if text.is_empty() || sent == Some(None) {
            return None;
        }
        reply.take_text(text, self.keep_text);
        let tokens = self.tokens(&Carried { choice, ..Carried::default() });
        push_delta(Delta { at, tokens, kind }, sent.flatten(), reply);
        Some(length)
    }

    fn document(&mut self, json: Value<'_>, reply: &mut Reply) -> Result<(), Malformed> {
        let mut carried = Carried::default();
        self.read(json, &mut carried, reply);
        self.logprobs += carried.logprobs;
        self.count_logprobs(reply);
        reply.has_content = carried.kind().is_some();
        if carried.choices == 0 && reply.error.is_none() {
            return Err(malformed("a response without `choices`", json.text().as_bytes()));
        }
        Ok(())
    }

    fn ended(&mut self, of: End, reply: &mut Reply) {
        if of == End::Marked {
            reply.complete = true;
            return;
        }
        self.count_logprobs(reply);
        // Some servers send no [DONE]: every choice has said why it ended, so nothing is missing.
        reply.complete |= self.ended != 0 && self.begun == self.ended;
    }
}

/// Takes an event with content, and when the embedded server says that it was sent.
fn push_delta(delta: Delta, sent: Option<Offset>, reply: &mut Reply) {
    reply.has_content = true;
    reply.deltas.push(delta);
    if sent.is_some() {
        let first_token = reply.stamps.and_then(|stamps| stamps.first_token).or(sent);
        reply.stamps = Some(Stamps { first_token, last_token: sent });
    }
}

/// Token counts. With `"usage": null` on every chunk this is not reached.
fn usage(usage: Value<'_>, carried: &mut Carried, reply: &mut Reply) {
    let counts = &mut reply.usage;
    for (key, value) in usage.members() {
        match &*key {
            "prompt_tokens" => counts.input_tokens = value.count().or(counts.input_tokens),
            "completion_tokens" => carried.completion_tokens = value.count(),
            "prompt_tokens_details" => set(&mut counts.cached_tokens, value.get("cached_tokens")),
            "prompt_cache_hit_tokens" => set(&mut counts.cached_tokens, Some(value)),
            "completion_tokens_details" => set(&mut counts.reasoning_tokens, value.get("reasoning_tokens")),
            _ => {}
        }
    }
    if carried.completion_tokens.is_some() {
        counts.output_tokens = carried.completion_tokens;
        counts.source = TokenSource::Server;
    }
}

fn set(count: &mut Option<u32>, value: Option<Value<'_>>) {
    *count = value.and_then(Value::count).or(*count);
}

/// Tokens in a `logprobs` object: chat has `content`, text completions have `tokens`, some servers mix them up.
fn logprobs(logprobs: Value<'_>) -> u32 {
    let list = logprobs.get("content").or_else(|| logprobs.get("tokens"));
    list.map_or(0, |list| u32::try_from(list.items().count()).unwrap_or(u32::MAX))
}

/// The embedded server's stamp, CLOCK_MONOTONIC nanoseconds: `plimsoll:SENT`, or `plimsoll:SENT:DUE` when asked for.
fn stamp(fingerprint: Text<'_>) -> Option<Offset> {
    let stamps = fingerprint.raw().strip_prefix("plimsoll:")?;
    let end = stamps.bytes().position(|byte| byte == b':').unwrap_or(stamps.len());
    stamps[..end].parse().ok().map(Offset::from_nanos)
}
