//! The user's commands that start and stop a server: run by the shell, each in a process group of its own.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;

/// From asking a group of processes to end to ending it.
const GRACE: Duration = Duration::from_secs(10);
/// From one look at a process to the next.
const LOOK: Duration = Duration::from_millis(20);

/// How commands are run.
pub(crate) struct Hooks {
    /// Takes what they print.
    pub(crate) log: PathBuf,
    /// What they find in their environment, beside this program's own.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// How a process that was started here fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// It has ended with this exit code; nothing if by a signal.
    Ended(Option<i32>),
}

impl Hooks {
    /// Starts a command.
    ///
    /// # Errors
    /// The log cannot be written, or the operating system refuses a process.
    pub(crate) fn start(&self, command: &str, attempt: u32) -> anyhow::Result<Started> {
        let mut log = self.log()?;
        writeln!(log, "--- attempt {attempt}: {command}")
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let child = Command::new("sh")
            .args(["-c", command])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PLIMSOLL_ATTEMPT", attempt.to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run `{command}`"))?;
        Ok(Started { child, command: command.to_owned() })
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It fails, or takes longer than `limit`.
    pub(crate) fn run(&self, command: &str, attempt: u32, limit: Duration) -> anyhow::Result<()> {
        let started = self.start(command, attempt)?;
        let clock = Clock::start();
        let log = self.log.display();
        loop {
            match started.state() {
                State::Ended(Some(0)) => return Ok(()),
                State::Ended(code) => {
                    return Err(anyhow!("`{command}` {}; what it printed is in {log}", ended_with(code)));
                }
                State::Running if clock.now() > Offset::ZERO + limit => {
                    return Err(anyhow!(
                        "`{command}` did not end within {limit:?}; what it printed is in {log}"
                    ));
                }
                State::Running => std::thread::sleep(LOOK),
            }
        }
    }

    fn log(&self) -> anyhow::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))
    }
}

/// A command that was started, with all processes of its group. They are ended with this value.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    command: String,
}

impl Started {
    /// Whether the command itself still runs. Its number stays its own until this value ends, since nobody waits for it
    /// before.
    pub(crate) fn state(&self) -> State {
        // SAFETY: `info` is a valid place for the result, and all zeros are a valid value of that plain struct.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: as above; the child has not been waited for, so its number is its own.
        let answered = unsafe { libc::waitid(libc::P_PID, self.child.id(), &mut info, flags) };
        // SAFETY: `waitid` filled these members, or left them zero where the process runs on.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        match (answered, pid) {
            (0, 0) => State::Running,
            (0, _) => State::Ended((info.si_code == libc::CLD_EXITED).then_some(status)),
            _ => State::Ended(None),
        }
    }

    /// Why a server cannot come any more, if its command has failed.
    pub(crate) fn failure(&self) -> Option<String> {
        match self.state() {
            State::Running | State::Ended(Some(0)) => None,
            State::Ended(code) => Some(format!("`{}` {}", self.command, ended_with(code))),
        }
    }

    /// Ends the whole group, and waits until it is gone.
    pub(crate) fn end(mut self) {
        self.end_group();
    }

    fn end_group(&mut self) {
        let clock = Clock::start();
        self.signal(libc::SIGTERM);
        while self.has_members() && clock.now() < Offset::ZERO + GRACE {
            std::thread::sleep(LOOK);
        }
        if self.has_members() {
            self.signal(libc::SIGKILL);
        }
        // Its number is given back here and not before. There is nothing to do about an error.
        let _ = self.child.wait();
    }

    fn signal(&self, signal: i32) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // SAFETY: a plain system call. The leader has not been waited for, so the group is the one that was made for it.
            unsafe { libc::kill(-group, signal) };
        }
    }

    /// Whether the group has a process that still runs.
    fn has_members(&self) -> bool {
        let Ok(group) = i32::try_from(self.child.id()) else { return false };
        if self.state() == State::Running {
            return true;
        }
        // The leader has ended and answers signals as long as nobody waits for it, so members are looked for one by one.
        let Ok(entries) = std::fs::read_dir("/proc") else { return false };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).any(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            member_of(&stat, group)
        })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end_group();
    }
}

/// Whether the process with this `/proc/PID/stat` belongs to a group and is not over.
fn member_of(stat: &str, group: i32) -> bool {
    let Some((_, rest)) = stat.rsplit_once(')') else { return false };
    let mut fields = rest.split_whitespace();
    let (state, _parent, of) = (fields.next(), fields.next(), fields.next());
    state != Some("Z") && of.and_then(|of| of.parse().ok()) == Some(group)
}

fn ended_with(code: Option<i32>) -> String {
    code.map_or_else(|| "was ended by a signal".to_owned(), |code| format!("failed with exit code {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(folder: &tempfile::TempDir) -> Hooks {
        let environment = vec![("PLIMSOLL_URL", "http://x".to_owned())];
        Hooks { log: folder.path().join("hooks.log"), environment }
    }

    #[test]
    fn commands_end_as_they_end_and_what_they_print_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let hooks = hooks(&folder);
        let run = |command, limit| hooks.run(command, 2, Duration::from_millis(limit));
        run("echo $PLIMSOLL_URL $PLIMSOLL_ATTEMPT; echo oh >&2", 60_000).unwrap();
        let failed = run("exit 7", 60_000).unwrap_err().to_string();
        assert!(failed.contains("`exit 7` failed with exit code 7"), "{failed}");
        let late = run("sleep 600", 50).unwrap_err().to_string();
        assert!(late.contains("did not end within 50ms"), "{late}");
        let log = std::fs::read_to_string(&hooks.log).unwrap();
        assert!(log.contains("http://x 2\noh\n"), "{log}");
    }

    #[test]
    fn all_of_a_group_ends_and_its_leader_need_not_live() {
        let folder = tempfile::tempdir().unwrap();
        let hooks = hooks(&folder);
        let started = hooks.start("sleep 600 & exit 0", 1).unwrap();
        while started.state() == State::Running {
            std::thread::sleep(LOOK);
        }
        assert_eq!((started.state(), started.failure()), (State::Ended(Some(0)), None));
        assert!(started.has_members());
        let group = started.child.id();
        started.end();
        let left = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            member_of(&stat, i32::try_from(group).unwrap())
        });
        assert!(!left);
    }

    #[test]
    fn the_dead_are_no_members() {
        let of = |state: &str| format!("7 (a) b) {state} 1 42 42 0");
        assert!(member_of(&of("S"), 42));
        assert!(!member_of(&of("Z"), 42));
        assert!(!member_of(&of("S"), 41));
    }
}
