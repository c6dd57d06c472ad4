//! What happens to the server as a whole: cold start, stalls, leak, drift, crash.

use plimsoll_core::time::Offset;
use plimsoll_sim::conditions::{ConditionOptions, Crash, Exhausted, Leak, RateLimit, Stall, WarmUp};

use super::error::SimOptionError;
use super::values::{Pair, bytes, factor, given, number, time, truth, within};

pub(super) const KEYS: &[&str] = &[
    "starts_cold",
    "load",
    "warm_up",
    "warm_up_steps",
    "warm_up_factor",
    "stall_at",
    "stall_for",
    "stall_every",
    "resident",
    "leak",
    "leak_limit",
    "leak_factor",
    "drift",
    "crash_at",
    "crash_after",
    "restart_after",
    "request_timeout",
    "rate_limit",
    "rate_burst",
];

/// `base` with what was given.
///
/// # Errors
/// A value out of range, or an option that does nothing without another.
pub(super) fn build(mut base: ConditionOptions, pairs: &[Pair]) -> Result<ConditionOptions, SimOptionError> {
    let moment = |key, value: &str| time(key, value).map(|time| Offset::ZERO + time);
    for (key, value) in pairs {
        match key.as_str() {
            "starts_cold" => base.starts_cold = truth(key, value)?,
            "load" => base.load = time(key, value)?,
            "resident" => base.resident = bytes(key, value)?,
            "drift" => base.drift_per_hour = within(key, value, 0.0, 1e6, "a share per hour, such as 0.1")?,
            "crash_at" => base.crash = Some(Crash::At(moment(key, value)?)),
            "crash_after" => {
                base.crash = Some(Crash::AfterRequests(number(key, value, "a number of requests")?));
            }
            "restart_after" => base.restart_after = Some(time(key, value)?),
            "request_timeout" => base.request_timeout = Some(time(key, value)?),
            _ => {}
        }
    }
    if given(pairs, "crash_at").is_some() && given(pairs, "crash_after").is_some() {
        let reason = "`crash_at` and `crash_after` both say when it crashes: give one of them";
        return Err(SimOptionError::NoServer(reason.to_owned()));
    }
    base.warm_up = warm_up(pairs)?.or(base.warm_up);
    base.stall = stall(pairs)?.or(base.stall);
    base.leak = leak(pairs)?.or(base.leak);
    base.rate_limit = rate_limit(pairs)?.or(base.rate_limit);
    needs(pairs, "restart_after", base.crash.is_some() || base.leak.is_some(), "crash_at")?;
    let starts = base.starts_cold || base.restart_after.is_some();
    needs(pairs, "warm_up_factor", starts, "starts_cold=true")?;
    base.check().map_err(|error| SimOptionError::NoServer(error.to_string()))?;
    Ok(base)
}

fn warm_up(pairs: &[Pair]) -> Result<Option<WarmUp>, SimOptionError> {
    let span = given(pairs, "warm_up").map(|value| time("warm_up", value)).transpose()?;
    let steps = given(pairs, "warm_up_steps");
    let steps = steps.map(|value| number("warm_up_steps", value, "a whole number")).transpose()?;
    let Some(value) = given(pairs, "warm_up_factor") else {
        needs(pairs, "warm_up", false, "warm_up_factor")?;
        needs(pairs, "warm_up_steps", false, "warm_up_factor")?;
        return Ok(None);
    };
    needs(pairs, "warm_up_factor", span.is_some() || steps.is_some(), "warm_up")?;
    Ok(Some(WarmUp {
        time: span.unwrap_or_default(),
        steps: steps.unwrap_or_default(),
        factor: factor("warm_up_factor", value)?,
    }))
}

fn stall(pairs: &[Pair]) -> Result<Option<Stall>, SimOptionError> {
    let span = |key| given(pairs, key).map(|value| time(key, value)).transpose();
    let every = span("stall_every")?;
    match (span("stall_at")?, span("stall_for")?) {
        (Some(at), Some(length)) => Ok(Some(Stall { at: Offset::ZERO + at, length, every })),
        (at, length) => {
            needs(pairs, "stall_at", length.is_some(), "stall_for")?;
            needs(pairs, "stall_for", at.is_some(), "stall_at")?;
            needs(pairs, "stall_every", false, "stall_at")?;
            Ok(None)
        }
    }
}

fn leak(pairs: &[Pair]) -> Result<Option<Leak>, SimOptionError> {
    let Some(leaked) = given(pairs, "leak") else {
        needs(pairs, "leak_limit", false, "leak")?;
        needs(pairs, "leak_factor", false, "leak")?;
        return Ok(None);
    };
    let limit = given(pairs, "leak_limit").map(|value| bytes("leak_limit", value)).transpose()?;
    let slow = given(pairs, "leak_factor").map(|value| factor("leak_factor", value)).transpose()?;
    needs(pairs, "leak_factor", limit.is_some(), "leak_limit")?;
    Ok(Some(Leak {
        bytes_per_request: bytes("leak", leaked)?,
        limit: limit.unwrap_or(u64::MAX),
        then: slow.map_or(Exhausted::Crash, Exhausted::Slow),
    }))
}

fn rate_limit(pairs: &[Pair]) -> Result<Option<RateLimit>, SimOptionError> {
    let Some(value) = given(pairs, "rate_limit") else {
        needs(pairs, "rate_burst", false, "rate_limit")?;
        return Ok(None);
    };
    let burst = given(pairs, "rate_burst");
    Ok(Some(RateLimit {
        per_second: within("rate_limit", value, 0.0, 1e6, "requests per second, such as 10")?,
        burst: burst.map_or(Ok(1), |value| number("rate_burst", value, "a number of requests"))?,
    }))
}

/// Refuses `key` where it would be ignored.
fn needs(pairs: &[Pair], key: &'static str, has: bool, needed: &'static str) -> Result<(), SimOptionError> {
    match given(pairs, key) {
        Some(_) if !has => Err(SimOptionError::Alone { key, needed }),
        _ => Ok(()),
    }
}
