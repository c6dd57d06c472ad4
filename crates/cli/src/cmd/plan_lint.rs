//! `plimsoll plan lint`: read, look, report.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use plimsoll_plan::lint::{File, Options, lint};

use crate::args::plan_lint::LintArgs;
use crate::exit::{Exit, UsageError, refuse};
use crate::report::style::Style;
use crate::report::{emit, plan_lint};

/// Manifests are small; more than this is something else.
const LARGEST: u64 = 8 << 20;

/// Runs the command.
///
/// # Errors
/// A file that cannot be read, or that is not YAML.
pub(crate) fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    if args.rules {
        emit::result(&plan_lint::rules())?;
        return Ok(Exit::Passed.into());
    }
    let files = args.files.iter().map(|path| read(path)).collect::<Result<Vec<File>, UsageError>>()?;
    let options = Options { kubernetes: args.kubernetes_version, capacities: args.capacities.clone() };
    let found = lint(&files, &options).map_err(|error| UsageError(error.to_string()))?;
    if args.json {
        emit::result(&format!("{}\n", serde_json::to_string_pretty(&found)?))?;
    } else {
        emit::result(&plan_lint::text(&found, Style::of_stdout(args.color)))?;
    }
    let code = if found.findings.is_empty() { Exit::Passed } else { Exit::ObjectiveMissed };
    Ok(code.into())
}

fn read(path: &Path) -> Result<File, UsageError> {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let text = contents(path)
        .map_err(|error| UsageError(format!("cannot read {name} ({error}): check its path")))?;
    if text.len() as u64 > LARGEST {
        refuse!("{name} is larger than 8 MiB: this is no manifest");
    }
    Ok(File { name, text })
}

fn contents(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    }
    Ok(text)
}
