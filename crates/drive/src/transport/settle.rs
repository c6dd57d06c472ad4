//! From the end of an exchange to the one outcome of its request.

use plimsoll_core::record::{DeltaKind, Outcome, Record, Stamps, TokenSource};
use plimsoll_core::refusal::error_text;
use plimsoll_core::time::Offset;

use super::answer::{Answer, Ending};
use crate::clock::Clock;
use crate::protocol::{Ended, Mask, Reply, error_excerpt, judge, outcome_of_status};

/// Decides the outcome and moves what was understood of the response into the record.
///
/// Returns the record and the text of the answer, if it was kept.
pub(super) fn settle(answer: Answer, ending: Ending, clock: Clock) -> (Box<Record>, Option<String>) {
    let Answer { mut record, mut reply, error_body, retry_after, answers, .. } = answer;
    let refusal = (!answers).then_some((error_body.as_slice(), retry_after.as_deref()));
    let (outcome, error) = outcome_of(&record, &reply, refusal, ending);
    record.outcome = outcome;
    record.error = error.map(|error| match &reply.sent_with {
        Some(payload) => Mask::of_texts(payload.secrets.iter().map(String::as_str)).hide(error),
        None => error,
    });
    if outcome != Outcome::Unfinished {
        record.done.get_or_insert_with(|| clock.now());
    } else {
        record.done = None;
    }
    let text = reply.text.take();
    move_reply(&mut record, reply, clock);
    (record, text)
}

fn outcome_of(
    record: &Record,
    reply: &Reply,
    refusal: Option<(&[u8], Option<&str>)>,
    ending: Ending,
) -> (Outcome, Option<String>) {
    if matches!(ending, Ending::Complete | Ending::Cut(_))
        && let (Some(status), Some((body, retry_after))) = (record.status, refusal)
    {
        let error = error_text(status, retry_after, &error_excerpt(body));
        return (outcome_of_status(status), Some(error));
    }
    match ending {
        Ending::Complete => judge(reply, Ended::Whole),
        Ending::Cut(reason) if record.status.is_none() => (Outcome::Truncated, Some(reason)),
        Ending::Cut(reason) => judge(reply, Ended::Early(reason)),
        Ending::Malformed(malformed) => judge(reply, Ended::Malformed(malformed)),
        Ending::NotHttp(reason) => (Outcome::Invalid, Some(reason)),
        Ending::NoResponse(reason) => (Outcome::Truncated, Some(format!("no answer: {reason}"))),
        Ending::Timeout(reason) => (Outcome::Timeout, Some(reason)),
        Ending::Cancelled => (Outcome::Cancelled, None),
        Ending::Aborted => (Outcome::Unfinished, None),
    }
}

/// Stamps come as readings of the machine's monotonic clock. Those of another machine lie anywhere, and are dropped
/// unless they fall between the sending of the request and now.
fn on_this_clock(stamps: Stamps, sent: Option<Offset>, clock: Clock) -> Option<Stamps> {
    let (sent, now) = (sent?, clock.now());
    let convert = |stamp: Option<Offset>| {
        let stamp = clock.offset_of(stamp?.as_nanos());
        (sent..=now).contains(&stamp).then_some(stamp)
    };
    Some(Stamps {
        first_token: Some(convert(stamps.first_token)?),
        last_token: Some(convert(stamps.last_token)?),
    })
}

fn move_reply(record: &mut Record, reply: Reply, clock: Clock) {
    record.usage = reply.usage;
    record.events = reply.events;
    record.coalesced_events = reply.coalesced_events;
    record.chars = reply.chars;
    record.server = reply.server;
    record.acceptance = reply.acceptance;
    record.stamps = reply.stamps.and_then(|stamps| on_this_clock(stamps, record.sent, clock));
    record.deltas = reply.deltas;
    if record.usage.output_tokens.is_none() {
        count_from_deltas(record);
    }
}

/// Without usage from the server, the log probabilities may still say how many tokens there were.
fn count_from_deltas(record: &mut Record) {
    let counted: u32 = record.deltas.iter().map(|delta| delta.tokens).sum();
    let all = !record.deltas.is_empty() && record.deltas.iter().all(|delta| delta.tokens > 0);
    if all {
        record.usage.output_tokens = Some(counted);
        record.usage.source = TokenSource::Logprobs;
        let reasoning = record.deltas.iter().filter(|delta| delta.kind == DeltaKind::Reasoning);
        record.usage.reasoning_tokens = Some(reasoning.map(|delta| delta.tokens).sum());
    }
}
