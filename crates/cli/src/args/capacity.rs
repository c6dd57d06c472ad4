//! Options of `plimsoll capacity`, beside those of `run`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use plimsoll_core::slo::Slo;

use super::RunArgs;
use super::values::{positive, positive_duration};

/// `plimsoll capacity`.
#[derive(Debug, Args)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
}

/// How the capacity is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search", long_about = ABOUT, after_long_help = EXAMPLES,
    after_help = "`plimsoll capacity --help` explains everything, with examples.")]
pub(crate) struct SearchArgs {
    /// What is raised: requests per second of an open loop, or users of a closed one
    #[arg(long, value_enum, value_name = "WHAT", default_value = "rate")]
    pub(crate) search: Searched,
    /// Another set of objectives that shares the trials: 'gold: ttft.p99<300ms; error_rate<1%'. Repeatable
    #[arg(long, value_name = "NAME: SLOS")]
    pub(crate) slo_set: Vec<SloSet>,
    /// The best answer within this time, trials and all; with --burst-check bursts have 30% of it
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub(crate) budget: Option<Duration>,
    /// The least load to try; per second, or users [default: 1/1000 of where the search begins, or 1 user]
    #[arg(long, value_name = "LOAD", value_parser = positive)]
    pub(crate) min_rate: Option<f64>,
    /// The greatest load to try; per second, or users [default: 10,000 times where it begins, or 4096 users]
    #[arg(long, value_name = "LOAD", value_parser = positive)]
    pub(crate) max_rate: Option<f64>,
    /// How far the certified load may lie below the capacity: 1% to 50%
    #[arg(long, value_name = "SHARE", value_parser = precision, default_value = "5%")]
    pub(crate) precision: f64,
    /// Today's traffic, to tell the headroom; per second, or users
    #[arg(long, value_name = "LOAD", value_parser = positive)]
    pub(crate) traffic: Option<f64>,
    /// Afterwards, search again with burstier arrivals, and tell what they cost: cv=2
    #[arg(long, value_name = "cv=CV", value_parser = burst)]
    pub(crate) burst_check: Option<f64>,
    /// Go on with a search that was interrupted, in its folder; options that would make it another search are refused
    #[arg(long, value_name = "FOLDER")]
    pub(crate) resume: Option<PathBuf>,
}

/// What is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Searched {
    Rate,
    Concurrency,
}

/// A named set of objectives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SloSet {
    pub(crate) name: String,
    pub(crate) slos: Vec<Slo>,
}

impl FromStr for SloSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, list) =
            text.split_once(':').ok_or("write a name, a colon and objectives: 'gold: ttft.p99<300ms'")?;
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err("the set has no name: write one in front of the colon".to_owned());
        }
        let each = list.split(';').map(|one| one.trim().parse::<Slo>().map_err(|error| error.to_string()));
        Ok(SloSet { name, slos: each.collect::<Result<_, _>>()? })
    }
}

/// A share such as `5%` or `0.05`.
fn precision(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    match number.trim().parse::<f64>() {
        Ok(value) if (0.01..=0.5).contains(&(value / scale)) => Ok(value / scale),
        _ => Err("give 1% to 50%, such as 5% or 0.05".to_owned()),
    }
}

/// `cv=2`, or the number alone.
fn burst(text: &str) -> Result<f64, String> {
    positive(text.strip_prefix("cv=").unwrap_or(text))
}

const ABOUT: &str = "\
Finds the highest load that keeps all objectives, and certifies it.

Loads grow until one fails; then the search halves what lies between, and gathers evidence on both sides of the capacity. \
Each trial is a run of its own, with other arrivals and other prompts than all before. The answer is an interval: a load \
that passes, and one that fails, each by the evidence. See docs/CAPACITY.md for how it decides.

All options of `run` say what is asked and how. Arrivals are Poisson unless --qps-distribution says otherwise; -t is the \
longest time of a trial (5 minutes unless given); --warmup is left out of each trial (found by itself unless given). \
Without --slo the objectives are usual ones for the kind of server, and the answer says so.";

const EXAMPLES: &str = "\
Examples:
  Try it without a server, in a few seconds: simulated time
    plimsoll capacity 'sim://llama-3-8b-h100?time=virtual' -p 512 -o 128 --slo 'ttft.p99<500ms'
  What a server can do, within ten minutes
    plimsoll capacity -H http://host:8000 -p 512 -o 128 --slo 'ttft.p99<500ms; tpot.p99<50ms' --budget 10m
  Two tiers at once, and what today's 12 requests per second leave
    plimsoll capacity -H http://host:8000 --slo-set 'gold: ttft.p99<300ms' --slo-set 'basic: ttft.p95<2s' --traffic 12
  A classic model on Triton, and the most users in place of the rate
    plimsoll capacity -H http://host:8000 --provider triton -m resnet --slo 'latency.p99<100ms' --search concurrency

Exit codes: 0 a load is certified; 1 the run failed, or there is too little evidence to certify a load; 2 bad usage or \
configuration; 3 this client is the limit; 99 not sustainable at any rate tried; 130 interrupted, with \
what is known certified.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_precisions_and_bursts_are_read() {
        let set: SloSet = " gold : ttft.p99<300ms; error_rate<1%".parse().unwrap();
        assert_eq!((set.name.as_str(), set.slos.len()), ("gold", 2));
        for (text, excerpt) in
            [("ttft.p99<1s", "a colon"), (": ttft.p99<1s", "no name"), ("a: speed<1s", "speed")]
        {
            let error = text.parse::<SloSet>().unwrap_err();
            assert!(error.contains(excerpt), "{text}: {error}");
        }
        assert_eq!((precision("5%"), precision("0.1")), (Ok(0.05), Ok(0.1)));
        assert!(precision("0").is_err() && precision("60%").is_err() && precision("x").is_err());
        assert_eq!((burst("cv=2"), burst("1.5")), (Ok(2.0), Ok(1.5)));
        assert!(burst("cv=0").is_err());
    }
}
