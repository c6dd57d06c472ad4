//! How long requests took as the server saw it: quantiles of its histograms, from what their buckets gained in a window.

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Source};
use crate::time::Offset;

/// Spans that are kept; twice as many are put together in pairs. At one a second the first two hours are kept as they are.
const SPANS: usize = 3_600;

/// The quantiles that are reported.
const REPORTED: [f64; 3] = [50.0, 90.0, 99.0];

/// Observations between two bounds, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// What they are above.
    pub above: f64,
    /// What they are not above; may be infinite.
    pub upto: f64,
    /// How many there are, more than zero.
    pub count: f64,
}

/// What one histogram gained from one page to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Gained {
    /// When the page before was asked for.
    pub from: Offset,
    /// When this one was.
    pub until: Offset,
    /// Who says it.
    pub source: Source,
    /// What it is.
    pub metric: Canonical,
    /// In which buckets.
    pub buckets: Vec<Bucket>,
}

/// How long requests took over the measured window, as the server saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTimes {
    /// What took so long.
    pub metric: Canonical,
    /// Who says it.
    pub source: Source,
    /// Requests that it is made of.
    pub n: u64,
    /// Of those for which there are enough requests.
    pub quantiles: Vec<ServerQuantile>,
}

/// A quantile that a histogram gives: it lies within a bucket, and nobody knows where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerQuantile {
    /// The percentile: 50, 90 or 99.
    pub p: f64,
    /// Seconds, as if observations lay evenly in their bucket; absent beyond the last bound.
    pub value: Option<f64>,
    /// Seconds that it is above.
    pub low: f64,
    /// Seconds that it is not above; absent beyond the last bound.
    pub high: Option<f64>,
}

impl ServerTimes {
    /// The quantile of this percentile, if there were enough requests.
    pub fn quantile(&self, p: f64) -> Option<&ServerQuantile> {
        self.quantiles.iter().find(|quantile| quantile.p == p)
    }
}

/// Buckets of their own from those of a classic histogram, each of which counts all that is not above its bound (`le`).
pub(super) fn apart(mut cumulative: Vec<(f64, f64)>) -> impl Iterator<Item = Bucket> {
    cumulative.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    // Times begin at nothing.
    let mut before = (0.0, 0.0);
    cumulative.into_iter().filter_map(move |(upto, reached)| {
        let (above, reached_before) = std::mem::replace(&mut before, (upto, reached));
        let count = reached - reached_before;
        (count > 0.0 && above < upto).then_some(Bucket { above, upto, count })
    })
}

/// What the histograms of one metric gained over time, in memory that does not grow with the hours.
#[derive(Debug, Default)]
pub(super) struct History {
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    from: f64,
    until: f64,
    buckets: Vec<Bucket>,
}

impl History {
    pub(super) fn push(&mut self, gained: &Gained) {
        let (from, until) = (gained.from.as_secs_f64(), gained.until.as_secs_f64());
        self.spans.push(Span { from, until, buckets: gained.buckets.clone() });
        if self.spans.len() >= 2 * SPANS {
            self.spans = self.spans.chunks(2).map(together).collect();
        }
    }

    /// What was observed between pages that both lie in the window from `start` to `end`; nothing if that is nothing.
    pub(super) fn times(
        &self,
        (metric, source): (Canonical, Source),
        start: f64,
        end: f64,
    ) -> Option<ServerTimes> {
        let inside = self.spans.iter().filter(|span| span.from >= start && span.until <= end);
        let buckets = added(inside.flat_map(|span| &span.buckets));
        let n: f64 = buckets.iter().map(|bucket| bucket.count).sum();
        // Beyond a quantile there is at least one request.
        let enough = REPORTED.into_iter().filter(|p| n * (100.0 - p) >= 100.0);
        let quantiles = enough.filter_map(|p| quantile(&buckets, n, p)).collect();
        (n > 0.0).then(|| ServerTimes { metric, source, n: n.round() as u64, quantiles })
    }
}

fn together(pair: &[Span]) -> Span {
    let edge = |of: fn(&Span) -> f64, pick: fn(f64, f64) -> f64| pair.iter().map(of).reduce(pick);
    Span {
        from: edge(|span| span.from, f64::min).unwrap_or_default(),
        until: edge(|span| span.until, f64::max).unwrap_or_default(),
        buckets: added(pair.iter().flat_map(|span| &span.buckets)),
    }
}

