//! Hides the credentials of a run in what servers say: some repeat the key that they refuse.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::spec::{Secret, Target};

/// What stands in place of a secret.
const HIDDEN: &str = "***";
/// Shorter values are no credentials, and hiding them would make texts unreadable (`1`, `no`).
const SHORTEST: usize = 4;

/// The secrets of a target.
#[derive(Clone, Default)]
pub struct Mask {
    /// Longest first, so that a part of one is not hidden before the whole.
    secrets: Vec<String>,
}

impl Mask {
    /// Hides the API key and the header values of `target`, whole and by their words, and a login in clear text too.
    pub fn of(target: &Target) -> Self {
        let values = target.api_key.iter().chain(target.headers.iter().map(|(_, value)| value));
        Mask::of_texts(values.map(Secret::reveal))
    }

    /// Hides these texts in the same way.
    pub fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<String> = texts.flat_map(forms).collect();
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Mask { secrets }
    }

    /// `text` without the secrets, and without the beginning of one where the text was cut short.
    pub fn hide(&self, mut text: String) -> String {
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, HIDDEN);
            }
        }
        let Some(cut) = text.strip_suffix('…') else { return text };
        match self.secrets.iter().filter_map(|secret| begun_at(cut, secret)).min() {
            Some(begin) => format!("{}{HIDDEN}…", &cut[..begin]),
            None => text,
        }
    }
}

/// The forms in which a server may repeat a value.
fn forms(value: &str) -> Vec<String> {
    let mut forms: Vec<String> =
        std::iter::once(value).chain(value.split_whitespace()).map(str::to_owned).collect();
    forms.retain(|form| !["Basic", "Bearer"].iter().any(|scheme| form.eq_ignore_ascii_case(scheme)));
    let login = value.strip_prefix("Basic ").and_then(|login| STANDARD.decode(login.trim()).ok());
    if let Some(login) = login.and_then(|login| String::from_utf8(login).ok()) {
        forms.extend(login.split_once(':').map(|(_, password)| password.to_owned()));
        forms.push(login);
    }
    let escaped = forms.iter().map(|form| serde_json::Value::from(form.as_str()).to_string());
    let escaped: Vec<String> = escaped.map(|quoted| quoted.trim_matches('"').to_owned()).collect();
    forms.extend(escaped);
    forms
}

/// Where the longest beginning of `secret` at the end of `text` starts, if it is long enough to tell something.
fn begun_at(text: &str, secret: &str) -> Option<usize> {
    let lengths = secret.char_indices().map(|(length, _)| length).filter(|&length| length >= SHORTEST);
    lengths.rev().find(|&length| text.ends_with(&secret[..length])).map(|length| text.len() - length)
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::Provider;

    use super::*;

    fn mask(key: &str, headers: &[&str]) -> Mask {
        let headers = headers.iter().map(|value| ("X-Any".to_owned(), Secret::new(*value)));
        Mask::of(&Target {
            url: String::new(),
            provider: Provider::Openai,
            model: String::new(),
            headers: headers.collect(),
            api_key: (!key.is_empty()).then(|| Secret::new(key)),
            endpoint: None,
        })
    }

    #[test]
    fn secrets_are_hidden_in_every_form() {
        let login = format!("Basic {}", STANDARD.encode("user:pass word"));
        for (key, headers, said, shown) in [
            ("sk-12345", &[][..], "bad key sk-12345, Bearer sk-12345", "bad key ***, Bearer ***"),
            ("", &["Bearer abc-def"], "no abc-def; Bearer abc-def", "no ***; ***"),
            ("", &[&login], "user:pass word; pass word", "***; ***"),
            ("", &[&login], &login, "***"),
            ("a\"b\\c", &[], r#"{"key":"a\"b\\c"}"#, r#"{"key":"***"}"#),
            ("sk-12345", &["sk-12345-long"], "sk-12345-long sk-12345", "*** ***"),
            ("", &["on"], "turn it on", "turn it on"),
            ("", &["Bearer x"], "Bearer of bad news", "Bearer of bad news"),
            ("sk-12345", &[], "it is sk-123…", "it is ***…"),
            ("sk-12345", &[], "it is sk-…", "it is sk-…"),
        ] {
            assert_eq!(mask(key, headers).hide(said.to_owned()), shown, "{said}");
        }
    }
}
