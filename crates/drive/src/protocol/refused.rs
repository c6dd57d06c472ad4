//! Which members of a request a server does not know, from its answer 422.

use super::json_scan::Value;

/// Members without which a request asks nothing.
const NEEDED: [&str; 7] = ["model", "messages", "prompt", "input", "query", "documents", "file"];

/// The members of `request` that a server's answer to it names as unknown: in the form of `transformers serve`,
/// `Unexpected fields in the request: {'ignore_eos', 'n'}`, and in that of FastAPI, a list of places with the type
/// `extra_forbidden`. Members that a request needs are never among them, nor what the request does not have.
pub fn refused_members(request: &[u8], answer: &[u8]) -> Vec<String> {
    let (Ok(request), Ok(answer)) = (Value::parse(request), Value::parse(answer)) else {
        return Vec::new();
    };
    let Some(detail) = answer.get("detail").or_else(|| answer.get("error")) else {
        return Vec::new();
    };
    let named = match detail.string() {
        Some(text) => quoted(&text.unescape()),
        None => detail.items().filter_map(forbidden).collect(),
    };
    let may_go = |key: &str| !NEEDED.contains(&key) && named.iter().any(|name| name == key);
    request.members().map(|(key, _)| key.into_owned()).filter(|key| may_go(key)).collect()
}

/// The names within quotes, of a text that speaks of unexpected or unsupported fields.
fn quoted(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    if !["unexpected", "unsupported", "unknown", "not permitted"].iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    text.split(['\'', '"']).skip(1).step_by(2).map(str::to_owned).collect()
}

/// The top-level member of which FastAPI says that it is one too many.
fn forbidden(complaint: Value<'_>) -> Option<String> {
    let kind = complaint.get("type")?.string()?;
    let mut place =
        complaint.get("loc")?.items().filter_map(|part| Some(part.string()?.unescape().into_owned()));
    let (body, member) = (place.next()?, place.next()?);
    (kind == *"extra_forbidden" && body == "body").then_some(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_are_found_and_needed_ones_kept() {
        let request = br#"{"model":"m","messages":[],"ignore_eos":true,"n":2,"temperature":1.0}"#;
        for (answer, expected) in [
            (r#"{"detail":"Unexpected fields in the request: {'ignore_eos'}"}"#, &["ignore_eos"][..]),
            (
                r#"{"detail":"Unexpected keys in the request: {'n', 'ignore_eos', 'top_k'}"}"#,
                &["ignore_eos", "n"],
            ),
            (r#"{"detail":"Unexpected fields in the request: {'messages'}"}"#, &[]),
            (r#"{"detail":"'temperature' must be above 0"}"#, &[]),
            (
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","n"],"msg":"Extra inputs are not permitted"},
                    {"type":"int_parsing","loc":["body","temperature"],"msg":"no"},
                    {"type":"extra_forbidden","loc":["query","ignore_eos"],"msg":"no"}]}"#,
                &["n"],
            ),
            (r#"{"error":"Unsupported parameter 'n'"}"#, &["n"]),
            (r#"{"detail":17}"#, &[]),
            ("Internal Server Error", &[]),
            ("", &[]),
        ] {
            assert_eq!(refused_members(request, answer.as_bytes()), expected, "{answer}");
        }
        assert!(refused_members(b"not json", br#"{"detail":"Unexpected 'n'"}"#).is_empty());
    }
}
