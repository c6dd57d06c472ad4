//! How a request ended, as METRICS defines it: from the status, the reply and the end of its body.

use plimsoll_core::record::Outcome;

use super::{Malformed, Reply};

/// How the body of a response ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As HTTP says that it should: its length was reached, its last chunk came.
    Whole,
    /// It ended before it should have, for this reason.
    Early(String),
    /// The decoder refused it.
    Malformed(Malformed),
}

/// The outcome of a response with this HTTP status whose body is no answer.
///
/// Redirects and successes are `invalid`: they should have brought an answer.
pub fn outcome_of_status(status: u16) -> Outcome {
    match status {
        429 => Outcome::Http429,
        400..=499 => Outcome::Http4xx,
        500..=599 => Outcome::Http5xx,
        _ => Outcome::Invalid,
    }
}

/// The outcome of a response whose body is an answer, and what went wrong.
pub fn judge(reply: &Reply, ended: Ended) -> (Outcome, Option<String>) {
    if let Ended::Early(reason) = &ended
        && reply.ends_with_transfer
        && !reply.complete
    {
        return (Outcome::Truncated, Some(format!("{reason}{}", so_far(reply))));
    }
    if let Some(error) = &reply.error {
        return (reply.failure.unwrap_or(Outcome::StreamError), Some(error.clone()));
    }
    match ended {
        Ended::Malformed(malformed) => (Outcome::Invalid, Some(malformed.to_string())),
        Ended::Early(reason) if !reply.complete => {
            (Outcome::Truncated, Some(format!("{reason}{}", so_far(reply))))
        }
        Ended::Whole
            if !reply.complete && !reply.ends_with_transfer && (reply.events > 0 || reply.unreadable_end) =>
        {
            let what = "the answer ended without a finish reason or its end mark";
            (Outcome::Truncated, Some(format!("{what}{}", so_far(reply))))
        }
        _ if !reply.has_content => {
            let reason = reply.finish_reason.as_deref().map(|reason| format!(" (finish reason {reason})"));
            (Outcome::Empty, Some(format!("an answer without content{}", reason.unwrap_or_default())))
        }
        _ => (Outcome::Ok, None),
    }
}

fn so_far(reply: &Reply) -> String {
    if (reply.events, reply.chars) == (0, 0) {
        return String::new(); // nothing is counted of an answer that is just bytes
    }
    let number = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(", after {} and {}", number(reply.events, "event"), number(reply.chars, "character"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_map_to_outcomes() {
        for (status, outcome) in [
            (400, Outcome::Http4xx),
            (401, Outcome::Http4xx),
            (429, Outcome::Http429),
            (500, Outcome::Http5xx),
            (503, Outcome::Http5xx),
            (204, Outcome::Invalid),
            (302, Outcome::Invalid),
        ] {
            assert_eq!(outcome_of_status(status), outcome, "{status}");
        }
    }

    #[test]
    fn replies_map_to_outcomes() {
        let whole = Reply { complete: true, has_content: true, events: 3, ..Reply::default() };
        let cut = || Reply { complete: false, has_content: true, events: 2, ..Reply::default() };
        let failed =
            Reply { error: Some("broke".to_owned()), complete: true, has_content: true, ..Reply::default() };
        let early = || Ended::Early("the server closed the connection".to_owned());
        let bare = Reply { complete: true, events: 2, ..Reply::default() };
        let refused = || Ended::Malformed(Malformed { what: "not JSON".to_owned(), excerpt: "<".to_owned() });
        let bytes = || Reply { has_content: true, events: 2, ends_with_transfer: true, ..Reply::default() };
        let bytes_after_all = Reply { complete: true, ..bytes() };
        let half_document = Reply { unreadable_end: true, ..Reply::default() };
        for (reply, ended, outcome) in [
            (&whole, Ended::Whole, Outcome::Ok),
            (&whole, early(), Outcome::Ok), // all of the answer came: what was cut is HTTP's own end
            (&cut(), Ended::Whole, Outcome::Truncated),
            (&cut(), early(), Outcome::Truncated),
            (&failed, Ended::Whole, Outcome::StreamError),
            (&failed, early(), Outcome::StreamError),
            (&bare, Ended::Whole, Outcome::Empty),
            (&Reply::default(), Ended::Whole, Outcome::Empty),
            (&Reply::default(), early(), Outcome::Truncated),
            (&half_document, Ended::Whole, Outcome::Truncated),
            (&bytes(), Ended::Whole, Outcome::Ok),
            (&bytes(), early(), Outcome::Truncated),
            (&bytes_after_all, early(), Outcome::Ok),
            (&cut(), refused(), Outcome::Invalid),
            (&whole, refused(), Outcome::Invalid),
        ] {
            let (judged, error) = judge(reply, ended.clone());
            assert_eq!(judged, outcome, "{reply:?} {ended:?}");
            assert_eq!(error.is_none(), outcome == Outcome::Ok);
        }
    }
}
