//! What is seen while a run goes on: a few lines that renew themselves on a terminal, else a plain line now and then.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::emit;
use super::numbers::{count, ms, short};
use super::plan::duration;

/// From one plain line to the next.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);
const BAR_WIDTH: usize = 24;

/// A moment of a run. Rates and percentiles are of the last few seconds, counts of the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LiveView {
    /// Since the start, for who watches. Simulated time is faster than that.
    pub(crate) watched: Duration,
    /// Since the start, for the run.
    pub(crate) elapsed: Duration,
    /// Until no more requests start, if that is known.
    pub(crate) left: Option<Duration>,
    /// `ramp`, `warm-up`, `measuring`, `draining`.
    pub(crate) phase: &'static str,
    /// Requests per second.
    pub(crate) offered_rate: f64,
    /// Requests per second.
    pub(crate) sent_rate: f64,
    /// `ok` completions per second.
    pub(crate) completed_rate: f64,
    /// Tokens per second.
    pub(crate) output_token_rate: f64,
    pub(crate) in_flight: u32,
    /// Median and 99th percentile, seconds.
    pub(crate) ttft: Option<(f64, f64)>,
    /// Median and 99th percentile, seconds.
    pub(crate) latency: Option<(f64, f64)>,
    pub(crate) ok: u64,
    /// Failures by class.
    pub(crate) errors: Vec<(String, u64)>,
}

/// Shows moments as they come.
#[derive(Debug)]
pub(crate) enum Live {
    /// Nothing.
    Off,
    /// A line every few seconds.
    Plain {
        /// When the next line is due.
        next: Duration,
    },
    /// Lines that renew themselves.
    Panel { bars: Vec<ProgressBar>, all: MultiProgress },
}

impl Live {
    /// A view for stderr.
    pub(crate) fn start(wanted: bool, stderr_is_terminal: bool) -> Self {
        match (wanted, stderr_is_terminal) {
            (false, _) => Live::Off,
            (true, false) => Live::Plain { next: PLAIN_INTERVAL },
            (true, true) => {
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
                let bars = panel(&LiveView::default()).iter().map(|_| all.add(line_bar())).collect();
                Live::Panel { bars, all }
            }
        }
    }

    /// Shows a moment.
    pub(crate) fn show(&mut self, view: &LiveView) {
        match self {
            Live::Off => {}
            Live::Plain { next } if view.watched < *next => {}
            Live::Plain { next } => {
                emit::note(&line(view));
                // Moments that were missed are not made up for.
                *next = view.watched + PLAIN_INTERVAL;
            }
            Live::Panel { bars, .. } => {
                for (bar, text) in bars.iter().zip(panel(view)) {
                    bar.set_message(text);
                }
            }
        }
    }

    /// Prints a line above the view.
    pub(crate) fn note(&self, text: &str) {
        match self {
            Live::Panel { all, .. } => all.suspend(|| emit::note(text)),
            Live::Off | Live::Plain { .. } => emit::note(text),
        }
    }

    /// Removes the view, so that the report stands alone.
    pub(crate) fn finish(self) {
        if let Live::Panel { bars, all } = self {
            bars.iter().for_each(ProgressBar::finish_and_clear);
            // Stderr that went away takes the view with it.
            let _ = all.clear();
        }
    }
}

/// A bar without a bar: one line of text.
fn line_bar() -> ProgressBar {
    // The template is a constant that is valid; the default style still shows the message.
    let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new_spinner().with_style(style)
}

/// The moment in one line.
pub(crate) fn line(view: &LiveView) -> String {
    let mut parts = vec![
        format!("{} {}", clock(view.elapsed), view.phase),
        format!("sent {}/s of {}/s", short(view.sent_rate), short(view.offered_rate)),
        format!("ok {}/s", short(view.completed_rate)),
        format!("in flight {}", view.in_flight),
    ];
    parts.extend(view.ttft.map(|pair| format!("ttft {}", pair_ms(pair))));
    parts.extend(view.latency.map(|pair| format!("latency {}", pair_ms(pair))));
    parts.push(errors(view));
    parts.extend(view.left.map(|left| format!("{} left", clock(left))));
    parts.join(", ")
}

/// The moment in a few lines, always the same number of them.
pub(crate) fn panel(view: &LiveView) -> [String; 4] {
    let pair = |pair: Option<(f64, f64)>| pair.map_or_else(|| "-".to_owned(), pair_ms);
    let tokens = match view.output_token_rate {
        0.0 => String::new(), // none yet, or nothing that is made of tokens
        rate => format!("   {} tokens/s", short(rate)),
    };
    [
        format!("{}{}", view.phase, progress(view)),
        format!(
            "offered {}/s   sent {}/s   ok {}/s   in flight {}{tokens}",
            short(view.offered_rate),
            short(view.sent_rate),
            short(view.completed_rate),
            view.in_flight,
        ),
        format!("ttft {}   latency {}", pair(view.ttft), pair(view.latency)),
        format!("ok {}   {}", count(view.ok), errors(view)),
    ]
}

fn progress(view: &LiveView) -> String {
    let Some(left) = view.left else {
        return format!("  {} (Ctrl+C ends the run)", clock(view.elapsed));
    };
    let total = view.elapsed + left;
    let done = if total.is_zero() { 1.0 } else { view.elapsed.as_secs_f64() / total.as_secs_f64() };
    let filled = (done * BAR_WIDTH as f64) as usize;
    let bar: String = (0..BAR_WIDTH).map(|cell| if cell < filled { '█' } else { '░' }).collect();
    format!("  {bar}  {} of {}, {} left", clock(view.elapsed), clock(total), clock(left))
}

/// Whole seconds: a clock that shows more flickers.
fn clock(time: Duration) -> String {
    duration(Duration::from_secs(time.as_secs()))
}

fn pair_ms((median, p99): (f64, f64)) -> String {
    format!("p50 {} p99 {} ms", ms(Some(median)), ms(Some(p99)))
}

fn errors(view: &LiveView) -> String {
    if view.errors.is_empty() {
        return "no errors".to_owned();
    }
    let classes: Vec<String> =
        view.errors.iter().map(|(class, n)| format!("{class} {}", count(*n))).collect();
    format!("errors: {}", classes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> LiveView {
        LiveView {
            watched: Duration::from_millis(15_400),
            elapsed: Duration::from_millis(15_400),
            left: Some(Duration::from_millis(44_600)),
            phase: "measuring",
            offered_rate: 20.0,
            sent_rate: 19.96,
            completed_rate: 19.9,
            output_token_rate: 2547.0,
            in_flight: 26,
            ttft: Some((0.0512, 0.0893)),
            latency: Some((1.321, 1.75)),
            ok: 280,
            errors: vec![("http_429".to_owned(), 3), ("timeout".to_owned(), 1)],
        }
    }

    #[test]
    fn one_line_and_a_panel() {
        let open_end = LiveView { left: None, ttft: None, errors: Vec::new(), ..view() };
        let shown = [line(&view()), line(&open_end), panel(&view()).join("\n"), panel(&open_end).join("\n")];
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn a_moment_at_the_end_is_whole() {
        let end = LiveView { elapsed: Duration::ZERO, left: Some(Duration::ZERO), ..view() };
        assert!(panel(&end)[0].contains(&"█".repeat(BAR_WIDTH)));
    }
}
