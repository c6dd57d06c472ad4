//! Replaces what varies from run to run in the program's output, so that it can be compared with a snapshot.

/// Texts and what stands for them.
#[derive(Default)]
pub(crate) struct Redactor {
    known: Vec<(String, String)>,
}

impl Redactor {
    /// Shows `text` as `name`.
    pub(crate) fn hide(mut self, text: impl Into<String>, name: &str) -> Self {
        self.known.push((text.into(), name.to_owned()));
        self
    }

    /// The text without what varies: known texts, the ports of loopback addresses, and the start times in the names of
    /// results folders.
    pub(crate) fn redact(&self, text: &str) -> String {
        let known = self.known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        times(&ports(&known))
    }
}

fn ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(HOST);
        out.push_str("PORT");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// `2026-01-02T03-04-05Z` becomes `TIME`.
fn times(text: &str) -> String {
    const FORM: &[u8; 20] = b"dddd-dd-ddTdd-dd-ddZ";
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_time = rest.len() >= FORM.len()
            && rest.bytes().zip(FORM).all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                form => byte == *form,
            });
        let length = if is_time { FORM.len() } else { first.len_utf8() };
        out.push_str(if is_time { "TIME" } else { &rest[..length] });
        rest = &rest[length..];
    }
    out
}

#[test]
fn what_varies_is_replaced() {
    let redactor = Redactor::default().hide("/tmp/abc", "FOLDER");
    let text = "/tmp/abc/runs/2026-01-02T03-04-05Z-run at 127.0.0.1:8123, not 127.0.0.1 or 2026-01-02";
    let shown = "FOLDER/runs/TIME-run at 127.0.0.1:PORT, not 127.0.0.1 or 2026-01-02";
    assert_eq!(redactor.redact(text), shown);
}
