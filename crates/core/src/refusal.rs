//! Why a server that is there refuses to answer: the reasons that error texts and the table of errors tell apart.

/// A reason that servers and gateways give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The queue before the model is full: Triton, vLLM, SGLang, Ray Serve, TorchServe.
    QueueFull,
    /// The scheduler did not admit the request: vLLM.
    NotAdmitted,
    /// No worker serves the model: SGLang's router.
    NoWorker,
    /// The request waited for longer than the server lets it: Triton's queue policy.
    QueueTimeout,
    /// The server says no more than that it has too much to do: TGI, Anthropic.
    Overloaded,
    /// The model is still being loaded: llama.cpp.
    Loading,
    /// A gateway has no server to ask: Envoy, nginx, LiteLLM.
    NoBackend,
    /// Too many requests or tokens of this client.
    RateLimited,
}

/// What the texts of servers have in common, in lower case. The first that is found counts.
///
/// Triton's and TorchServe's were seen from running servers (2.51, 0.12). TorchServe says of a full queue that the model
/// has no worker; it says so too where it has none, which a run meets only if nobody set one up. vLLM's are those of
/// its `QueueOverflowError` and `MaxPendingTokensError` (HTTP 503).
const SAID: [(&str, Refusal); 27] = [
    ("exceeds maximum queue size", Refusal::QueueFull),
    ("exceed maximum queue size", Refusal::QueueFull),
    ("queue is full", Refusal::QueueFull),
    ("queue full", Refusal::QueueFull),
    ("queue is at capacity", Refusal::QueueFull),
    ("max_queued_requests", Refusal::QueueFull),
    ("backpressure", Refusal::QueueFull),
    ("too many requests waiting", Refusal::QueueFull),
    ("max pending tokens", Refusal::QueueFull),
    ("no worker to serve", Refusal::QueueFull),
    ("not admitted", Refusal::NotAdmitted),
    ("admission", Refusal::NotAdmitted),
    ("request rejected", Refusal::NotAdmitted),
    ("no available workers", Refusal::NoWorker),
    ("request timeout expired", Refusal::QueueTimeout),
    ("overloaded", Refusal::Overloaded),
    ("over capacity", Refusal::Overloaded),
    ("at capacity", Refusal::Overloaded),
    ("loading model", Refusal::Loading),
    ("model is loading", Refusal::Loading),
    ("no healthy upstream", Refusal::NoBackend),
    ("upstream connect error", Refusal::NoBackend),
    ("no deployments available", Refusal::NoBackend),
    ("bad gateway", Refusal::NoBackend),
    ("ratelimiterror", Refusal::RateLimited),
    ("rate limit", Refusal::RateLimited),
    ("rate_limit", Refusal::RateLimited),
];

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 8] = [
        Refusal::QueueFull,
        Refusal::NotAdmitted,
        Refusal::NoWorker,
        Refusal::QueueTimeout,
        Refusal::Overloaded,
        Refusal::Loading,
        Refusal::NoBackend,
        Refusal::RateLimited,
    ];

    /// What error texts say.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::QueueFull => "queue full",
            Refusal::NotAdmitted => "not admitted",
            Refusal::NoWorker => "no worker",
            Refusal::QueueTimeout => "timed out in the queue",
            Refusal::Overloaded => "overloaded",
            Refusal::Loading => "loading",
            Refusal::NoBackend => "no server behind the gateway",
            Refusal::RateLimited => "rate limited",
        }
    }

    /// The reason for which a server refused with this HTTP status and this text. Only statuses that say that the server
    /// cannot answer now have one: a 400 that mentions a queue is a bad request.
    pub fn of(status: u16, said: &str) -> Option<Refusal> {
        if !matches!(status, 429 | 500 | 502..=504 | 507 | 529) {
            return None;
        }
        let said = said.to_ascii_lowercase();
        let known = SAID.iter().find(|(text, _)| said.contains(text)).map(|&(_, refusal)| refusal);
        match (known, status) {
            (None, 429) => Some(Refusal::RateLimited),
            (None, 502) => Some(Refusal::NoBackend),
            (None, 529) => Some(Refusal::Overloaded),
            (known, _) => known,
        }
    }

    /// The reason that an error text made by [`error_text`] gives.
    pub fn told_by(error: &str) -> Option<Refusal> {
        let (_, reason) = error.strip_prefix("HTTP ")?.split_once(": ")?;
        Refusal::ALL.into_iter().find(|refusal| {
            reason
                .strip_prefix(refusal.name())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([',', ':']))
        })
    }
}

