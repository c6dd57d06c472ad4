//! What is seen while a run goes on: a view that fills the terminal, one line that renews itself, or a line now and then.
//!
//! ```text
//!  session/watch, ten times a second:  Moment ---> Live ---> a line (console)
//!                                                    |
//!                          keys  <--- view's thread <'---> draw (pure: a Moment on a Frame)
//! ```

mod ansi;
mod choice;
mod draw;
mod history;
mod keys;
mod line;
mod moment;
mod screen;
mod show;
mod story;
mod tty;

pub(crate) use choice::{Console, Occasion, View};
pub(crate) use history::History;
pub(crate) use keys::Key;
pub(crate) use moment::{Can, Moment};
pub(crate) use show::Live;
pub(crate) use story::{SearchStory, SoakStory, Story, StressStory, Tell, Trying};
