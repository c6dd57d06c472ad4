//! Recognises an event that says the same as an earlier one but for a text or two, without reading it anew.
//!
//! The events of a stream are alike: of 250 bytes only the generated text differs. Once one event has been read, the next
//! is compared with it byte by byte outside the strings that may differ. An event that passes is JSON of the same
//! structure, because the bytes outside are, and the strings inside are checked.

use super::json_check::{NotJson, skip_string};
use super::json_scan::Text;

/// An event with holes where its texts were.
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    event: Vec<u8>,
    /// Where in `event` the texts were, in order: from after the opening quote to before the closing one.
    holes: [(usize, usize); 2],
    count: usize,
    /// Whether it was one line of the stream.
    one_line: bool,
    /// Events learnt in a row of which no other was like: streams whose events all differ are not learnt for ever.
    in_vain: u8,
}

/// Where an event has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// With the bytes at hand.
    WithBytes,
    /// With its line and a blank line after it, in front of whatever comes then.
    WithBlankLine,
}

impl Ends {
    /// Bytes of the end of an event in front of `rest`; nothing if it does not end there.
    fn length(self, rest: &[u8]) -> Option<usize> {
        match (self, rest) {
            (Ends::WithBytes, []) => Some(0),
            (Ends::WithBlankLine, [b'\n', b'\n', ..]) => Some(2),
            (Ends::WithBlankLine, [b'\r', b'\n', b'\r', b'\n', ..]) => Some(4),
            _ => None,
        }
    }
}

/// After so many events in a row that nothing was like, learning stops.
const IN_VAIN_MAX: u8 = 4;

impl Skeleton {
    /// Learns an event that has been read, and the texts of it that may differ: one or two, in order of their place,
    /// none of them within another. False if it is not worth it.
    pub(super) fn learn(&mut self, event: &str, texts: &[Text<'_>]) -> bool {
        if self.in_vain >= IN_VAIN_MAX || texts.len() > self.holes.len() {
            return false;
        }
        let origin = event.as_ptr() as usize;
        for (hole, text) in self.holes.iter_mut().zip(texts) {
            let start = text.raw().as_ptr() as usize - origin;
            *hole = (start, start + text.raw().len());
        }
        self.count = texts.len();
        self.one_line = memchr::memchr2(b'\n', b'\r', event.as_bytes()).is_none();
        self.in_vain += 1;
        self.event.clear();
        self.event.extend_from_slice(event.as_bytes());
        true
    }

    /// The texts of an event like the one learnt that `bytes` begin with, in the same order, and its length with its end;
    /// nothing for another event.
    pub(super) fn texts<'a>(&mut self, bytes: &'a [u8], ends: Ends) -> Option<([Text<'a>; 2], usize)> {
        if self.count == 0 || ends == Ends::WithBlankLine && !self.one_line {
            return None;
        }
        let mut texts = [Text::default(); 2];
        let (mut known, mut rest) = (0, bytes);
        for (text, (start, end)) in texts.iter_mut().zip(self.holes).take(self.count) {
            rest = rest.strip_prefix(&self.event[known..start])?;
            let length;
            (*text, length) = Text::at(rest).ok()?;
            rest = &rest[length..];
            known = end;
        }
        rest = rest.strip_prefix(&self.event[known..])?;
        let length = bytes.len() - rest.len() + ends.length(rest)?;
        self.in_vain = 0;
        Some((texts, length))
    }
}

impl<'a> Text<'a> {
    /// The text of a JSON string that begins in front of `bytes`, and its length without the closing quote.
    ///
    /// # Errors
    /// The bytes do not begin with the rest of a string.
    fn at(bytes: &'a [u8]) -> Result<(Self, usize), NotJson> {
        let length = skip_string(bytes, 0)?.0 - 1;
        let text = std::str::from_utf8(&bytes[..length]).map_err(|_| NotJson::Syntax)?;
        Ok((Text::of_raw(text), length))
    }
}

#[cfg(test)]
mod tests {
    use super::super::json_scan::Value;
    use super::*;

    /// The texts found in `event` by a skeleton of `learnt`, whose members `a` and `b` may differ.
    fn texts(learnt: &str, event: &str) -> Option<Vec<String>> {
        let mut skeleton = Skeleton::default();
        let value = Value::parse(learnt.as_bytes()).unwrap();
        let holes: Vec<Text<'_>> = ["a", "b"].iter().filter_map(|name| value.get(name)?.string()).collect();
        skeleton.learn(learnt, &holes);
        let (found, length) = skeleton.texts(event.as_bytes(), Ends::WithBytes)?;
        assert_eq!(length, event.len());
        Some(found[..holes.len()].iter().map(|text| text.unescape().into_owned()).collect())
    }

