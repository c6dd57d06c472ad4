//! The terminal, taken and given back, on every way out.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui_crossterm::crossterm::{cursor, execute, terminal};

use crate::report::console;

/// Whether the view has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the terminal: another screen, no echo, keys one by one. Ctrl+C stays a signal, so that it works whatever this
/// process is at.
///
/// # Errors
/// There is no terminal to read keys from.
pub(super) fn enter() -> io::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
    });
    // Somebody else may have set the modes since the last time.
    terminal::disable_raw_mode()?;
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    console::hold();
    let done = keep_interrupt().and_then(|()| {
        execute!(
            io::stderr(),
            terminal::EnterAlternateScreen,
            terminal::Clear(terminal::ClearType::All),
            cursor::Hide
        )
    });
    if done.is_err() {
        leave();
    }
    done
}

/// Gives the terminal back as it was, and lets waiting lines go. Nothing happens if the view does not have it.
pub(super) fn leave() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        restore();
        console::release();
    }
}

/// Gives the terminal back for as long as this process is stopped; lines go on waiting.
pub(super) fn suspend() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        restore();
    }
    // SAFETY: a plain system call. The whole job is stopped, as the key would have done.
    unsafe { libc::kill(0, libc::SIGTSTP) };
}

/// Whether the view has the terminal: a panic of any thread takes it away.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::Acquire)
}

fn restore() {
    // A terminal that went away needs nothing any more.
    let _ = execute!(io::stderr(), terminal::LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// Lets Ctrl+C be a signal in raw mode. Ctrl+Z and Ctrl+\ stay keys: their signals would leave the terminal as it is.
fn keep_interrupt() -> io::Result<()> {
    let keyboard: OwnedFd = match io::stdin().is_terminal() {
        true => std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?,
        false => File::open("/dev/tty")?.into(),
    };
    // SAFETY: an all-zero structure is valid to be filled, and the descriptor is open.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    if unsafe { libc::tcgetattr(keyboard.as_raw_fd(), &raw mut modes) } != 0 {
        return Err(io::Error::last_os_error());
    }
    modes.c_lflag |= libc::ISIG;
    // 0 stands for no character.
    (modes.c_cc[libc::VSUSP], modes.c_cc[libc::VQUIT]) = (0, 0);
    // SAFETY: the modes are those that were just read, changed in valid ways.
    match unsafe { libc::tcsetattr(keyboard.as_raw_fd(), libc::TCSANOW, &raw const modes) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
