//! Requests at equal gaps, each on a connection that is idle.

use crate::Failure;
use crate::epoll::Epoll;
use crate::options::Options;
use crate::request::request;
use crate::response::Response;
use crate::socket::{Socket, now, until};

/// Sends at the rate asked for, and prints how late it was. How even the gaps are, the server knows.
///
/// # Errors
/// The server cannot be reached, or goes away.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let request = request(options);
    let mut epoll = Epoll::new()?;
    let mut streams = Vec::with_capacity(options.connections);
    for index in 0..options.connections {
        let socket = Socket::connect(options.server, false)?;
        epoll.add(&socket, index)?;
        streams.push((socket, Response::default()));
    }
    let mut idle: Vec<usize> = (0..options.connections).collect();
    let mut room = vec![0; 16 * 1024].into_boxed_slice();
    let count = (options.seconds * options.rate) as u64;
    let mut lags = Vec::with_capacity(usize::try_from(count)?);
    let began = now() + 10_000_000;
    let mut answers = 0;
    let mut next = 0;
    while answers < count {
        let due = began + (next as f64 / options.rate * 1e9) as u64;
        if next < count && now() >= due {
            let index = idle.pop().ok_or("all connections wait for their answers: give more connections")?;
            streams[index].0.send(&request)?;
            lags.push(now() - due);
            next += 1;
            continue;
        }
        // Once this has passed, readiness is asked for again and again without sleep, and answers are read meanwhile.
        let wake = if next < count { due - options.spin_us * 1000 } else { now() + 100_000_000 };
        for index in epoll.wait(until(wake))? {
            let (socket, response) = &mut streams[index];
            let Some(len) = socket.read(&mut room)? else { continue };
            if len == 0 {
                return Err("the server closed a connection".into());
            }
            if response.take_whole(&room[..len]).over {
                answers += 1;
                idle.push(index);
            }
        }
    }
    lags.sort_unstable();
    let p99 = lags.get(lags.len() * 99 / 100).copied().unwrap_or(0) as f64 / 1e6;
    Ok(format!("{{\"requests\":{count},\"send_lag_p99_ms\":{p99}}}"))
}
