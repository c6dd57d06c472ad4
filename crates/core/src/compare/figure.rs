//! The figures of a run that can be compared, by the names that people type: `ttft.p99`, `latency.mean`, `qps`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::metrics::{QUANTITIES, Unit};
use crate::slo::Stat;
use crate::summary::{Distribution, Summary};

/// One number that a run has, such as its 99th percentile of `ttft`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A statistic of a quantity that each request has.
    Of(&'static str, Stat),
    /// Something per second, or requests in flight.
    Rate(RateFigure),
    /// Failed requests among those that were due in the measured window, 0 to 1.
    ErrorRate,
}

/// The figures that are no statistic of single requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateFigure {
    /// Scheduled requests per second.
    Offered,
    /// Requests sent per second.
    Sent,
    /// `ok` completions per second.
    Completed,
    /// Output tokens per second.
    OutputTokens,
    /// Input tokens per second.
    InputTokens,
    /// Both together.
    TotalTokens,
    /// Mean requests in flight.
    Concurrency,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Times and failures.
    Lower,
    /// What a server delivers.
    Higher,
    /// Neither: what was asked, or how it was asked.
    Neither,
}

/// What a figure's number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Seconds.
    Seconds,
    /// Tokens.
    Tokens,
    /// Something per second.
    PerSecond,
    /// Requests.
    Requests,
    /// A share, 0 to 1. Two shares are compared by their difference, other figures by their ratio.
    Share,
}

/// The quantities of requests that are no entry of [`QUANTITIES`].
const POOLED: [&str; 3] = ["chunk_gap", "itl", "send_lag"];

impl RateFigure {
    /// All of them.
    pub const ALL: [RateFigure; 7] = [
        RateFigure::Offered,
        RateFigure::Sent,
        RateFigure::Completed,
        RateFigure::OutputTokens,
        RateFigure::InputTokens,
        RateFigure::TotalTokens,
        RateFigure::Concurrency,
    ];

    /// Its public name.
    pub const fn name(self) -> &'static str {
        match self {
            RateFigure::Offered => "offered_rate",
            RateFigure::Sent => "sent_rate",
            RateFigure::Completed => "completed_rate",
            RateFigure::OutputTokens => "output_token_rate",
            RateFigure::InputTokens => "input_token_rate",
            RateFigure::TotalTokens => "total_token_rate",
            RateFigure::Concurrency => "concurrency",
        }
    }
}

impl Figure {
    /// Which way it is better.
    pub fn better(self) -> Better {
        use RateFigure as Rate;
        match self {
            Figure::Of(name, _) if unit(name) == Unit::Tokens => Better::Neither,
            Figure::Of(..) | Figure::ErrorRate => Better::Lower,
            Figure::Rate(Rate::Completed | Rate::OutputTokens | Rate::InputTokens | Rate::TotalTokens) => {
                Better::Higher
            }
            Figure::Rate(Rate::Offered | Rate::Sent | Rate::Concurrency) => Better::Neither,
        }
    }

    /// What its number is.
    pub fn measure(self) -> Measure {
        match self {
            Figure::Of(name, _) if unit(name) == Unit::Tokens => Measure::Tokens,
            Figure::Of(..) => Measure::Seconds,
            Figure::Rate(RateFigure::Concurrency) => Measure::Requests,
            Figure::Rate(_) => Measure::PerSecond,
            Figure::ErrorRate => Measure::Share,
        }
    }

    /// Its value in a summary; nothing where the run has none, or where the summary does not list the percentile.
    pub fn of_summary(self, summary: &Summary) -> Option<f64> {
        let rates = &summary.rates;
        let value = match self {
            Figure::Of(name, stat) => stat_of(summary.metrics.get(name)?, stat)?,
            Figure::Rate(RateFigure::Offered) => rates.offered_rate,
            Figure::Rate(RateFigure::Sent) => rates.sent_rate,
            Figure::Rate(RateFigure::Completed) => rates.completed_rate,
            Figure::Rate(RateFigure::OutputTokens) => rates.output_token_rate,
            Figure::Rate(RateFigure::InputTokens) => rates.input_token_rate,
            Figure::Rate(RateFigure::TotalTokens) => rates.total_token_rate,
            Figure::Rate(RateFigure::Concurrency) => rates.concurrency_mean,
            Figure::ErrorRate if summary.counts.scheduled == 0 => return None,
            Figure::ErrorRate => summary.counts.failed as f64 / summary.counts.scheduled as f64,
        };
        value.is_finite().then_some(value)
    }

    /// The figures that matter for runs such as this one: what users wait for, what fails, and in a closed loop what the
    /// server delivers. In an open loop that is what was asked for.
    pub fn usual(summary: &Summary, open_loop: bool) -> Vec<Figure> {
        let median_and_tail =
            |name| [Figure::Of(name, Stat::Percentile(50.0)), Figure::Of(name, Stat::Percentile(99.0))];
        let has = |name: &&str| summary.metrics.contains_key(*name);
        let mut figures: Vec<Figure> =
            ["ttft", "tpot", "latency"].into_iter().filter(has).flat_map(median_and_tail).collect();
        if !open_loop {
            figures.push(Figure::Rate(RateFigure::Completed));
            figures.extend(has(&"tpot").then_some(Figure::Rate(RateFigure::OutputTokens)));
        }
        figures.push(Figure::ErrorRate);
        figures
    }
}

