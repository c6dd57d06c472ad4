//! Requests of the user's own making to any REST API: what is sent, and what counts as an answer.

use serde::{Deserialize, Serialize};

use super::{Expect, ImageBytes, Pick, PromptSource, Secret};

/// The requests of a run with `--provider http`. Texts called templates may have variables in double braces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpSpec {
    /// The method, such as `POST`.
    pub method: String,
    /// A template of path and query; empty where the path of the target's URL is all.
    pub path: String,
    /// Header fields whose values are templates.
    pub headers: Vec<(String, Secret)>,
    /// What requests carry.
    pub body: BodySource,
    /// Content type of the body, where it is not that of the file's name or of the text.
    pub content_type: Option<String>,
    /// The field of a form in which the body is sent.
    pub multipart_field: Option<String>,
    /// Where columns come from.
    pub vars: Option<VarsSpec>,
    /// The prompts behind the variable `prompt`.
    pub prompts: Box<PromptSource>,
    /// An option with which the user shaped prompts, which would be in vain without the variable `prompt`.
    #[serde(skip)]
    pub shaped_by: Option<&'static str>,
    /// What counts as an answer.
    pub expect: Expect,
    /// What is an event of a streamed answer; nothing if answers are not looked at piece by piece.
    pub stream_by: Option<StreamBy>,
}

/// What the requests of a run carry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BodySource {
    /// Nothing.
    None,
    /// A template from the command line.
    Inline(String),
    /// A file with a template or with bytes that are sent as they are, or a folder of such files, used in turn.
    Path(String),
    /// Synthetic images, used in turn.
    Images(ImageBytes),
}

/// A file whose columns are variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VarsSpec {
    /// The file: CSV, TSV, or JSONL by its name.
    pub path: String,
    /// How its rows are chosen.
    pub order: Pick,
}

/// What is an event of a streamed answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamBy {
    /// A line that is not blank.
    Line,
    /// A server-sent event.
    Sse,
    /// A chunk of the transfer; by HTTP/2 a frame of data.
    Chunk,
}
