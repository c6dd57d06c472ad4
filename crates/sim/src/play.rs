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
    for (id, (at, ask)) in (0..).map(JobId).zip(arrivals) {
        run(engine, at, &mut out, &mut see);
        engine.advance(at, &mut out); // changes of phase that no request waits for
        if let Err(why) = engine.arrive(at, id, &ask) {
            see(engine, Seen::Refused(at, id, why));
        }
    }
    run(engine, Offset::MAX, &mut out, &mut see);
}

/// Everything that is due until `until`, one moment after the other.
fn run(engine: &mut Engine, until: Offset, out: &mut Vec<Emission>, see: &mut impl FnMut(&Engine, Seen)) {
    while let Some(at) = engine.next_event().filter(|&at| at <= until) {
        engine.advance(at, out);
        out.drain(..).for_each(|emission| see(engine, Seen::Did(emission)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::conditions::ConditionOptions;
    use crate::engine::Event;
    use crate::llm::Llm;
    use crate::presets;

    #[test]
    fn everything_that_happens_is_seen_in_order_of_time() {
        let mut options = presets::find("llama-3-8b-h100").unwrap().options();
        let load = Duration::from_secs(2);
        options.conditions = ConditionOptions { starts_cold: true, load, ..ConditionOptions::default() };
        let mut engine = Engine::Llm(Llm::new(options).unwrap());
        let ask = Ask { prompt_tokens: 16, output_tokens: 2, items: 1, prefix: Arc::default() };
        let arrivals = [1.0, 3.0, 3.0].map(|at| (Offset::from_secs_f64(at), ask.clone()));
        let mut seen = Vec::new();
        play(&mut engine, arrivals, |_, what| seen.push(what));
        let ready = Offset::from_nanos(2_000_000_000);
        let refused = Seen::Refused(Offset::from_nanos(1_000_000_000), JobId(0), Refused::Loading(ready));
        assert_eq!(seen[0], refused);
        let did = |what: &Seen| match what {
            Seen::Did(emission) => Some((emission.at, emission.job.0, emission.event)),
            Seen::Refused(..) => None,
        };
        let did: Vec<_> = seen.iter().filter_map(did).collect();
        assert!(did.is_sorted_by_key(|&(at, ..)| at));
        let of = |id| did.iter().filter(move |done| done.1 == id).map(|done| done.2).collect::<Vec<_>>();
        let whole = [Event::Started, Event::Tokens(1), Event::Tokens(1), Event::Finished];
        assert_eq!((of(1), of(2)), (whole.to_vec(), whole.to_vec()));
    }
}
