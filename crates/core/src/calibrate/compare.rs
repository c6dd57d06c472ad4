//! Measured beside predicted: how far a simulated run is from the real one.

use serde::{Deserialize, Serialize};

use super::observed::{ObservedRequest, ObservedRun};
use crate::metrics::percentile;

/// What is compared of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Time to the first token, seconds.
    Ttft,
    /// Time per output token after the first, seconds.
    Tpot,
    /// From sending to the end of the response, seconds.
    Latency,
    /// Requests answered per second.
    RequestRate,
    /// Tokens generated per second.
    TokenRate,
}

impl Quantity {
    /// The name in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Quantity::Ttft => "ttft",
            Quantity::Tpot => "tpot",
            Quantity::Latency => "latency",
            Quantity::RequestRate => "request_rate",
            Quantity::TokenRate => "output_token_rate",
        }
    }
}

/// One figure of a run, measured and predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What it is.
    pub quantity: Quantity,
    /// Which percentile of it; nothing for a rate.
    pub percentile: Option<f64>,
    /// As measured.
    pub measured: f64,
    /// Lower end of the 95 % interval of the measured figure, where the samples give one.
    pub low: Option<f64>,
    /// Upper end of the same.
    pub high: Option<f64>,
    /// As predicted.
    pub predicted: f64,
}

impl Compared {
    /// `predicted / measured - 1`: 0.1 for a prediction that is 10 % too high.
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }
}

/// A run measured and predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The run.
    pub run: String,
    /// Requests measured, and requests predicted within the same window.
    pub requests: (usize, usize),
    /// The figures: those for which both sides have enough samples.
    pub figures: Vec<Compared>,
}

/// The percentiles that are compared.
const PERCENTILES: [f64; 3] = [50.0, 90.0, 99.0];

impl Comparison {
    /// A prediction with errors up to this is good (the bar of research on such simulators: 6 to 10 %).
    pub const GOOD: f64 = 0.10;

    /// The figure of `quantity` at `percentile`.
    pub fn figure(&self, quantity: Quantity, percentile: f64) -> Option<&Compared> {
        self.figures
            .iter()
            .find(|figure| figure.quantity == quantity && figure.percentile == Some(percentile))
    }

    /// The figures that decide whether the prediction is good: p50 and p99 of TTFT and TPOT.
    pub fn deciding(&self) -> impl Iterator<Item = &Compared> {
        self.figures.iter().filter(|figure| {
            matches!(figure.quantity, Quantity::Ttft | Quantity::Tpot)
                && figure.percentile.is_some_and(|percentile| percentile != 90.0)
        })
    }

    /// The greatest absolute error of the deciding figures; nothing without any.
    pub fn worst(&self) -> Option<f64> {
        self.deciding().map(|figure| figure.error().abs()).reduce(f64::max)
    }
}

/// Compares a measured run with the same run as predicted.
pub fn compare(measured: &ObservedRun, predicted: &[ObservedRequest]) -> Comparison {
    let real: Vec<&ObservedRequest> = measured.measured().collect();
    let simulated: Vec<&ObservedRequest> = predicted.iter().filter(|request| request.measured).collect();
    let mut figures = Vec::new();
    let mut times = |quantity, of: &dyn Fn(&ObservedRequest) -> Option<f64>| {
        let values =
            |requests: &[&ObservedRequest]| sorted(requests.iter().filter_map(|request| of(request)));
        let (real, simulated) = (values(&real), values(&simulated));
        for p in PERCENTILES {
            let of = |values: &[f64]| {
                percentile(values.len() as u64, p, &|rank| values[usize::try_from(rank - 1).unwrap_or(0)])
            };
            let (measured, predicted) = (of(&real), of(&simulated));
            if let (Some(value), Some(guess)) = (measured.value.filter(|&value| value > 0.0), predicted.value)
            {
                let (low, high) = (measured.low, measured.high);
                figures.push(Compared {
                    quantity,
                    percentile: Some(p),
                    measured: value,
                    low,
                    high,
                    predicted: guess,
                });
            }
        }
    };
    times(Quantity::Ttft, &|request| Some(request.ttft()));
    times(Quantity::Tpot, &ObservedRequest::tpot);
    times(Quantity::Latency, &|request| Some(request.latency()));
    let rates = [
        (Quantity::RequestRate, rate(&real, |_| 1.0), rate(&simulated, |_| 1.0)),
        (
            Quantity::TokenRate,
            rate(&real, |request| f64::from(request.output_tokens)),
            rate(&simulated, |request| f64::from(request.output_tokens)),
        ),
    ];
    for (quantity, measured, predicted) in rates {
        if let (Some(measured), Some(predicted)) = (measured, predicted) {
            figures.push(Compared { quantity, percentile: None, measured, low: None, high: None, predicted });
        }
    }
    Comparison { run: measured.name.clone(), requests: (real.len(), simulated.len()), figures }
}

/// What these requests did in a second, from the first that was sent to the last that ended.
fn rate(requests: &[&ObservedRequest], amount: impl Fn(&ObservedRequest) -> f64) -> Option<f64> {
    let begin = requests.iter().map(|request| request.sent).min()?;
    let end = requests.iter().map(|request| request.done).max()?;
    let span = end.since(begin).as_secs_f64();
    let total: f64 = requests.iter().map(|request| amount(request)).sum();
    (span > 0.0).then(|| total / span)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::super::observed::fixture::{request, run};
    use super::*;

    #[test]
    fn errors_are_relative_to_what_was_measured() {
        let measured = run((0..100).map(|id| request(id * 10, id * 10 + 50, id * 10 + 90)).collect());
        // Each first token 10 % later, the end at its old moment.
        let predicted: Vec<ObservedRequest> =
            (0..100).map(|id| request(id * 10, id * 10 + 55, id * 10 + 90)).collect();
        let comparison = compare(&measured, &predicted);
        assert_eq!(comparison.requests, (100, 100));
        for p in PERCENTILES {
            let ttft = comparison.figure(Quantity::Ttft, p).unwrap();
            assert!((ttft.error() - 0.1).abs() < 1e-9, "{ttft:?}");
            assert_eq!((ttft.measured, ttft.low), (0.05, Some(0.05)));
            assert_eq!(comparison.figure(Quantity::Latency, p).unwrap().error(), 0.0);
        }
        assert!((comparison.worst().unwrap() - 0.1).abs() < 1e-9);
        let rates: Vec<f64> = comparison.figures[9..].iter().map(|figure| figure.measured).collect();
        let expected = [100.0 / 1.08, 4100.0 / 1.08];
        assert!(rates.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{rates:?}");
    }

    #[test]
    fn a_percentile_without_enough_samples_is_left_out() {
        let few = run((0..30).map(|id| request(id, id + 5, id + 9)).collect());
        let comparison = compare(&few, &few.requests);
        assert!(comparison.figure(Quantity::Ttft, 50.0).is_some());
        assert!(comparison.figure(Quantity::Ttft, 99.0).is_none());
        assert_eq!(compare(&run(Vec::new()), &[]).worst(), None);
    }
}
