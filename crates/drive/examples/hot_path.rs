//! What a request costs this client from its parts to its place in the summary, for `scripts/bench/instructions.sh`.
//!
//! `hot_path stream|post REQUESTS` rehearses so many requests and prints how many events they had. Nothing is sent and no clock
//! is read in between, so that callgrind counts the same instructions each time.

use std::io::Write as _;

use plimsoll_core::metrics::Tally;
use plimsoll_core::record::{Outcome, RequestId};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::RequestSpec;
use plimsoll_drive::transport::Rehearsal;

use transcripts::Kind;

#[path = "../benches/transcripts/mod.rs"]
mod transcripts;

const USAGE: &str = "usage: hot_path stream|post REQUESTS";

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let kind = match arguments.next().as_deref() {
        Some("stream") => Kind::Stream,
        Some("post") => Kind::Post,
        _ => return Err(USAGE.into()),
    };
    let requests: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let rehearsal = Rehearsal::new(&kind.run())?;
    let reads = kind.reads();
    let mut tally = Tally::new(Offset::ZERO);
    let mut events = 0;
    for number in 0..requests {
        let request = RequestSpec { id: RequestId(number), ..kind.request() };
        let record = rehearsal.request(&request, &reads);
        if record.outcome != Outcome::Ok {
            return Err(format!("the rehearsed answer is {:?}: {:?}", record.outcome, record.error).into());
        }
        events += record.events;
        tally.add(&record);
    }
    Ok(writeln!(std::io::stdout(), "{events}")?)
}
