//! `plimsoll sim`: the simulated model server on a port, until Ctrl+C.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use plimsoll_serve::sim::{SimOptions, SimServer};

use crate::args::SimArgs;
use crate::exit::{Exit, UsageError};
use crate::report::emit;

/// Runs the command.
///
/// # Errors
/// Unknown options, or an address that cannot be listened on.
pub(crate) fn run(args: &SimArgs) -> anyhow::Result<ExitCode> {
    let options = SimOptions::parse(&args.options).map_err(|error| UsageError(error.to_string()))?;
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
    server.stop()?;
    Ok(Exit::Passed.into())
}
