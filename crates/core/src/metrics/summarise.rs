//! From a tally to the summary that reports show.

use std::collections::BTreeMap;
use std::time::Duration;

use super::by_hand::changed_by_hand;
use super::histogram::Unit;
use super::order_statistics::min_samples;
use super::quantities::QUANTITIES;
use super::tally::Tally;
use super::timeline::{BIN, Timeline};
use super::verdict::{Evidence, Little, slow_host, validity};
use crate::health::{ClientHealth, ThreadHealth};
use crate::load::{HandLoad, Intervention};
use crate::record::{Outcome, TokenSource};
use crate::summary::{
    Counts, Distribution, HealthSummary, Rates, RunHeader, SUMMARY_SCHEMA, Summary, Tokens, WindowTimes,
};
use crate::time::Offset;

/// The boundaries of a run's phases, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// End of the ramp, start of the warm-up.
    pub ramp_end: Offset,
    /// End of the warm-up, start of the measured window.
    pub measure_start: Offset,
    /// End of the measured window, start of the drain.
    pub measure_end: Offset,
    /// End of the drain.
    pub end: Offset,
}

/// How a run was conducted, as far as the verdict depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Conduct<'a> {
    /// The boundaries of its phases.
    pub window: Window,
    /// Requests started on a schedule, whatever the server did.
    pub open_loop: bool,
    /// The user's own cap on concurrency was reached.
    pub cap_reached: bool,
    /// The client's own health over the measured window.
    pub health: &'a ClientHealth,
    /// When the user changed the load by hand.
    pub interventions: &'a [Intervention],
}

impl Tally {
    /// The results of the run.
    pub fn summary(&self, run: RunHeader, conduct: &Conduct) -> Summary {
        let counts = self.counts();
        let metrics = self.metrics(conduct.open_loop);
        let in_flight = self.in_flight_by_second(&conduct.window);
        let median_latency = metrics.get("latency").and_then(|latency| latency.percentile(50.0));
        let mut validity = validity(&Evidence {
            open_loop: conduct.open_loop,
            cap_reached: conduct.cap_reached,
            offered: counts.scheduled - counts.outcomes.get(&Outcome::Shed).copied().unwrap_or(0),
            sent: counts.sent,
            refused: self.counts.refused,
            own_lag: &self.own_lag,
            median_latency,
            health: conduct.health,
            in_flight: &in_flight,
            little: self.little(conduct),
        });
        validity.reasons.extend(changed_by_hand(conduct.interventions, &conduct.window));
        validity.valid = validity.reasons.is_empty();
        let tokens = self.tokens.totals();
        let items_per_request = run.items_per_request;
        let mut warnings = warnings(&counts, &tokens, conduct);
        warnings.extend(slow_host(conduct.health, median_latency));
        Summary {
            schema: SUMMARY_SCHEMA.to_owned(),
            run,
            window: conduct.window.times(),
            rates: self.rates(&counts, &conduct.window, items_per_request),
            counts,
            metrics,
            tokens,
            speculation: self.speculation.acceptance(),
            errors: self.errors.list(),
            health: self.health(conduct),
            validity,
            interventions: conduct.interventions.to_vec(),
            warnings,
            feeds: Vec::new(),
            slos: Vec::new(),
            goodput: None,
            server: None,
            truth: self.client_errors.truth(),
        }
    }

    fn counts(&self) -> Counts {
        let outcomes = self.counts.outcomes.clone();
        Counts {
            scheduled: outcomes.values().sum(),
            sent: self.counts.sent,
            bytes_sent: self.counts.bytes_sent,
            bytes_received: self.counts.bytes_received,
            ok: outcomes.get(&Outcome::Ok).copied().unwrap_or(0),
            failed: outcomes.iter().filter(|(outcome, _)| outcome.is_failure()).map(|(_, count)| count).sum(),
            outcomes,
            total: self.totals().records,
            total_failed: self.totals().failed,
        }
    }

