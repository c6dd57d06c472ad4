//! The file with the truth about every event: when it was due, and when it was written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Rows handed over at once.
const BLOCK: usize = 4096;
/// Blocks that may wait for the disk. When it is slower than that, the server waits, and its lateness says so.
const BLOCKS_WAITING: usize = 64;
/// Rows are handed over after this time at the latest, if further ones come (ns).
const AGE_MAX: u64 = 500_000_000;

/// One event, or one answer that was not streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The request's place among the requests of this server, from 0.
    pub(crate) request: u64,
    /// The first token that it carries, from 0.
    pub(crate) token: u32,
    /// How many it carries.
    pub(crate) tokens: u32,
    /// CLOCK_MONOTONIC, ns.
    pub(crate) due: u64,
    /// CLOCK_MONOTONIC, ns.
    pub(crate) sent: u64,
}

/// A file that a thread of its own writes.
#[derive(Debug)]
pub(crate) struct TruthFile {
    sender: SyncSender<Vec<Row>>,
    thread: JoinHandle<io::Result<()>>,
    handed_over: u64,
}

impl TruthFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// It cannot be created.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("truth_file {}: {error}", path.display()))
        };
        let file = File::create(path).map_err(named)?;
        let (sender, receiver) = sync_channel(BLOCKS_WAITING);
        let thread = thread::Builder::new()
            .name("plimsoll-truth".to_owned())
            .spawn(move || write(&receiver, BufWriter::new(file)))?;
        Ok(TruthFile { sender, thread, handed_over: 0 })
    }

    /// Hands `rows` over when they are many, or old at `now`.
    pub(crate) fn take(&mut self, rows: &mut Vec<Row>, now: u64) {
        if rows.len() >= BLOCK || now.saturating_sub(self.handed_over) >= AGE_MAX {
            self.handed_over = now;
            self.hand_over(rows);
        }
    }

    /// Writes what is left and completes the file.
    ///
    /// # Errors
    /// Something could not be written, now or earlier.
    pub(crate) fn finish(self, rows: &mut Vec<Row>) -> io::Result<()> {
        self.hand_over(rows);
        drop(self.sender); // the end for the thread
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the truth file panicked")))
    }

    fn hand_over(&self, rows: &mut Vec<Row>) {
        // The thread is gone when a write has failed: `finish` tells.
        let _ = self.sender.send(std::mem::replace(rows, Vec::with_capacity(BLOCK)));
    }
}

fn write(rows: &Receiver<Vec<Row>>, mut file: impl Write) -> io::Result<()> {
    writeln!(file, "request,token,tokens,intended_ns,sent_ns")?;
    for block in rows {
        for Row { request, token, tokens, due, sent } in block {
            writeln!(file, "{request},{token},{tokens},{due},{sent}")?;
        }
        file.flush()?; // whole blocks, so that the file can be followed
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines() {
        let (sender, receiver) = sync_channel(2);
        sender.send(vec![Row { request: 3, token: 4, tokens: 2, due: 50, sent: 51 }]).unwrap();
        sender.send(vec![Row { request: 5, token: 0, tokens: 1, due: 60, sent: 60 }]).unwrap();
        drop(sender);
        let mut file = Vec::new();
        write(&receiver, &mut file).unwrap();
        assert_eq!(
            String::from_utf8(file).unwrap(),
            "request,token,tokens,intended_ns,sent_ns\n3,4,2,50,51\n5,0,1,60,60\n"
        );
    }

    #[test]
    fn a_full_disk_is_an_error_at_the_end() {
        let mut truth = TruthFile::create(Path::new("/dev/full")).unwrap();
        let mut rows = vec![Row { request: 0, token: 0, tokens: 1, due: 1, sent: 1 }; BLOCK];
        truth.take(&mut rows, 1);
        assert!(rows.is_empty());
        assert_eq!(truth.finish(&mut rows).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
