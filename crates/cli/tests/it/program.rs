//! Runs the program in a folder of its own, with an empty environment, and looks at what it leaves.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::summary::Summary;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::recorder::RecordsFile;
use tempfile::TempDir;

/// Far more than any of these runs takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder in which the program runs.
pub(crate) struct Place {
    folder: TempDir,
    /// What a started program prints, beside the folder: nothing but the program writes into it.
    streams: TempDir,
}

/// What a program left when it had ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; nothing if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), streams: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The program with these arguments, ready to be given more.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(args).current_dir(self.path()).env_clear();
        // What listens on this machine beside the servers of a test is none of its business.
        command.env("PLIMSOLL_WATCH", "off");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).wait()
    }

    /// Runs it to its end; `line` is split at spaces, and what stands between single quotes is one word.
    pub(crate) fn line(&self, line: &str) -> Ended {
        self.start_line(line).wait()
    }

    /// Starts such a line.
    pub(crate) fn start_line(&self, line: &str) -> Started {
        let words = words(line);
        self.start(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn start(&self, args: &[&str]) -> Started {
        self.start_command(self.command(args))
    }

    pub(crate) fn start_command(&self, mut command: Command) -> Started {
        let (stdout, stderr) = (self.streams.path().join("stdout"), self.streams.path().join("stderr"));
        command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        Started { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// The folders of the runs, oldest first.
    pub(crate) fn results(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path().join("runs")) else { return Vec::new() };
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }

    /// The folder of the only run.
    pub(crate) fn result(&self) -> PathBuf {
        let mut folders = self.results();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.remove(0)
    }

    /// The summary of the only run.
    pub(crate) fn summary(&self) -> Summary {
        serde_json::from_str(&fs::read_to_string(self.result().join("summary.json")).unwrap()).unwrap()
    }

    /// The records of the only run, by number.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = records(&self.result());
        records.sort_by_key(|record| record.id);
        records
    }
}

/// The records of a results folder.
pub(crate) fn records(folder: &Path) -> Vec<Record> {
    RecordsFile::open(&folder.join("records.parquet")).unwrap().map(Result::unwrap).collect()
}

/// The records that a run which goes on has kept so far; none if it is about to keep more.
pub(crate) fn records_so_far(folder: &Path) -> Vec<Record> {
    let read = |file: RecordsFile| file.collect::<Result<Vec<Record>, _>>().ok();
    RecordsFile::open(&folder.join("records.parquet")).ok().and_then(read).unwrap_or_default()
}

/// Waits until a file that a run keeps has been published so often: each time it is the other of two that bears the name.
pub(crate) fn wait_for_publications(file: &Path, times: usize) {
    let bearer = || fs::metadata(file).map(|file| file.ino()).ok();
    for _ in 0..times {
        let before = bearer();
        wait_until("the next publication", || bearer() != before);
    }
}

/// Records with this outcome.
pub(crate) fn count(records: &[Record], outcome: Outcome) -> usize {
    records.iter().filter(|record| record.outcome == outcome).count()
}

/// The code that a run without failures deserves: a machine that is busy with other tests may make it INVALID.
pub(crate) fn deserved(summary: &Summary) -> Option<i32> {
    Some(if summary.validity.valid { 0 } else { 3 })
}

/// Splits a line into words.
pub(crate) fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let mut words = Vec::new();
    for (index, part) in parts {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// A program that runs. It is killed with this value.
pub(crate) struct Started {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Started {
    pub(crate) fn signal(&self, signal: i32) {
        send(&self.child, signal);
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let status = await_end(&mut self.child);
        Ended { code: status.code(), signal: status.signal(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a program that nobody has waited for yet.
pub(crate) fn send(child: &Child, signal: i32) {
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a plain system call; the child has not been waited for, so its number is still its own.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

/// Waits for the end of a program.
pub(crate) fn await_end(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("the program to end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Waits for something that is sure to happen; fails when it has not happened for very long.
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_at_most(PATIENCE, what, is_so);
}

/// The same with a limit of its own.
pub(crate) fn wait_at_most(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Clock::start();
    while !is_so() {
        assert!(clock.now().as_secs_f64() < limit.as_secs_f64(), "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