    /// The distributions that have samples.
    fn metrics(&self, open_loop: bool) -> BTreeMap<String, Distribution> {
        let per_request = QUANTITIES.iter().zip(&self.quantities);
        let pooled = [("chunk_gap", &self.chunk_gap), ("itl", &self.itl)].into_iter();
        per_request
            .map(|(quantity, samples)| (quantity.name, quantity.unit, samples))
            .chain(pooled.map(|(name, samples)| (name, Unit::Time, samples)))
            .chain(open_loop.then_some(("send_lag", Unit::Time, &self.send_lag)))
            .filter(|(_, _, samples)| samples.n() > 0)
            .map(|(name, unit, samples)| (name.to_owned(), samples.distribution(unit)))
            .collect()
    }

    fn rates(&self, counts: &Counts, window: &Window, items_per_request: Option<f64>) -> Rates {
        let (start, end) = (window.measure_start, window.measure_end);
        let length = end.since(start).as_secs_f64();
        if length <= 0.0 {
            return Rates::default();
        }
        let arisen = &self.arisen;
        let completed_rate = arisen.completed.within(start, end) / length;
        let output_token_rate = arisen.output_tokens.within(start, end) / length;
        let input_token_rate = arisen.input_tokens.within(start, end) / length;
        Rates {
            offered_rate: counts.scheduled as f64 / length,
            sent_rate: arisen.sent.within(start, end) / length,
            completed_rate,
            item_rate: items_per_request.map(|items| items * completed_rate),
            output_token_rate,
            input_token_rate,
            total_token_rate: output_token_rate + input_token_rate,
            concurrency_mean: arisen.in_flight.within(start, end) / (length * 1e9),
            concurrency_max: self.in_flight_max(window),
        }
    }

    /// Requests in flight as they were counted and as the records add up to them, over the measured window; nothing where
    /// some never ended, so that nobody knows how long they were in flight.
    fn little(&self, conduct: &Conduct) -> Option<Little> {
        let (start, end) = (conduct.window.measure_start, conduct.window.measure_end);
        // Requests in flight are counted by tenths of a second: what the end leaves of the last one is not known.
        let tenths = end.since(start).as_nanos() as u64 / BIN;
        let span = Duration::from_nanos(tenths * BIN);
        let (end, seconds) = (start + span, span.as_secs_f64());
        let mean = |line: &Timeline| line.within(start, end) / (seconds * 1e9);
        let ended = !self.counts.outcomes.contains_key(&Outcome::Unfinished) && tenths > 0;
        ended.then(|| Little {
            counted: mean(&self.arisen.in_flight),
            from_records: mean(&self.arisen.resident),
            rate: self.arisen.sent.within(start, end) / seconds,
        })
    }

    /// The most requests in flight in any second of the window: the sum of the threads' own maxima of that second,
    /// so with several threads an upper bound.
    fn in_flight_max(&self, window: &Window) -> u32 {
        let threads = &self.arisen.in_flight_max;
        let seconds =
            window.measure_start.as_secs_f64() as usize..window.measure_end.as_secs_f64().ceil() as usize;
        let longest = threads.iter().map(Vec::len).max().unwrap_or(0);
        (seconds.start..seconds.end.min(longest))
            .map(|second| threads.iter().filter_map(|thread| thread.get(second)).sum())
            .max()
            .unwrap_or(0)
    }

    /// Mean of the requests in flight in each whole second of the window.
    pub(super) fn in_flight_by_second(&self, window: &Window) -> Vec<f64> {
        let seconds = window.measure_end.since(window.measure_start).as_secs();
        let edge = |second| window.measure_start + Duration::from_secs(second);
        (0..seconds)
            .map(|second| self.arisen.in_flight.within(edge(second), edge(second + 1)) / 1e9)
            .collect()
    }

