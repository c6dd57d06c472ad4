//! Reads objectives.
//!
//! ```text
//! slo       = statistic | condition { "&" condition } "@" percent
//! statistic = METRIC [ "." ( "mean" | "p" NUMBER ) ] OP VALUE
//! condition = METRIC OP VALUE
//! rule      = statistic "over" TIME
//! OP        = "<" | "<=" | ">" | ">="
//! VALUE     = NUMBER with a unit of time, in percent, or per second
//! ```
//! Spaces may stand between all of these.

use std::ops::Range;

use super::error::SloError;
use super::limit::{Comparison, Limit};
use super::metric::{Metric, Sort};
use super::objective::{Condition, EachRequest, Slo, Stat, Statistic};
use super::rule::Rule;

/// Stands between the breach and the span of a rule.
const OVER: &str = "over";

/// Names that other tools and later versions have, and why they cannot be asked for here.
const NOT_MEASURED: [&str; 8] = [
    "gpu_utilization",
    "gpu_memory",
    "gpu_power",
    "kv_cache_usage",
    "kv_usage",
    "server_rss",
    "cpu_utilization",
    "queue_depth",
];

/// Reads an objective.
pub(super) fn slo(text: &str) -> Result<Slo, SloError> {
    let mut reader = Reader::new(text);
    let first = reader.clause()?;
    if reader.peek() != Some('&') && reader.peek() != Some('@') {
        reader.end(
            "an objective ends here; give each its own --slo, or join limits of single requests with &",
        )?;
        return reader.statistic(first).map(Slo::Statistic);
    }
    let mut conditions = vec![reader.condition(first)?];
    while reader.take('&') {
        let next = reader.clause()?;
        conditions.push(reader.condition(next)?);
    }
    if !reader.take('@') {
        let message = "the share of the requests that must keep it is missing, such as `@ 99%`";
        return Err(reader.error(reader.here(), message));
    }
    let percent = reader.share("a share of requests")?;
    reader.end("nothing may follow the share")?;
    Ok(Slo::EachRequest(EachRequest { conditions, percent }))
}

/// Reads a rule that ends a run.
pub(super) fn rule(text: &str) -> Result<Rule, SloError> {
    let mut reader = Reader::new(text);
    let clause = reader.clause()?;
    let metric = clause.metric_at.clone();
    let statistic = reader.statistic(clause)?;
    let word = reader.word();
    if reader.text(word.clone()) != OVER {
        let message = "say over how long, such as `over 10s`";
        return Err(reader.error(word, message));
    }
    let at = reader.rest();
    let over = match reader.limit_of(Sort::Time)? {
        Limit::Time(nanos) if (1_000_000_000..=3_600_000_000_000).contains(&nanos) => nanos,
        _ => return Err(reader.error(at, "a rule looks back over 1s to 1h")),
    };
    reader.end("nothing may follow the time")?;
    Rule::new(statistic, std::time::Duration::from_nanos(over)).map_err(|why| reader.error(metric, &why))
}

/// A clause as it stands: what it means depends on what follows.
struct Clause {
    metric: Metric,
    metric_at: Range<usize>,
    stat: Option<(Stat, Range<usize>)>,
    comparison: Comparison,
    sign_at: Range<usize>,
    limit: Limit,
}

struct Reader {
    text: String,
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn new(text: &str) -> Self {
        // Control characters would tear the line that points.
        let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Reader { chars: text.chars().collect(), text, at: 0 }
    }

    fn error(&self, at: Range<usize>, message: &str) -> SloError {
        SloError { text: self.text.clone(), at, message: message.to_owned() }
    }

    fn text(&self, at: Range<usize>) -> String {
        self.chars[at].iter().collect()
    }

