//! A server that has been found, and any number of trials against it: what all commands that put load on a server share.

mod adapt;
mod blueprint;
mod database;
mod feeds;
mod folder;
pub(crate) mod hooks;
mod identify;
mod inputs;
mod interrupts;
mod launch;
mod locust;
mod models;
mod once;
mod opening;
pub(crate) mod pages;
mod profile;
mod ready;
mod server;
mod server_watch;
mod settings;
mod show;
mod stage;
mod trial;
mod watch;

pub(crate) use blueprint::Blueprint;
pub(crate) use folder::CommandFolder;
pub(crate) use interrupts::{Interrupted, Interrupts};
pub(crate) use once::Once;
pub(crate) use opening::Session;
pub(crate) use settings::{Presets, own_options, resolve_again, settings};
pub(crate) use stage::Show;
pub(crate) use trial::{Done, MakeSink, Trial};
