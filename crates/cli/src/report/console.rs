//! Who has the terminal of stderr: lines that stay, a line that renews itself, or a view that fills it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lines that are kept for after a view.
const KEPT: usize = 500;

/// What stands on stderr now. A process has one stderr, so there is one of these.
static CONSOLE: Mutex<Console> = Mutex::new(Console::Free);

enum Console {
    /// Lines are printed as they come.
    Free,
    /// The line at the bottom is to be renewed.
    Status(String),
    /// A view has the screen: lines wait.
    Held(Waiting),
}

/// Lines that wait for the end of a view.
#[derive(Default)]
struct Waiting {
    lines: VecDeque<String>,
    /// Lines that found no room any more, the oldest.
    lost: u64,
}

/// Prints a line that stays: at once, or after the view.
pub(crate) fn line(text: &str) {
    match &mut *console() {
        Console::Free => write(&format!("{text}\n")),
        Console::Status(status) => write(&format!("\r\x1b[K{text}\n{status}")),
        Console::Held(waiting) => waiting.add(text),
    }
}

/// Renews the line at the bottom; with nothing removes it. `text` has to fit into a line.
pub(crate) fn status(text: Option<String>) {
    let mut console = console();
    match (&*console, text) {
        (Console::Held(_), _) | (Console::Free, None) => {}
        (Console::Status(_), None) => {
            write("\r\x1b[K");
            *console = Console::Free;
        }
        (_, Some(text)) => {
            write(&format!("\r\x1b[K{text}"));
            *console = Console::Status(text);
        }
    }
}

/// Lets lines wait from now on: a view takes the screen.
pub(crate) fn hold() {
    let mut console = console();
    if !matches!(*console, Console::Held(_)) {
        *console = Console::Held(Waiting::default());
    }
}

/// Prints what has waited: the view has left the screen.
pub(crate) fn release() {
    let mut console = console();
    if let Console::Held(waiting) = std::mem::replace(&mut *console, Console::Free) {
        if waiting.lost > 0 {
            write(&format!("({} earlier lines are left out: --logfile keeps a log whole)\n", waiting.lost));
        }
        waiting.lines.iter().for_each(|text| write(&format!("{text}\n")));
    }
}

/// The newest line that waits.
pub(crate) fn newest() -> Option<String> {
    match &*console() {
        Console::Held(waiting) => waiting.lines.back().cloned(),
        Console::Free | Console::Status(_) => None,
    }
}

impl Waiting {
    fn add(&mut self, text: &str) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.lost += 1;
        }
        self.lines.push_back(text.to_owned());
    }
}

/// Takes the lines of the log.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An event of the log is one write, and ends with its line.
        line(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to be told that stderr is closed.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn console() -> MutexGuard<'static, Console> {
    CONSOLE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_up_to_a_bound() {
        let mut waiting = Waiting::default();
        (0..KEPT + 3).for_each(|number| waiting.add(&number.to_string()));
        assert_eq!((waiting.lines.len(), waiting.lost), (KEPT, 3));
        assert_eq!(waiting.lines.front().map(String::as_str), Some("3"));
    }
}
