//! Options that say where requests go and how they are asked.

use std::time::Duration;

use clap::Args;
use plimsoll_core::spec::{Interface, Provider};
use plimsoll_core::time::parse_duration;

use super::values::{
    self, HttpName, JsonObject, Probabilities, ReuseName, interface, json_object, not_negative,
    positive_duration, probabilities, provider,
};

/// Where requests go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The server: a URL (up to /v1), or a simulated one: sim://llama-3-8b-h100, sim://?ttft=50ms [default: http://localhost:80]
    #[arg(value_name = "TARGET", help_heading = None)]
    pub(crate) target: Option<String>,
    /// The same as TARGET
    #[arg(short = 'H', long, value_name = "URL")]
    pub(crate) host: Option<String>,
    /// What the server speaks like; without it the server is asked what it is
    #[arg(long, value_name = "NAME", value_parser = provider())]
    pub(crate) provider: Option<Provider>,
    /// The model to ask for; without it the first that the server lists
    #[arg(short, long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Sent as `Authorization: Bearer KEY`; never shown or stored
    #[arg(short = 'k', long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// An extra header, `Name: value`; the value is never shown or stored. Repeatable
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) header: Vec<String>,
    /// Path of the requests, in place of the provider's own
    #[arg(long, value_name = "PATH")]
    pub(crate) endpoint: Option<String>,
    /// Connect directly, whatever HTTP_PROXY, HTTPS_PROXY and ALL_PROXY say
    #[arg(long)]
    pub(crate) no_proxy: bool,
}

/// How requests are asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "API")]
pub(crate) struct ApiArgs {
    /// What is asked: the first that the provider has, which is chat for most
    #[arg(long, value_name = "NAME", value_parser = interface(), overrides_with_all = ["chat", "no_chat"])]
    pub(crate) api: Option<Interface>,
    /// The same as --api chat
    #[arg(long, overrides_with_all = ["no_chat", "api"])]
    pub(crate) chat: bool,
    /// The same as --api completions, or the provider's own interface for text
    #[arg(long, overrides_with_all = ["chat", "api"])]
    pub(crate) no_chat: bool,
    /// Streamed answers: the default, except for Triton infer
    #[arg(long, overrides_with = "no_stream")]
    pub(crate) stream: bool,
    /// Whole answers, without TTFT and time per token
    #[arg(long, overrides_with = "stream")]
    pub(crate) no_stream: bool,
    /// Log probabilities to ask for
    #[arg(long, value_parser = values::whole::<u32>, value_name = "N")]
    pub(crate) logprobs: Option<u32>,
    /// Sampling temperature
    #[arg(long, value_name = "T", value_parser = not_negative, default_value = "1")]
    pub(crate) temperature: f64,
    /// Sample among the K likeliest tokens
    #[arg(long, value_parser = values::whole::<u32>, value_name = "K")]
    pub(crate) top_k: Option<u32>,
    /// Sequences to generate per request
    #[arg(short, long, value_parser = values::counted::<std::num::NonZeroU32>, value_name = "N", default_value = "1")]
    pub(crate) n: std::num::NonZeroU32,
    /// Reasoning effort to ask for (none, low, medium, high …)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) reasoning_effort: Option<String>,
    /// Drop a last message by the assistant from requests of a data set
    #[arg(long)]
    pub(crate) clear_assistant: bool,
    /// Report the time to the first token that is not reasoning as the time to the first token
    #[arg(long)]
    pub(crate) first_visible_token: bool,
    /// Extra members of every request body
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) extra_body: Option<JsonObject>,

    /// Acceptance probabilities of speculative decoding, as a JSON array (Fireworks)
    #[arg(long, value_name = "JSON", value_parser = probabilities, help_heading = "Fireworks only")]
    pub(crate) acceptance_probs_override: Option<Probabilities>,
    /// Send min_tokens equal to the tokens asked for (Fireworks)
    #[arg(long, help_heading = "Fireworks only")]
    pub(crate) force_min_tokens: bool,
}

/// Connections and time limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct TransportArgs {
    /// Whether connections are used again
    #[arg(long, value_enum, value_name = "HOW", default_value = "keep")]
    pub(crate) connection_reuse: ReuseName,
    /// The version of HTTP
    #[arg(long, value_enum, value_name = "VERSION", default_value = "auto")]
    pub(crate) http: HttpName,
    /// Requests at a time on one connection of HTTP/2, at most [default: what the server allows, up to 100]
    #[arg(long, value_name = "N", value_parser = values::counted::<std::num::NonZeroU32>)]
    pub(crate) http2_streams: Option<std::num::NonZeroU32>,
    /// Limit for name resolution and TCP handshake
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10s")]
    pub(crate) connect_timeout: Duration,
    /// Limit for the TLS handshake
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10s")]
    pub(crate) tls_timeout: Duration,
    /// Limit from sending to the first byte of the answer
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "10m")]
    pub(crate) first_byte_timeout: Duration,
    /// Limit between two reads of an answer
    #[arg(long, value_name = "TIME", value_parser = positive_duration, default_value = "5m")]
    pub(crate) idle_timeout: Duration,
    /// Limit from sending to the end of the answer; 0 for none
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0")]
    pub(crate) request_timeout: Duration,
    /// Certificates to trust in place of the system's, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<String>,
    /// Client certificate chain, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<String>,
    /// Client key, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<String>,
    /// Accept any certificate
    #[arg(long)]
    pub(crate) insecure: bool,
}
