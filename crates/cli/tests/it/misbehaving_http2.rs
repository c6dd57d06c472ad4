//! Servers that babble, stop anywhere or hang over HTTP/2 and gRPC.

use std::io::{self, Write as _};
use std::net::TcpStream;

use plimsoll_core::record::Outcome;

use crate::frames::{Frames, hang};
use crate::misbehaving::{BEGINNING, Case, EVENT, NOTHING, STOPPING, Script, TEXT, all_seen};
use crate::program::{Place, count};
use crate::servers::scripted;

/// Answers every request of a connection by frames; `false` says nothing more on it.
fn by_frames(
    stream: TcpStream,
    mut each: impl FnMut(&mut Frames, u32) -> io::Result<bool>,
) -> io::Result<()> {
    let mut frames = Frames::accept(stream)?;
    loop {
        let id = frames.request()?;
        if !each(&mut frames, id)? {
            return frames.hang();
        }
    }
}

pub(crate) fn begin(frames: &mut Frames, id: u32) -> io::Result<()> {
    frames.head(id, "text/event-stream")?;
    frames.data(id, EVENT.as_bytes())
}

/// That a frame is too large (RFC 9113, 7).
const FRAME_SIZE_ERROR: u32 = 6;
const INTERNAL_ERROR: u32 = 2;

const HTTP2: [Case; 12] = [
    ("accepts and says nothing", hang, "--connect-timeout 150ms"),
    (
        "answers in HTTP/1.1",
        |stream| answer_raw(stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        "",
    ),
    ("hangs before the head", |stream| by_frames(stream, |_, _| Ok(false)), NOTHING),
    (
        "hangs after the head",
        |stream| by_frames(stream, |frames, id| frames.head(id, "text/event-stream").map(|()| true)),
        BEGINNING,
    ),
    (
        "hangs in the stream",
        |stream| by_frames(stream, |frames, id| begin(frames, id).map(|()| true)),
        STOPPING,
    ),
    (
        "closes in the stream",
        |stream| {
            let mut frames = Frames::accept(stream)?;
            let id = frames.request()?;
            begin(&mut frames, id)?;
            frames.close()
        },
        "--http2-streams 1",
    ),
    (
        "ends the stream in order but too early",
        |stream| {
            by_frames(stream, |frames, id| {
                begin(frames, id)?;
                frames.end(id).map(|()| true)
            })
        },
        "",
    ),
    (
        "resets the stream",
        |stream| {
            by_frames(stream, |frames, id| {
                begin(frames, id)?;
                frames.reset(id, INTERNAL_ERROR).map(|()| true)
            })
        },
        "",
    ),
    (
        "has garbage in the stream",
        |stream| {
            by_frames(stream, |frames, id| {
                begin(frames, id)?;
                frames.data(id, b"data: {{{\x1b[2J oops\n\n")?;
                frames.end(id).map(|()| true)
            })
        },
        "",
    ),
    (
        "has garbage between frames",
        |stream| {
            let mut frames = Frames::accept(stream)?;
            let id = frames.request()?;
            frames.head(id, "text/event-stream")?;
            frames.raw(&[0xff; 64])?;
            frames.hang()
        },
        "--http2-streams 1",
    ),
    (
        "goes away without having looked",
        |stream| {
            let mut frames = Frames::accept(stream)?;
            frames.request()?;
            frames.go_away(0, 0)?;
            frames.close()
        },
        "--http2-streams 1",
    ),
    (
        "goes away in the stream",
        |stream| {
            let mut frames = Frames::accept(stream)?;
            let id = frames.request()?;
            begin(&mut frames, id)?;
            frames.go_away(id, FRAME_SIZE_ERROR)?;
            frames.close()
        },
        "--http2-streams 1",
    ),
];

/// Says these bytes to whoever comes, whatever they say.
fn answer_raw(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    hang(stream)
}

#[test]
fn misbehaviour_over_http2_is_told_apart() {
    insta::assert_snapshot!(all_seen(&HTTP2, &format!("{TEXT} --http 2")));
}

/// Answers every call with a head, and then as `each` does.
fn answer_calls(
    stream: TcpStream,
    mut each: impl FnMut(&mut Frames, u32) -> io::Result<bool>,
) -> io::Result<()> {
    by_frames(stream, |frames, id| {
        frames.head(id, "application/grpc")?;
        each(frames, id)
    })
}

/// A message of gRPC in its frame.
fn message(bytes: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

const GRPC: [Case; 9] = [
    (
        "refuses with a status",
        |stream| {
            answer_calls(stream, |frames, id| {
                frames
                    .trailers(id, &[("grpc-status", "14"), ("grpc-message", "no%20free%20instance")])
                    .map(|()| true)
            })
        },
        "",
    ),
    (
        "ends without a status",
        |stream| {
            answer_calls(stream, |frames, id| {
                frames.data(id, &message(b""))?;
                frames.end(id).map(|()| true)
            })
        },
        "",
    ),
    (
        "says OK without an answer",
        |stream| {
            answer_calls(stream, |frames, id| frames.trailers(id, &[("grpc-status", "0")]).map(|()| true))
        },
        "",
    ),
    (
        "says a status that is none",
        |stream| {
            answer_calls(stream, |frames, id| frames.trailers(id, &[("grpc-status", "soon")]).map(|()| true))
        },
        "",
    ),
    (
        "has garbage as its message",
        |stream| {
            answer_calls(stream, |frames, id| {
                frames.data(id, &message(&[0xff; 40]))?;
                frames.trailers(id, &[("grpc-status", "0")]).map(|()| true)
            })
        },
        "",
    ),
    (
        "has a message longer than it sends",
        |stream| {
            answer_calls(stream, |frames, id| {
                frames.data(id, &[0, 0, 0, 1, 0, b'x'])?;
                frames.trailers(id, &[("grpc-status", "0")]).map(|()| true)
            })
        },
        "",
    ),
    (
        "has a compressed message",
        |stream| {
            answer_calls(stream, |frames, id| {
                frames.data(id, &[1, 0, 0, 0, 1, b'x'])?;
                frames.trailers(id, &[("grpc-status", "0")]).map(|()| true)
            })
        },
        "",
    ),
    (
        "hangs within a message",
        |stream| answer_calls(stream, |frames, id| frames.data(id, &[0, 0, 0, 1, 0, b'x']).map(|()| true)),
        STOPPING,
    ),
    (
        "resets the call",
        |stream| answer_calls(stream, |frames, id| frames.reset(id, INTERNAL_ERROR).map(|()| true)),
        "",
    ),
];

#[test]
fn misbehaviour_over_grpc_is_told_apart() {
    let asked = "--provider triton-grpc -m m --shape x:2:FP32";
    insta::assert_snapshot!(all_seen(&GRPC, asked));
}

/// What a client finds of a server that leaves at once depends on who is faster; that it ends does not.
#[test]
fn a_server_that_leaves_as_soon_as_it_has_spoken_is_not_asked_without_end() {
    let closes = |stream| Frames::accept(stream).map(drop);
    let says_goodbye = |stream| {
        let mut frames = Frames::accept(stream)?;
        frames.go_away(0, 0)?;
        frames.hang()
    };
    for script in [closes as Script, says_goodbye] {
        let place = Place::new();
        let url = scripted(script);
        let ended = place.line(&format!("run {url} {TEXT} --http 2 --qps 30 -t 200ms"));
        let records = place.records();
        let lost = count(&records, Outcome::Connect) + count(&records, Outcome::Truncated);
        assert_eq!((records.len(), lost), (6, 6), "{ended:?}");
        assert!(ended.stdout.contains("the server"), "{ended:?}");
    }
}
