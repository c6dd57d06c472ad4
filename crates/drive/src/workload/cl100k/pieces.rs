//! How cl100k_base parts a text before it looks for tokens: its pattern, read by hand. The engine for regular expressions
//! that the pattern needs in general takes most of the time of a count.

use std::sync::LazyLock;

use regex::Regex;

/// The pieces of a text. Tokens never reach over their ends.
pub(in crate::workload) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(first_piece(rest));
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
fn first_piece(text: &str) -> usize {
    if let Some(length) = word(text.as_bytes()) {
        return length;
    }
    let Some(first) = text.chars().next() else { return 0 };
    if let Some(length) = contraction(text) {
        return length;
    }
    let lead = if is_line_end(first) || is_letter(first) || is_number(first) { 0 } else { first.len_utf8() };
    let letters = run(&text[lead..], is_letter);
    if letters > 0 {
        return lead + letters;
    }
    let digits = text.chars().take(3).take_while(|&c| is_number(c)).map(char::len_utf8).sum();
    if digits > 0 {
        return digits;
    }
    let space = usize::from(first == ' ');
    let signs = run(&text[space..], |c| !c.is_whitespace() && !is_letter(c) && !is_number(c));
    if signs > 0 {
        return space + signs + run(&text[space + signs..], is_line_end);
    }
    white_space(text)
}

/// The length of the first piece if it is what most are: ASCII letters, perhaps after a space, and in front of no other
/// character that could be a letter. The second alternative of the pattern; the first begins with an apostrophe.
fn word(text: &[u8]) -> Option<usize> {
    let lead = usize::from(text.first() == Some(&b' '));
    let letters = text[lead..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let end = lead + letters;
    (letters > 0 && text.get(end).is_none_or(u8::is_ascii)).then_some(end)
}

/// The first piece of a text that begins with white space and belongs to nothing after it.
fn white_space(text: &str) -> usize {
    let spaces = &text[..run(text, char::is_whitespace)];
    if spaces.len() == text.len() {
        return spaces.len();
    }
    if let Some(line_end) = spaces.rfind(is_line_end) {
        return line_end + 1;
    }
    // The last one belongs to what comes.
    let last = spaces.chars().next_back().map_or(0, char::len_utf8);
    if spaces.len() > last { spaces.len() - last } else { last }
}

/// The length of what follows an apostrophe at the start of a text, with it. By the rules of Unicode a long s is an s.
fn contraction(text: &str) -> Option<usize> {
    let mut letters = text.strip_prefix('\'')?.chars().map(|c| c.to_ascii_lowercase());
    match (letters.next()?, letters.next()) {
        (one @ ('s' | 'd' | 'm' | 't' | 'ſ'), _) => Some(1 + one.len_utf8()),
        ('l', Some('l')) | ('v' | 'r', Some('e')) => Some(3),
        _ => None,
    }
}

/// The length of what a text begins with.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|c| !such(c)).unwrap_or(text.len())
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn is_letter(c: char) -> bool {
    static LETTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{L}").ok());
    if c.is_ascii() { c.is_ascii_alphabetic() } else { is(&LETTER, c) }
}

fn is_number(c: char) -> bool {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\p{N}").ok());
    if c.is_ascii() { c.is_ascii_digit() } else { is(&NUMBER, c) }
}

/// Whether a character is of a class that the standard library does not have.
fn is(class: &Option<Regex>, c: char) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
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
            ("it'ſo ١٢٣٤", vec!["it", "'ſ", "o", " ", "١٢٣", "٤"]),
            ("naïve\u{3000}\u{3000}漢字。\r\n", vec!["naïve", "\u{3000}", "\u{3000}漢字", "。\r\n"]),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
