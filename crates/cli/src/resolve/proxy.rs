//! Proxies in the environment: not supported, so a target that would need one is refused, not reached another way.

use std::collections::BTreeMap;

use url::{Host, Url};

use crate::exit::{UsageError, refuse};

/// Refuses a target that the environment says to reach through a proxy.
pub(super) fn check(url: &Url, env: &BTreeMap<String, String>) -> Result<(), UsageError> {
    if is_loopback(url) {
        return Ok(());
    }
    let names = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let set = |name: &&&str| env.get(**name).is_some_and(|value| !value.is_empty());
    let Some(name) = names.iter().find(set) else {
        return Ok(());
    };
    let host = url.host_str().unwrap_or_default();
    let exceptions = env.get("NO_PROXY").or_else(|| env.get("no_proxy")).map_or("", String::as_str);
    if exceptions.split(',').any(|exception| excepts(exception.trim(), host)) {
        return Ok(());
    }
    refuse!(
        "{name} is set, and proxies are not supported: to connect to {host} directly add --no-proxy, or put it in NO_PROXY"
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Whether an entry of NO_PROXY (`*`, a name, `.name`, or either with a port) covers this host.
fn excepts(entry: &str, host: &str) -> bool {
    let entry =
        entry.split_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(entry, |(name, _)| name);
    let entry = entry.trim_start_matches("*.").trim_start_matches('.');
    entry == "*"
        || !entry.is_empty()
            && (host.eq_ignore_ascii_case(entry)
                || host.to_ascii_lowercase().ends_with(&format!(".{}", entry.to_ascii_lowercase())))
}
