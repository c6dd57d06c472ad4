//! Servers that die, restart, or never accept: a record of every request all the same, and the next server is used.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll_core::record::Outcome;

use crate::frames::Frames;
use crate::misbehaving_http2::begin;
use crate::program::{Place, count};
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
    let (place, sim) = (Place::new(), Sim::start("ttft=300ms&itl=1ms"));
    let run = ["run", "-H", &sim.url, "--qps", "40", "-t", "2s", "-p", "16", "-o", "4"];
    let started = place.start(&run);
    sim.wait_for("requests", 30);
    drop(sim); // killed
    let ended = started.wait();
    let (summary, records) = (place.summary(), place.records());
    assert_eq!((records.len(), summary.counts.total), (80, 80), "{ended:?}");
    let of = |outcome| count(&records, outcome);
    let (ok, cut, refused) = (of(Outcome::Ok), of(Outcome::Truncated), of(Outcome::Connect));
    assert_eq!(ok + cut + refused, 80, "{ended:?}");
    assert!(ok > 0 && cut > 0 && refused > 0, "{ok} {cut} {refused}: {ended:?}");
    let example = |outcome| &summary.errors.iter().find(|class| class.outcome == outcome).unwrap().example;
    assert!(example(Outcome::Truncated).contains("the server closed the connection"), "{ended:?}");
    assert!(example(Outcome::Connect).contains("cannot connect to 127.0.0.1 port"), "{ended:?}");
    assert_eq!((ended.code, summary.run.ended.as_str()), (Some(1), "completed"), "{ended:?}");
}

#[test]
fn a_server_that_restarts_is_used_again() {
    let (place, first) = (Place::new(), Sim::start("ttft=20ms&itl=1ms"));
    let port = first.url.rsplit_once(':').unwrap().1.to_owned();
    let url = first.url.clone();
    let started = place.start(&["run", "-H", &url, "-u", "4", "-r", "1000", "-p", "16", "-o", "4"]);
    first.wait_for("completed", 20);
    drop(first); // killed
    let second = Sim::start_on("ttft=20ms&itl=1ms", &port);
    second.wait_for("completed", 20);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let (summary, records) = (place.summary(), place.records());
    let of = |outcome| count(&records, outcome);
    let (ok, cut, refused) = (of(Outcome::Ok), of(Outcome::Truncated), of(Outcome::Connect));
    assert_eq!(ok + cut + refused, records.len(), "{ended:?}");
    assert!(ok >= 40 && cut + refused > 0, "{ok} {cut} {refused}: {ended:?}");
    assert_eq!(summary.counts.total, records.len() as u64);
    // Those whose connection was lost are one class, not one each.
    assert!(summary.errors.len() <= 2, "{ended:?}");
    assert!(records.iter().rev().take(5).all(|record| record.outcome == Outcome::Ok), "{ended:?}");
}

/// A server may close a connection of HTTP/2 that carries nothing just as a request is sent on it.
#[test]
fn a_connection_of_http2_that_was_idle_and_is_gone_is_replaced() {
    static FIRST: AtomicBool = AtomicBool::new(true);
    let script = |stream: TcpStream| -> io::Result<()> {
        let mut answered = 0;
        let mut frames = Frames::accept(stream)?;
        loop {
            let id = frames.request()?;
            if answered == 1 && FIRST.swap(false, Ordering::Relaxed) {
                return Ok(()); // closed with the request unread
            }
            answered += 1;
            begin(&mut frames, id)?;
            frames.data(id, b"data: [DONE]\n\n")?;
            frames.end(id)?;
        }
    };
    let place = Place::new();
    let url = scripted(script);
    let ended =
        place.line(&format!("run {url} --provider openai -m m --http 2 -u 1 --max-requests 5 -p 16 -o 1"));
    let records = place.records();
    assert_eq!((records.len(), count(&records, Outcome::Ok)), (5, 5), "{ended:?}");
    assert_eq!(records.iter().filter(|record| record.connect.is_some()).count(), 2, "{records:?}");
}
