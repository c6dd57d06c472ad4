//! Request bodies: what all requests share is serialised once, what a request brings is put in its place.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use plimsoll_core::spec::Api;
use plimsoll_core::workload::{Body, Members, Prompt, RequestSpec};

use super::json_scan::Members as ScannedMembers;

/// Members that constrain what is generated. Forcing the length as well can crash a vLLM server (vllm#37506).
const CONSTRAINTS: [&str; 3] = ["response_format", "tool_choice", "structured_outputs"];

/// One member of a body.
pub(super) struct Field {
    key: &'static str,
    value: Vec<Part>,
    when: When,
}

/// A part of a member's value.
#[derive(Clone)]
pub(super) enum Part {
    /// JSON text, the same for all requests.
    Fixed(String),
    /// The prompt, a string.
    Prompt,
    /// The content of the user message: the prompt, or a list of the prompt and the images.
    Content,
    /// The images, strings with commas between them.
    Images,
    /// The tokens asked for.
    MaxTokens,
    /// The answer to force, in turn.
    Forced,
}

/// When a member is sent, unless the data set's own member takes its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// If the answer is streamed.
    Streaming,
    /// If nothing constrains what is generated.
    Unconstrained,
    /// If there are images.
    Images,
}

impl Field {
    /// A member whose value is the same for all requests.
    pub(super) fn fixed(key: &'static str, value: impl Into<serde_json::Value>) -> Self {
        Field::parts(key, vec![Part::Fixed(value.into().to_string())])
    }

    pub(super) fn parts(key: &'static str, value: Vec<Part>) -> Self {
        Field { key, value, when: When::Always }
    }

    pub(super) fn when(self, when: When) -> Self {
        Field { when, ..self }
    }

    fn needs_prompt(&self) -> bool {
        self.value.iter().any(|part| matches!(part, Part::Prompt | Part::Content | Part::Images))
    }
}

/// Makes the bodies of all requests of a run.
pub(super) struct Template {
    /// The bodies of requests that bring no members of their own: without images, and with.
    bodies: [Vec<Part>; 2],
    fields: Vec<Field>,
    /// Members given by the user, `"key":value` each.
    extra: Vec<(String, String)>,
    /// Whether the answer is streamed, unless the data set says otherwise.
    stream: bool,
    /// Whether a member given by the user constrains what is generated.
    constrained: bool,
    /// Answers to force, as JSON strings.
    forced: Vec<String>,
    clear_assistant: bool,
}

impl Template {
    /// A template of `fields`, in this order. The user's own members take precedence over them.
    pub(super) fn new(mut fields: Vec<Field>, api: &Api) -> Self {
        let extra = api.extra_body.iter().flatten();
        let extra: Vec<_> =
            extra.map(|(key, value)| (key.clone(), format!("{}:{value}", json_string(key)))).collect();
        let given = |key: &str| extra.iter().any(|(given, _)| same_member(given, key));
        let unknown = |key: &str| api.family.without.iter().any(|without| without == key);
        fields.retain(|field| !given(field.key) && !unknown(field.key));
        let stream = api.extra_body.as_ref().and_then(|extra| extra.get("stream")?.as_bool());
        let mut template = Template {
            bodies: Default::default(),
            constrained: CONSTRAINTS.into_iter().any(given),
            stream: stream.unwrap_or(api.stream),
            forced: api.forced_generation.iter().map(|text| json_string(text)).collect(),
            clear_assistant: api.clear_assistant,
            fields,
            extra,
        };
        template.bodies = [false, true].map(|images| template.body(images));
        template
    }

    /// The body of a request that brings no members of its own, its fixed parts joined.
    fn body(&self, images: bool) -> Vec<Part> {
        let fields = self.fields.iter().filter(|field| match field.when {
            When::Always => true,
            When::Streaming => self.stream,
            When::Unconstrained => !self.constrained,
            When::Images => images,
        });
        let fields = fields.map(|field| {
            let key = Part::Fixed(format!("\"{}\":", field.key));
            std::iter::once(key).chain(field.value.iter().cloned()).collect()
        });
        let extra = self.extra.iter().map(|(_, member)| vec![Part::Fixed(member.clone())]);
        let members: Vec<Vec<Part>> = fields.chain(extra).collect();
        let mut body = vec![Part::text("{")];
        body.extend(members.join(&Part::text(",")));
        body.push(Part::text("}"));
        let mut joined: Vec<Part> = Vec::new();
        for part in body {
            match (joined.last_mut(), part) {
                (Some(Part::Fixed(before)), Part::Fixed(text)) => before.push_str(&text),
                (_, part) => joined.push(part),
            }
        }
        joined
    }

    /// The body of `request`. Members of the data set and images are shared, not copied.
    pub(super) fn encode(&self, request: &RequestSpec) -> Body {
        let prompt = match &request.prompt {
            Prompt::Text(text) => text.len(),
            Prompt::Payload(_) => 0,
            Prompt::Members(members) => return self.encode_line(request, members),
        };
        let mut writer = Writer::with_room(prompt);
        for part in &self.bodies[usize::from(!request.images.is_empty())] {
            self.write_part(part, request, &mut writer);
        }
        writer.finish()
    }