    #[test]
    fn events_alike_give_their_texts() {
        let learnt = r#"{"x":1,"a":"one","y":[2],"b":"two"}"#;
        for (a, b) in
            [("one", "two"), ("", ""), ("grün 🙂", "a longer one than before"), (r"\n\u00e9\\", r#"\""#)]
        {
            let event = format!(r#"{{"x":1,"a":"{a}","y":[2],"b":"{b}"}}"#);
            let value = Value::parse(event.as_bytes()).unwrap();
            let expected =
                ["a", "b"].map(|name| value.get(name).unwrap().string().unwrap().unescape().into_owned());
            assert_eq!(texts(learnt, &event).as_deref(), Some(&expected[..]), "{event}");
        }
        assert_eq!(texts(r#"{"a":"p"}"#, r#"{"a":"q"}"#), Some(vec!["q".to_owned()]));
    }

    #[test]
    fn an_event_in_a_stream_ends_with_its_blank_line() {
        let mut skeleton = Skeleton::default();
        let mut texts_of = |learnt: &str, stream: &str| {
            let value = Value::parse(learnt.as_bytes()).unwrap();
            skeleton.learn(learnt, &[value.get("a").unwrap().string().unwrap()]);
            let found = skeleton.texts(stream.as_bytes(), Ends::WithBlankLine);
            found.map(|(texts, length)| (texts[0].unescape().into_owned(), length))
        };
        for (stream, expected) in [
            ("{\"a\":\"two\"}\n\n", Some(("two".to_owned(), 13))),
            ("{\"a\":\"two\"}\r\n\r\ndata: next", Some(("two".to_owned(), 15))),
            ("{\"a\":\"two\"}", None),
            ("{\"a\":\"two\"}\n", None),
            ("{\"a\":\"two\"}\r\r", None),
            ("{\"a\":\"two\"} \n\n", None),
            ("{\"a\":\"two\"}\ndata: x\n\n", None),
        ] {
            assert_eq!(texts_of(r#"{"a":"one"}"#, stream), expected, "{stream:?}");
        }
        let lines = "{\n\"a\":\"one\"}"; // of two `data` lines
        assert_eq!(texts_of(lines, &format!("{lines}\n\n")), None);
    }

    #[test]
    fn whatever_differs_elsewhere_is_another_event() {
        let learnt = r#"{"x":1,"a":"one","y":null}"#;
        for event in [
            r#"{"x":2,"a":"one","y":null}"#,
            r#"{"x":1,"a":"one","y":"stop"}"#,
            r#"{"x":1,"a":"one","y":null} "#,
            r#"{"x":1,"a":"one","y":null"#,
            "{\"x\":1,\"a\":\"one",
            r#"{"x":1,"a":null,"y":null}"#,
            r#"{"x":1,"a":"one\"","y":null}x"#,
            r#"{"x":1,"a":"bad \x","y":null}"#,
            "{\"x\":1,\"a\":\"line\nend\",\"y\":null}",
            "",
        ] {
            assert_eq!(texts(learnt, event), None, "{event}");
        }
        let mut skeleton = Skeleton::default();
        let value = Value::parse(learnt.as_bytes()).unwrap();
        skeleton.learn(learnt, &[value.get("a").unwrap().string().unwrap()]);
        assert!(
            skeleton.texts(b"{\"x\":1,\"a\":\"\xff\",\"y\":null}", Ends::WithBytes).is_none(),
            "not UTF-8"
        );
    }

    #[test]
    fn what_never_repeats_is_not_learnt_for_ever() {
        let mut skeleton = Skeleton::default();
        let event = |number: u32| format!(r#"{{"n":{number},"a":"t"}}"#);
        let learn = |skeleton: &mut Skeleton, number| {
            let text = event(number);
            let value = Value::parse(text.as_bytes()).unwrap();
            skeleton.learn(&text, &[value.get("a").unwrap().string().unwrap()])
        };
        for number in 0..10 {
            assert!(skeleton.texts(event(number).as_bytes(), Ends::WithBytes).is_none());
            assert_eq!(learn(&mut skeleton, number), number < 4);
        }
        assert!(skeleton.texts(event(9).as_bytes(), Ends::WithBytes).is_none(), "the tenth was not learnt");
        assert!(skeleton.texts(event(3).as_bytes(), Ends::WithBytes).is_some(), "the fourth was the last");
        learn(&mut skeleton, 11);
        assert!(skeleton.texts(event(11).as_bytes(), Ends::WithBytes).is_some(), "a find gives new hope");
    }
}
