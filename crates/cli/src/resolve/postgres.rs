//! Which database is fed with a run, if any.

use std::collections::BTreeMap;

use clap::ValueEnum as _;
use percent_encoding::percent_decode_str;
use plimsoll_core::spec::Secret;
use plimsoll_drive::feed::postgres::{PostgresSettings, SslMode};
use url::Url;

use crate::args::postgres::{PostgresArgs, SslModeName};
use crate::config::{Layer, Origin};
use crate::exit::{UsageError, refuse};

/// A database to feed, and how a run is called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostgresOutput {
    pub(crate) settings: PostgresSettings,
    /// Name of the plan.
    pub(crate) plan: String,
    pub(crate) description: Option<String>,
    pub(crate) environment: String,
    pub(crate) version: Option<String>,
    /// Who runs it.
    pub(crate) user: String,
    /// The dashboard that is linked to.
    pub(crate) dashboard: String,
}

/// Options that mean nothing without a database.
const NEEDING: [&str; 11] = [
    "pghost",
    "pgport",
    "pguser",
    "pgpassword",
    "pgdatabase",
    "pgsslmode",
    "pgsslrootcert",
    "grafana-url",
    "override-plan-name",
    "test-env",
    "test-version",
];

/// The database that was asked for. `name` is that of the run.
///
/// # Errors
/// A URL that is none, or a text that its column cannot hold.
pub(super) fn resolve(
    args: &PostgresArgs,
    merged: &Layer,
    (name, env): (&str, &BTreeMap<String, String>),
    warnings: &mut Vec<String>,
) -> Result<Option<PostgresOutput>, UsageError> {
    if !args.timescale && args.postgres.is_none() {
        // The environment of a host that has a database is no wish to write into it.
        let wished = |long: &&&str| {
            merged.get(**long).is_some_and(|setting| !matches!(setting.origin, Origin::Environment(_)))
        };
        if let Some(long) = NEEDING.iter().find(wished) {
            warnings.push(format!("--{long} has no effect: nothing is written to PostgreSQL without --timescale or --postgres URL"));
        }
        return Ok(None);
    }
    let mut settings = PostgresSettings {
        host: args.pghost.clone(),
        port: args.pgport.get(),
        user: args.pguser.clone(),
        password: args.pgpassword.as_deref().map(Secret::new),
        database: args.pgdatabase.clone(),
        ssl: args.pgsslmode.into(),
        root_certificates: args.pgsslrootcert.clone(),
    };
    if let Some(url) = &args.postgres {
        read_url(url, &mut settings)?;
    }
    let plan = args.override_plan_name.as_deref().unwrap_or(name);
    let environment = args.test_env.as_deref().unwrap_or_default();
    for (long, text, most) in [
        ("override-plan-name", plan, 255),
        ("test-env", environment, 10),
        ("test-version", args.test_version.as_deref().unwrap_or_default(), 36),
    ] {
        if text.chars().count() > most {
            refuse!("--{long} `{text}` is too long: its column has {most} characters");
        }
        if text.contains('\0') {
            refuse!("--{long} has a character 0, which PostgreSQL does not keep: leave it out");
        }
    }
    let user = ["USER", "LOGNAME"].iter().find_map(|name| env.get(*name)).map_or("unknown", String::as_str);
    Ok(Some(PostgresOutput {
        settings,
        plan: plan.to_owned(),
        description: args.description.clone(),
        environment: environment.to_owned(),
        version: args.test_version.clone(),
        user: user.chars().take(64).collect(),
        dashboard: args.grafana_url.clone(),
    }))
}

/// Puts what the URL says over the settings. Its text is in no error: it may have a password anywhere.
fn read_url(text: &str, settings: &mut PostgresSettings) -> Result<(), UsageError> {
    const FORM: &str = "write postgresql://user:password@host:5432/database?sslmode=require";
    let url =
        Url::parse(text).map_err(|error| UsageError(format!("--postgres is no URL ({error}): {FORM}")))?;
    if !matches!(url.scheme(), "postgresql" | "postgres") {
        refuse!("--postgres has the scheme {}: {FORM}", url.scheme());
    }
    let decoded = |part: &str| {
        let text = percent_decode_str(part).decode_utf8();
        text.map(String::from).map_err(|_| UsageError(format!("--postgres is not UTF-8: {FORM}")))
    };
    match url.host_str() {
        None | Some("") => {}
        Some(host) => settings.host = decoded(host.trim_matches(['[', ']']))?,
    }
    if let Some(port) = url.port() {
        settings.port = port;
    }
    if !url.username().is_empty() {
        settings.user = decoded(url.username())?;
    }
    if let Some(password) = url.password() {
        settings.password = Some(Secret::new(decoded(password)?));
    }
    let database = decoded(url.path().trim_start_matches('/'))?;
    if !database.is_empty() {
        settings.database = database;
    }
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "sslmode" => settings.ssl = ssl_mode(&value)?,
            "sslrootcert" => settings.root_certificates = Some(value.into_owned()),
            _ => refuse!("--postgres has the parameter `{key}`: only sslmode and sslrootcert are known"),
        }
    }
    Ok(())
}

fn ssl_mode(text: &str) -> Result<SslMode, UsageError> {
    match SslModeName::from_str(text, false) {
        Ok(name) => Ok(name.into()),
        Err(_) => refuse!("--postgres has sslmode `{text}`: write disable, prefer, require or verify-full"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Result<PostgresSettings, String> {
        let mut settings = PostgresSettings {
            host: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            database: "postgres".to_owned(),
            ssl: SslMode::Prefer,
            root_certificates: None,
        };
        read_url(url, &mut settings).map(|()| settings).map_err(|error| error.0)
    }

    #[test]
    fn a_url_says_what_it_says_and_leaves_the_rest() {
        let full =
            settings("postgresql://me:p%40ss@[::1]:6543/load%20tests?sslmode=verify-full&sslrootcert=ca.pem")
                .unwrap();
        assert_eq!(full.to_string(), "[::1]:6543/load tests");
        assert_eq!((full.user.as_str(), full.password), ("me", Some(Secret::new("p@ss"))));
        assert_eq!((full.ssl, full.root_certificates.as_deref()), (SslMode::VerifyFull, Some("ca.pem")));
        let bare = settings("postgres://db.example").unwrap();
        assert_eq!(
            (bare.to_string(), bare.user),
            ("db.example:5432/postgres".to_owned(), "postgres".to_owned())
        );
        assert_eq!(settings("postgresql:///only").unwrap().to_string(), "localhost:5432/only");
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for url in [
            "me:hunter2@host",
            "mysql://me:hunter2@host",
            "postgresql://me:hunter2@host:99999",
            "postgresql://me:hunter2@host?sslmode=maybe",
            "postgresql://me:hunter2@host?options=x",
            "postgresql://me:%ffhunter2@host",
        ] {
            let error = settings(url).unwrap_err();
            assert!(error.starts_with("--postgres ") && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
