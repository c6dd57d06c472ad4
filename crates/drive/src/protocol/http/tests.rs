//! Answers of any kind: what the rules for them say, and where streams are cut.

use std::sync::Arc;

use plimsoll_core::record::Outcome;
use plimsoll_core::spec::{Expect, JsonRule, Statuses, StreamBy};
use plimsoll_core::time::Offset;

use super::super::{Decoder as _, Ended, Fields, Reply, judge};
use super::checks::Checks;
use super::reader::{MAX_KEPT, Reader};

fn expect(statuses: &str, json: &[&str], regexes: &[&str]) -> Expect {
    Expect {
        statuses: Statuses::parse_list(statuses).unwrap(),
        json: json.iter().map(|rule| JsonRule::parse(rule).unwrap()).collect(),
        regexes: regexes.iter().map(|&pattern| pattern.to_owned()).collect(),
    }
}

fn reader(expect: &Expect, stream_by: Option<StreamBy>, keep_text: bool) -> Reader {
    Reader::new(Arc::new(Checks::new(expect).unwrap()), stream_by, keep_text, None)
}

/// The reply to an answer that came in these reads, one each nanosecond from 1 on.
fn read(reader: &mut Reader, status: u16, headers: &[(&str, &str)], reads: &[&[u8]]) -> (bool, Reply) {
    let mut reply = Reply::default();
    let list: Vec<_> =
        headers.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    let answers = reader.fields(&Fields { status: Some(status), list: &list }, &mut reply);
    let mut at = 0;
    for bytes in reads {
        at += 1;
        reader.feed(bytes, Offset::from_nanos(at), &mut reply).unwrap();
        reader.part_ended(Offset::from_nanos(at), &mut reply);
    }
    reader.finish(Offset::from_nanos(at + 1), &mut reply).unwrap();
    (answers, reply)
}

fn arrivals(reply: &Reply) -> Vec<u64> {
    reply.deltas.iter().map(|delta| delta.at.as_nanos()).collect()
}

#[test]
fn statuses_decide_first() {
    for (statuses, status, headers, outcome, error) in [
        ("2xx", 200, &[][..], Outcome::Ok, None),
        ("2xx", 204, &[], Outcome::Ok, None),
        ("404", 404, &[], Outcome::Ok, None),
        ("200,201", 204, &[], Outcome::Invalid, Some("HTTP 204: expected status 200 or 201")),
        (
            "2xx",
            301,
            &[("Location", "/there?a=1")],
            Outcome::Invalid,
            Some(
                "HTTP 301: redirected to /there?a=1, which is not followed: ask there, or --expect-status 301",
            ),
        ),
        ("2xx", 304, &[], Outcome::Invalid, Some("HTTP 304: expected status 2xx")),
        ("3xx", 302, &[("Location", "/x")], Outcome::Ok, None),
    ] {
        let expect = expect(statuses, &[], &[]);
        let (answers, reply) = read(&mut reader(&expect, None, false), status, headers, &[]);
        assert!(answers, "{status}");
        let judged = judge(&reply, Ended::Whole);
        assert_eq!((judged.0, judged.1.as_deref()), (outcome, error), "{statuses} {status}");
    }
    // What the server says against it is told by the text of its answer.
    let (answers, _) = read(&mut reader(&Expect::default(), None, false), 503, &[], &[]);
    assert!(!answers);
}

