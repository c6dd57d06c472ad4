//! Reads an answer of which nothing is known but what the user said.

use std::sync::Arc;

use plimsoll_core::record::{Delta, DeltaKind, Outcome, TokenSource};
use plimsoll_core::spec::StreamBy;
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Payload;

use super::super::excerpt::excerpt;
use super::super::json_scan::Value;
use super::super::{Decoder, Fields, Malformed, Reply};
use super::checks::{Checks, holds};
use super::events::Events;

/// Bytes of an answer that are kept to be looked at.
pub(super) const MAX_KEPT: usize = 4 << 20;

/// Reads one answer.
pub(super) struct Reader {
    checks: Arc<Checks>,
    events: Events,
    keep_text: bool,
    /// The request, if parts of it must not be shown.
    payload: Option<Arc<Payload>>,
    /// Its beginning, if anybody looks at it as a whole.
    kept: Vec<u8>,
    keeps: bool,
    /// Whether it was longer than that.
    cut: bool,
    /// The coding that hides it from the rules.
    coding: Option<String>,
    /// Its status or its redirection has decided: the body is of no interest.
    decided: bool,
    watch: Watch,
}

/// Rules for JSON that no event of a stream has fulfilled so far.
struct Watch {
    checks: Arc<Checks>,
    /// Whether events are looked at.
    active: bool,
    /// Whether `[DONE]` among server-sent events ends the answer.
    may_end: bool,
    done: bool,
    /// Numbers of the rules.
    open: Vec<usize>,
    last: String,
}

impl Reader {
    pub(super) fn new(
        checks: Arc<Checks>,
        stream_by: Option<StreamBy>,
        keep_text: bool,
        payload: Option<Arc<Payload>>,
    ) -> Self {
        let by_event = matches!(stream_by, Some(StreamBy::Line | StreamBy::Sse));
        let rules = checks.expect.json.len();
        let active = by_event && rules > 0;
        Reader {
            events: Events::by(stream_by),
            keeps: keep_text || checks.has_patterns() || (rules > 0 && !by_event),
            watch: Watch {
                checks: checks.clone(),
                active,
                may_end: stream_by == Some(StreamBy::Sse),
                done: false,
                open: if active { (0..rules).collect() } else { Vec::new() },
                last: String::new(),
            },
            checks,
            keep_text,
            payload,
            kept: Vec::new(),
            cut: false,
            coding: None,
            decided: false,
        }
    }

    /// What breaks the rules for the body, in words.
    fn broken(&self, events: u32) -> Option<String> {
        let coded = self.coding.as_ref().filter(|_| self.checks.of_body());
        let coded = coded.map(|coding| format!("and the answer is coded as {coding}, which is not undone"));
        let cut =
            || format!("and only the first {} MiB of the answer are kept to be looked at", MAX_KEPT >> 20);
        let unseen = coded.clone().or_else(|| self.cut.then(cut));
        let unseen = unseen.as_deref();
        if self.watch.active {
            if let Some(&rule) = self.watch.open.first() {
                let rule = self.checks.expect.json.get(rule).map_or("", |rule| rule.text());
                let said = coded.unwrap_or_else(|| match events {
                    0 => "and there was none".to_owned(),
                    n => format!("and none of {n} has it; the last: {}", self.watch.last),
                });
                return Some(format!("expected an event with {rule}, {said}"));
            }
        } else if let Some(broken) = self.checks.json_broken(&self.kept, unseen) {
            return Some(broken);
        }
        self.checks.pattern_broken(&self.kept, unseen)
    }
}

impl Watch {
    /// Takes an event that arrived.
    fn take(&mut self, event: &[u8], at: Offset, reply: &mut Reply) {
        if self.done || self.may_end && event == b"[DONE]" {
            (self.done, reply.complete) = (true, true);
            return;
        }
        arrived(at, reply);
        if self.open.is_empty() {
            return;
        }
        if let Ok(json) = Value::parse(event) {
            let rules = &self.checks.expect.json;
            self.open.retain(|&rule| rules.get(rule).is_some_and(|rule| !holds(rule, json)));
        }
        self.last = excerpt(event, 120);
    }
}

/// An event arrived.
fn arrived(at: Offset, reply: &mut Reply) {
    reply.events += 1;
    reply.coalesced_events += u32::from(reply.deltas.last().is_some_and(|last| last.at == at));
    reply.deltas.push(Delta { at, tokens: 0, kind: DeltaKind::Text });
}

impl Decoder for Reader {
    fn fields(&mut self, fields: &Fields<'_>, reply: &mut Reply) -> bool {
        let Some(status) = fields.status else { return true };
        reply.ends_with_transfer = true;
        reply.sent_with.clone_from(&self.payload);
        if self.checks.expect.allows(status) {
            let coding = fields.get("content-encoding");
            self.coding = coding.filter(|coding| !coding.eq_ignore_ascii_case("identity")).map(str::to_owned);
            return true;
        }
        if status >= 400 {
            return false; // the server says why
        }
        self.decided = true;
        reply.failure = Some(Outcome::Invalid);
        reply.error = Some(match fields.get("location").filter(|_| (300..400).contains(&status)) {
            Some(to) => format!(
                "HTTP {status}: redirected to {}, which is not followed: ask there, or --expect-status {status}",
                excerpt(to.as_bytes(), 200)
            ),
            None => format!("HTTP {status}: expected status {}", self.checks.expect.statuses_text()),
        });
        true
    }

    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if self.decided {
            return Ok(());
        }
        if self.keeps {
            let room = MAX_KEPT.saturating_sub(self.kept.len());
            self.cut |= bytes.len() > room;
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let Reader { events, watch, .. } = self;
        let active = watch.active;
        events.feed(bytes, active, |event| watch.take(event, at, reply))
    }

    fn part_ended(&mut self, at: Offset, reply: &mut Reply) {
        if self.events.chunk_ended() && !self.decided {
            arrived(at, reply);
        }
    }

    fn finish(&mut self, at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        if self.decided {
            return Ok(());
        }
        let Reader { events, watch, .. } = self;
        let active = watch.active;
        events.finish(active, |event| watch.take(event, at, reply))?;
        // No answer is empty here: 204 and HEAD have no body, and what a body must have the rules say.
        reply.has_content = true;
        reply.usage.source = TokenSource::NoTokens;
        if let Some(broken) = self.broken(reply.events) {
            reply.failure = Some(Outcome::Invalid);
            reply.error = Some(broken);
        }
        if self.keep_text {
            reply.take_str(&String::from_utf8_lossy(&self.kept), true);
        }
        Ok(())
    }
}