/// The error text of a refused request: `HTTP 429: rate limited, retry after 2 s: what the server said`. `retry_after` is
/// the field's value, seconds or a date.
pub fn error_text(status: u16, retry_after: Option<&str>, said: &str) -> String {
    let reason = Refusal::of(status, said).map(|refusal| refusal.name().to_owned());
    let wait = retry_after.map(str::trim).filter(|value| !value.is_empty()).map(|value| {
        let seconds = value.parse::<f64>().is_ok();
        format!(
            "retry after {}{}",
            value.chars().take(40).collect::<String>(),
            if seconds { " s" } else { "" }
        )
    });
    let known: Vec<String> = reason.into_iter().chain(wait).collect();
    let parts = [known.join(", "), said.to_owned()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("HTTP {status}: {}", parts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_and_read_back() {
        for (status, retry_after, said, expected, refusal) in [
            (
                429,
                Some("2"),
                "slow down",
                "rate limited, retry after 2 s: slow down",
                Some(Refusal::RateLimited),
            ),
            (429, None, "", "rate limited", Some(Refusal::RateLimited)),
            (
                429,
                Some("Wed, 21 Oct 2026 07:28:00 GMT"),
                "x",
                "rate limited, retry after Wed, 21 Oct 2026 07:28:00 GMT: x",
                Some(Refusal::RateLimited),
            ),
            (429, None, "Model is overloaded", "overloaded: Model is overloaded", Some(Refusal::Overloaded)),
            (
                503,
                None,
                "in ensemble 'e', Exceeds maximum queue size",
                "queue full: in ensemble 'e', Exceeds maximum queue size",
                Some(Refusal::QueueFull),
            ),
            (
                503,
                None,
                "Model \"m\" has no worker to serve inference request.",
                "queue full: Model \"m\" has no worker to serve inference request.",
                Some(Refusal::QueueFull),
            ),
            (
                503,
                None,
                "Request queue reached max pending tokens limit.",
                "queue full: Request queue reached max pending tokens limit.",
                Some(Refusal::QueueFull),
            ),
            (503, None, "no available workers", "no worker: no available workers", Some(Refusal::NoWorker)),
            (
                503,
                Some("1"),
                "The request queue is full.",
                "queue full, retry after 1 s: The request queue is full.",
                Some(Refusal::QueueFull),
            ),
            (503, None, "Loading model", "loading: Loading model", Some(Refusal::Loading)),
            (503, Some("1"), "maintenance", "retry after 1 s: maintenance", None),
            (502, None, "<html>", "no server behind the gateway: <html>", Some(Refusal::NoBackend)),
            (529, None, "Overloaded", "overloaded: Overloaded", Some(Refusal::Overloaded)),
            (500, None, "division by zero", "division by zero", None),
            (400, None, "the queue is full of eels", "the queue is full of eels", None),
        ] {
            let text = error_text(status, retry_after, said);
            assert_eq!(text, format!("HTTP {status}: {expected}"));
            assert_eq!(Refusal::of(status, said), refusal, "{text}");
            assert_eq!(Refusal::told_by(&text), refusal, "{text}");
        }
        assert_eq!(Refusal::told_by("HTTP 500: queue fuller than usual"), None);
        assert_eq!(Refusal::told_by("no answer within 1s (--request-timeout)"), None);
    }

    #[test]
    fn what_servers_say_is_looked_for_in_lower_case() {
        for (text, _) in SAID {
            assert_eq!(text, text.to_ascii_lowercase());
        }
    }
}
