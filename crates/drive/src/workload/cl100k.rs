//! How cl100k_base parts a text before it looks for tokens, for ASCII: its pattern, read by hand. The engine for regular
//! expressions that the pattern needs in general takes most of the time of a count.

/// The pieces of an ASCII text. Tokens never reach over their ends.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(first_piece(rest.as_bytes()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The length of the first piece: the alternatives of the pattern, in its order.
///
/// ```text
/// '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?+\p{L}++ | \p{N}{1,3}+ | ?[^\s\p{L}\p{N}]++[\r\n]*+ | \s++$ | \s*[\r\n]
/// | \s+(?!\S) | \s
/// ```
fn first_piece(text: &[u8]) -> usize {
    let Some(&first) = text.first() else { return 0 };
    if let Some(length) = contraction(text) {
        return length;
    }
    let lead = usize::from(!is_line_end(first) && !first.is_ascii_alphanumeric());
    let letters = run(&text[lead..], |c| c.is_ascii_alphabetic());
    if letters > 0 {
        return lead + letters;
    }
    let digits = run(text, |c| c.is_ascii_digit());
    if digits > 0 {
        return digits.min(3);
    }
    let space = usize::from(first == b' ');
    let signs = run(&text[space..], |c| !is_space(c) && !c.is_ascii_alphanumeric());
    if signs > 0 {
        return space + signs + run(&text[space + signs..], is_line_end);
    }
    white_space(text)
}

/// The first piece of a text that begins with white space and belongs to nothing after it.
fn white_space(text: &[u8]) -> usize {
    let spaces = run(text, is_space);
    if spaces == text.len() {
        return spaces;
    }
    match text[..spaces].iter().rposition(|&c| is_line_end(c)) {
        Some(line_end) => line_end + 1,
        // The last one belongs to what comes.
        None => (spaces - 1).max(1),
    }
}

fn contraction(text: &[u8]) -> Option<usize> {
    let [b'\'', rest @ ..] = text else { return None };
    match rest {
        [one, ..] if matches!(one.to_ascii_lowercase(), b's' | b'd' | b'm' | b't') => Some(2),
        [one, two, ..]
            if matches!(&[one.to_ascii_lowercase(), two.to_ascii_lowercase()], b"ll" | b"ve" | b"re") =>
        {
            Some(3)
        }
        _ => None,
    }
}

/// How many of the first bytes are such.
fn run(text: &[u8], such: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&c| !such(c)).unwrap_or(text.len())
}

fn is_line_end(c: u8) -> bool {
    matches!(c, b'\r' | b'\n')
}

/// What `\s` is in ASCII; unlike in HTML, a vertical tab too.
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_read_in_its_order() {
        for (text, expected) in [
            ("", vec![]),
            ("hello world", vec!["hello", " world"]),
            ("we'll, I'D 'tis", vec!["we", "'ll", ",", " I", "'D", " '", "tis"]),
            ("12345 6", vec!["123", "45", " ", "6"]),
            ("a  b\n\n  c  ", vec!["a", " ", " b", "\n\n", " ", " c", "  "]),
            ("x;\n\ny (z)", vec!["x", ";\n\n", "y", " (", "z", ")"]),
            ("\tif\u{b}\u{b}1", vec!["\tif", "\u{b}", "\u{b}", "1"]),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
