//! The layers that settings come from, each a map from long option name to values and their origin.
//!
//! There is one table of options, clap's. A layer is checked against it by name; the merged layers are then given to
//! clap as one command line, so that a value means the same wherever it was written.

pub(crate) mod file;
pub(crate) mod print;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use plimsoll_core::nearest::nearest;

use crate::args::Cli;
use crate::config::table::{Name, Table};
use crate::exit::UsageError;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of a file.
    File { path: String, line: usize },
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
    /// The command itself.
    Command,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{path}, line {line}"),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Flag => f.write_str("command line"),
            Origin::Command => f.write_str("set by this command"),
        }
    }
}

/// The values that one layer gives an option. A switch has one value, `true` or `false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) values: Vec<String>,
    pub(crate) origin: Origin,
}

/// Settings by long option name.
pub(crate) type Layer = BTreeMap<String, Setting>;

/// What a command sets of the options of `run`, beside what its user does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presets {
    /// The command's own defaults: every other layer wins over them.
    pub(crate) below: Layer,
    /// What the command decides: it wins over every other layer.
    pub(crate) above: Layer,
}

impl Presets {
    /// Adds a default.
    pub(crate) fn or(mut self, long: &str, value: impl Into<String>) -> Self {
        self.below.insert(long.to_owned(), Setting::by_command(value.into()));
        self
    }

    /// Adds a decision.
    pub(crate) fn with(mut self, long: &str, value: impl Into<String>) -> Self {
        self.above.insert(long.to_owned(), Setting::by_command(value.into()));
        self
    }
}

impl Setting {
    fn by_command(value: String) -> Self {
        Setting { values: vec![value], origin: Origin::Command }
    }
}

/// Puts layers on top of each other; the later ones win, option by option.
pub(crate) fn merge(layers: impl IntoIterator<Item = Layer>) -> Layer {
    layers.into_iter().flatten().collect()
}

/// The settings of the command line.
pub(crate) fn from_flags(matches: &ArgMatches, table: &Table) -> Layer {
    let mut layer = Layer::new();
    for id in matches.ids() {
        let Some(name) = table.by_id(id.as_str()) else {
            continue;
        }; // groups are ids too
        if matches.value_source(id.as_str()) != Some(ValueSource::CommandLine) {
            continue;
        }
        let raw = matches.get_raw(id.as_str()).into_iter().flatten();
        let values: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
        let values = if name.negated { vec!["false".to_owned()] } else { values };
        layer.insert(name.long.to_owned(), Setting { values, origin: Origin::Flag });
    }
    layer
}

/// The settings of the environment, and what to tell the user about it.
pub(crate) fn from_environment(
    env: &BTreeMap<String, String>,
    table: &Table,
) -> Result<(Layer, Vec<String>), UsageError> {
    let (mut layer, mut warnings) = (Layer::new(), Vec::new());
    for (variable, option) in table.environment() {
        // An empty variable is how a shell or a CI file unsets one.
        let Some(value) = env.get(&variable).filter(|value| !value.is_empty()) else {
            continue;
        };
        let origin = Origin::Environment(variable.clone());
        let setting = table.setting(option, vec![value.clone()], origin)?;
        layer.insert(option.long.to_owned(), setting);
    }
    let known: Vec<String> = table.environment().into_iter().map(|(known, _)| known).collect();
    for variable in env.keys().filter(|variable| variable.starts_with(table::OWN_PREFIX)) {
        let option = variable.trim_start_matches(table::OWN_PREFIX).to_ascii_lowercase();
        if !known.contains(variable) && !table.is_of_another_command(&option) {
            let nearest = nearest(variable, known.iter().map(String::as_str));
            let hint = nearest.map(|name| format!(": did you mean {name}?")).unwrap_or_default();
            warnings.push(format!("the environment variable {variable} sets no option{hint}"));
        }
    }
    Ok((layer, warnings))
}

/// Reads merged settings as one command line.
///
/// # Errors
/// A value cannot be read; the text names the place where it was written.
pub(crate) fn parse<A: FromArgMatches>(merged: &Layer, table: &Table) -> Result<A, UsageError> {
    let mut argv = vec![OsString::from(table.name())];
    for (long, setting) in merged {
        argv.extend(table.to_argv(long, setting));
    }
    let matches = table
        .command()
        .try_get_matches_from(argv)
        .map_err(|error| UsageError(describe(&error, merged, table)))?;
    A::from_arg_matches(&matches).map_err(|error| UsageError(describe(&error, merged, table)))
}

/// The answer to an unknown flag of `argv`, if that is the error: clap's own suggestion misses swapped letters.
pub(crate) fn unknown_flag(error: &clap::Error, argv: &[OsString]) -> Option<String> {
    let (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    let (path, names) = options_of(argv);
    let near = flag.strip_prefix("--").and_then(|name| nearest(name, names.iter().map(String::as_str)));
    let hint = near.map_or_else(
        || format!("see `plimsoll {path} --help` for those there are"),
        |name| format!("did you mean --{name}?"),
    );
    Some(format!("unknown option {flag}: {hint}"))
}

/// The command that a command line names, `run` where it names none, and the long names of its options.
fn options_of(argv: &[OsString]) -> (String, Vec<String>) {
    let root = Cli::command();
    let (mut path, mut command) = (Vec::new(), &root);
    for word in argv.iter().skip(1).filter_map(|word| word.to_str()) {
        let Some(below) = command.find_subcommand(word) else { break };
        path.push(below.get_name().to_owned());
        command = below;
    }
    if path.is_empty() {
        return options_of(&["plimsoll", "run"].map(OsString::from));
    }
    let shown = command.get_arguments().filter(|option| !option.is_hide_set());
    let names = shown.filter_map(|option| Some((option.get_long()?, option.get_all_aliases())));
    let names = names.flat_map(|(long, others)| std::iter::once(long).chain(others.unwrap_or_default()));
    let names = names.map(str::to_owned).collect();
    (path.join(" "), names)
}

/// Clap's error without its usage text, with the place where the value was written.
fn describe(error: &clap::Error, merged: &Layer, table: &Table) -> String {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(shown)) => shown.split([' ', '=', '[']).next().unwrap_or(shown),
        _ => "",
    };
    let origin = table
        .find(option.trim_start_matches('-'))
        .and_then(|name: Name<'_>| merged.get(name.long))
        .map(|setting| format!("{}: ", setting.origin))
        .unwrap_or_default();
    let text = error.to_string();
    let text = text.trim_start_matches("error: ");
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    let text = text.split("\n\nUsage:").next().unwrap_or(text);
    format!("{origin}{}", text.trim_end())
}

#[cfg(test)]
mod tests;