    fn health(&self, conduct: &Conduct) -> HealthSummary {
        let health = conduct.health;
        let greatest = |share: fn(&ThreadHealth) -> f64| health.threads.iter().map(share).fold(0.0, f64::max);
        let worst_p99 = |lag: fn(&ThreadHealth) -> &hdrhistogram::Histogram<u64>| {
            let p99 = |lag: &hdrhistogram::Histogram<u64>| lag.value_at_quantile(0.99) as f64 / 1e9;
            health.threads.iter().map(lag).filter(|lag| !lag.is_empty()).map(p99).reduce(f64::max)
        };
        let scheduled_p99 = |lag: &super::Samples| {
            let lag = lag.distribution(Unit::Time).percentile(99.0);
            lag.filter(|_| conduct.open_loop)
        };
        HealthSummary {
            busy_max: greatest(|thread| thread.busy),
            waiting_max: greatest(|thread| thread.waiting),
            others_max: greatest(|thread| thread.others),
            stolen_max: greatest(|thread| thread.stolen),
            timer_lag_p99: worst_p99(|thread| &thread.timer_lag),
            read_lag_p99: worst_p99(|thread| &thread.read_lag),
            send_lag_p99: scheduled_p99(&self.send_lag),
            own_lag_p99: scheduled_p99(&self.own_lag),
            kernel_timestamps: health.kernel_timestamps,
            records_lost: health.records_lost,
            prompts_late: health.prompts_late,
        }
    }
}

impl Window {
    /// The lengths of the phases.
    pub fn times(&self) -> WindowTimes {
        WindowTimes {
            ramp: self.ramp_end.as_secs_f64(),
            warmup: self.measure_start.since(self.ramp_end).as_secs_f64(),
            measured: self.measure_end.since(self.measure_start).as_secs_f64(),
            drain: self.end.since(self.measure_end).as_secs_f64(),
            steady_after: None,
        }
    }
}

/// What kept requests from being sent that were due.
fn shed_by(conduct: &Conduct) -> &'static str {
    let paused = conduct.interventions.iter().any(|span| span.load == HandLoad::Paused);
    match (conduct.cap_reached, paused) {
        (false, true) => "the run was paused",
        (true, true) => "the run was paused, and the cap on concurrency (-u) was reached",
        (_, false) => "the cap on concurrency (-u) was reached",
    }
}

/// What the reader should know beside the verdict.
fn warnings(counts: &Counts, tokens: &Tokens, conduct: &Conduct) -> Vec<String> {
    let of = |outcome| counts.outcomes.get(&outcome).copied().unwrap_or(0);
    let source = |source| tokens.sources.get(&source).copied().unwrap_or(0);
    let (ok, enough) = (counts.ok, min_samples(99.0));
    let estimated = source(TokenSource::Chunks);
    let unknown = source(TokenSource::Unknown);
    let (unfinished, shed) = (of(Outcome::Unfinished), of(Outcome::Shed));
    let late = conduct.health.prompts_late;
    [
        (ok < enough, format!("{ok} ok requests are too few for a p99 ({enough}): measure for longer")),
        (
            estimated > 0,
            format!(
                "the output tokens of {estimated} requests are an estimate, one per event: the server reported no \
                 usage; give its tokenizer (--tokenizer) to count them"
            ),
        ),
        (unknown > 0, format!("the output tokens of {unknown} requests are not known: the server reported no usage")),
        (
            tokens.itl_estimated > 0,
            format!(
                "itl is an estimate for {} requests: their events carry several tokens, and how many each is not \
                 known; chunk_gap is exact",
                tokens.itl_estimated
            ),
        ),
        (
            tokens.wrong_length > 0,
            format!("{} of {ok} answers are not of the length asked for", tokens.wrong_length),
        ),
        (
            tokens.prompt_deviating > 0,
            format!(
                "the server counted other prompt tokens than expected in {} of {} requests (by {:+.1} on average, \
                 {} at most): give its own tokenizer (--tokenizer)",
                tokens.prompt_deviating,
                tokens.prompt_compared,
                tokens.prompt_deviation_mean.unwrap_or(0.0),
                tokens.prompt_deviation_max
            ),
        ),
        (unfinished > 0, format!("{unfinished} requests were still in flight when the run ended")),
        (shed > 0, format!("{shed} requests were never sent: {}", shed_by(conduct))),
        (
            conduct.open_loop && conduct.cap_reached && shed == 0,
            "the cap on concurrency (-u) was reached: requests were held back, and send_lag shows it".to_owned(),
        ),
        (late > 0, format!("{late} requests were due before their prompt had been built")),
    ]
    .into_iter()
    .filter_map(|(holds, text)| holds.then_some(text))
    .collect()
}
