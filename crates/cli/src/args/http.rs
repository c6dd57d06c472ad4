//! Options of requests of the user's own making: any REST API.

use clap::{Args, ValueEnum};
use plimsoll_core::spec::{JsonRule, Pick, Statuses, StreamBy};

/// Requests of the user's own making, and what counts as an answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Any REST API (provider http; docs/HTTP.md)")]
pub(crate) struct HttpArgs {
    /// Path and query, with variables: '/items/{{id}}?q={{text}}' [default: that of the URL]
    ///
    /// Variables are the columns of --vars, and counter, index, uuid, random_int(1,100), random_float(0,1),
    /// random_text(1000), prompt (the prompts of -p and its kind) and max_tokens. They are escaped for the place where they
    /// stand; {{text|raw}}, {{text|json}} and {{text|url}} say otherwise, and {{key|secret}} is never shown. The values of
    /// --header and the --body may have them too.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// The method [default: POST with a body, else GET]
    #[arg(long, value_name = "NAME")]
    pub(crate) method: Option<String>,
    /// The body: a text with variables, @file (bytes that are no text are sent as they are), or @folder, each file in turn
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// A file whose columns are variables: CSV with a line of names, or JSONL
    #[arg(long, value_name = "FILE")]
    pub(crate) vars: Option<String>,
    /// How rows of --vars are chosen
    #[arg(long, value_enum, value_name = "HOW", default_value = "in-order")]
    pub(crate) vars_order: OrderName,
    /// Statuses that an answer may have, such as 200,201 or 2xx [default: 2xx]
    #[arg(long, value_name = "LIST", value_parser = statuses)]
    pub(crate) expect_status: Option<StatusList>,
    /// A rule for the JSON of an answer: '$.ok == true', '$.items[0].score > 0.5', '$.label' (is there). Repeatable
    #[arg(long, value_name = "RULE", value_parser = json_rule)]
    pub(crate) expect_json: Vec<JsonRule>,
    /// A regular expression that must match in an answer. Repeatable
    #[arg(long, value_name = "REGEX")]
    pub(crate) expect_regex: Vec<String>,
    /// What is an event of a streamed answer [default: none]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) stream_by: Option<StreamName>,
}

/// How rows are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderName {
    /// One after the other, again and again
    InOrder,
    /// Each time any of them
    Random,
}

impl OrderName {
    /// What the run calls it.
    pub(crate) const fn pick(self) -> Pick {
        match self {
            OrderName::InOrder => Pick::Cycle,
            OrderName::Random => Pick::Random,
        }
    }
}

/// What is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamName {
    /// Nothing: an answer is read as a whole
    None,
    /// A line
    Line,
    /// A server-sent event
    Sse,
    /// A chunk of the transfer, or a frame of HTTP/2
    Chunk,
}

impl StreamName {
    /// What the run calls it.
    pub(crate) const fn stream_by(self) -> Option<StreamBy> {
        match self {
            StreamName::None => None,
            StreamName::Line => Some(StreamBy::Line),
            StreamName::Sse => Some(StreamBy::Sse),
            StreamName::Chunk => Some(StreamBy::Chunk),
        }
    }
}

/// Statuses of one `--expect-status`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusList(pub(crate) Vec<Statuses>);

fn statuses(text: &str) -> Result<StatusList, String> {
    Statuses::parse_list(text).map(StatusList).map_err(|error| error.to_string())
}

fn json_rule(text: &str) -> Result<JsonRule, String> {
    JsonRule::parse(text).map_err(|error| error.to_string())
}
