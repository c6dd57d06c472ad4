//! Options of `plimsoll compare`.

use std::path::PathBuf;

use clap::Args;
use plimsoll_core::compare::{Figure, FigureError, Measure, figure_names};
use plimsoll_core::nearest::nearest;

use super::values::ColorName;

/// `plimsoll compare`.
#[derive(Debug, Args)]
#[command(long_about = COMPARE_ABOUT, after_long_help = COMPARE_EXAMPLES, after_help = "`plimsoll compare --help` explains the verdicts, with examples.")]
pub(crate) struct CompareArgs {
    /// Results folders: A and B, each one run or several of one side with commas between them; or the folders of two
    /// capacity searches. With --history all runs, or folders of runs
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Look for changes over many runs in order of time
    #[arg(long)]
    pub(crate) history: bool,
    /// Compare this metric, such as ttft.p99, latency.mean, qps or error_rate; repeatable. Without it the usual ones
    #[arg(short, long = "metric", value_name = "METRIC", value_parser = figure)]
    pub(crate) metrics: Vec<Figure>,
    /// Differences up to this are noise: 5%, or METRIC=5% for one metric (of error_rate points: error_rate=0.5%);
    /// repeatable. Without it 5%, and 1 point of error_rate
    #[arg(long = "threshold", value_name = "[METRIC=]PERCENT", value_parser = threshold)]
    pub(crate) thresholds: Vec<Threshold>,
    /// Exit with 99 if this is so: `worse` or `undecided` (any metric), or METRIC>PERCENT, METRIC<-PERCENT (it surely rose
    /// or fell by more); repeatable
    #[arg(long = "fail-on", value_name = "CONDITION", value_parser = fail_on)]
    pub(crate) fail_on: Vec<FailOn>,
    /// Compare INVALID runs too: their figures say more of the client than of the server
    #[arg(long)]
    pub(crate) allow_invalid: bool,
    /// Compare runs with other models, loads or lengths too
    #[arg(long)]
    pub(crate) allow_different: bool,
    /// Print JSON in place of the tables
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print Markdown, for a pull request
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Write the comparison as an HTML page to FILE too
    #[arg(long, value_name = "FILE", conflicts_with = "history")]
    pub(crate) html: Option<PathBuf>,
    /// When to colour the output
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorName,
    /// Seed of the draws behind intervals and tests
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

impl CompareArgs {
    /// The options of a comparison for which none were given.
    pub(crate) fn usual() -> Self {
        CompareArgs {
            runs: Vec::new(),
            history: false,
            metrics: Vec::new(),
            thresholds: Vec::new(),
            fail_on: Vec::new(),
            allow_invalid: true,
            allow_different: true,
            json: false,
            markdown: false,
            html: None,
            color: ColorName::Auto,
            seed: 1,
        }
    }
}

/// A difference that is noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    /// Of this metric alone.
    pub(crate) figure: Option<Figure>,
    /// 0.05 for 5 %.
    pub(crate) share: f64,
}

/// When a comparison fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FailOn {
    /// A metric is worse.
    Worse,
    /// A metric is undecided.
    Undecided,
    /// A metric rose (or fell) by more than this.
    Beyond { figure: Figure, above: bool, limit: f64 },
}

pub(crate) fn figure(text: &str) -> Result<Figure, String> {
    text.parse().map_err(|error| match &error {
        FigureError::Unknown(name) => match nearest(name, figure_names()) {
            Some(near) => format!("{error}: did you mean {near}?"),
            None => format!("{error}: there are {}", figure_names().collect::<Vec<_>>().join(", ")),
        },
        _ => error.to_string(),
    })
}

