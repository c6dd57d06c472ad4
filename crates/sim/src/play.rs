//! Plays a list of arrivals through an engine in virtual time, as fast as the machine allows.

use plimsoll_core::time::Offset;

use crate::engine::{Ask, Emission, Engine, JobId, Refused};

/// What became of the requests of [`play`], in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The engine did something.
    Did(Emission),
    /// The engine did not take a request.
    Refused(Offset, JobId, Refused),
}

/// Lets `arrivals` happen, which must be in order of time, and runs the engine until nothing is left to do. The
/// requests are numbered from 0. `see` is told of everything that happens, together with the engine at that moment.
pub fn play(
    engine: &mut Engine,
    arrivals: impl IntoIterator<Item = (Offset, Ask)>,
    mut see: impl FnMut(&Engine, Seen),
) {
    let mut out = Vec::new();
    let mut run = |engine: &mut Engine, until: Offset, see: &mut dyn FnMut(&Engine, Seen)| {
        while let Some(at) = engine.next_event().filter(|&at| at <= until) {
            engine.advance(at, &mut out);
            out.drain(..).for_each(|emission| see(engine, Seen::Did(emission)));
        }
    };
    for (id, (at, ask)) in (0..).map(JobId).zip(arrivals) {
        run(engine, at, &mut see);
        if let Err(why) = engine.arrive(at, id, &ask) {
            see(engine, Seen::Refused(at, id, why));
        }
    }
    run(engine, Offset::MAX, &mut see);
}
