//! The parts of what a request costs this client: reading its answer, folding its record, drawing when it is due.
//!
//!     cargo bench -p plimsoll-drive --bench path
#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

use divan::Bencher;
use divan::counter::ItemsCount;
use plimsoll_core::load::{Arrivals, GapDistribution, Schedule};
use plimsoll_core::metrics::Tally;
use plimsoll_core::seed::Seed;
use plimsoll_core::time::{Offset, Rate};
use plimsoll_drive::protocol::{self, Reply};
use plimsoll_drive::transport::Rehearsal;

use transcripts::Kind;

mod transcripts;

fn main() {
    divan::main();
}

/// From the request to its record, all but the system calls. Items are reads: events of a stream.
#[divan::bench(args = ["stream", "post"])]
fn request(bencher: Bencher<'_, '_>, kind: &str) {
    let kind = if kind == "stream" { Kind::Stream } else { Kind::Post };
    let rehearsal = Rehearsal::new(&kind.run()).expect("the run is sound");
    let (request, reads) = (kind.request(), kind.reads());
    bencher.counter(ItemsCount::new(reads.len())).bench_local(|| rehearsal.request(&request, &reads));
}

/// Splitting a stream into events and reading them, without the framing of HTTP. Items are events.
#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let kind = Kind::Stream;
    let protocol = protocol::build(&kind.run()).expect("the run is sound");
    let request = kind.request();
    let bodies: Vec<Vec<u8>> = kind.reads().iter().filter_map(|read| body(read)).collect();
    bencher.counter(ItemsCount::new(bodies.len())).bench_local(|| {
        let (mut decoder, mut reply) = (protocol.decoder(&request), Reply::default());
        for body in &bodies {
            decoder.feed(body, Offset::ZERO, &mut reply).expect("the stream is sound");
        }
        reply
    });
}

/// The event within the chunk of a read.
fn body(read: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(read).ok()?;
    let event = &text[text.find("data: ")?..];
    Some(event.as_bytes()[..event.find("\n\n")? + 2].to_vec())
}

/// Adding records to what a summary is made of. Items are records.
#[divan::bench(args = ["stream", "post"])]
fn tally(bencher: Bencher<'_, '_>, kind: &str) {
    let kind = if kind == "stream" { Kind::Stream } else { Kind::Post };
    let rehearsal = Rehearsal::new(&kind.run()).expect("the run is sound");
    let record = rehearsal.request(&kind.request(), &kind.reads());
    let mut tally = Tally::new(Offset::ZERO);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| tally.add(&record));
}

/// Drawing when requests are due. Items are requests.
#[divan::bench(args = ["constant", "poisson"])]
fn schedule(bencher: Bencher<'_, '_>, gaps: &str) {
    let gaps = if gaps == "constant" { GapDistribution::Constant } else { GapDistribution::Poisson };
    let rate = Rate::try_from(1000.0).expect("the rate is sound");
    let mut schedule =
        Schedule::new(&Arrivals::Process { rate, gaps }, Seed(1)).expect("the schedule is sound");
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| schedule.next());
}
