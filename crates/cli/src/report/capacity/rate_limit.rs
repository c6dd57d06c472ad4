//! What is said of a rate limit in front of the server: a limit that refuses is not one that cannot.

use plimsoll_core::certificate::Certificate;
use plimsoll_core::search::{Doom, RateLimit, TierCapacity};

use super::load;
use crate::report::numbers::{ms, percent, short};

/// From where on requests were refused, how many are let through, and whether that is what the search found.
pub(in crate::report) fn rate_limit(certificate: &Certificate) -> String {
    let Some(limit) = certificate.rate_limit else { return String::new() };
    let from = load(limit.from, certificate.variable);
    let passed =
        limit.lets_through.map_or_else(String::new, |rate| format!(", and {}/s let through", short(rate)));
    let begin = format!("           from {from} on requests were refused with 429{passed}: a rate limit");
    let mut tiers = certificate.capacity.tiers.iter().enumerate();
    if !tiers.any(|(place, tier)| is_bound(certificate, place, tier)) {
        return format!("{begin}, though it is not what binds\n");
    }
    let (front, more) = match limit.hides_the_server() {
        true => (" in front of the server", ", and may be more"),
        false => (", or a server whose queue is full", ""),
    };
    format!(
        "{begin}{front}.\n           What is certified is that limit. What the server can do is not known{more}{}.\n           \
         Raise the limit, or go around it, to find out\n",
        latencies(&limit)
    )
}

/// Whether a tier ends where it does because requests are refused.
fn is_bound(certificate: &Certificate, place: usize, tier: &TierCapacity) -> bool {
    let least = match certificate.doom {
        Some(Doom::NotSustainable { load }) => Some(load),
        _ => None,
    };
    let fails = tier.high.map(|high| high.load).or(least);
    fails.is_some_and(|load| RateLimit::is_why(&certificate.trials, place, load))
}

/// How long answers took on both sides of the limit.
fn latencies(limit: &RateLimit) -> String {
    let (Some(below), Some(beyond)) = (limit.latency_below, limit.latency_beyond) else {
        return String::new();
    };
    let than = match beyond / below - 1.0 {
        more if more > 0.0 => format!("{} more than", percent(more)),
        _ => "no more than".to_owned(),
    };
    format!(
        ":\n           answers took {} ms beyond the limit, {than} the {} ms below it",
        ms(Some(beyond)),
        ms(Some(below))
    )
}