    fn skip_spaces(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn here(&self) -> Range<usize> {
        self.at..self.at + 1
    }

    /// From here to the end, for what is not understood at all.
    fn rest(&mut self) -> Range<usize> {
        self.skip_spaces();
        self.at..self.chars.len().max(self.at + 1)
    }

    fn end(&mut self, message: &str) -> Result<(), SloError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => {
                let rest = self.rest();
                Err(self.error(rest, message))
            }
        }
    }

    /// Letters, digits and underscores from here.
    fn word(&mut self) -> Range<usize> {
        self.take_while(|c| c.is_alphanumeric() || c == '_')
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> Range<usize> {
        self.skip_spaces();
        let from = self.at;
        while self.chars.get(self.at).is_some_and(|c| belongs(*c)) {
            self.at += 1;
        }
        from..self.at
    }

    fn clause(&mut self) -> Result<Clause, SloError> {
        let (metric, metric_at) = self.metric()?;
        let stat = if self.take('.') { Some(self.stat()?) } else { None };
        let (comparison, sign_at) = self.comparison()?;
        let limit = self.limit_of(metric.sort())?;
        Ok(Clause { metric, metric_at, stat, comparison, sign_at, limit })
    }

    fn metric(&mut self) -> Result<(Metric, Range<usize>), SloError> {
        let at = self.word();
        let name = self.text(at.clone());
        if let Some(metric) = Metric::from_name(&name) {
            return Ok((metric, at));
        }
        if name.is_empty() {
            let message = format!("the name of a metric is missing here: {}", names());
            return Err(self.error(self.here(), &message));
        }
        let message = if NOT_MEASURED.contains(&name.as_str()) {
            format!(
                "`{name}` is what the server says, and objectives are about what its users see: {}",
                names()
            )
        } else {
            match nearest(&name) {
                Some(near) => format!("there is no metric `{name}`; did you mean `{near}`?"),
                None => format!("there is no metric `{name}`: {}", names()),
            }
        };
        Err(self.error(at, &message))
    }

    fn stat(&mut self) -> Result<(Stat, Range<usize>), SloError> {
        let at = self.take_while(|c| c.is_alphanumeric() || c == '.' || c == '_');
        let name = self.text(at.clone());
        let shown = at.start..at.end.max(at.start + 1);
        let percentile = || name.strip_prefix('p')?.parse::<f64>().ok();
        match name.as_str() {
            "mean" | "avg" => Ok((Stat::Mean, at)),
            "median" => Ok((Stat::Percentile(50.0), at)),
            "max" | "min" => Err(self.error(
                shown,
                "no finite run proves a greatest or least value: ask for a high percentile, such as p99.9",
            )),
            _ => match percentile() {
                Some(p) if p > 0.0 && p < 100.0 => Ok((Stat::Percentile(p), at)),
                Some(_) => {
                    Err(self.error(shown, "a percentile lies above p0 and below p100, such as p99 or p99.9"))
                }
                None => {
                    Err(self
                        .error(shown, "the statistic is `mean` or a percentile such as p50, p99 or p99.9"))
                }
            },
        }
    }

    fn comparison(&mut self) -> Result<(Comparison, Range<usize>), SloError> {
        let at = self.take_while(|c| matches!(c, '<' | '>' | '=' | '!' | '≤' | '≥'));
        let comparison = match self.text(at.clone()).as_str() {
            "<" => Comparison::Below,
            "<=" | "≤" => Comparison::AtMost,
            ">" => Comparison::Above,
            ">=" | "≥" => Comparison::AtLeast,
            "" => return Err(self.error(self.here(), "a comparison is missing here: <, <=, > or >=")),
            _ => return Err(self.error(at, "compare with <, <=, > or >=")),
        };
        Ok((comparison, at))
    }

    /// A number with what follows it, up to the next space or sign.
    fn number(&mut self, what: &str) -> Result<(f64, String, Range<usize>), SloError> {
        let digits = self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '-' || c == '+');
        let from = digits.start;
        let number: Option<f64> = self.text(digits).parse().ok().filter(|number: &f64| number.is_finite());
        let end_of_digits = self.at;
        let unit = self.take_while(|c| c.is_alphabetic() || c == '%' || c == '/');
        let mut unit_text = self.text(unit);
        if unit_text == OVER {
            (unit_text, self.at) = (String::new(), end_of_digits); // the next word of a rule
        }
        let at = from..self.at.max(from + 1);
        match number {
            Some(number) => Ok((number, unit_text, at)),
            None => Err(self.error(at, &format!("{what} is missing here"))),
        }
    }

    fn limit_of(&mut self, sort: Sort) -> Result<Limit, SloError> {
        match sort {
            Sort::Time | Sort::PooledTime => self.time(),
            Sort::Share => self.share("a share").map(Limit::Share),
            Sort::Rate => self.rate(),
        }
    }

    fn time(&mut self) -> Result<Limit, SloError> {
        let (number, unit, at) = self.number("a time, such as 500ms,")?;
        let size = match unit.as_str() {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            "" => {
                let message = format!("a time needs its unit: {number}ms or {number}s");
                return Err(self.error(at, &message));
            }
            _ => return Err(self.error(at, "a time is in ns, us, ms, s, min or h")),
        };
        let nanos = (number * size).round();
        if !(1.0..=1e18).contains(&nanos) {
            return Err(self.error(at, "a time must be above 0 and below 30 years"));
        }
        Ok(Limit::Time(nanos as u64))
    }

    /// A share in percent: `1%` or `0.01`.
    fn share(&mut self, what: &str) -> Result<f64, SloError> {
        let (number, unit, at) = self.number(&format!("{what}, such as 1%,"))?;
        let percent = match unit.as_str() {
            "%" => number,
            // As decimal as it was typed: 0.07 is 7 %, not 7.000000000000001 %.
            "" if number <= 1.0 => (number * 100.0 * 1e10).round() / 1e10,
            "" => {
                let message = format!("write a share in percent ({number}%) or as a number from 0 to 1");
                return Err(self.error(at, &message));
            }
            _ => return Err(self.error(at, "a share is in percent")),
        };
        if !(percent > 0.0 && percent < 100.0) {
            let message = "a share must be above 0% and below 100%: no finite run proves that none, or all, will; \
                           0.1% or 99.9% can be proven";
            return Err(self.error(at, message));
        }
        Ok(percent)
    }

    fn rate(&mut self) -> Result<Limit, SloError> {
        let (number, unit, at) = self.number("an amount per second, such as 100,")?;
        if !matches!(unit.as_str(), "" | "/s") {
            return Err(self.error(at, "a rate is per second and needs no unit: 100 or 100/s"));
        }
        if number <= 0.0 {
            return Err(self.error(at, "a rate must be above 0"));
        }
        Ok(Limit::Rate(number))
    }

    fn statistic(&self, clause: Clause) -> Result<Statistic, SloError> {
        let Clause { metric, metric_at, stat, comparison, limit, .. } = clause;
        let name = metric.name();
        let one_figure = !matches!(metric.sort(), Sort::Time | Sort::PooledTime);
        match &stat {
            Some((_, at)) if one_figure => {
                let message = format!("{name} is one figure: leave out the statistic");
                return Err(self.error(at.clone(), &message));
            }
            None if !one_figure => {
                let sign = comparison.sign();
                let mut message = format!("say which statistic of {name} (`{name}.p99{sign}{limit}`)");
                if metric.sort() == Sort::Time {
                    message += &format!(
                        ", or which share of the requests must keep it (`{name}{sign}{limit} @ 99%`)"
                    );
                }
                return Err(self.error(metric_at, &message));
            }
            _ => {}
        }
        Ok(Statistic { metric, stat: stat.map(|(stat, _)| stat), comparison, limit })
    }

    fn condition(&self, clause: Clause) -> Result<Condition, SloError> {
        let Clause { metric, metric_at, stat, comparison, limit, sign_at } = clause;
        if let Some((_, at)) = stat {
            return Err(self.error(at, "a limit for each request has no statistic: leave it out"));
        }
        if metric.sort() != Sort::Time {
            let message = format!(
                "{} is not one time of each request, so a single request cannot keep it",
                metric.name()
            );
            return Err(self.error(metric_at, &message));
        }
        if !comparison.is_upper() {
            return Err(self.error(sign_at, "a request is good when it is fast: use < or <="));
        }
        Ok(Condition { metric, comparison, limit })
    }
}

fn names() -> String {
    let names = Metric::ALL.map(Metric::name);
    format!("the metrics are {}", names.join(", "))
}

/// The metric whose name is nearest to `name`, if one is near: at most a third of its letters, or two, are wrong.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    crate::nearest::nearest(&name, Metric::ALL.iter().map(|metric| metric.name()))
}
