//! The values of options: parsed once, here, into types that cannot be wrong.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use plimsoll_core::load::{Stage, ThinkTime};
use plimsoll_core::slo::Confidence;
use plimsoll_core::spec::{Interface, LengthShape, Provider};
use plimsoll_core::time::{Rate, parse_duration};

/// Names of arrival processes; `exponential` is the load test's name for `poisson`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalName {
    /// Equal gaps
    Constant,
    /// Gaps uniform on [0, 2/rate]
    Uniform,
    /// Exponential gaps: the same as poisson
    Exponential,
    /// Exponential gaps: a Poisson process
    Poisson,
    /// Gamma-distributed gaps with the variation of --cv
    Gamma,
}

impl ArrivalName {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ArrivalName::Constant => "constant",
            ArrivalName::Uniform => "uniform",
            ArrivalName::Exponential => "exponential",
            ArrivalName::Poisson => "poisson",
            ArrivalName::Gamma => "gamma",
        }
    }
}

/// Names of the distributions of output lengths and of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LengthName {
    /// Always the mean
    Constant,
    /// From the mean minus to the mean plus the range
    Uniform,
    /// Normal, with a standard deviation of the mean times the range
    Normal,
    /// Exponential
    Exponential,
}

impl LengthName {
    /// The distribution's shape.
    pub(crate) const fn shape(self) -> LengthShape {
        match self {
            LengthName::Constant => LengthShape::Constant,
            LengthName::Uniform => LengthShape::Uniform,
            LengthName::Normal => LengthShape::Normal,
            LengthName::Exponential => LengthShape::Exponential,
        }
    }
}

/// What becomes of a request that is due while the cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhenFullName {
    /// It starts late, and its send_lag says so
    Lag,
    /// It is recorded as shed and never sent
    Shed,
}

/// What is shown while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewName {
    /// The full view on a terminal of 60x15 or more for what takes 5 s or longer; else as `line`
    Auto,
    /// A view that fills the terminal, with charts and keys (docs/LIVE.md)
    Full,
    /// A line that renews itself; without a terminal a line every 5 s
    Line,
    /// Nothing
    Off,
}

/// Whether connections are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReuseName {
    /// Connections are kept and used again
    Keep,
    /// A new connection for every request
    Fresh,
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpName {
    /// 1.1 for http://, and for https:// what the server prefers
    Auto,
    /// HTTP/1.1
    #[value(name = "1.1")]
    One,
    /// HTTP/2; for http:// by prior knowledge
    #[value(name = "2")]
    Two,
}

/// Where synthetic images stand in the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PositionName {
    /// Spread evenly over the prompt
    SpaceEvenly,
    /// At its end
    End,
}

/// When to colour the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorName {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Reads a provider's name; clap suggests the nearest for an unknown one.
pub(crate) fn provider() -> impl TypedValueParser<Value = Provider> {
    let named =
        |provider: Provider| PossibleValue::new(provider.name()).aliases(provider.aliases().iter().copied());
    PossibleValuesParser::new(Provider::ALL.map(named))
        .try_map(|name| Provider::from_name(&name).ok_or("unknown provider"))
}

/// Reads an interface's name; clap suggests the nearest for an unknown one.
pub(crate) fn interface() -> impl TypedValueParser<Value = Interface> {
    PossibleValuesParser::new(Interface::ALL.map(Interface::name))
        .try_map(|name| Interface::from_name(&name).ok_or("unknown interface"))
}

/// Reads a whole number of 1 or more, for the types that hold nothing else.
pub(crate) fn counted<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write a whole number of 1 or more".to_owned())
}

/// Reads a whole number of 0 or more.
pub(crate) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write a whole number of 0 or more".to_owned())
}

/// Reads a number above 0.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("write a number above 0".to_owned()),
    }
}

/// Reads a number of 0 or more.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("write a number of 0 or more".to_owned()),
    }
}

/// A probability from 0.5 to below 1, as a number or in percent.
pub(crate) fn confidence(text: &str) -> Result<Confidence, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value: f64 = number.trim().parse().map_err(|_| "write a share such as 0.95 or 95%".to_owned())?;
    Confidence::try_from(value / scale).map_err(|error| error.to_string())
}

/// Reads a share from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("write a share from 0 to 1, such as 0.05".to_owned()),
    }
}

/// Reads a share above 0 and up to 1, as `10%` or `0.1`.
pub(crate) fn part(text: &str) -> Result<f64, String> {
    let number = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse::<f64>(),
    };
    match number {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("write a share above 0 and up to 1, such as 10% or 0.1".to_owned()),
    }
}

/// Reads a number of bytes: `1500000`, `200kB`, `64KiB`, `500MiB`, `16GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let binary = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)]
        .map(|(unit, bits)| (unit, f64::from(bits).exp2()));
    let decimal = [("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)];
    let units = binary.into_iter().chain(decimal);
    let (number, unit) = units
        .into_iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)))
        .unwrap_or((text, 1.0));
    let bytes = number.trim().parse::<f64>().map(|number| number * unit);
    match bytes {
        Ok(bytes) if bytes >= 1.0 && bytes < u64::MAX as f64 => Ok(bytes as u64),
        _ => Err("write a number of bytes, such as 500MiB or 16GiB".to_owned()),
    }
}

/// Reads the bytes of something that is held in memory: below 4 GiB.
pub(crate) fn byte_count(text: &str) -> Result<u32, String> {
    u32::try_from(bytes(text)?).map_err(|_| "give less than 4GiB".to_owned())
}

