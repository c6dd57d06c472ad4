//! Servers that die, restart, or never accept: a record of every request all the same, and the next server is used.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;

use plimsoll_core::record::{Outcome, Record};

use crate::frames::Frames;
use crate::misbehaving_http2::begin;
use crate::program::{Place, count, records_so_far, wait_until};
use crate::servers::{Sim, scripted};

/// A server that never accepts. The look before the run fills its queue, and the kernel drops who comes after.
#[test]
fn a_server_that_never_accepts_is_a_timeout() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // SAFETY: a plain system call on an open socket. Listening again sets the length of the queue.
    let set = unsafe { libc::listen(socket.as_raw_fd(), 0) };
    assert_eq!(set, 0);
    let place = Place::new();
    let ended = place.line(&format!(
        "run http://{address} --provider openai -m m --qps 30 -t 200ms --connect-timeout 150ms"
    ));
    let (summary, records) = (place.summary(), place.records());
    assert_eq!((records.len(), count(&records, Outcome::Timeout)), (6, 6), "{ended:?}");
    assert!(summary.errors[0].example.starts_with("no connection with 127.0.0.1 port"), "{ended:?}");
}

#[test]
fn a_server_that_is_killed_leaves_a_record_of_every_request() {
    // Half of the answers stop after their first token, so that there are some to be cut.
    let (place, sim) = (Place::new(), Sim::start("ttft=20ms&itl=1ms&stall=1h&stall_rate=0.5&seed=1"));
    let started = place.start(&["run", "-H", &sim.url, "--qps", "40", "-p", "16", "-o", "4"]);
    sim.wait_for("requests", 30);
    sim.wait_for("completed", 5);
    drop(sim); // killed
    wait_for_a_refusal(&place);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let (summary, records) = (place.summary(), place.records());
    assert_eq!(records.len() as u64, summary.counts.total, "{ended:?}");
    assert_eq!(summary.counts.total, summary.counts.scheduled, "{ended:?}");
    let of = |outcome| count(&records, outcome);
    let (ok, cut, refused) = (of(Outcome::Ok), of(Outcome::Truncated), of(Outcome::Connect));
    assert_eq!(ok + cut + refused, records.len(), "{ended:?}");
    assert!(ok >= 5 && cut > 0 && refused > 0, "{ok} {cut} {refused}: {ended:?}");
    let example = |outcome| &summary.errors.iter().find(|class| class.outcome == outcome).unwrap().example;
    // The kernel resets a connection on which the server had still something to read.
    let cut = ["the server closed the connection", "Connection reset by peer"];
    assert!(cut.iter().any(|cut| example(Outcome::Truncated).contains(cut)), "{ended:?}");
    assert!(example(Outcome::Connect).contains("cannot connect to 127.0.0.1 port"), "{ended:?}");
    assert_eq!((ended.code, summary.run.ended.as_str()), (Some(1), "interrupted"), "{ended:?}");
}

/// Waits until the run has kept a request that found nobody.
fn wait_for_a_refusal(place: &Place) {
    let refused = |record: &Record| record.outcome == Outcome::Connect;
    wait_until("a refused request", || records_so_far(&place.result()).iter().any(refused));
}

#[test]
fn a_server_that_restarts_is_used_again() {
    let (place, first) = (Place::new(), Sim::start("ttft=20ms&itl=1ms"));
    let port = first.url.rsplit_once(':').unwrap().1.to_owned();
    let url = first.url.clone();
    let started = place.start(&["run", "-H", &url, "-u", "4", "-r", "1000", "-p", "16", "-o", "4"]);
    first.wait_for("completed", 20);
    drop(first); // killed
    wait_for_a_refusal(&place);
    let second = Sim::start_on("ttft=20ms&itl=1ms", &port);
    second.wait_for("completed", 20);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let (summary, records) = (place.summary(), place.records());
    let of = |outcome| count(&records, outcome);
    let (ok, cut, refused) = (of(Outcome::Ok), of(Outcome::Truncated), of(Outcome::Connect));
    assert_eq!(ok + cut + refused, records.len(), "{ended:?}");
    // Of the 20 that the first one had answered, each of the four users may have lost one with it.
    assert!(ok >= 36 && refused > 0, "{ok} {cut} {refused}: {ended:?}");
    assert_eq!(summary.counts.total, records.len() as u64);
    // Those whose connection was lost are one class, not one each.
    assert!(summary.errors.len() <= 2, "{ended:?}");
    assert!(records.iter().rev().take(5).all(|record| record.outcome == Outcome::Ok), "{ended:?}");
}

/// A server may close a connection of HTTP/2 that carries nothing just as a request is sent on it. Here each does so after
/// its first answer, so that every request but the first is sent twice; one that closes late has seen the request, though.
#[test]
fn a_connection_of_http2_that_was_idle_and_is_gone_is_replaced() {
    let script = |stream: TcpStream| -> io::Result<()> {
        let mut frames = Frames::accept(stream)?;
        let id = frames.request()?;
        begin(&mut frames, id)?;
        frames.data(id, b"data: [DONE]\n\n")?;
        frames.end(id)?;
        frames.request()?;
        frames.close()
    };
    let place = Place::new();
    let url = scripted(script);
    let ended =
        place.line(&format!("run {url} --provider openai -m m --http 2 -u 1 --max-requests 5 -p 16 -o 1"));
    let records = place.records();
    let late = count(&records, Outcome::Truncated);
    assert_eq!((count(&records, Outcome::Ok), records.len()), (5, 5 + late), "{ended:?}");
    let connected = records.iter().filter(|record| record.connect.is_some()).count();
    assert!(connected == 5 && late < 4, "{records:?}");
}
