//! The table of options of a command, as clap has it: names, aliases, kinds, environment variables.

use std::ffi::OsString;

use clap::{ArgAction, Args, Command};
use plimsoll_core::nearest::nearest;

use crate::args::RunArgs;
use crate::args::capacity::CapacityArgs;
use crate::config::{Origin, Setting};
use crate::exit::{UsageError, refuse};

/// What names of our own environment variables begin with.
pub(crate) const OWN_PREFIX: &str = "PLIMSOLL_";

/// Options that Locust itself reads from `LOCUST_…`.
const LOCUST_VARIABLES: [&str; 17] = [
    "host",
    "users",
    "spawn-rate",
    "run-time",
    "headless",
    "csv",
    "html",
    "reset-stats",
    "only-summary",
    "loglevel",
    "logfile",
    "stop-timeout",
    "exit-code-on-error",
    "locustfile",
    "timescale",
    "grafana-url",
    "test-env",
];

/// Variables of the load test, of PostgreSQL's clients and of OpenTelemetry, with the option that each sets.
const TOOL_VARIABLES: [(&str, &str); 20] = [
    ("MODEL", "model"),
    ("API_KEY", "api-key"),
    ("PROMPT_TOKENS", "prompt-tokens"),
    ("MAX_TOKENS", "max-tokens"),
    ("MAX_TOKENS_CAP", "max-tokens-cap"),
    ("MAX_TOKENS_DISTRIBUTION", "max-tokens-distribution"),
    ("MAX_TOKENS_RANGE", "max-tokens-range"),
    ("TOP_K", "top-k"),
    ("TEMPERATURE", "temperature"),
    ("TOKENIZER", "tokenizer"),
    ("DATASET", "dataset"),
    ("PROMPT_CACHE_MAX_LEN", "prompt-cache-max-len"),
    ("PGHOST", "pghost"),
    ("PGPORT", "pgport"),
    ("PGUSER", "pguser"),
    ("PGPASSWORD", "pgpassword"),
    ("PGDATABASE", "pgdatabase"),
    ("PGSSLMODE", "pgsslmode"),
    ("PGSSLROOTCERT", "pgsslrootcert"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp"),
];

/// Options whose values are never shown.
const SECRET: [&str; 8] = [
    "api-key",
    "header",
    "pgpassword",
    "postgres",
    "watch-header",
    "remote-write-header",
    "remote-write-bearer",
    "otlp-header",
];

/// An option found by one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'t> {
    /// Its long name, without dashes in front; of a pair, the positive one.
    pub(crate) long: &'t str,
    /// It was found by the negative name of a pair (`no-chat`).
    pub(crate) negated: bool,
}

/// How an option takes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Present or absent.
    Switch,
    /// Present, or present as `--no-…`.
    Pair,
    /// One value.
    One,
    /// Any number of values.
    Many,
}

#[derive(Debug)]
struct Entry {
    id: String,
    long: String,
    aliases: Vec<String>,
    kind: Kind,
    defaults: Vec<String>,
    hidden: bool,
    /// The id of the negative of a pair.
    negative: Option<String>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    command: Command,
    entries: Vec<Entry>,
    variables: Vec<(String, usize)>,
}

impl Table {
    /// The options of `run`.
    pub(crate) fn of_run() -> Self {
        Table::of(RunArgs::augment_args(Command::new("run")))
    }

    /// The options of `capacity`: those of `run`, and its own.
    pub(crate) fn of_capacity() -> Self {
        Table::of(CapacityArgs::augment_args(Command::new("capacity")))
    }

    /// Whether a name that this table does not have is an option of `capacity` alone. Files and environments are shared
    /// by commands: each takes what it knows.
    pub(crate) fn is_of_another_command(&self, name: &str) -> bool {
        self.find(name).is_none() && Table::of_capacity().find(name).is_some()
    }