#[test]
fn the_body_decides_next() {
    let json = expect("2xx", &["$.ok == true"], &[]);
    let pattern = expect("2xx", &[], &["\\blabel\\b"]);
    for (expect, headers, body, error) in [
        (&json, &[][..], &br#"{"ok":true}"#[..], None),
        (&json, &[], br#"{"ok":false}"#, Some("expected $.ok == true, got false")),
        (&json, &[], b"", Some("and the answer is empty")),
        (&json, &[("content-encoding", "identity")], br#"{"ok":true}"#, None),
        (&json, &[("Content-Encoding", "gzip")], b"\x1f\x8b", Some("is coded as gzip, which is not undone")),
        (&pattern, &[], b"the label is", None),
        (&pattern, &[], b"labels", Some("expected a match of `\\blabel\\b`, got labels")),
    ] {
        let (first, second) = body.split_at(body.len() / 2);
        let (_, reply) = read(&mut reader(expect, None, false), 200, headers, &[first, second]);
        let (outcome, said) = judge(&reply, Ended::Whole);
        assert_eq!(outcome == Outcome::Ok, error.is_none(), "{said:?}");
        assert!(error.is_none_or(|error| said.as_ref().is_some_and(|said| said.contains(error))), "{said:?}");
        assert!(outcome == Outcome::Ok || outcome == Outcome::Invalid);
        // A body that is not whole cannot be held against the rules.
        assert_eq!(judge(&reply, Ended::Early(String::new())).0, Outcome::Truncated);
    }
}

#[test]
fn lines_events_and_chunks_have_their_arrivals() {
    let (lines, sse, chunk) = (StreamBy::Line, StreamBy::Sse, StreamBy::Chunk);
    for (by, reads, expected, coalesced) in [
        (lines, &["{\"a\":1}\n{\"a\"", ":2}\r\n\r\n", "\n  \nlast"][..], &[1, 2, 4][..], 0),
        (lines, &["a\nb\n", "c\n"], &[1, 1, 2], 1),
        (sse, &[": hi\n\ndata: a\n\nda", "ta: b\n", "\ndata: [DONE]\n\n", "data: x\n\n"], &[1, 3], 0),
        (sse, &["data: a\n\n", "data: b"], &[1, 3], 0),
        (chunk, &["a", "", "bc"], &[1, 3], 0),
    ] {
        let reads: Vec<&[u8]> = reads.iter().map(|read| read.as_bytes()).collect();
        let (_, reply) = read(&mut reader(&Expect::default(), Some(by), false), 200, &[], &reads);
        assert_eq!(
            (&arrivals(&reply)[..], reply.coalesced_events),
            (expected, coalesced),
            "{by:?} {reads:?}"
        );
        assert_eq!(reply.events as usize, expected.len());
        assert_eq!(judge(&reply, Ended::Whole).0, Outcome::Ok);
    }
    let (_, reply) = read(&mut reader(&Expect::default(), None, false), 200, &[], &[b"a\nb\n"]);
    assert_eq!((reply.events, reply.deltas.len()), (0, 0));
}

#[test]
fn the_mark_at_the_end_of_events_counts_even_where_the_transfer_is_cut() {
    for (events, outcome) in
        [("data: a\n\ndata: [DONE]\n\n", Outcome::Ok), ("data: a\n\n", Outcome::Truncated)]
    {
        let mut reader = reader(&Expect::default(), Some(StreamBy::Sse), false);
        let (_, reply) = read(&mut reader, 200, &[], &[events.as_bytes()]);
        assert_eq!(judge(&reply, Ended::Early(String::new())).0, outcome, "{events}");
    }
}

#[test]
fn a_rule_for_json_looks_for_an_event_that_fulfils_it() {
    let expect = expect("2xx", &["$.done == true", "$.n"], &[]);
    for (body, error) in [
        ("{\"n\":1}\nnot json\n{\"done\":true}\n", None),
        (
            "{\"n\":1}\n{\"done\":false}\n",
            Some("expected an event with $.done == true, and none of 2 has it; the last: {\"done\":false}"),
        ),
        ("", Some("expected an event with $.done == true, and there was none")),
    ] {
        for cut in 0..=body.len() {
            let (one, two) = body.as_bytes().split_at(cut);
            let mut reader = reader(&expect, Some(StreamBy::Line), false);
            let (_, reply) = read(&mut reader, 200, &[], &[one, two]);
            assert_eq!(judge(&reply, Ended::Whole).1.as_deref(), error, "{body} cut at {cut}");
        }
    }
}

#[test]
fn what_is_kept_of_an_answer_is_bounded() {
    let block = vec![b'x'; 1 << 20];
    let expect = expect("2xx", &["$.ok"], &[]);
    let mut own = reader(&expect, None, true);
    let (_, reply) = read(&mut own, 200, &[], &[&block[..]; 6]);
    assert_eq!(reply.text.as_ref().map(String::len), Some(MAX_KEPT));
    let (outcome, error) = judge(&reply, Ended::Whole);
    assert_eq!(outcome, Outcome::Invalid);
    assert!(error.unwrap().contains("expected $.ok, and only the first 4 MiB of the answer are kept"));
    // Nobody looks: nothing is kept.
    let (_, reply) = read(&mut reader(&Expect::default(), None, false), 200, &[], &[&block[..]; 6]);
    assert_eq!(reply.text, None);
}
