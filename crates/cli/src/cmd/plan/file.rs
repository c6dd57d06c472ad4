//! `plan.toml`: options of the command line, written down.

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use plimsoll_core::nearest::nearest;

use crate::args::plan::PlanArgs;
use crate::args::{Cli, Command as Commands};
use crate::exit::{UsageError, refuse};

/// The options with those of the file that was named, if one was. What was typed wins.
///
/// # Errors
/// The file cannot be read, or has something that is no option.
pub(super) fn read(matches: &ArgMatches, typed: &PlanArgs) -> anyhow::Result<Option<PlanArgs>> {
    let Some(path) = &typed.file else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        UsageError(format!("cannot read the plan file {} ({error}): check its path", path.display()))
    })?;
    let command = Cli::command();
    let Some(options) = command.find_subcommand("plan") else { return Ok(None) };
    let given = matches.subcommand_matches("plan");
    let is_typed =
        |id: &str| given.and_then(|given| given.value_source(id)) == Some(ValueSource::CommandLine);
    // The file comes first and what was typed after it, as one command line: a value means the same in both.
    let mut argv: Vec<OsString> = vec!["plimsoll".into(), "plan".into()];
    argv.extend(words(path, &text, options, is_typed)?.into_iter().map(OsString::from));
    argv.extend(std::env::args_os().skip_while(|word| word != "plan").skip(1));
    let matches = Cli::command().try_get_matches_from(argv).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        UsageError(format!("{}: {first}", path.display()))
    })?;
    match Cli::from_arg_matches(&matches)?.command {
        Commands::Plan(args) => Ok(Some(*args)),
        _ => Ok(None),
    }
}

/// The words of a command line that say what the file says, less what was typed.
fn words(
    path: &Path,
    text: &str,
    options: &Command,
    is_typed: impl Fn(&str) -> bool,
) -> Result<Vec<String>, UsageError> {
    let shown = path.display();
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        UsageError(format!("{shown}, line {line}: {}: check the TOML", error.message()))
    })?;
    let known: Vec<(&str, &str)> =
        options.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg.get_id().as_str()))).collect();
    let mut words = Vec::new();
    for (key, value) in table {
        let long = key.replace('_', "-");
        let Some((_, id)) = known.iter().find(|(known, _)| *known == long) else {
            let near = nearest(&long, known.iter().map(|(long, _)| *long));
            let hint = near
                .map_or(": keys are long option names, see `plimsoll plan --help`".to_owned(), |near| {
                    format!(": did you mean `{near}`?")
                });
            refuse!("{shown}: unknown key `{key}`{hint}");
        };
        if is_typed(id) {
            continue;
        }
        let values = match value {
            toml::Value::Array(items) => items.into_iter().map(scalar).collect::<Option<Vec<_>>>(),
            toml::Value::Boolean(true) => {
                words.push(format!("--{long}"));
                continue;
            }
            toml::Value::Boolean(false) => continue,
            single => scalar(single).map(|value| vec![value]),
        };
        let Some(values) = values else {
            refuse!("{shown}: `{key}` must be text, a number, true, false, or a list of these");
        };
        words.extend(values.into_iter().map(|value| format!("--{long}={value}")));
    }
    Ok(words)
}

fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let command = Cli::command();
        let options = command.find_subcommand("plan").unwrap();
        words(Path::new("plan.toml"), text, options, |id| id == "zones").map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_options_and_what_was_typed_wins() {
        let text = "demand = 500\nforecast-error = '10%'\nzones = 3\ncertificate = ['a=x.json', 'b=y.json']\njson = true\n";
        let expected = [
            "--demand=500",
            "--forecast-error=10%",
            "--certificate=a=x.json",
            "--certificate=b=y.json",
            "--json",
        ];
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_option_is_refused_with_its_place() {
        for (text, expected) in [
            ("demnd = 5", "plan.toml: unknown key `demnd`: did you mean `demand`?"),
            ("colour_of_the_sky = 5", "keys are long option names"),
            ("demand = { rate = 5 }", "`demand` must be text, a number"),
            ("demand = 5\nzones = = 3", "plan.toml, line 2: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
