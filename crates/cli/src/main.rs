//! The `plimsoll` binary: arguments in, reports and exit code out.

mod args;
mod cmd;
mod config;
mod exit;
mod live;
mod logging;
mod report;
mod resolve;
mod session;
mod stack;
mod stored;
mod timeline;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Command};
use crate::exit::{Exit, NothingYet, UsageError};

fn main() -> ExitCode {
    outlive_file_size_limits();
    let argv = args::normalise_argv(std::env::args_os());
    let matches = match Cli::command().try_get_matches_from(&argv) {
        Ok(matches) => matches,
        Err(error) => return refuse_command_line(&error, &argv),
    };
    let done =
        Cli::from_arg_matches(&matches).map_err(anyhow::Error::from).and_then(|cli| match cli.command {
            Command::Run(args) => cmd::run::run(&matches, &args),
            Command::Soak(args) => cmd::soak::run(&matches, &args),
            Command::Stress(args) => cmd::stress::run(&matches, &args),
            Command::Coldstart(args) => cmd::coldstart::run(&matches, &args),
            Command::Capacity(args) => cmd::capacity::run(&matches, *args),
            Command::Plan(args) => cmd::plan::run(&matches, &args),
            Command::Sim(args) => cmd::sim::run(&args),
            Command::Calibrate(args) => cmd::calibrate::run(&args),
            Command::Compare(args) => cmd::compare::run(&args),
            Command::Report(args) => cmd::report::run(&args),
            Command::Sweep(args) => cmd::sweep::run(&matches, &args),
            Command::Stack(args) => cmd::stack::run(&args),
            Command::Selftest(args) => cmd::selftest::run(&args),
        });
    match done {
        Ok(code) => code,
        Err(error) => {
            report::emit::error(&error);
            let usage = error.is::<UsageError>() || error.is::<clap::Error>();
            match usage {
                true => Exit::Usage.into(),
                false if error.is::<NothingYet>() => Exit::Interrupted.into(),
                false => Exit::Failed.into(),
            }
        }
    }
}

/// Makes a write beyond the file size limit (`ulimit -f`, quotas of batch systems) an error like a full disk. By default
/// the signal for it would end the process at once, without a word and with the results cut short.
fn outlive_file_size_limits() {
    // SAFETY: a plain system call, made before there are other threads. Ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Answers a command line that clap does not take; help and versions are such answers too.
fn refuse_command_line(error: &clap::Error, argv: &[OsString]) -> ExitCode {
    match config::unknown_flag(error, argv) {
        Some(text) => {
            report::emit::note(&format!("error: {text}"));
            Exit::Usage.into()
        }
        None => report::emit::clap_error(error),
    }
}
