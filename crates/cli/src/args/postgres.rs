//! Options of the PostgreSQL feed, by the names of locust-plugins and of PostgreSQL's own clients.

use std::num::NonZeroU16;

use clap::{Args, ValueEnum};
use plimsoll_drive::feed::postgres::SslMode;

use super::values;

/// Where every request is written, for Grafana.
#[derive(Debug, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub(crate) struct PostgresArgs {
    /// Write every request into PostgreSQL or Timescale while the run goes on, in the tables of locust-plugins
    #[arg(long)]
    pub(crate) timescale: bool,
    /// The same, into the database of a URL: postgresql://user:password@host:5432/database?sslmode=require. What it leaves
    /// out is as below
    #[arg(long, value_name = "URL", alias = "postgresql")]
    pub(crate) postgres: Option<String>,
    /// Host, or the folder of a Unix socket
    #[arg(long, alias = "pg-host", value_name = "HOST", default_value = "localhost")]
    pub(crate) pghost: String,
    /// Port
    #[arg(long, alias = "pg-port", value_name = "PORT", value_parser = values::counted::<NonZeroU16>, default_value = "5432")]
    pub(crate) pgport: NonZeroU16,
    /// User
    #[arg(long, alias = "pg-user", value_name = "USER", default_value = "postgres")]
    pub(crate) pguser: String,
    /// Password; the environment variable PGPASSWORD keeps it out of lists of processes
    #[arg(long, alias = "pg-password", value_name = "PASSWORD")]
    pub(crate) pgpassword: Option<String>,
    /// Database
    #[arg(long, alias = "pg-database", value_name = "NAME", default_value = "postgres")]
    pub(crate) pgdatabase: String,
    /// Whether the connection is encrypted
    #[arg(long, alias = "pg-sslmode", value_enum, value_name = "MODE", default_value = "prefer")]
    pub(crate) pgsslmode: SslModeName,
    /// Certificates to trust in place of the system's, a PEM file
    #[arg(long, alias = "pg-sslrootcert", value_name = "FILE")]
    pub(crate) pgsslrootcert: Option<String>,
    /// The dashboard that is linked to when the run begins and ends
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000/d/plimsoll-postgresql")]
    pub(crate) grafana_url: String,
    /// Name by which dashboards find the run, in place of --name
    #[arg(long, value_name = "NAME")]
    pub(crate) override_plan_name: Option<String>,
    /// What is tested, in your words
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The environment that is tested, at most 10 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) test_env: Option<String>,
    /// The version that is tested, at most 36 characters
    #[arg(long, value_name = "VERSION")]
    pub(crate) test_version: Option<String>,
}

/// Names of the ways to encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SslModeName {
    /// Never
    Disable,
    /// Where the server can; its certificate is not checked
    Prefer,
    /// Always; its certificate is checked against --pgsslrootcert, if given
    Require,
    /// Always, with a certificate that is trusted and of that host
    VerifyFull,
}

impl From<SslModeName> for SslMode {
    fn from(name: SslModeName) -> Self {
        match name {
            SslModeName::Disable => SslMode::Disable,
            SslModeName::Prefer => SslMode::Prefer,
            SslModeName::Require => SslMode::Require,
            SslModeName::VerifyFull => SslMode::VerifyFull,
        }
    }
}
