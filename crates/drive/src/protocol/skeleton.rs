//! Recognises an event that says the same as an earlier one but for a text or two, without reading it anew.
//!
//! The events of a stream are alike: of 250 bytes only the generated text differs. Once one event has been read, the next
//! is compared with it byte by byte outside the strings that may differ. An event that passes is JSON of the same
//! structure, because the bytes outside are, and the strings inside are checked.

use super::json_scan::{NotJson, Text};

/// An event with holes where its texts were.
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    event: Vec<u8>,
    /// Where in `event` the texts were, in order: from after the opening quote to before the closing one.
    holes: [(usize, usize); 2],
    count: usize,
    /// Events learnt in a row of which no other was like: streams whose events all differ are not learnt for ever.
    in_vain: u8,
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
        self.in_vain += 1;
        self.event.clear();
        self.event.extend_from_slice(event.as_bytes());
        true
    }

    /// The texts of an event like the one learnt, in the same order; nothing for another event.
    pub(super) fn texts<'a>(&mut self, event: &'a [u8]) -> Option<[Text<'a>; 2]> {
        if self.count == 0 {
            return None;
        }
        let mut texts = [Text::default(); 2];
        let (mut known, mut at) = (0, 0);
        for (text, (start, end)) in texts.iter_mut().zip(self.holes).take(self.count) {
            let fixed = &self.event[known..start];
            if !event.get(at..)?.starts_with(fixed) {
                return None;
            }
            at += fixed.len();
            let length;
            (*text, length) = Text::at(&event[at..]).ok()?;
            at += length;
            known = end;
        }
        if event.get(at..)? != &self.event[known..] {
            return None;
        }
        self.in_vain = 0;
        Some(texts)
    }
}

impl<'a> Text<'a> {
    /// The text of a JSON string that begins in front of `bytes`, and its length without the closing quote.
    ///
    /// # Errors
    /// The bytes do not begin with the rest of a string.
    fn at(bytes: &'a [u8]) -> Result<(Self, usize), NotJson> {
        let length = super::json_scan::skip_string(bytes, 0)? - 1;
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
        let found = skeleton.texts(event.as_bytes())?;
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
        assert!(skeleton.texts(b"{\"x\":1,\"a\":\"\xff\",\"y\":null}").is_none(), "not UTF-8");
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
            assert!(skeleton.texts(event(number).as_bytes()).is_none());
            assert_eq!(learn(&mut skeleton, number), number < 4);
        }
        assert!(skeleton.texts(event(9).as_bytes()).is_none(), "the tenth was not learnt");
        assert!(skeleton.texts(event(3).as_bytes()).is_some(), "the fourth was the last");
        learn(&mut skeleton, 11);
        assert!(skeleton.texts(event(11).as_bytes()).is_some(), "a find gives new hope");
    }
}
