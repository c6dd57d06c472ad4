//! Chat templates as Hugging Face models carry them, rendered as transformers does.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use minijinja_contrib::pycompat::unknown_method_callback;

const NAME: &str = "chat";

/// A chat template, ready to be rendered for one user message.
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// Compiles a template and tries it out. `bos` and `eos` are the texts of these special tokens; `unix_time` is
    /// what the template's `strftime_now` shows, in seconds.
    ///
    /// # Errors
    /// The template does not compile, or refuses a chat of one user message.
    pub(super) fn new(source: &str, bos: &str, eos: &str, unix_time: i64) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", move |format: String| format_time(&format, unix_time));
        environment.add_filter("tojson", to_json);
        environment.add_template_owned(NAME, without_generation_tags(source))?;
        let template = ChatTemplate { environment, bos: bos.to_owned(), eos: eos.to_owned() };
        template.render("a")?;
        Ok(template)
    }

    /// The text that the server tokenizes when `message` is the one user message, the beginning of the answer included.
    pub(super) fn render(&self, message: &str) -> Result<String, Error> {
        self.environment.get_template(NAME)?.render(context! {
            messages => [context! { role => "user", content => message }],
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        })
    }
}

/// Marks for training, of which plain Jinja knows nothing: they become conditions that always hold.
fn without_generation_tags(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else {
            break;
        };
        let (tag, after) = rest[start..].split_at(length);
        let word = tag[2..].trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        result.push_str(&rest[..start]);
        match word {
            "generation" => result.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => result.push_str(&tag.replace("endgeneration", "endif")),
            _ => result.push_str(tag),
        }
        rest = after;
    }
    result + rest
}

/// `json.dumps` as transformers calls it: nothing is escaped for HTML. Options that change only the form of objects
/// other than their indentation are accepted and ignored.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent = options.get::<Option<Value>>("indent")?.filter(|indent| !indent.is_none());
    for ignored in ["ensure_ascii", "separators", "sort_keys"] {
        options.get::<Option<Value>>(ignored)?;
    }
    options.assert_all_used()?;
    let escaped = minijinja::filters::tojson(value, indent, Kwargs::from_iter::<[(&str, Value); 0]>([]))?;
    Ok(Value::from(without_html_escapes(&escaped.to_string())))
}

/// Undoes the escapes that keep JSON apart from HTML.
fn without_html_escapes(json: &str) -> String {
    let mut result = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(backslash) = rest.find('\\') {
        result.push_str(&rest[..backslash]);
        let (plain, length) = match rest.get(backslash..backslash + 6) {
            Some("\\u003c") => ("<", 6),
            Some("\\u003e") => (">", 6),
            Some("\\u0026") => ("&", 6),
            Some("\\u0027") => ("'", 6),
            _ => {
                let end = rest[backslash + 1..].chars().next().map_or(1, |escaped| 1 + escaped.len_utf8());
                (&rest[backslash..backslash + end], end)
            }
        };
        result.push_str(plain);
        rest = &rest[backslash + length..];
    }
    result + rest
}

/// A moment in local time, formatted by the C library as Python does it. A format that fails gives no text.
fn format_time(format: &str, unix_time: i64) -> String {
    let Ok(format) = std::ffi::CString::new(format) else {
        return String::new();
    };
    let mut buffer = [0_u8; 256];
    // SAFETY: `tm` is plain data for which all zeros are valid, and each pointer is to a live value of the type that
    // the function expects; `strftime` writes at most the length it is given.
    let written = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&unix_time, &mut tm);
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), &tm)
    };
    String::from_utf8_lossy(&buffer[..written]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, message: &str) -> String {
        ChatTemplate::new(source, "<s>", "</s>", 1_700_000_000).unwrap().render(message).unwrap()
    }

    #[test]
    fn templates_render_as_in_transformers() {
        for (source, expected) in [
            (include_str!("testdata/chat_template.jinja"), "<|user|>hi</s><|assistant|>"),
            ("{{ bos_token }}{{ messages[0]['content'] | trim }}{{ eos_token }}", "<s>hi</s>"),
            // Blocks leave neither their line break nor the indentation before them.
            ("{% for m in messages %}\n  {% if true %}\n{{ m.role }}\n  {% endif %}\n{% endfor %}", "user\n"),
            (
                "{%- for m in messages -%} {{ m.content.upper() + m['role'].title() }} {%- endfor -%}",
                "HIUser",
            ),
            ("{% generation %}a{% endgeneration %}{%- generation -%} b {%- endgeneration -%}", "ab"),
            (
                "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% if tools %}x{% endif %}",
                "1",
            ),
            ("{% if add_generation_prompt and not undefined_name %}yes{% endif %}", "yes"),
            ("{{ strftime_now('%Y') }}", "2023"),
            ("{{ ('<b>' ~ messages[0].content) | tojson }}", "\"<b>hi\""),
            (
                "{{ messages | tojson(indent=none, ensure_ascii=false) }}",
                r#"[{"role": "user", "content": "hi"}]"#,
            ),
            (
                "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}x{% endfor %}{{ messages[1:] | length }}",
                "0",
            ),
        ] {
            assert_eq!(render(source, "hi"), expected, "{source}");
        }
        assert_eq!(
            render("{{ messages[0].content | tojson }}", r#"it's \u003c & "é\"#),
            r#""it's \\u003c & \"é\\""#
        );
    }

    #[test]
    fn a_template_that_cannot_be_used_says_why() {
        let error = |source| ChatTemplate::new(source, "", "", 0).err().unwrap().to_string();
        assert!(error("{% if %}").contains("syntax error"));
        assert!(error("{{ raise_exception('roles must alternate') }}").contains("roles must alternate"));
    }
}
