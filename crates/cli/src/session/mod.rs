//! A server that has been found, and any number of trials against it: what all commands that put load on a server share.

mod adapt;
mod blueprint;
mod folder;
mod identify;
mod inputs;
mod interrupts;
mod launch;
mod locust;
mod models;
mod once;
mod opening;
pub(crate) mod pages;
mod ready;
mod server;
mod settings;
mod show;
mod trial;
mod watch;

pub(crate) use blueprint::Blueprint;
pub(crate) use folder::CommandFolder;
pub(crate) use interrupts::{Interrupted, Interrupts};
pub(crate) use once::Once;
pub(crate) use opening::Session;
pub(crate) use settings::{Presets, resolve_again, settings};
pub(crate) use trial::{Afterwards, Done, MakeSink, Trial};
