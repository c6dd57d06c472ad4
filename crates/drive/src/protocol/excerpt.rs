//! Short, printable excerpts of what a server sent, for error texts.

use super::json_scan::Value;

/// The most characters of an excerpt.
const MAX_CHARS: usize = 300;

/// What a server says is wrong, from the body of an error response or an error event: `error.message`, `error`,
/// `detail` or `message` of a JSON object, else the beginning of the body. One line of at most 300 characters.
pub fn error_excerpt(body: &[u8]) -> String {
    let said = Value::parse(body).ok().and_then(|json| {
        ["error", "detail", "message"].iter().find_map(|name| json.get(name).and_then(said_by))
    });
    match said {
        Some(text) => printable(&text, MAX_CHARS),
        None => {
            let text = String::from_utf8_lossy(body);
            printable(title(&text).unwrap_or(&text), MAX_CHARS)
        }
    }
}

/// The text of an error member: a string, or an object with a message, or whatever it is as it is written.
pub(super) fn said_by(error: Value<'_>) -> Option<String> {
    let text = error.string().map(|text| text.unescape().into_owned());
    let said = text.or_else(|| Some(error.get("message")?.string()?.unescape().into_owned()));
    let said = said.or_else(|| complaints(error));
    let said = said.unwrap_or_else(|| error.text().to_owned());
    (!said.is_empty() && said != "false" && said != "{}").then(|| printable(&said, MAX_CHARS))
}

/// What FastAPI finds wrong with a request: `body.n: Input should be a valid integer; …`. Nothing for other lists.
fn complaints(detail: Value<'_>) -> Option<String> {
    let complaint = |entry: Value<'_>| {
        let place: Vec<String> = entry
            .get("loc")?
            .items()
            .map(|part| {
                part.string().map_or_else(|| part.text().to_owned(), |part| part.unescape().into_owned())
            })
            .collect();
        Some(format!("{}: {}", place.join("."), entry.get("msg")?.string()?.unescape()))
    };
    let all: Option<Vec<String>> = detail.items().map(complaint).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.join("; "))
}

/// The title of a page of HTML, as proxies answer with.
fn title(body: &str) -> Option<&str> {
    let start = body.find("<title>")? + "<title>".len();
    let title = &body[start..];
    Some(&title[..title.find("</title>")?])
}

/// The beginning of `bytes` in one line, at most `limit` characters.
pub(crate) fn excerpt(bytes: &[u8], limit: usize) -> String {
    // Four bytes are the longest character: no need to decode more.
    printable(&String::from_utf8_lossy(&bytes[..bytes.len().min(limit * 4 + 4)]), limit)
}

/// White space and control characters become single spaces; what is too long ends in an ellipsis.
fn printable(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut gap = false;
    for character in text.trim().chars() {
        if character.is_whitespace() || character.is_control() {
            gap = true;
            continue;
        }
        if count + 1 + usize::from(gap) > limit {
            line.push('…');
            break;
        }
        if gap && count > 0 {
            line.push(' ');
            count += 1;
        }
        gap = false;
        line.push(character);
        count += 1;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_in_the_forms_that_servers_use() {
        for (body, expected) in [
            (r#"{"error":{"code":400,"message":"bad \"n\""}}"#, "bad \"n\""),
            (r#"{"error":"[request id: 1] expected 1 inputs"}"#, "[request id: 1] expected 1 inputs"),
            (r#"{"detail":"Unprocessable"}"#, "Unprocessable"),
            (
                r#"{"detail":[{"loc":["body","n",0],"msg":"no","type":"x"},{"loc":["body"],"msg":"never"}]}"#,
                "body.n.0: no; body: never",
            ),
            (r#"{"detail":[{"why":"no"}]}"#, r#"[{"why":"no"}]"#),
            (
                r#"{"error":{"message":"litellm.RateLimitError: slow down","type":"throttling_error","code":"429"}}"#,
                "litellm.RateLimitError: slow down",
            ),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "Overloaded"),
            (
                r#"{"code":503,"type":"ServiceUnavailableException","message":"Model \"m\" has no worker"}"#,
                "Model \"m\" has no worker",
            ),
            (r#"{"error":"Model is overloaded","error_type":"overloaded"}"#, "Model is overloaded"),
            (
                "<html><head><title>503 Service Temporarily Unavailable</title></head><body>…",
                "503 Service Temporarily Unavailable",
            ),
            ("<title>never ends", "<title>never ends"),
            (r#"{"object":"error","message":"no such model","code":404}"#, "no such model"),
            ("<html>\r\n<h1>502\tBad\u{1b}[31m Gateway</h1>", "<html> <h1>502 Bad [31m Gateway</h1>"),
            ("", ""),
            ("{\"error", "{\"error"),
        ] {
            assert_eq!(error_excerpt(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn excerpts_are_bounded() {
        let long = "é".repeat(5_000);
        assert_eq!(error_excerpt(long.as_bytes()).chars().count(), MAX_CHARS + 1);
        assert_eq!(excerpt(long.as_bytes(), 10), "éééééééééé…");
        assert_eq!(excerpt(b"\xff\xfe", 10), "\u{fffd}\u{fffd}");
    }
}
