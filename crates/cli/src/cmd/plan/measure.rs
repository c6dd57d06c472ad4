//! Capacity and cold start of a server, measured before they are planned with.

use std::ffi::OsString;
use std::net::TcpListener;

use anyhow::Context as _;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use plimsoll_plan::capacity::{Capacity, ColdStart};

use super::inputs;
use crate::args::plan::PlanArgs;
use crate::args::{Cli, Command};
use crate::cmd::{capacity, coldstart};
use crate::exit::{UsageError, refuse};
use crate::report::emit;
use crate::session::Interrupted;

/// First requests that are looked at after a start, and those after them that are taken as warm.
const FIRST: &str = "5";

/// What was measured.
pub(super) enum Measured {
    /// No server was named.
    Nothing,
    Capacity(Box<Capacity>),
    Interrupted,
}

/// Measures the server that was named, if one was.
///
/// # Errors
/// Bad usage, a certificate that no plan can rest on, or a failure of a measurement.
pub(super) fn measure(args: &PlanArgs) -> anyhow::Result<Measured> {
    let Some(target) = &args.measure.host else {
        refuse_without_server(args)?;
        return Ok(Measured::Nothing);
    };
    let starts = Starts::of(args, target)?;
    let search = read_again("capacity", &search_words(args, target))?;
    let start = starts.as_ref().map(|starts| read_again("coldstart", &starts.words(args))).transpose()?;

    let Command::Capacity(typed) = search.1 else { anyhow::bail!("no capacity to measure") };
    emit::note(&format!("measuring the capacity of {target}"));
    let Some(found) = capacity::certify(&search.0, &typed)? else { return Ok(Measured::Interrupted) };
    if found.interrupted == Interrupted::Twice {
        return Ok(Measured::Interrupted);
    }
    let instance = args.capacity.instance.as_deref().unwrap_or_default();
    let mut capacity =
        inputs::certified(&found.certificate, args, instance, &found.path.display().to_string())?;
    if let Some((matches, Command::Coldstart(typed))) = start {
        emit::note("measuring the cold start");
        let Some(measured) = coldstart::measure(&matches, &typed)? else { return Ok(Measured::Interrupted) };
        if measured.is_interrupted() {
            return Ok(Measured::Interrupted);
        }
        let log = measured.folder.path().join("hooks.log");
        let cold = ColdStart::of(&measured.report);
        capacity.cold_start = Some(cold.with_context(|| {
            format!("no start came to an answer: see {}, or leave --start-cmd out", log.display())
        })?);
    }
    Ok(Measured::Capacity(Box::new(inputs::with_the_rest(capacity, args)?)))
}

