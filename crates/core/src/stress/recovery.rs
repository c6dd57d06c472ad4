//! When a server that had too much is itself again, and when it was gone.

use super::fate::{Fate, Seen};
use super::report::{Outage, Recovery};

/// A response time is as at the baseline up to so many times the baseline's 99th percentile.
pub(super) const MARGIN: f64 = 1.25;
/// Successive requests that are looked at together.
const TOGETHER: usize = 20;
/// So many of them that fare badly are no chance: of 20 that do in one of a hundred cases, 3 do so with a probability of
/// 0.1 %.
const BAD: usize = 3;
/// Successive requests that find the server gone are an outage from this number on.
const GONE: usize = 10;
/// And only if they come in at least this many seconds.
const GONE_FOR: f64 = 0.5;

/// When `after`, the requests due after the load dropped at `drop`, in order, fared as at the baseline.
pub(super) fn recovery(after: &[Seen], drop: f64, end: f64, limit: f64) -> Recovery {
    let bad: Vec<usize> = (0..after.len())
        .filter(|&index| after[index].fate != Fate::Answered || after[index].response_time > limit)
        .collect();
    // The last of the last crowd of bad ones.
    let last =
        bad.windows(BAD).rev().find(|crowd| crowd[BAD - 1] - crowd[0] < TOGETHER).map(|crowd| crowd[BAD - 1]);
    let (done, watched) = match last {
        None => (Some(0.0), true),
        Some(last) => (
            after.get(last + 1).map(|next| next.scheduled - drop),
            // Too few good ones at the end prove nothing.
            last + TOGETHER <= after.len(),
        ),
    };
    let enough = after.len() >= TOGETHER;
    Recovery { limit, after: done.filter(|_| watched && enough), watched: end - drop }
}

/// The times in which all requests, in order, found the server gone.
pub(super) fn outages(all: &[Seen]) -> Vec<Outage> {
    let gone = |seen: &Seen| matches!(seen.fate, Fate::Unconnected | Fate::Broken);
    let mut outages = Vec::new();
    let mut begin = 0;
    while let Some(first) = all[begin..].iter().position(gone).map(|place| begin + place) {
        let length = all[first..].iter().take_while(|seen| gone(seen)).count();
        let next = first + length;
        // Who had waited for long when it went down found it gone then, and not when it was due.
        let start =
            all[first..next].iter().map(|seen| seen.scheduled + seen.response_time).fold(f64::MAX, f64::min);
        let lasted = all[next - 1].scheduled - start;
        if length >= GONE && lasted >= GONE_FOR {
            let answered = all[next..].iter().find(|seen| seen.fate == Fate::Answered);
            outages.push(Outage { start, end: answered.map(|seen| seen.scheduled), requests: length as u64 });
        }
        begin = next;
    }
    outages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(scheduled: f64, fate: Fate, response_time: f64) -> Seen {
        Seen { scheduled, response_time, latency: Some(response_time), fate, status: None }
    }

    /// Ten requests a second from 100 s on, of which those before `well` are slow.
    fn after(well: f64, until: u32) -> Vec<Seen> {
        (0..until)
            .map(|number| {
                let at = 100.0 + f64::from(number) / 10.0;
                // One in fifty is slow at any time.
                let slow = at < well || number % 50 == 49;
                seen(at, Fate::Answered, if slow { 3.0 } else { 0.1 })
            })
            .collect()
    }

    #[test]
    fn the_time_to_recover_is_that_of_the_last_crowd_of_bad_requests() {
        let found = |well, until| recovery(&after(well, until), 100.0, 130.0, 0.2).after;
        assert_eq!(found(100.0, 300), Some(0.0));
        assert!((found(107.0, 300).unwrap() - 7.0).abs() < 1e-9);
        assert_eq!(found(140.0, 300), None, "never");
        assert_eq!(found(129.0, 300), None, "too late to be sure");
        assert_eq!(found(100.0, 10), None, "too few");
    }

    #[test]
    fn a_server_that_is_gone_for_a_while_was_down() {
        let of = |number: u32| {
            let at = f64::from(number) / 10.0;
            let fate = match number {
                50..80 => Fate::Unconnected,
                _ if number.is_multiple_of(7) => Fate::Unconnected,
                _ => Fate::Answered,
            };
            seen(at, fate, 0.1)
        };
        let all: Vec<_> = (0..200).map(of).collect();
        let found = outages(&all);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].end, found[0].requests), (Some(8.0), 31));
        assert!((found[0].start - 5.0).abs() < 1e-9, "{found:?}"); // a tenth of a second after it was due
        let never: Vec<_> = (0..75).map(of).collect();
        assert_eq!(outages(&never)[0].end, None);
        assert!(outages(&[]).is_empty());
    }
}
