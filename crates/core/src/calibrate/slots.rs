//! How many requests a server works on at once, judged by where the number of decoding requests stops to grow.

use super::observed::ObservedRun;
use crate::time::Offset;

/// How many requests a server works on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slots {
    /// So many: others waited while these decoded.
    Limited(u32),
    /// Nobody was seen waiting for a place; so many were in hand at once.
    AtLeast(u32),
}

/// Of the time in which requests must have waited, the part that the plateau has to fill.
const PLATEAU_SHARE: f64 = 0.25;

/// Reads the number of slots out of runs.
///
/// The greatest number `m` that ever decoded at once is the limit if there is a plateau: while many more than `m` were
/// sent and unanswered (a quarter more and at least two, since some of them may be prefilling), `m` decoded for a good part
/// of the time. A peak of a server without a limit is held for moments only.
pub fn slots(runs: &[&ObservedRun]) -> Slots {
    let levels: Vec<Vec<Level>> = runs.iter().map(|run| levels(run)).collect();
    let all = || levels.iter().flatten();
    let most = all().map(|level| level.decoding).max().unwrap_or(0);
    let crowd = most + (most / 4).max(2);
    let time = |wanted: &dyn Fn(&Level) -> bool| -> f64 {
        all().filter(|level| wanted(level)).map(|level| level.seconds).sum()
    };
    let crowded = time(&|level| level.in_hand >= crowd);
    let plateau = time(&|level| level.in_hand >= crowd && level.decoding == most);
    if most > 0 && crowded > 0.0 && plateau >= PLATEAU_SHARE * crowded {
        Slots::Limited(most)
    } else {
        Slots::AtLeast(all().map(|level| level.in_hand).max().unwrap_or(0).max(1))
    }
}

/// A stretch of time in which nothing came or went.
struct Level {
    seconds: f64,
    /// Requests between their first and last token.
    decoding: u32,
    /// Requests between being sent and their last token.
    in_hand: u32,
}

fn levels(run: &ObservedRun) -> Vec<Level> {
    // (when, change of decoding, change of in hand)
    let mut events: Vec<(Offset, i64, i64)> = Vec::with_capacity(3 * run.requests.len());
    for request in &run.requests {
        events.extend([(request.sent, 0, 1), (request.first, 1, 0), (request.last, -1, -1)]);
    }
    events.sort_unstable(); // what ends at a moment comes before what begins
    let (mut decoding, mut in_hand) = (0, 0);
    let mut levels = Vec::new();
    for pair in events.windows(2) {
        decoding += pair[0].1;
        in_hand += pair[0].2;
        let seconds = pair[1].0.since(pair[0].0).as_secs_f64();
        if seconds > 0.0 {
            let count = |value: i64| u32::try_from(value).unwrap_or(0);
            levels.push(Level { seconds, decoding: count(decoding), in_hand: count(in_hand) });
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::super::observed::fixture::{request, run};
    use super::*;

    /// One request every `gap` ms; each prefills for 10 ms once it has one of `slots`, and decodes for `decode` ms.
    fn served(count: u64, gap: u64, slots: usize, decode: u64) -> ObservedRun {
        let mut free = vec![0; slots];
        let requests = (0..count).map(|id| {
            let slot = (0..slots).min_by_key(|&slot| free[slot]).expect("there are slots");
            let start = free[slot].max(id * gap);
            free[slot] = start + 10 + decode;
            request(id * gap, start + 10, start + 10 + decode)
        });
        run(requests.collect())
    }

    #[test]
    fn a_plateau_is_a_limit_and_a_peak_is_not() {
        for (count, gap, limit, found) in [
            (200, 5, 4, Slots::Limited(4)),
            (200, 1, 8, Slots::Limited(8)),
            (200, 100, 8, Slots::AtLeast(2)), // they hardly meet
            (60, 1, 60, Slots::AtLeast(60)),  // all at once, and nobody waits
        ] {
            let run = served(count, gap, limit, 100);
            assert_eq!(slots(&[&run]), found, "{count} requests, one every {gap} ms, {limit} slots");
        }
        assert_eq!(slots(&[]), Slots::AtLeast(1));
        let (busy, idle) = (served(200, 5, 4, 100), served(50, 200, 4, 100));
        assert_eq!(slots(&[&idle, &busy]), Slots::Limited(4), "one crowded run is enough");
    }
}
