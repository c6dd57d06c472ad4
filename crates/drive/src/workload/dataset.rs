//! Reading data sets: one JSON object per line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use plimsoll_core::seed::Seed;
use plimsoll_core::workload::Line;
use rand::seq::SliceRandom;

use super::WorkloadError;

/// A line of a data set with its number in the file, counted from 1.
pub(super) type Numbered = (usize, Line);

/// Which lines of a file to use.
pub(super) struct Choice {
    /// Shuffle with this seed first.
    pub shuffle_seed: Option<u64>,
    /// Use this many lines, after shuffling.
    pub limit: Option<usize>,
}

/// Reads the lines of a data set. Empty lines are skipped.
///
/// # Errors
/// The file cannot be read, a line of it is not of a data set, or there are no lines.
pub(super) fn read(path: &Path, choice: &Choice, chat: bool) -> Result<Vec<Numbered>, WorkloadError> {
    if choice.limit == Some(0) {
        return Err(WorkloadError::ZeroLimit);
    }
    let limit = choice.limit.unwrap_or(usize::MAX);
    // Without shuffling, the lines after the limit need not be looked at.
    let wanted = if choice.shuffle_seed.is_some() { usize::MAX } else { limit };
    let mut lines = parse(path, wanted, chat)?;
    if lines.is_empty() {
        return Err(WorkloadError::NoLines(path.to_owned()));
    }
    if let Some(seed) = choice.shuffle_seed {
        lines.shuffle(&mut Seed(seed).stream("dataset-shuffle"));
        lines.truncate(limit);
    }
    Ok(lines)
}

fn parse(path: &Path, wanted: usize, chat: bool) -> Result<Vec<Numbered>, WorkloadError> {
    let unreadable = |reason| WorkloadError::Read { path: PathBuf::from(path), reason };
    let mut lines = Vec::new();
    for (index, text) in BufReader::new(File::open(path).map_err(unreadable)?).lines().enumerate() {
        if lines.len() == wanted {
            break;
        }
        let text = text.map_err(unreadable)?;
        let text = text.trim_start_matches('\u{feff}'); // some editors write a byte order mark
        if text.trim().is_empty() {
            continue;
        }
        let line = Line::parse(text, chat).map_err(|reason| WorkloadError::Line {
            line: index + 1,
            path: path.to_owned(),
            reason,
        })?;
        lines.push((index + 1, line));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_text(text: &str, shuffle_seed: Option<u64>, limit: Option<usize>) -> Result<Vec<usize>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let read = read(file.path(), &Choice { shuffle_seed, limit }, true);
        let lines =
            read.map_err(|error| error.to_string().replace(&file.path().display().to_string(), "FILE"))?;
        Ok(lines.into_iter().map(|(number, _)| number).collect())
    }

    #[test]
    fn lines_keep_their_numbers_and_their_order() {
        let text = "\u{feff}{\"prompt\":\"a\"}\r\n\n{\"prompt\":\"b\"}\n{\"messages\":[{}]}";
        assert_eq!(read_text(text, None, None), Ok(vec![1, 3, 4]));
        assert_eq!(read_text(text, None, Some(2)), Ok(vec![1, 3]));
        assert_eq!(read_text(text, None, Some(9)), Ok(vec![1, 3, 4]));
    }

    #[test]
    fn shuffling_takes_from_the_whole_file_and_repeats() {
        let text: String = (0..100).map(|n| format!("{{\"prompt\":\"{n}\"}}\n")).collect();
        let first = read_text(&text, Some(1), Some(10)).unwrap();
        assert_eq!(first, read_text(&text, Some(1), Some(10)).unwrap());
        assert_ne!(first, read_text(&text, Some(2), Some(10)).unwrap());
        assert!(first.iter().any(|&line| line > 10), "{first:?}");
        let mut all = read_text(&text, Some(1), None).unwrap();
        all.sort_unstable();
        assert_eq!(all, (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let good = "{\"prompt\":\"a\"}\n";
        let bad = good.repeat(16) + "{\"prompt\": \n" + good;
        assert_eq!(
            read_text(&bad, None, None),
            Err("line 17 of FILE: expected a JSON object with \"prompt\" or \"messages\": \
                 EOF while parsing a value at column 11"
                .to_owned())
        );
        assert_eq!(read_text(&bad, None, Some(16)).map(|lines| lines.len()), Ok(16));
        assert!(read_text("\n\n", None, None).unwrap_err().starts_with("FILE holds no prompts"));
        assert!(read_text(good, None, Some(0)).unwrap_err().contains("0 lines"));
        let missing =
            read(Path::new("/nowhere/prompts.jsonl"), &Choice { shuffle_seed: None, limit: None }, true);
        let missing = missing.unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /nowhere/prompts.jsonl ("), "{missing}");
    }
}
