//! Colours as every terminal with colours knows them, and text without any.

use std::io::{self, Write};

/// Writes a frame at once, with the sixteen colours as `31` and `91` in place of `38;5;1` and `38;5;9`: those are what a
/// terminal with sixteen colours understands.
#[derive(Debug)]
pub(super) struct Sixteen<W> {
    inner: W,
    frame: Vec<u8>,
}

impl<W: Write> Sixteen<W> {
    pub(super) fn new(inner: W) -> Self {
        Sixteen { inner, frame: Vec::new() }
    }
}

impl<W: Write> Write for Sixteen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = String::from_utf8_lossy(&self.frame);
        let mut out = String::with_capacity(frame.len());
        for piece in pieces(&frame) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Control { whole, colours: Some(parameters) } if parameters.contains(";5;") => {
                    out.push_str(&sixteen(parameters).unwrap_or_else(|| whole.to_owned()));
                }
                Piece::Control { whole, .. } => out.push_str(whole),
            }
        }
        self.frame.clear();
        self.inner.write_all(out.as_bytes())?;
        self.inner.flush()
    }
}

/// `text` without what moves cursors and changes colours.
pub(crate) fn plain(text: &str) -> String {
    let letters = |piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Control { .. } => None,
    };
    pieces(text).filter_map(letters).collect::<String>().replace(|c: char| c.is_control() && c != '\n', " ")
}

/// A piece of what is written to a terminal.
enum Piece<'a> {
    Text(&'a str),
    /// From the escape character to its last letter; for colours what stands between.
    Control {
        whole: &'a str,
        colours: Option<&'a str>,
    },
}

fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(parameters) = rest.strip_prefix("\x1b[") else {
            // The first character may be an escape of another kind.
            let next = rest.char_indices().skip(1).find(|&(at, _)| rest[at..].starts_with("\x1b["));
            let (text, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
            rest = after;
            return Some(Piece::Text(text));
        };
        let last = parameters.find(|c: char| ('@'..='~').contains(&c)).unwrap_or(parameters.len());
        let end = (2 + last + 1).min(rest.len());
        let end = (end..=rest.len()).find(|&end| rest.is_char_boundary(end)).unwrap_or(rest.len());
        let colours = parameters[last..].starts_with('m').then_some(&parameters[..last]);
        let (whole, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Control { whole, colours })
    })
}

/// Parameters of colours with each `38;5;N` and `48;5;N` of the sixteen as one number.
fn sixteen(parameters: &str) -> Option<String> {
    let mut numbers = parameters.split(';').map(|number| number.parse::<u32>().ok());
    let mut out: Vec<String> = Vec::new();
    while let Some(number) = numbers.next() {
        let number = number?;
        if !matches!(number, 38 | 48) {
            out.push(number.to_string());
            continue;
        }
        let base = number - 8;
        match (numbers.next()??, numbers.next()??) {
            (5, colour @ 0..8) => out.push((base + colour).to_string()),
            (5, colour @ 8..16) => out.push((base + 60 + colour - 8).to_string()),
            _ => return None,
        }
    }
    Some(format!("\x1b[{}m", out.join(";")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frame: &str) -> String {
        let mut out = Vec::new();
        let mut writer = Sixteen::new(&mut out);
        writer.write_all(frame.as_bytes()).unwrap();
        writer.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sixteen_colours_are_written_as_such() {
        for (frame, expected) in [
            ("plain é", "plain é"),
            ("\x1b[38;5;1mred\x1b[0m", "\x1b[31mred\x1b[0m"),
            ("\x1b[38;5;9;48;5;4m", "\x1b[91;44m"),
            ("\x1b[39;49m\x1b[1;3Hx", "\x1b[39;49m\x1b[1;3Hx"),
            ("\x1b[38;5;200m", "\x1b[38;5;200m"),
            ("\x1b[38;2;1;2;3m", "\x1b[38;2;1;2;3m"),
            ("\x1b[?1049h⣿", "\x1b[?1049h⣿"),
            ("cut \x1b[38;5", "cut \x1b[38;5"),
        ] {
            assert_eq!(written(frame), expected, "{frame:?}");
        }
    }

    #[test]
    fn text_without_colours() {
        assert_eq!(plain("a \x1b[2mfaint\x1b[0m word\tand\nmore"), "a faint word and\nmore");
    }
}