fn percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()?;
    number.is_finite().then_some(number / 100.0)
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let (name, amount) = text.split_once('=').map_or((None, text), |(name, amount)| (Some(name), amount));
    let figure = name.map(figure).transpose()?;
    let share = percent(amount).filter(|share| *share >= 0.0);
    let share = share.ok_or_else(|| format!("`{amount}` is no threshold: write 5%, or ttft.p99=5%"))?;
    if figure.is_none() && share >= 1.0 {
        return Err(format!("a threshold of {amount} calls everything noise: write less than 100%"));
    }
    Ok(Threshold { figure, share })
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text.trim() {
        "worse" => return Ok(FailOn::Worse),
        "undecided" => return Ok(FailOn::Undecided),
        _ => {}
    }
    let wrong = || {
        format!(
            "`{text}` is no condition: write worse, undecided, or a change such as ttft.p99>5% or qps<-5%"
        )
    };
    let at = text.find(['>', '<']).ok_or_else(wrong)?;
    let above = text[at..].starts_with('>');
    let limit = percent(&text[at + 1..]).ok_or_else(wrong)?;
    let figure = figure(&text[..at])?;
    if above && limit < 0.0 || !above && limit > 0.0 {
        return Err(format!(
            "`{text}` says less than that nothing changed: write {figure}>5% for a rise, {figure}<-5% for a fall"
        ));
    }
    if !above && limit <= -1.0 && figure.measure() != Measure::Share {
        return Err(format!("`{text}` can never be: {figure} cannot fall by all there is"));
    }
    Ok(FailOn::Beyond { figure, above, limit })
}

const COMPARE_ABOUT: &str = "\
Compares two runs, metric by metric: by how much B differs from A, how sure that is, and a verdict.

  BETTER, WORSE   surely different (all metrics together are wrong in 5 % of comparisons at most), and by more than the
                  threshold. Of metrics that are neither good nor bad: HIGHER, LOWER
  SAME            the whole 95 % interval of the difference lies within the threshold
  UNDECIDED       neither; the text says how much longer both runs would have to be

Requests of one run resemble their neighbours, so they are no independent evidence. Runs are cut into windows of a second or \
more, and windows are what is drawn again (bootstrap) and exchanged (permutation test). 20 windows on each side are the \
least. One run on each side says nothing of what differs from run to run, such as a restart: give several \
(A1,A2,A3 B1,B2,B3). From five on each side runs take the place of windows.

Two folders with a certificate.json are compared by their capacities.

Runs must have asked the same of the same model: otherwise the differing settings are listed and nothing is compared.";

const COMPARE_EXAMPLES: &str = "\
Examples:
  Two runs
    plimsoll compare runs/2026-11-22T06-14-33Z-before runs/2026-11-22T07-01-10Z-after
  Three of each, for the tail only, and what changes less than 10 % does not matter
    plimsoll compare runs/a1,runs/a2,runs/a3 runs/b1,runs/b2,runs/b3 -m ttft.p99 -m tpot.p99 --threshold 10%
  In CI: fail (99) if anything got worse, or the 99th percentile of TTFT by more than 8 %
    plimsoll compare runs/main runs/pr --fail-on worse --fail-on 'ttft.p99>8%' --markdown
  Where a history of runs changed
    plimsoll compare --history runs/nightly

Exit codes: 0 compared, whatever the verdict; 2 runs that cannot be compared; 99 a --fail-on condition holds.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_and_thresholds_are_read_or_refused() {
        let ttft: Figure = "ttft.p99".parse().unwrap();
        assert_eq!(fail_on("ttft.p99>5%"), Ok(FailOn::Beyond { figure: ttft, above: true, limit: 0.05 }));
        assert_eq!(
            fail_on("ttft.p99 < -5 %"),
            Ok(FailOn::Beyond { figure: ttft, above: false, limit: -0.05 })
        );
        assert_eq!(threshold("ttft.p99=2.5%"), Ok(Threshold { figure: Some(ttft), share: 0.025 }));
        let refused = [
            fail_on("wrose").unwrap_err(),
            fail_on("ttft.p99>5").unwrap_err(),
            fail_on("ttft.p99<5%").unwrap_err(),
            fail_on("qps<-100%").unwrap_err(),
            fail_on("tfft.p99>5%").unwrap_err(),
            threshold("5").unwrap_err(),
            threshold("-5%").unwrap_err(),
            threshold("100%").unwrap_err(),
            figure("zzzzzz").unwrap_err(),
            figure("ttft").unwrap_err(),
        ];
        insta::assert_snapshot!(refused.join("\n"));
    }
}
