//! The scan against `serde_json`, on generated and on damaged texts.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

fn json() -> impl Strategy<Value = serde_json::Value> {
    let key = prop::sample::select(vec!["usage", "content", "a\"b", "é🙂", "\\", "\u{1}", "", "choices"]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,24}".prop_map(serde_json::Value::from),
        prop::sample::select(vec![r#""usage":{"a":1}"#, "\"}]", "\\\"", "\n\t\u{7f}", "🙂", "data: x\n\n"])
            .prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                let members = members.into_iter().map(|(key, value)| (key.to_owned(), value));
                serde_json::Value::Object(members.collect())
            }),
        ]
    })
}

/// Every non-ASCII character, and every `e`, as an escape.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut inside_escape = false;
    let mut in_string = false;
    for c in text.chars() {
        in_string ^= c == '"' && !inside_escape;
        if in_string && !inside_escape && (!c.is_ascii() || c == 'e') {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")));
        } else {
            out.push(c);
        }
        inside_escape = c == '\\' && !inside_escape;
    }
    out
}

/// What the scan finds, as a tree.
fn tree(value: Value<'_>) -> serde_json::Value {
    if value.is_object() {
        let members = value.members().map(|(key, value)| (key.into_owned(), tree(value)));
        serde_json::Value::Object(members.collect())
    } else if value.text().starts_with('[') {
        value.items().map(tree).collect()
    } else if let Some(text) = value.string() {
        assert_eq!(text.chars() as usize, text.unescape().chars().count());
        text.unescape().into()
    } else {
        serde_json::from_str(value.text()).unwrap()
    }
}

fn accepts(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

proptest! {
    #[test]
    fn finds_what_serde_finds(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        for text in [text.clone(), escaped(&text), format!(" \t{text}\r\n")] {
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&tree(Value::parse(text.as_bytes()).unwrap()), &expected, "{}", text);
            prop_assert_eq!(&tree(Json::parse(text.as_bytes()).unwrap().value()), &expected, "with notes: {}", text);
            for notes in 0..9 {
                let checked = check(text.as_bytes(), notes).unwrap();
                let value = Value { text: checked.text, notes: &checked.notes };
                prop_assert_eq!(&tree(value), &expected, "with {} notes: {}", notes, text);
            }
        }
    }

    #[test]
    fn accepts_what_serde_accepts(
        value in json(),
        cut in 0.0..1.0f64,
        damage in prop::sample::select(vec![
            &b""[..], b",", b"\"", b"\\", b"]", b"}", b"{", b"0", b".", b"e", b"-", b"\x01", b"\xff", b"\xc3", b" ", b"\\u12G4", b"nul",
        ]),
        removed in 0..3usize,
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let from = (cut * bytes.len() as f64) as usize;
        let to = (from + removed).min(bytes.len());
        bytes.splice(from..to, damage.iter().copied());
        prop_assert_eq!(Value::parse(&bytes).is_ok(), accepts(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_cut_text_is_cut_short_and_never_wrong(value in json(), cut in 0.0..1.0f64) {
        let text = serde_json::to_vec(&serde_json::json!([value])).unwrap();
        let cut = &text[..(cut * text.len() as f64) as usize];
        prop_assert_eq!(Value::parse(cut), Err(NotJson::CutShort));
    }
}

#[test]
fn numbers_follow_the_grammar() {
    for text in [
        "0", "-0", "01", "-", "1.", "1.5", ".5", "1e", "1e5", "1E+5", "1e-", "--1", "+1", "1.5e3x", "0x1",
        "NaN", "1 2",
    ] {
        assert_eq!(Value::parse(text.as_bytes()).is_ok(), accepts(text.as_bytes()), "{text}");
    }
    for (text, count) in
        [("7", Some(7)), ("7.0", Some(7)), ("7.5", None), ("-1", None), ("5000000000", None), ("\"7\"", None)]
    {
        assert_eq!(Value::parse(text.as_bytes()).unwrap().count(), count, "{text}");
    }
}

#[test]
fn text_that_looks_like_members_is_text() {
    let chunk = br#"{"content":"say \"usage\": {\"a\": 1}","usage":{"prompt_tokens":3},"a":null}"#;
    let value = Value::parse(chunk).unwrap();
    assert_eq!(
        value.get("usage").and_then(|usage| usage.get("prompt_tokens")).and_then(Value::count),
        Some(3)
    );
    assert!(value.get("a").is_none(), "null counts as absent");
    assert_eq!(value.get("content").and_then(Value::string).unwrap().unescape(), r#"say "usage": {"a": 1}"#);
}

#[test]
fn a_lone_surrogate_is_one_replacement_character() {
    let value = Value::parse(br#""a\ud83dz\ud83d\ude42\udc00""#).unwrap();
    assert_eq!(value.string().unwrap().unescape(), "a\u{fffd}z🙂\u{fffd}");
}

#[test]
fn nesting_without_end_is_refused() {
    assert_eq!(Value::parse("[".repeat(100_000).as_bytes()), Err(NotJson::Syntax));
    assert!(Value::parse(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()).is_ok());
}
