//! Prometheus's text format 0.0.4 and OpenMetrics 1.0, as far as both are lines of series.

use super::labels::end_of_quoted;
use super::{Labels, PageError, Series, Walked};

/// Characters shown of what is no page.
const EXCERPT: usize = 40;

/// Shows each series whose name is `wanted` to `visit`. Nothing is allocated but what the two allocate. Comments, exemplars
/// and timestamps are passed over.
///
/// # Errors
/// The page is none.
pub fn walk_text<'p>(
    page: &'p [u8],
    mut wanted: impl FnMut(&str) -> bool,
    mut visit: impl FnMut(Series<'p>),
) -> Result<Walked, PageError> {
    refuse_foreign(page)?;
    let mut walked = Walked::default();
    // Series of one name stand together: the name before is asked about once.
    let (mut last, mut last_wanted): (&[u8], bool) = (&[], false);
    let mut rest = page;
    while !rest.is_empty() {
        let line = match memchr::memchr(b'\n', rest) {
            Some(end) => {
                let line = &rest[..end];
                rest = &rest[end + 1..];
                line
            }
            None => std::mem::take(&mut rest),
        };
        // Most lines are comments, or series of a name that is known and not wanted.
        let line =
            if line.first().is_some_and(u8::is_ascii_whitespace) { line.trim_ascii_start() } else { line };
        if line.is_empty() {
            continue;
        }
        if line[0] == b'#' {
            if line.starts_with(b"# EOF") {
                break;
            }
            continue;
        }
        walked.series += 1;
        let same = !last.is_empty() && line.starts_with(last) && ends_name(line.get(last.len()).copied());
        if !same {
            let end = line.iter().position(|&byte| ends_name(Some(byte))).unwrap_or(line.len());
            last = &line[..end];
            last_wanted = std::str::from_utf8(last).is_ok_and(&mut wanted);
        }
        if last_wanted {
            match series(line, last.len()) {
                Some(series) => visit(series),
                None => walked.malformed += 1,
            }
        }
    }
    Ok(walked)
}

fn ends_name(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b'{' | b' ' | b'\t' | b'\r'))
}

/// A line whose name has `name` bytes.
fn series(line: &[u8], name: usize) -> Option<Series<'_>> {
    let (name, rest) = std::str::from_utf8(line).ok()?.split_at_checked(name)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => {
            let end = end_of_labels(inside.as_bytes())?;
            (&inside[..end], &inside[end + 1..])
        }
        None => ("", rest),
    };
    // What follows the value is a timestamp or an exemplar.
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Series { name, labels: Labels::text(labels), value, between: None })
}

/// Where the brace is that ends the labels; braces within quotes do not.
fn end_of_labels(inside: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *inside.get(at)? {
            b'}' => return Some(at),
            b'"' => at += 1 + end_of_quoted(&inside[at + 1..])? + 1,
            _ => at += 1,
        }
    }
}

/// Refuses what neither begins with a comment nor has a name and a value in its first line.
fn refuse_foreign(page: &[u8]) -> Result<(), PageError> {
    let start = page.trim_ascii_start();
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let name = line.iter().position(|&byte| ends_name(Some(byte))).unwrap_or(line.len());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    let is_series = line[..name].iter().all(is_name) && name < line.len() && series(line, name).is_some();
    if start.is_empty() || start[0] == b'#' || is_series {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * EXCERPT)]);
    Err(PageError::Foreign(text.chars().filter(|letter| !letter.is_control()).take(EXCERPT).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, labels, value.
    type Found = (String, Vec<(String, String)>, f64);

    /// Each series of a page.
    fn all(page: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let walked = walk_text(
            page.as_bytes(),
            |_| true,
            |series| {
                let labels = series.labels.iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
                found.push((series.name.to_owned(), labels.collect(), series.value));
            },
        );
        assert_eq!(walked.unwrap().malformed, 0, "{page}");
        found
    }

    #[test]
    fn lines_are_read_as_the_formats_allow() {
        for (line, name, labels, value) in [
            ("a 1", "a", vec![], 1.0),
            ("a{} 1e+06", "a", vec![], 1e6),
            ("  a:b_c \t 2.5 1700000000000", "a:b_c", vec![], 2.5),
            ("a{x=\"1\",} 3.0E7", "a", vec![("x", "1")], 3e7), // Java's
            ("a { x = \"1\" , y=\"2\" } 3", "a", vec![("x", "1"), ("y", "2")], 3.0),
            ("a{x=\"}{\\\"\\\\\\n\\t\"} -4", "a", vec![("x", "}{\"\\\n\\t")], -4.0),
            ("a{x=\"é\"} +Inf", "a", vec![("x", "é")], f64::INFINITY),
            ("a_total 5 # {trace_id=\"7\"} 0.5 1700000000.123", "a_total", vec![], 5.0),
            ("a_bucket{le=\"+Inf\"} 6 1.5\r", "a_bucket", vec![("le", "+Inf")], 6.0),
        ] {
            let labels: Vec<_> =
                labels.into_iter().map(|(k, v): (&str, &str)| (k.to_owned(), v.to_owned())).collect();
            assert_eq!(all(line), [(name.to_owned(), labels, value)], "{line}");
        }
        assert!(all("a NaN")[0].2.is_nan());
        assert_eq!(all("# HELP a b\n# TYPE a gauge\n\na 1\n# EOF\nb 2\n").len(), 1, "nothing follows EOF");
        assert!(all("").is_empty());
    }

    #[test]
    fn only_wanted_series_are_looked_into_and_each_name_is_asked_about_once() {
        let page = "a 1\na{x=\"broken\nab 1\nb 1\nb{x=\"1\"} oops\nb{x=\"2\"} 7\n";
        let (mut asked, mut seen) = (Vec::new(), Vec::new());
        let walked = walk_text(
            page.as_bytes(),
            |name| {
                asked.push(name.to_owned());
                name == "b"
            },
            |series| seen.push(series.value),
        );
        assert_eq!(walked, Ok(Walked { series: 6, malformed: 1 }));
        assert_eq!(asked, ["a", "ab", "b"]);
        assert_eq!(seen, [1.0, 7.0]);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for page in ["<html><body>", "{\"error\":\"no\"}", "Not Found", "\u{1}\u{2}"] {
            let result = walk_text(page.as_bytes(), |_| true, |_| {});
            assert!(matches!(result, Err(PageError::Foreign(_))), "{page}: {result:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(page in prop::collection::vec(any::<u8>(), 0..300), text in "[a-z{}\"\\\\=, \n#0-9é.]{0,200}") {
            let _ = walk_text(&page, |_| true, |series| assert!(series.labels.iter().count() < 1_000));
            let _ = walk_text(text.as_bytes(), |_| true, |series| assert!(series.labels.iter().count() < 1_000));
        }

        #[test]
        fn label_values_survive_escaping(value in any::<String>()) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let page = format!("a{{x=\"{escaped}\",y=\"z\"}} 1\n");
            let found = all(&page.replace('\r', "r"));
            prop_assert_eq!(&found[0].1[0].1, &value.replace('\r', "r"));
            prop_assert_eq!(&found[0].1[1].1, "z");
        }
    }
}