fn stat_of(distribution: &Distribution, stat: Stat) -> Option<f64> {
    match stat {
        Stat::Mean => distribution.mean,
        Stat::Percentile(p) => distribution.percentile(p),
    }
}

/// The names of the quantities that requests have.
fn quantities() -> impl Iterator<Item = &'static str> {
    QUANTITIES.iter().map(|quantity| quantity.name).chain(POOLED)
}

fn unit(name: &str) -> Unit {
    QUANTITIES.iter().find(|quantity| quantity.name == name).map_or(Unit::Time, |quantity| quantity.unit)
}

/// Every name that can stand before a statistic, or alone.
pub fn figure_names() -> impl Iterator<Item = &'static str> {
    quantities().chain(RateFigure::ALL.map(RateFigure::name)).chain(["qps", "error_rate"])
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Of(name, Stat::Mean) => write!(f, "{name}.mean"),
            Figure::Of(name, Stat::Percentile(p)) => write!(f, "{name}.p{p}"),
            Figure::Rate(RateFigure::Completed) => f.write_str("qps"),
            Figure::Rate(rate) => f.write_str(rate.name()),
            Figure::ErrorRate => f.write_str("error_rate"),
        }
    }
}

/// Why a text names no figure.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FigureError {
    /// No quantity and no rate has this name.
    #[error("`{0}` is no metric that runs are compared by")]
    Unknown(String),
    /// A quantity without its statistic.
    #[error("`{0}` needs a statistic: {0}.p50, {0}.p99 or {0}.mean")]
    NoStatistic(&'static str),
    /// Something else than a mean or a percentile.
    #[error("`{given}` is no statistic of {name}: write {name}.mean or a percentile such as {name}.p99")]
    Statistic {
        /// The quantity.
        name: &'static str,
        /// What stands behind it.
        given: String,
    },
    /// A statistic of something that is one number already.
    #[error("`{0}` has no statistics, it is one number: write {0}")]
    OneNumber(&'static str),
}

impl FromStr for Figure {
    type Err = FigureError;

    fn from_str(text: &str) -> Result<Self, FigureError> {
        let text = text.trim();
        let (name, stat) = text.split_once('.').map_or((text, None), |(name, stat)| (name, Some(stat)));
        if let Some(name) = quantities().find(|known| *known == name) {
            let stat = stat.ok_or(FigureError::NoStatistic(name))?;
            return Ok(Figure::Of(name, statistic(name, stat)?));
        }
        let alone = figure_names().find(|known| *known == name);
        let alone = alone.ok_or_else(|| FigureError::Unknown(name.to_owned()))?;
        if stat.is_some() {
            return Err(FigureError::OneNumber(alone));
        }
        let rate = RateFigure::ALL.into_iter().find(|rate| rate.name() == alone);
        Ok(match (alone, rate) {
            ("error_rate", _) => Figure::ErrorRate,
            (_, Some(rate)) => Figure::Rate(rate),
            _ => Figure::Rate(RateFigure::Completed), // qps
        })
    }
}

fn statistic(name: &'static str, text: &str) -> Result<Stat, FigureError> {
    let wrong = || FigureError::Statistic { name, given: text.to_owned() };
    if text == "mean" {
        return Ok(Stat::Mean);
    }
    let number: f64 = text.strip_prefix('p').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    if number > 0.0 && number < 100.0 { Ok(Stat::Percentile(number)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_shown() {
        for text in [
            "ttft.p99",
            "ttft.p99.9",
            "latency.mean",
            "itl.p50",
            "qps",
            "output_token_rate",
            "concurrency",
            "error_rate",
        ] {
            assert_eq!(text.parse::<Figure>().unwrap().to_string(), text);
        }
        assert_eq!("completed_rate".parse::<Figure>().unwrap().to_string(), "qps");
    }

    #[test]
    fn what_is_no_figure_is_refused_with_what_to_write() {
        for (text, says) in [
            ("tfft.p99", "`tfft` is no metric"),
            ("ttft", "`ttft` needs a statistic: ttft.p50"),
            ("ttft.p0", "`p0` is no statistic of ttft"),
            ("ttft.p100", "`p100` is no statistic"),
            ("ttft.max", "`max` is no statistic"),
            ("qps.p99", "`qps` has no statistics"),
            ("", "`` is no metric"),
        ] {
            let error = text.parse::<Figure>().unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        }
    }

    #[test]
    fn what_is_better() {
        for (text, better) in [
            ("ttft.p99", Better::Lower),
            ("error_rate", Better::Lower),
            ("qps", Better::Higher),
            ("output_tokens.mean", Better::Neither),
            ("concurrency", Better::Neither),
        ] {
            assert_eq!(text.parse::<Figure>().unwrap().better(), better, "{text}");
        }
    }
}
