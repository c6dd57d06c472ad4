//! The full view on a thread of its own, which runs only where a core would otherwise be idle.

use std::io::{self, Stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::priority;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::event::{self, Event};

use super::ansi::{Sixteen, plain};
use super::draw::{self, Look, Picture};
use super::keys::{Key, Press, press};
use super::moment::Moment;
use super::tty;
use crate::report::console;

/// From one drawing to the next at least; keys are answered at once. Nothing is drawn that would look the same.
const DRAW: Duration = Duration::from_millis(200);
/// From one look for news to the next.
const LOOK: Duration = Duration::from_millis(50);
/// Time for a stop that was asked for to happen.
const STOP: Duration = Duration::from_millis(50);
/// Keys that may wait for the run.
const KEYS: usize = 16;

/// A view that has the terminal.
#[derive(Debug)]
pub(crate) struct Screen {
    shared: Arc<Shared>,
    keys: Receiver<Key>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    latest: Mutex<Option<Moment>>,
    /// The terminal may have been somebody else's meanwhile.
    again: AtomicBool,
    over: AtomicBool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// There is none to read keys from, or no thread.
    pub(super) fn open(look: Look) -> io::Result<Self> {
        tty::enter()?;
        let shared = Arc::new(Shared::default());
        let (sender, keys) = sync_channel(KEYS);
        let own = shared.clone();
        let body = move || {
            priority::only_when_idle();
            // A terminal that cannot be written to is no reason to end the run.
            let _ = Painter { shared: own, keys: sender, look, help: false }.work();
            tty::leave();
        };
        let thread = thread::Builder::new().name("view".to_owned()).spawn(body);
        if thread.is_err() {
            tty::leave();
        }
        Ok(Screen { shared, keys, thread: Some(thread?) })
    }

    /// Shows a moment, soon.
    pub(super) fn show(&self, moment: Moment) {
        *self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// The keys since the last time.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.keys.try_iter().collect()
    }

    /// Takes the terminal again, after this process was stopped and continued.
    pub(super) fn again(&self) {
        self.shared.again.store(true, Ordering::Release);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and has given the terminal back.
            let _ = thread.join();
        }
    }
}

/// Draws and reads keys.
struct Painter {
    shared: Arc<Shared>,
    keys: SyncSender<Key>,
    look: Look,
    help: bool,
}

type Tty = Terminal<CrosstermBackend<Sixteen<Stderr>>>;

impl Painter {
    /// Works until the view is over, or a panic of any thread has given the terminal back.
    fn work(mut self) -> io::Result<()> {
        let clock = Clock::start();
        let (mut terminal, mut drawn) = (fresh()?, None::<Offset>);
        let (mut shown, mut seen) = (None::<Moment>, None);
        while !self.shared.over.load(Ordering::Acquire) && tty::is_taken() {
            let mut at_once = self.shared.again.swap(false, Ordering::AcqRel);
            if at_once {
                tty::enter()?;
                terminal = fresh()?;
            }
            if event::poll(LOOK)? {
                at_once |= self.answer(&event::read()?, &mut terminal)?;
            }
            let latest = self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner).take();
            shown = latest.or(shown);
            let due = drawn.is_none_or(|drawn| clock.now().since(drawn) >= DRAW);
            if let Some(moment) = shown.as_ref().filter(|_| (due || at_once) && tty::is_taken()) {
                let message = console::newest().map(|line| plain(&line));
                let news = Some((moment.to_the_second(), message.clone()));
                if at_once || news != seen {
                    let picture = Picture { moment, message: message.as_deref(), help: self.help };
                    terminal.draw(|frame| draw::draw(frame, picture, self.look))?;
                    seen = news;
                }
                drawn = Some(clock.now());
            }
        }
        Ok(())
    }

    /// Answers an event; true if that is to be seen at once.
    fn answer(&mut self, event: &Event, terminal: &mut Tty) -> io::Result<bool> {
        let Event::Key(key) = event else { return Ok(matches!(event, Event::Resize(..))) };
        match press(*key) {
            // More keys than the run can take are no loss.
            Press::Run(key) => drop(self.keys.try_send(key)),
            Press::Help => self.help = !self.help,
            Press::Suspend => {
                tty::suspend();
                thread::sleep(STOP);
                tty::enter()?;
                *terminal = fresh()?;
            }
            Press::Nothing => return Ok(false),
        }
        Ok(true)
    }
}

/// A terminal of which nothing is known, so that all of it is drawn.
fn fresh() -> io::Result<Tty> {
    Terminal::new(CrosstermBackend::new(Sixteen::new(io::stderr())))
}
