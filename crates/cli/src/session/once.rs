//! One request outside of any trial: is the server able to answer at all?

use anyhow::anyhow;
use plimsoll_core::record::RequestId;
use plimsoll_core::time::Offset;
use plimsoll_drive::clock::Clock;
use plimsoll_drive::protocol::{self, Mask};
use plimsoll_drive::transport::{HttpVersion, post};

use super::blueprint::Blueprint;
use super::opening::Session;
use super::server::Way;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Once {
    /// It was answered, after so many seconds, a new connection included.
    Answered(f64),
    /// Only a trial can ask this server.
    NotHere,
}

impl Session {
    /// Asks the next request of the run, and reads the whole answer. `None` if it failed in a way that may pass: no
    /// connection, a server that says that it is busy or not ready.
    ///
    /// # Errors
    /// The server refuses the request itself, and would refuse it again.
    pub(crate) fn once(&mut self, blueprint: &Blueprint) -> anyhow::Result<Option<Once>> {
        let Way::Http(way) = &self.reached.way else { return Ok(Some(Once::NotHere)) };
        if way.http == HttpVersion::Http2 {
            return Ok(Some(Once::NotHere));
        }
        let spec = &blueprint.spec;
        let outgoing = blueprint.protocol.encode(&blueprint.workload_after(self.asked).request(RequestId(0)));
        let route = blueprint.protocol.route();
        self.asked += 1;
        let clock = Clock::start();
        let Ok(answer) = post(&way.origin, &spec.target, &spec.transport, way.tls.clone(), route, outgoing)
        else {
            return Ok(None);
        };
        let passing = [404, 408, 409, 425, 429];
        match answer.status {
            200..=299 => Ok(Some(Once::Answered(clock.now().since(Offset::ZERO).as_secs_f64()))),
            status @ 400..=499 if !passing.contains(&status) => {
                let said = Mask::of(&spec.target).hide(protocol::error_excerpt(&answer.body));
                Err(anyhow!("{} {} answered {status}: {said}", route.method, route.path))
            }
            _ => Ok(None),
        }
    }
}
