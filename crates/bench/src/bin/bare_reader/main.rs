//! The floor: one thread on bare sockets that does no more than a client must, to compare Plimsoll's client with.
//!
//! `bare_reader sse|post|open HOST:PORT [KEY=VALUE]...` against `plimsoll sim`; prints one line of JSON.

mod closed;
mod epoll;
mod open;
mod options;
mod request;
mod response;
mod socket;

use std::io::Write as _;
use std::process::ExitCode;

use crate::options::{Mode, Options};

/// Whatever stops a measurement.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match measure() {
        Ok(line) => {
            let printed = writeln!(std::io::stdout(), "{line}");
            if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            // Nobody is left to tell where stderr is closed.
            let _ = writeln!(std::io::stderr(), "bare_reader: {failure}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<String, Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    match options.mode {
        Mode::Sse | Mode::Post => closed::run(&options),
        Mode::Open => open::run(&options),
    }
}
