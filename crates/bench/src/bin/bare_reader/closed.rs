//! Connections that ask again when their answer is over.

use std::time::Duration;

use crate::Failure;
use crate::epoll::Epoll;
use crate::options::{Mode, Options};
use crate::request::request;
use crate::response::Response;
use crate::socket::{Socket, now, wall_ahead};

/// Bytes taken from a socket in one read.
const READ_BUFFER: usize = 64 * 1024;
/// How long an end of the time is waited for.
const TICK: Duration = Duration::from_millis(100);

struct Stream {
    socket: Socket,
    response: Response,
    /// When the last event of its answer arrived.
    last: u64,
}

/// What was counted, and with `times` measured.
#[derive(Default)]
struct Figures {
    requests: u64,
    events: u64,
    /// Arrival of an answer's first token minus the server's stamp on it, ns.
    first_token_errors: Vec<i64>,
    /// From event to event of an answer, ns.
    gaps: Vec<i64>,
}

/// Sends requests for the time asked for, and prints what came.
///
/// # Errors
/// The server cannot be reached, or goes away.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let request = request(options);
    let mut epoll = Epoll::new()?;
    let mut streams = Vec::with_capacity(options.connections);
    let began = now();
    for index in 0..options.connections {
        let socket = Socket::connect(options.server, options.times)?;
        epoll.add(&socket, index)?;
        streams.push(Stream { socket, response: Response::default(), last: 0 });
    }
    let mut figures = Figures::default();
    for stream in &mut streams {
        stream.socket.send(&request)?;
    }
    let end = began + (options.seconds * 1e9) as u64;
    let mut room = vec![0; READ_BUFFER].into_boxed_slice();
    let mut ahead = wall_ahead();
    let mut open = options.connections;
    while open > 0 {
        let clock = now();
        if options.times {
            ahead = wall_ahead();
        }
        for index in epoll.wait(TICK)? {
            let stream = &mut streams[index];
            let over = match (options.mode, options.times) {
                (Mode::Sse, false) => plain(stream, &mut room, &mut figures)?,
                (Mode::Sse, true) => timed(stream, &mut room, ahead, &mut figures)?,
                _ => whole(stream, &mut room)?,
            };
            if over {
                figures.requests += 1;
                if clock < end {
                    stream.socket.send(&request)?;
                } else {
                    open -= 1;
                }
            }
        }
    }
    let seconds = (now() - began) as f64 / 1e9;
    Ok(figures.line(seconds))
}

/// Counts events and reads their stamps.
fn plain(stream: &mut Stream, room: &mut [u8], figures: &mut Figures) -> Result<bool, Failure> {
    let Some(len) = stream.socket.read(room)? else { return Ok(false) };
    let at = now();
    stream.last = at;
    let seen = stream.response.take_stream(&room[..taken(len)?], |_, stamp| {
        stream.last = stream.last.max(stamp);
    });
    figures.events += u64::from(seen.events);
    Ok(seen.over)
}

/// The same, with every arrival as the kernel stamps it.
fn timed(stream: &mut Stream, room: &mut [u8], ahead: i128, figures: &mut Figures) -> Result<bool, Failure> {
    let Some((len, at)) = stream.socket.read_stamped(room, ahead)? else { return Ok(false) };
    let Figures { first_token_errors, gaps, .. } = figures;
    let seen = stream.response.take_stream(&room[..taken(len)?], |event, stamp| match event {
        0 => {} // who speaks: no token
        1 => {
            first_token_errors.push(at as i64 - stamp as i64);
            stream.last = at;
        }
        _ => {
            gaps.push(at as i64 - stream.last as i64);
            stream.last = at;
        }
    });
    figures.events += u64::from(seen.events);
    Ok(seen.over)
}

/// Reads an answer that tells its length.
fn whole(stream: &mut Stream, room: &mut [u8]) -> Result<bool, Failure> {
    let Some(len) = stream.socket.read(room)? else { return Ok(false) };
    Ok(stream.response.take_whole(&room[..taken(len)?]).over)
}

/// Bytes that were read.
fn taken(len: usize) -> Result<usize, Failure> {
    if len == 0 { Err("the server closed a connection".into()) } else { Ok(len) }
}

impl Figures {
    /// The figures as JSON, times in milliseconds.
    fn line(mut self, seconds: f64) -> String {
        let error = p99(&mut self.first_token_errors);
        let gap = p99(&mut self.gaps);
        format!(
            "{{\"seconds\":{seconds},\"requests\":{},\"events\":{},\"first_token_error_p99_ms\":{error},\"gap_p99_ms\":{gap}}}",
            self.requests, self.events
        )
    }
}

/// The 99th percentile of nanoseconds in milliseconds, or `null`.
fn p99(values: &mut [i64]) -> String {
    values.sort_unstable();
    let rank = (values.len() * 99).div_ceil(100).saturating_sub(1);
    values.get(rank).map_or_else(|| "null".to_owned(), |&value| (value as f64 / 1e6).to_string())
}
