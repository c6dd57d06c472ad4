//! What the bare reader is asked to do.

use std::net::SocketAddr;

use crate::Failure;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Streams, each asking again when its answer is over.
    Sse,
    /// Small posts, each connection asking again at once.
    Post,
    /// Small posts at equal gaps, whatever the server does.
    Open,
}

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) server: SocketAddr,
    /// Connections; in [`Mode::Open`] those opened before the first request.
    pub(crate) connections: usize,
    /// Tokens of an answer.
    pub(crate) tokens: u32,
    /// How long requests are sent.
    pub(crate) seconds: f64,
    /// Requests per second of [`Mode::Open`].
    pub(crate) rate: f64,
    /// How long before each instant [`Mode::Open`] stops sleeping, microseconds.
    pub(crate) spin_us: u64,
    /// Whether arrivals are kept and compared with the server's stamps.
    pub(crate) times: bool,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// An argument that is unknown or out of range.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let usage = "usage: bare_reader sse|post|open HOST:PORT [connections=N] [tokens=N] [seconds=S] [rate=R] \
                     [spin_us=N] [times=true]";
        let mode = match arguments.next().as_deref() {
            Some("sse") => Mode::Sse,
            Some("post") => Mode::Post,
            Some("open") => Mode::Open,
            _ => return Err(usage.into()),
        };
        let server = arguments.next().ok_or(usage)?.parse()?;
        let mut options = Options {
            mode,
            server,
            connections: 64,
            tokens: if mode == Mode::Sse { 128 } else { 1 },
            seconds: 3.0,
            rate: 1000.0,
            spin_us: 0,
            times: false,
        };
        for argument in arguments {
            let (key, value) = argument.split_once('=').ok_or(usage)?;
            match key {
                "connections" => options.connections = value.parse()?,
                "tokens" => options.tokens = value.parse()?,
                "seconds" => options.seconds = value.parse()?,
                "rate" => options.rate = value.parse()?,
                "spin_us" => options.spin_us = value.parse()?,
                "times" => options.times = value.parse()?,
                _ => return Err(usage.into()),
            }
        }
        let sensible = options.connections > 0 && options.seconds > 0.0 && options.rate > 0.0;
        if sensible { Ok(options) } else { Err(usage.into()) }
    }
}
