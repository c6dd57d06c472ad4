//! Where the database is, and the way into it.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use plimsoll_core::spec::Secret;
use thiserror::Error;
use tokio_postgres::{Client, Config, NoTls};

use super::tls::Tls;
use crate::transport::{TlsError, for_postgresql};

/// Time for a connection: name, handshakes and login.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// After so long without an answer from the other host, a connection is dead.
const DEAD_AFTER: Duration = Duration::from_secs(15);

/// A database and who writes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Host name or address; a path is the folder of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password, if one is needed.
    pub password: Option<Secret>,
    /// Database.
    pub database: String,
    /// Whether the connection is encrypted.
    pub ssl: SslMode,
    /// Certificates to trust in place of the system's, a PEM file; only used where certificates are checked.
    pub root_certificates: Option<String>,
}

/// Whether a connection is encrypted, by the names of PostgreSQL's own clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Where the server offers it; its certificate is not checked.
    #[default]
    Prefer,
    /// Always; its certificate is checked only against certificates that were given.
    Require,
    /// Always, and its certificate must be one that is trusted and of that name.
    VerifyFull,
}

/// The database cannot be written to.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// No connection, or a statement that the server refused.
    #[error("{0}")]
    Database(String),
    /// The connection took too long.
    #[error("no answer within {} s", CONNECT_LIMIT.as_secs())]
    Silent,
    /// Certificates that cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A table is there, but is not one of locust-plugins.
    #[error("{0}")]
    Schema(String),
    /// The operating system refuses what the feed needs.
    #[error("cannot start its thread: {0}")]
    System(#[from] std::io::Error),
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        PostgresError::Database(explain(&error))
    }
}

/// An error with its causes; what the server says of it in full.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    if let Some(refused) = error.as_db_error() {
        let detail = refused.detail().map_or(String::new(), |detail| format!(" ({detail})"));
        return format!("{}{detail}", refused.message());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

impl fmt::Display for PostgresSettings {
    /// The place, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        write!(f, ":{}/{}", self.port, self.database)
    }
}

impl PostgresSettings {
    /// Opens a connection. Its driver runs as a task until the client is dropped.
    pub(super) async fn connect(&self) -> Result<Client, PostgresError> {
        tokio::time::timeout(CONNECT_LIMIT, self.open()).await.map_err(|_| PostgresError::Silent)?
    }

    async fn open(&self) -> Result<Client, PostgresError> {
        let config = self.config();
        if self.ssl == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await?;
            // Its error is the client's, too.
            tokio::spawn(async move { connection.await.is_ok() });
            return Ok(client);
        }
        let unchecked = match self.ssl {
            SslMode::VerifyFull => false,
            SslMode::Require => self.root_certificates.is_none(),
            SslMode::Prefer | SslMode::Disable => true,
        };
        let tls = Tls::new(for_postgresql(unchecked, self.root_certificates.as_deref())?);
        let (client, connection) = config.connect(tls).await?;
        tokio::spawn(async move { connection.await.is_ok() });
        Ok(client)
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name("plimsoll")
            .connect_timeout(CONNECT_LIMIT)
            .tcp_user_timeout(DEAD_AFTER)
            .ssl_mode(match self.ssl {
                SslMode::Disable => tokio_postgres::config::SslMode::Disable,
                SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
                SslMode::Require | SslMode::VerifyFull => tokio_postgres::config::SslMode::Require,
            });
        if let Some(password) = &self.password {
            config.password(password.reveal());
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PostgresSettings {
        PostgresSettings {
            host: "127.0.0.1".to_owned(),
            port: 5432,
            user: "somebody".to_owned(),
            password: Some(Secret::new("hunter2")),
            database: "load".to_owned(),
            ssl: SslMode::Prefer,
            root_certificates: None,
        }
    }

    #[test]
    fn the_place_is_told_without_the_password() {
        let shown = format!("{} {:?}", settings(), settings());
        assert!(shown.starts_with("127.0.0.1:5432/load ") && !shown.contains("hunter2"), "{shown}");
        let six = PostgresSettings { host: "::1".to_owned(), ..settings() };
        assert_eq!(six.to_string(), "[::1]:5432/load");
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_told_with_its_cause() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let error = PostgresSettings { port, ..settings() }.connect().await.err().unwrap().to_string();
        assert!(error.contains("onnection refused") && !error.contains("hunter2"), "{error}");
    }
}