/// Options that say how to measure are for nothing without a server. (clap forgives a missing -H where --capacity or
/// --certificate excludes it.)
fn refuse_without_server(args: &PlanArgs) -> Result<(), UsageError> {
    if !args.asked.is_empty() {
        refuse!("what stands after `--` ({}) is asked of a server: name it with -H", args.asked.join(" "));
    }
    let typed = &args.measure;
    let given = [
        ("--slo", !typed.slo.is_empty()),
        ("--budget", typed.budget.is_some()),
        ("--start-cmd", typed.start_cmd.is_some()),
        ("--stop-cmd", typed.stop_cmd.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => refuse!(
            "{option} says how to measure a server first: name it with -H, in place of --certificate and --capacity"
        ),
        None => Ok(()),
    }
}

/// How the server is started for its cold start.
struct Starts {
    url: String,
    start: String,
    stop: Option<String>,
}

impl Starts {
    /// As the user says; the simulated server is started by this program.
    fn of(args: &PlanArgs, target: &str) -> anyhow::Result<Option<Starts>> {
        if let Some(start) = &args.measure.start_cmd {
            if target.starts_with("sim:") {
                refuse_start_cmd()?;
            }
            let stop = args.measure.stop_cmd.clone();
            return Ok(Some(Starts { url: target.to_owned(), start: start.clone(), stop }));
        }
        let known = args.capacity.cold_start.is_some() || !args.capacity.coldstart.is_empty();
        let Some(options) = target.strip_prefix("sim:").filter(|_| !known) else { return Ok(None) };
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let port = free_port().context("no port is free on this machine")?;
        let start = format!(
            "exec '{}' sim '{}' --port {port}",
            program.display(),
            cold(options.trim_start_matches('/')).replace('\'', "'\\''")
        );
        Ok(Some(Starts { url: format!("http://127.0.0.1:{port}"), start, stop: None }))
    }

    /// The words of `plimsoll coldstart`.
    fn words(&self, args: &PlanArgs) -> Vec<String> {
        let mut words = vec![
            "-H".to_owned(),
            self.url.clone(),
            format!("--start-cmd={}", self.start),
            format!("--repetitions={}", args.measure.starts),
            format!("--first={FIRST}"),
            format!("--warm={FIRST}"),
            format!("--out={}", args.output.out.display()),
        ];
        words.extend(self.stop.iter().map(|stop| format!("--stop-cmd={stop}")));
        words.extend(without_time(&args.asked));
        words
    }
}

/// Options of `run` without `-t`: the search takes it as the longest time of a trial, and a cold start asks as many requests
/// as it needs.
fn without_time(asked: &[String]) -> Vec<String> {
    let mut words = asked.iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-t" | "--run-time" => drop(words.next()),
            glued if glued.starts_with("--run-time=") || glued.starts_with("-t") => {}
            other => kept.push(other.to_owned()),
        }
    }
    kept
}

fn refuse_start_cmd() -> Result<(), UsageError> {
    refuse!("sim:// is started by this program, also for its cold start: leave --start-cmd out")
}

/// The words of `plimsoll capacity`.
fn search_words(args: &PlanArgs, target: &str) -> Vec<String> {
    let mut words = vec!["-H".to_owned(), target.to_owned()];
    words.extend(args.measure.slo.iter().map(|slo| format!("--slo={slo}")));
    words.extend(args.measure.budget.map(|budget| format!("--budget={}ms", budget.as_millis())));
    words.push(format!("--out={}", args.output.out.display()));
    words.extend(args.capacity.model.iter().map(|model| format!("--model={model}")));
    words.extend(args.asked.iter().cloned());
    words
}

/// Reads a command line as if it had been typed.
fn read_again(command: &str, words: &[String]) -> Result<(ArgMatches, Command), UsageError> {
    let argv = ["plimsoll", command].into_iter().map(OsString::from);
    let refused = |error: clap::Error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        UsageError(format!("`plimsoll {command}`, which measures first, says: {first}"))
    };
    let matches =
        Cli::command().try_get_matches_from(argv.chain(words.iter().map(OsString::from))).map_err(refused)?;
    let cli = Cli::from_arg_matches(&matches).map_err(refused)?;
    Ok((matches, cli.command))
}

/// The options of a simulated server that starts cold, in this machine's time.
fn cold(options: &str) -> String {
    let (preset, pairs) = options.split_once('?').unwrap_or((options, ""));
    let is_other =
        |pair: &&str| !pair.is_empty() && !pair.starts_with("time=") && !pair.starts_with("starts_cold=");
    let kept: Vec<&str> = pairs.split('&').filter(is_other).chain(["starts_cold=true"]).collect();
    format!("{preset}?{}", kept.join("&"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_trials_is_not_for_cold_starts() {
        let asked = ["-p", "32", "-t", "60s", "--run-time=5m", "-t9", "--stream"].map(str::to_owned);
        assert_eq!(without_time(&asked), ["-p", "32", "--stream"]);
    }

    #[test]
    fn a_simulated_server_starts_cold_and_in_real_time() {
        for (target, expected) in [
            ("llama-3-8b-h100?time=virtual", "llama-3-8b-h100?starts_cold=true"),
            ("?ttft=5ms&time=virtual&load=2s", "?ttft=5ms&load=2s&starts_cold=true"),
            ("resnet50-t4", "resnet50-t4?starts_cold=true"),
        ] {
            assert_eq!(cold(target), expected);
        }
    }
}