    fn of(mut command: Command) -> Self {
        command.build();
        let longs: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let is_pair = |long: &str| longs.iter().any(|other| other.strip_prefix("no-") == Some(long));
        let is_negative = |long: &str| long.strip_prefix("no-").is_some_and(|rest| longs.contains(&rest));
        let mut entries = Vec::new();
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            if is_negative(long) || long == "help" {
                continue;
            }
            let kind = match arg.get_action() {
                ArgAction::SetTrue if is_pair(long) => Kind::Pair,
                ArgAction::SetTrue => Kind::Switch,
                ArgAction::Append => Kind::Many,
                _ => Kind::One,
            };
            entries.push(Entry {
                id: arg.get_id().to_string(),
                long: long.to_owned(),
                aliases: arg.get_all_aliases().unwrap_or_default().into_iter().map(str::to_owned).collect(),
                kind,
                defaults: arg
                    .get_default_values()
                    .iter()
                    .map(|value| value.to_string_lossy().into_owned())
                    .collect(),
                hidden: arg.is_hide_set(),
                negative: (kind == Kind::Pair).then(|| format!("no_{}", arg.get_id())),
            });
        }
        let variables = variables(&entries);
        Table { command, entries, variables }
    }

    /// Clap's own table.
    pub(crate) fn command(&self) -> Command {
        self.command.clone()
    }

    /// The name of the command.
    pub(crate) fn name(&self) -> &str {
        self.command.get_name()
    }

    /// The option with this clap id. The positional target is the option `host`.
    pub(crate) fn by_id(&self, id: &str) -> Option<Name<'_>> {
        let id = if id == "target" { "host" } else { id };
        self.entries.iter().find_map(|entry| {
            let negated = entry.negative.as_deref() == Some(id);
            (negated || entry.id == id).then_some(Name { long: &entry.long, negated })
        })
    }

    /// The option with this long name or alias, written with dashes or underscores.
    pub(crate) fn find(&self, name: &str) -> Option<Name<'_>> {
        let name = name.replace('_', "-");
        self.entries.iter().find_map(|entry| {
            let negated = entry.kind == Kind::Pair && name.strip_prefix("no-") == Some(&entry.long);
            let found = negated || entry.long == name || entry.aliases.contains(&name);
            found.then_some(Name { long: &entry.long, negated })
        })
    }

    /// The long name nearest to an unknown one, if one is near.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        let name = name.replace('_', "-");
        let visible = self.entries.iter().filter(|entry| !entry.hidden);
        let names = visible.flat_map(|entry| std::iter::once(&entry.long).chain(&entry.aliases));
        nearest(&name, names.map(String::as_str))
    }

    /// Environment variables and the options they set, least important first.
    pub(crate) fn environment(&self) -> Vec<(String, Name<'_>)> {
        let name = |index: usize| Name { long: &self.entries[index].long, negated: false };
        self.variables.iter().map(|(variable, index)| (variable.clone(), name(*index))).collect()
    }

    /// The options in the order of the help text: long name, defaults, whether it is for Locust's sake only.
    pub(crate) fn options(&self) -> impl Iterator<Item = (&str, &[String], bool)> {
        self.entries.iter().map(|entry| (entry.long.as_str(), entry.defaults.as_slice(), entry.hidden))
    }

    /// Whether the values of this option are never shown.
    pub(crate) fn is_secret(long: &str) -> bool {
        SECRET.contains(&long)
    }

    /// Whether this option is a switch without a value.
    pub(crate) fn is_switch(&self, long: &str) -> bool {
        self.entry(long).is_some_and(|entry| matches!(entry.kind, Kind::Switch | Kind::Pair))
    }

    /// Whether this option may be given several times.
    pub(crate) fn is_list(&self, long: &str) -> bool {
        self.entry(long).is_some_and(|entry| entry.kind == Kind::Many)
    }

    /// Checks the number of values that a file or the environment gives an option, and what a switch says.
    pub(crate) fn setting(
        &self,
        name: Name<'_>,
        values: Vec<String>,
        origin: Origin,
    ) -> Result<Setting, UsageError> {
        let kind = self.entry(name.long).map_or(Kind::One, |entry| entry.kind);
        let long = name.long;
        match (kind, values.as_slice()) {
            (Kind::Many, _) => Ok(Setting { values, origin }),
            (_, [value]) if matches!(kind, Kind::Switch | Kind::Pair) => match truth(value) {
                Some(on) => Ok(Setting { values: vec![(on != name.negated).to_string()], origin }),
                None => refuse!("{origin}: `{long}` is a switch: give it true or false, not `{value}`"),
            },
            (_, [_]) => Ok(Setting { values, origin }),
            _ => refuse!("{origin}: `{long}` takes one value, not a list of {}", values.len()),
        }
    }

    /// A setting as arguments for clap.
    pub(crate) fn to_argv(&self, long: &str, setting: &Setting) -> Vec<OsString> {
        let on = setting.values.first().is_some_and(|value| value == "true");
        match self.entry(long).map(|entry| entry.kind) {
            Some(Kind::Switch | Kind::Pair) if on => vec![format!("--{long}").into()],
            Some(Kind::Pair) => vec![format!("--no-{long}").into()],
            Some(Kind::Switch) => Vec::new(),
            _ => setting.values.iter().map(|value| format!("--{long}={value}").into()).collect(),
        }
    }

    fn entry(&self, long: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.long == long)
    }
}

/// What a switch says, in the spellings of TOML, locust.conf and the environment.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Every variable that sets an option, least important first: the load test's, Locust's, ours.
fn variables(entries: &[Entry]) -> Vec<(String, usize)> {
    let index = |long: &str| {
        entries.iter().position(|entry| entry.long == long || entry.aliases.iter().any(|alias| alias == long))
    };
    let tool = TOOL_VARIABLES.iter().map(|(variable, long)| ((*variable).to_owned(), index(long)));
    let locust = LOCUST_VARIABLES.iter().map(|long| (variable("LOCUST_", long), index(long)));
    let own = entries.iter().enumerate().filter(|(_, entry)| !entry.hidden).flat_map(|(index, entry)| {
        let names = entry.aliases.iter().chain(std::iter::once(&entry.long));
        names.map(move |name| (variable(OWN_PREFIX, name), Some(index)))
    });
    tool.chain(locust).chain(own).filter_map(|(variable, index)| Some((variable, index?))).collect()
}

fn variable(prefix: &str, long: &str) -> String {
    format!("{prefix}{}", long.replace('-', "_").to_ascii_uppercase())
}