/// All buckets by their bounds, those of the same bounds together.
fn added<'a>(buckets: impl Iterator<Item = &'a Bucket>) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = buckets.copied().collect();
    all.sort_by(|a, b| a.upto.total_cmp(&b.upto).then(a.above.total_cmp(&b.above)));
    all.dedup_by(|next, kept| {
        let same = (next.above, next.upto) == (kept.above, kept.upto);
        kept.count += if same { next.count } else { 0.0 };
        same
    });
    all
}

fn quantile(buckets: &[Bucket], n: f64, p: f64) -> Option<ServerQuantile> {
    let (rank, mut below) = (n * p / 100.0, 0.0);
    let bucket = buckets.iter().find(|bucket| {
        below += bucket.count;
        below >= rank * (1.0 - 1e-9)
    })?;
    let part = 1.0 - (below - rank) / bucket.count;
    let high = Some(bucket.upto).filter(|upto| upto.is_finite());
    let value = high.map(|high| bucket.above + (high - bucket.above) * part.clamp(0.0, 1.0));
    Some(ServerQuantile { p, value, low: bucket.above, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: (Canonical, Source) = (Canonical::QueueTime, Source::Vllm);

    fn gained(from: f64, until: f64, cumulative: &[(f64, f64)]) -> Gained {
        Gained {
            from: Offset::from_secs_f64(from),
            until: Offset::from_secs_f64(until),
            source: QUEUE.1,
            metric: QUEUE.0,
            buckets: apart(cumulative.to_vec()).collect(),
        }
    }

    #[test]
    fn buckets_of_a_classic_histogram_come_apart() {
        let buckets: Vec<_> = apart(vec![(f64::INFINITY, 6.0), (1.0, 2.0), (2.0, 2.0), (4.0, 5.0)]).collect();
        let of = |above, upto, count| Bucket { above, upto, count };
        assert_eq!(buckets, [of(0.0, 1.0, 2.0), of(2.0, 4.0, 3.0), of(4.0, f64::INFINITY, 1.0)]);
    }

    #[test]
    fn quantiles_lie_in_their_bucket_as_in_prometheus() {
        let mut history = History::default();
        history.push(&gained(0.0, 1.0, &[(0.1, 50.0), (0.2, 80.0), (0.4, 199.0), (f64::INFINITY, 200.0)]));
        let times = history.times(QUEUE, 0.0, 1.0).unwrap();
        let of = |p| times.quantile(p).copied().unwrap();
        assert_eq!(times.n, 200);
        // histogram_quantile(0.5) = 0.2 + 0.2 * 20 / 119
        assert!((of(50.0).value.unwrap() - (0.2 + 0.2 * 20.0 / 119.0)).abs() < 1e-12, "{times:?}");
        assert_eq!((of(99.0).low, of(99.0).high), (0.2, Some(0.4)));

        let mut beyond = History::default();
        beyond.push(&gained(0.0, 1.0, &[(0.1, 10.0), (f64::INFINITY, 100.0)]));
        let p99 = beyond.times(QUEUE, 0.0, 1.0).unwrap().quantiles[2];
        assert_eq!(p99, ServerQuantile { p: 99.0, value: None, low: 0.1, high: None });
    }

    #[test]
    fn only_what_lies_in_the_window_counts_and_few_requests_have_no_high_quantile() {
        let mut history = History::default();
        for second in 0..10 {
            let late = if second >= 8 { 1e3 } else { 0.0 };
            history.push(&gained(
                f64::from(second),
                f64::from(second + 1),
                &[(1.0, 2.0), (2.0, 2.0 + late), (4.0, 3.0 + late)],
            ));
        }
        let times = history.times(QUEUE, 0.5, 8.5).unwrap();
        assert_eq!((times.n, times.quantiles.len()), (21, 2), "{times:?}");
        assert_eq!(history.times(QUEUE, 10.0, 20.0), None);
        assert_eq!(History::default().times(QUEUE, 0.0, 20.0), None);
    }

    #[test]
    fn hours_take_no_more_memory_and_lose_no_request() {
        let mut history = History::default();
        for second in 0..50_000 {
            let second = f64::from(second);
            history.push(&gained(second, second + 1.0, &[(1.0, 1.0), (2.0, 2.0)]));
        }
        assert!(history.spans.len() < 2 * SPANS);
        assert_eq!(history.times(QUEUE, 0.0, 50_000.0).unwrap().n, 100_000);
    }
}