    /// The body of a request with members of its own.
    fn encode_line(&self, request: &RequestSpec, line: &Members) -> Body {
        let mut writer = Writer::with_room(0);
        let mut members = 0;
        let mut begin_member = |writer: &mut Writer| {
            writer.text(if members == 0 { "{" } else { "," });
            members += 1;
        };
        for field in self.fields.iter().filter(|field| self.applies(field, line)) {
            begin_member(&mut writer);
            writer.key(field.key);
            for part in &field.value {
                self.write_part(part, request, &mut writer);
            }
        }
        for (_, member) in self.extra.iter().filter(|(key, _)| !has(line, key)) {
            begin_member(&mut writer);
            writer.text(member);
        }
        if !line.json.is_empty() {
            begin_member(&mut writer);
            let pieces = if self.clear_assistant { without_last_answer(line) } else { None };
            for piece in pieces.unwrap_or_else(|| vec![line.json.clone()]) {
                writer.share(piece);
            }
        }
        writer.text(if members == 0 { "{}" } else { "}" });
        writer.finish()
    }

    /// Whether a field is part of the body of a request with members of its own.
    fn applies(&self, field: &Field, line: &Members) -> bool {
        let allowed = match field.when {
            When::Always => true,
            When::Streaming => line_streams(line).unwrap_or(self.stream),
            When::Unconstrained => !self.constrained && !CONSTRAINTS.iter().any(|key| has(line, key)),
            When::Images => false,
        };
        allowed && !field.needs_prompt() && !has(line, field.key)
    }

    fn write_part(&self, part: &Part, request: &RequestSpec, writer: &mut Writer) {
        let Prompt::Text(prompt) = &request.prompt else {
            return self.write_number(part, request, writer);
        };
        match part {
            Part::Prompt => writer.string(prompt),
            Part::Content if request.images.is_empty() => writer.string(prompt),
            Part::Content => write_content(prompt, &request.images, writer),
            Part::Images => {
                for (index, image) in request.images.iter().enumerate() {
                    writer.text(if index == 0 { "\"" } else { ",\"" });
                    writer.share(image.clone());
                    writer.text("\"");
                }
            }
            _ => self.write_number(part, request, writer),
        }
    }

    /// The parts that do not need a prompt.
    fn write_number(&self, part: &Part, request: &RequestSpec, writer: &mut Writer) {
        match part {
            Part::Fixed(text) => writer.text(text),
            Part::MaxTokens => writer.number(request.max_tokens),
            Part::Forced if !self.forced.is_empty() => {
                let turn = request.id.0 % self.forced.len() as u64;
                writer.text(&self.forced[turn as usize]);
            }
            _ => {}
        }
    }
}

fn write_content(prompt: &str, images: &Arc<[Bytes]>, writer: &mut Writer) {
    writer.text("[{\"type\":\"text\",\"text\":");
    writer.string(prompt);
    writer.text("}");
    for image in images.iter() {
        writer.text(",{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
        writer.share(image.clone()); // a data URI in base64: nothing in it needs an escape
        writer.text("\"}}");
    }
    writer.text("]");
}

/// Whether two names mean the same: OpenAI renamed the limit on tokens and refuses requests that have both.
fn same_member(one: &str, other: &str) -> bool {
    let canonical = |name| {
        if name == "max_completion_tokens" { "max_tokens" } else { name }
    };
    canonical(one) == canonical(other)
}

fn has(line: &Members, key: &str) -> bool {
    line.keys.iter().any(|own| same_member(own, key))
}

/// What a line of the data set says of streaming, if it does.
fn line_streams(line: &Members) -> Option<bool> {
    if !has(line, "stream") {
        return None;
    }
    let text = std::str::from_utf8(&line.json).ok()?;
    let (_, value) = ScannedMembers::without_braces(text).find(|(key, _)| key == "stream")?;
    Some(value.text() == "true")
}

/// The members of a line, a last message by the assistant cut out of `messages`. Nothing if there is none.
fn without_last_answer(line: &Members) -> Option<Vec<Bytes>> {
    let text = std::str::from_utf8(&line.json).ok()?;
    let (_, messages) = ScannedMembers::without_braces(text).find(|(key, _)| key == "messages")?;
    let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let mut start = offset(messages.text()) + 1; // past the bracket
    let mut last = None;
    for message in messages.items() {
        if let Some(before) = last.replace(message) {
            start = offset(before.text()) + before.text().len(); // the comma goes, too
        }
    }
    let last = last?;
    let end = offset(last.text()) + last.text().len();
    let role = last.get("role")?.string()?.unescape();
    (role == "assistant").then(|| vec![line.json.slice(..start), line.json.slice(end..)])
}

/// `text` as a JSON string.
fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Bytes of a body beside its prompt, about: room for them spares growing the buffer piece by piece.
const BESIDE_PROMPT: usize = 256;

/// Puts a body together: own text gathers in a buffer, shared pieces stand between.
struct Writer {
    pieces: Vec<Bytes>,
    text: Vec<u8>,
}

impl Writer {
    /// A writer with room for a prompt of so many bytes, and for what stands around it.
    fn with_room(prompt: usize) -> Self {
        Writer { pieces: Vec::with_capacity(1), text: Vec::with_capacity(prompt + BESIDE_PROMPT) }
    }

    fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        // Neither the serialisation of a string nor writing to a vector can fail.
        let _ = serde_json::to_writer(&mut self.text, text);
    }

    /// The name of a member, which needs no escape.
    fn key(&mut self, key: &str) {
        self.text("\"");
        self.text(key);
        self.text("\":");
    }

    fn number(&mut self, number: u32) {
        self.text(itoa::Buffer::new().format(number));
    }

    fn share(&mut self, piece: Bytes) {
        if !self.text.is_empty() {
            self.pieces.push(std::mem::take(&mut self.text).into());
        }
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Body {
        self.pieces.push(self.text.into());
        Body { pieces: self.pieces }
    }
}

impl Part {
    /// Fixed JSON text.
    pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Part::Fixed(text.into().into_owned())
    }
}