/// Reads a duration above 0.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("write a duration above 0, such as 30s".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// A resolution in pixels, width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution(pub(crate) u32, pub(crate) u32);

/// Reads `1024x768`.
pub(crate) fn resolution(text: &str) -> Result<Resolution, String> {
    let pixels = |side: &str| side.parse::<u32>().ok().filter(|side| (1..=16_384).contains(side));
    text.split_once(['x', 'X'])
        .and_then(|(width, height)| Some(Resolution(pixels(width)?, pixels(height)?)))
        .ok_or_else(|| "write a resolution in pixels as 1024x768, each side from 1 to 16384".to_owned())
}

/// Reads `1s`, `1s..3s` or `exp:1s`.
pub(crate) fn think_time(text: &str) -> Result<ThinkTime, String> {
    let duration = |part: &str| {
        parse_duration(part).map_err(|_| format!("`{part}` in it is no duration: write 1s, 1s..3s or exp:1s"))
    };
    if let Some(mean) = text.strip_prefix("exp:") {
        return duration(mean).map(ThinkTime::Exponential);
    }
    let Some((low, high)) = text.split_once("..") else {
        return duration(text)
            .map(|pause| if pause.is_zero() { ThinkTime::Zero } else { ThinkTime::Constant(pause) });
    };
    match (duration(low)?, duration(high)?) {
        (low, high) if low <= high => Ok(ThinkTime::Uniform(low, high)),
        _ => Err("the first of the two is the larger: write the smaller one first".to_owned()),
    }
}

/// The stages of one `--stages`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageList(pub(crate) Vec<Stage>);

/// Reads `30s:10,5m:10,1m:0`: a duration and the rate at its end, per second, 0 allowed.
pub(crate) fn stages(text: &str) -> Result<StageList, String> {
    text.split(',').map(stage).collect::<Result<_, _>>().map(StageList)
}

fn stage(text: &str) -> Result<Stage, String> {
    let how = "write DURATION:RATE, such as 30s:10";
    let (duration, target) =
        text.trim().rsplit_once(':').ok_or_else(|| format!("`{text}` is no stage: {how}"))?;
    let duration = positive_duration(duration).map_err(|error| format!("in stage `{text}`: {error}"))?;
    let target = stage_rate(target).map_err(|error| format!("in stage `{text}`: {error}"))?;
    Ok(Stage { duration, target })
}

/// Reads a rate per second that may be 0.
pub(crate) fn stage_rate(text: &str) -> Result<f64, String> {
    if text.trim().parse() == Ok(0.0) {
        return Ok(0.0);
    }
    text.parse::<Rate>().map(Rate::per_second).map_err(|error| error.to_string())
}

/// Extra members of a request body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonObject(pub(crate) serde_json::Map<String, serde_json::Value>);

/// Reads a JSON object.
pub(crate) fn json_object(text: &str) -> Result<JsonObject, String> {
    serde_json::from_str(text)
        .map(JsonObject)
        .map_err(|error| format!("it is not a JSON object ({error}): write it as '{{\"key\": \"value\"}}'"))
}

/// Acceptance probabilities.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probabilities(pub(crate) Vec<f64>);

/// Reads a JSON array of shares, such as `[0.9, 0.7]`.
pub(crate) fn probabilities(text: &str) -> Result<Probabilities, String> {
    serde_json::from_str::<Vec<f64>>(text)
        .ok()
        .filter(|all| all.iter().all(|p| (0.0..=1.0).contains(p)))
        .map(Probabilities)
        .ok_or_else(|| "write a JSON array of probabilities from 0 to 1, such as '[0.9, 0.7]'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn think_times() {
        let seconds = Duration::from_secs;
        for (text, expected) in [
            ("1s", Some(ThinkTime::Constant(seconds(1)))),
            ("0", Some(ThinkTime::Zero)),
            ("1s..3s", Some(ThinkTime::Uniform(seconds(1), seconds(3)))),
            ("exp:2s", Some(ThinkTime::Exponential(seconds(2)))),
            ("3s..1s", None),
            ("exp:", None),
            ("..", None),
            ("soon", None),
        ] {
            assert_eq!(think_time(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn stages_are_read_or_refused() {
        let stage = |seconds, target| Stage { duration: Duration::from_secs(seconds), target };
        assert_eq!(stages("30s:10, 5m:0").map(|list| list.0), Ok(vec![stage(30, 10.0), stage(300, 0.0)]));
        for text in ["", "30s", "30s:", "0s:10", "30s:-1", "30s:NaN", "30s:10,,5s:1"] {
            assert!(stages(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_numbers_refuse_what_is_none() {
        for text in ["-0.1", "1.1", "NaN", "", "ten"] {
            assert!(share(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "NaN", "inf", ""] {
            assert!(positive(text).is_err(), "{text}");
        }
        for text in ["1024", "0x5", "1x99999", "axb"] {
            assert!(resolution(text).is_err(), "{text}");
        }
        assert_eq!(resolution("640x480"), Ok(Resolution(640, 480)));
        assert!(probabilities("[0.5, 2]").is_err());
        assert!(json_object("[1]").is_err());
        for (text, expected) in
            [("1500", 1500), ("1.5kB", 1500), ("1.5 KiB", 1536), ("2MB", 2_000_000), ("1GiB", 1 << 30)]
        {
            assert_eq!(byte_count(text), Ok(expected), "{text}");
        }
        for text in ["", "kB", "0", "-1", "NaN", "1 litre", "5GiB", "1e300"] {
            assert!(byte_count(text).is_err(), "{text}");
        }
    }
}
