//! One server with a constant service time and Poisson arrivals (M/D/1), with the whole distribution of its wait.

use std::num::NonZeroU32;

use super::station::{Station, StationError};

/// A stable M/D/1 queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Md1(Station);

/// Poisson probabilities beyond this many events are below 1e-16 for a mean below one.
const TERMS: usize = 20;

impl Md1 {
    /// Poisson arrivals at `rate` per second; each takes exactly `service` seconds.
    ///
    /// # Errors
    /// As for [`Station::new`].
    pub fn new(rate: f64, service: f64) -> Result<Self, StationError> {
        Station::new(NonZeroU32::MIN, rate, service).map(Md1)
    }

    /// Mean wait in seconds. Exact (Pollaczek-Khinchine with no variance).
    pub fn wait_mean(&self) -> f64 {
        let busy = self.0.utilisation();
        busy / (1.0 - busy) * self.0.service() / 2.0
    }

    /// The probability of a wait of at most `seconds`. Exact: G. J. Franx, A simple solution for the M/D/c waiting
    /// time distribution, Operations Research Letters 29, 2001. Erlang's formula of 1909 is the same number, but as a
    /// sum of alternating terms that loses all digits beyond some twenty service times; here every term is positive.
    /// Takes time in proportion to `seconds` over the service time.
    pub fn wait_at_most(&self, seconds: f64) -> f64 {
        if seconds < 0.0 {
            return 0.0;
        }
        let service = self.0.service();
        let k = (seconds / service).floor() as usize + 1; // (k-1) D <= t < k D
        let mean = self.0.rate() * (k as f64 * service - seconds);
        let present = self.present(k);
        // The sum over i <= n + 1 of `present` is the probability that at most n wait.
        let mut waiting = present.iter().sum::<f64>();
        let mut poisson = (-mean).exp();
        let mut probability = 0.0;
        for j in 0..k.min(TERMS) {
            probability += waiting * poisson;
            waiting -= present[k - j];
            poisson *= mean / (j + 1) as f64;
        }
        probability.min(1.0)
    }

    /// The wait in seconds that a share `p` of arrivals do not exceed; infinite for `p` of 1 or more.
    pub fn wait_quantile(&self, p: f64) -> f64 {
        if p >= 1.0 {
            return f64::INFINITY;
        }
        if self.wait_at_most(0.0) >= p {
            return 0.0;
        }
        let mut high = self.0.service();
        while self.wait_at_most(high) < p {
            high *= 2.0;
        }
        let mut low = 0.0;
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.wait_at_most(middle) < p { low = middle } else { high = middle }
        }
        high
    }

    /// The probabilities that 0 to `most` requests are present, at any time.
    fn present(&self, most: usize) -> Vec<f64> {
        let busy = self.0.utilisation();
        // more[k]: more than k arrivals during a service.
        let mut arrivals = [(-busy).exp(); TERMS + 1];
        for k in 1..=TERMS {
            arrivals[k] = arrivals[k - 1] * busy / k as f64;
        }
        let mut more = [0.0; TERMS + 1];
        for k in (0..TERMS).rev() {
            more[k] = more[k + 1] + arrivals[k + 1];
        }
        let mut present = Vec::with_capacity(most + 1);
        present.push(1.0 - busy);
        for n in 0..most {
            // As many services leave n or fewer behind as arrivals lift n or fewer above n: all terms are positive.
            let mut up = if n < TERMS { present[0] * more[n] } else { 0.0 };
            for i in (n + 1).saturating_sub(TERMS).max(1)..=n {
                up += present[i] * more[n + 1 - i];
            }
            present.push(up / arrivals[0]);
        }
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Erlang's own formula (1909), good while `t` is a few service times.
    fn erlang(busy: f64, t: f64) -> f64 {
        let mut sum = 0.0;
        for k in 0..=(t.floor() as i32) {
            let x = busy * (f64::from(k) - t);
            let factorial: f64 = (1..=k).map(f64::from).product();
            sum += x.powi(k) / factorial * (-x).exp();
        }
        (1.0 - busy) * sum
    }

    #[test]
    fn the_distribution_is_erlangs() {
        for busy in [0.1, 0.5, 0.8, 0.95] {
            let queue = Md1::new(busy, 1.0).unwrap();
            for t in [0.0, 0.3, 1.0, 1.7, 2.0, 4.5, 7.99] {
                let (ours, his) = (queue.wait_at_most(t), erlang(busy, t));
                assert!((ours - his).abs() < 1e-9, "rho {busy}, t {t}: {ours}, Erlang {his}");
            }
        }
    }

    #[test]
    fn the_distribution_has_the_mean_of_pollaczek_and_khinchine() {
        for busy in [0.5, 0.9] {
            let queue = Md1::new(busy * 50.0, 0.02).unwrap();
            let step = 0.000_05;
            let sum: f64 = (0..60_000).map(|i| 1.0 - queue.wait_at_most((f64::from(i) + 0.5) * step)).sum();
            let mean = queue.wait_mean();
            assert!((sum * step / mean - 1.0).abs() < 1e-3, "rho {busy}: {} against {mean}", sum * step);
        }
    }

    #[test]
    fn quantiles_invert_the_distribution_also_far_out() {
        let queue = Md1::new(0.98, 1.0).unwrap();
        for p in [0.5, 0.9, 0.99, 0.9999] {
            let t = queue.wait_quantile(p);
            assert!((queue.wait_at_most(t) - p).abs() < 1e-9, "p {p}: {t}");
        }
        assert_eq!(queue.wait_quantile(0.01), 0.0);
        assert_eq!(queue.wait_at_most(-1.0), 0.0);
    }
}
