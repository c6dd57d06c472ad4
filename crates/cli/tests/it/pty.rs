//! Runs the program in a terminal of its own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::program::{Ended, await_end, send, wait_until};

/// A program with a terminal.
pub(crate) struct Pty {
    child: Child,
    keyboard: File,
    /// The program's end, kept open so that its modes can be read when it is gone.
    terminal: OwnedFd,
    before: Modes,
    screen: Arc<Mutex<Vec<u8>>>,
}

/// Modes of a terminal: input, output, control, local.
type Modes = [u32; 4];

impl Pty {
    /// Starts the program in a terminal of this size, with `out` as stdout if that is not the terminal.
    pub(crate) fn start(mut command: Command, (columns, rows): (u16, u16), out: Option<File>) -> Self {
        let (ours, theirs) = open(columns, rows);
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(stdio()).stdout(out.map_or_else(stdio, Stdio::from)).stderr(stdio());
        // SAFETY: between fork and exec only system calls: a session of its own, whose terminal this is.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                match libc::ioctl(2, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let before = modes(&theirs);
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, seen) = (File::from(ours.try_clone().unwrap()), screen.clone());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The terminal ends with its last user: that is this test.
            while let Ok(n @ 1..) = reader.read(&mut piece) {
                seen.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Pty { child, keyboard: ours.into(), terminal: theirs, before, screen }
    }

    /// Everything that was written to the terminal so far.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("`{text}` on the terminal"), || self.seen().contains(text));
    }

    /// Waits until `text` was written so often.
    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        wait_until(&format!("{times} times `{text}`"), || self.seen().matches(text).count() >= times);
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, signal: i32) {
        send(&self.child, signal);
    }

    /// Waits for the end; the terminal must be as it was. What it showed is `stderr`.
    pub(crate) fn wait(mut self) -> Ended {
        let status = await_end(&mut self.child);
        assert_eq!(modes(&self.terminal), self.before, "the terminal was left in other modes");
        // What the program wrote last may still be on its way.
        let mark = "the end of what it wrote";
        File::from(self.terminal.try_clone().unwrap()).write_all(mark.as_bytes()).unwrap();
        self.wait_for(mark);
        let seen = self.seen().replace(mark, "");
        Ended { code: status.code(), signal: status.signal(), stdout: String::new(), stderr: seen }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our end and the program's end of a new terminal.
fn open(columns: u16, rows: u16) -> (OwnedFd, OwnedFd) {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (-1, -1);
    // SAFETY: both numbers and the size are valid for the call; there is no name and there are no modes.
    let done = unsafe {
        libc::openpty(&raw mut ours, &raw mut theirs, std::ptr::null_mut(), std::ptr::null(), &raw const size)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    for descriptor in [ours, theirs] {
        // SAFETY: a plain system call: programs that other tests start are not to keep this terminal open.
        assert_eq!(unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
    }
    // SAFETY: both were just opened, and nobody else has them.
    unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

fn modes(terminal: &OwnedFd) -> Modes {
    // SAFETY: an all-zero structure is valid to be filled.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the structure is valid for writing, and the descriptor is open.
    assert_eq!(unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut modes) }, 0);
    [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
}
