//! The bucket of tokens of a rate limit.

use std::time::Duration;

use plimsoll_core::time::Offset;

use super::RateLimit;

/// So little less than a token is one: sums of fractions are not exact.
const TOLERANCE: f64 = 1e-9;

/// A bucket that fills evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: f64,
    /// When it had so many.
    at: Offset,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(limit: RateLimit) -> Self {
        Bucket { limit, tokens: f64::from(limit.burst), at: Offset::ZERO }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is none; the next one comes at this moment.
    pub(super) fn take(&mut self, now: Offset) -> Result<(), Offset> {
        let grown = self.tokens + self.limit.per_second * now.since(self.at).as_secs_f64();
        (self.tokens, self.at) = (grown.min(f64::from(self.limit.burst)), now);
        if self.tokens + TOLERANCE < 1.0 {
            let wait = (1.0 - self.tokens) / self.limit.per_second;
            return Err(now + Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let mut bucket = Bucket::new(RateLimit { per_second: 10.0, burst: 3 });
        let at = |millis: u64| Offset::from_nanos(millis * 1_000_000);
        for (millis, taken) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(at(100))),
            (50, Err(at(100))),
            (100, Ok(())),
            (150, Err(at(200))),
            (200, Ok(())),
            // Idle for long, it holds no more than its burst.
            (9_000, Ok(())),
            (9_000, Ok(())),
            (9_000, Ok(())),
            (9_000, Err(at(9_100))),
        ] {
            assert_eq!(bucket.take(at(millis)), taken, "at {millis} ms");
        }
    }
}
