//! `plimsoll sim`: the simulated model server on a port, until Ctrl+C.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use plimsoll_serve::sim::{SimOptions, SimServer};

use crate::args::SimArgs;
use crate::exit::{Exit, UsageError};
use crate::report::{emit, late_server, presets};

/// Runs the command.
///
/// # Errors
/// Unknown options, or an address that cannot be listened on.
pub(crate) fn run(args: &SimArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        emit::result(&presets::list())?;
        return Ok(Exit::Passed.into());
    }
    let text = args.options.strip_prefix("sim:").unwrap_or(&args.options).trim_start_matches('/');
    let options = SimOptions::parse(text).map_err(|error| UsageError(error.to_string()))?;
    let bind = SocketAddr::new(args.host, args.port);
    let server = SimServer::start(options, bind).with_context(|| {
        format!("cannot listen on {bind}: give another --port (0 takes a free one) or --host")
    })?;
    let address = server.address();
    emit::result(&format!("http://{address}\n"))?;
    if let Some(metrics) = server.metrics_address() {
        emit::result(&format!("http://{metrics}/metrics\n"))?;
    }
    emit::note("serving until Ctrl+C");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    let ended = server.stop()?;
    if let Some(warning) = late_server::warning(ended.lateness) {
        emit::warning(&warning);
    }
    Ok(Exit::Passed.into())
}
