//! Options of `plimsoll stack`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `plimsoll stack`.
#[derive(Debug, Args)]
pub(crate) struct StackArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: StackAction,
    /// The folder with its files
    #[arg(long, global = true, value_name = "DIR", default_value = "plimsoll-stack")]
    pub(crate) folder: PathBuf,
}

/// What can be done with the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum StackAction {
    /// Write its files and start it, with docker compose or podman compose
    Up,
    /// Stop it; its data stay
    Down {
        /// Delete its data, too
        #[arg(long)]
        delete_data: bool,
    },
    /// Say which of its services run
    Status,
    /// Only write its files, the dashboards among them
    Files,
}
