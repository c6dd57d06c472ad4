//! The final report: the verdict first, then what was asked, what came back, and what is wrong.

use comfy_table::Table;
use plimsoll_core::record::Outcome;
use plimsoll_core::summary::{Distribution, Percentile, Summary};

use super::numbers::{bytes, count, ms, percent, share, short};
use super::objectives;
use super::server;
use super::style::{Style, Tone, plain_table, right_align};

/// The time metrics of the latency table, in its order.
const TIMES: [&str; 19] = [
    "ttft",
    "ttfvt",
    "ttft_scheduled",
    "tpot",
    "itl",
    "chunk_gap",
    "latency",
    "response_time",
    "e2e_per_token",
    "send_lag",
    "connect",
    "server_queue",
    "server_tokenize",
    "server_prompt",
    "server_ttft",
    "server_generation",
    "server_tpot",
    "server_inference",
    "server_total",
];

/// What INVALID means.
pub(super) const INVALID: &str = "these figures say more of this client than of the server";
/// What OVERLOADED means.
pub(super) const OVERLOADED: &str = "the backlog grew over the measured window, so this load cannot be held";

/// The whole report. `results` is the folder with the results.
pub(crate) fn report(summary: &Summary, results: &str, style: Style) -> String {
    let sections = [
        verdict(summary, style),
        header(summary),
        counts(summary),
        latencies(summary, style),
        acceptance(summary, style),
        errors(summary, style),
        health(summary),
        server::section(summary, style),
        truth(summary),
        warnings(summary, style),
        format!("Results    {results}\n"),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn verdict(summary: &Summary, style: Style) -> String {
    [
        client(summary, style),
        overloaded(summary, style),
        stopped(summary, style),
        objectives::lines(summary, style),
    ]
    .concat()
}

/// Whether this client measured the server.
fn client(summary: &Summary, style: Style) -> String {
    if !summary.validity.valid {
        return invalid(summary, style);
    }
    format!("{}: {}\n", style.paint(Tone::Good, "VALID"), kept_up(summary))
}

/// Why a VALID run is that.
pub(super) fn kept_up(summary: &Summary) -> String {
    if summary.run.simulated {
        return "simulated time, in which a client is never late".to_owned();
    }
    let health = &summary.health;
    let mut figures = vec![format!("I/O threads busy {}", percent(health.busy_max))];
    figures.extend(health.timer_lag_p99.map(|lag| format!("timer lag p99 {} ms", ms(Some(lag)))));
    figures.extend(health.send_lag_p99.map(|lag| format!("send lag p99 {} ms", ms(Some(lag)))));
    format!("the client kept up ({})", figures.join(", "))
}

/// What ended the run before its time.
fn stopped(summary: &Summary, style: Style) -> String {
    match &summary.run.stopped_by {
        Some(rule) => format!("{} by {rule}\n", style.paint(Tone::Bad, "STOPPED")),
        None => String::new(),
    }
}

/// What makes a measurement INVALID; nothing of one that is VALID.
pub(super) fn invalid(summary: &Summary, style: Style) -> String {
    if summary.validity.valid {
        return String::new();
    }
    let word = style.paint(Tone::Bad, "INVALID");
    let reasons: String = summary.validity.reasons.iter().map(|reason| format!("  - {reason}\n")).collect();
    format!("{word}: {INVALID}\n{reasons}")
}

fn overloaded(summary: &Summary, style: Style) -> String {
    if !summary.validity.overloaded {
        return String::new();
    }
    let word = style.paint(Tone::Doubt, "OVERLOADED");
    format!("{word}: {OVERLOADED}\n")
}

fn header(summary: &Summary) -> String {
    let (run, window) = (&summary.run, &summary.window);
    let seconds = |seconds: f64| format!("{} s", short(seconds));
    format!(
        "Run        {}, {} -> {} ({})\n           {}, {}; seed {}, {} I/O threads\nWindow     \
         {} measured after {} of ramp and {} of warm-up, {} of drain; {}\n",
        run.name,
        run.load,
        run.target,
        run.server(),
        run.api,
        run.workload,
        run.seed,
        run.threads,
        seconds(window.measured),
        seconds(window.ramp),
        seconds(window.warmup),
        seconds(window.drain),
        run.ended,
    )
}

fn counts(summary: &Summary) -> String {
    let (counts, rates) = (&summary.counts, &summary.rates);
    let amounts = if summary.run.without_tokens {
        carried(summary)
    } else {
        tokens_of(summary) + &carried_besides(summary)
    };
    let items = match (rates.item_rate, summary.run.items_per_request) {
        (Some(rate), Some(each)) if each != 1.0 => {
            format!("; items {}/s, {each} in a request", short(rate))
        }
        _ => String::new(),
    };
    let others: Vec<String> = counts
        .outcomes
        .iter()
        .filter(|(outcome, _)| **outcome != Outcome::Ok)
        .map(|(outcome, n)| format!("{} {}", outcome.name(), count(*n)))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(": {}", others.join(", ")) };
    format!(
        "Requests   scheduled {}, sent {}, ok {}, failed {} ({}){others}\n\
         Rates      offered {}/s, sent {}/s, completed {}/s; in flight {} on average, {} at most{items}\n{amounts}",
        count(counts.scheduled),
        count(counts.sent),
        count(counts.ok),
        count(counts.failed),
        percent(share(counts.failed, counts.scheduled)),
        short(rates.offered_rate),
        short(rates.sent_rate),
        short(rates.completed_rate),
        short(rates.concurrency_mean),
        rates.concurrency_max,
    )
}

/// What went over the wire, where nothing is counted in tokens.
fn carried(summary: &Summary) -> String {
    let (counts, length) = (&summary.counts, summary.window.measured);
    let rate = |amount: u64| {
        if length > 0.0 { format!(" ({}/s)", bytes((amount as f64 / length) as u64)) } else { String::new() }
    };
    let figure = |amount: u64| format!("{}{}", bytes(amount), rate(amount));
    let events = match summary.tokens.events {
        0 => String::new(),
        n => format!("; events {}", count(n)),
    };
    format!(
        "Bytes      sent {}, received {}{events}\n",
        figure(counts.bytes_sent),
        figure(counts.bytes_received)
    )
}

/// What went over the wire, where answers are not made of tokens.
fn carried_besides(summary: &Summary) -> String {
    if summary.counts.ok > 0 && summary.tokens.sources.is_empty() { carried(summary) } else { String::new() }
}

/// Tokens in and out, or only in where answers are of another kind, or nothing where there are none at all.
fn tokens_of(summary: &Summary) -> String {
    let (rates, tokens) = (&summary.rates, &summary.tokens);
    let cached = tokens.cached.map(|n| format!(" ({} of them cached)", count(n))).unwrap_or_default();
    if summary.counts.ok > 0 && tokens.sources.is_empty() {
        return match tokens.input {
            0 => String::new(),
            input => {
                format!("Tokens     in {}{cached}, {}/s\n", count(input), short(rates.input_token_rate))
            }
        };
    }
    let sources: Vec<String> =
        tokens.sources.iter().map(|(source, n)| format!("{} {}", source_name(*source), count(*n))).collect();
    let sources = if sources.is_empty() {
        String::new()
    } else {
        format!("; output counted by {}", sources.join(", "))
    };
    let events = match tokens.events {
        0 => String::new(),
        n => format!("; events {}, {} coalesced", count(n), percent(share(tokens.coalesced_events, n))),
    };
    format!(
        "Tokens     in {}{cached}, out {}{sources}\n           in {}/s, out {}/s, together {}/s{events}\n",
        count(tokens.input),
        count(tokens.output),
        short(rates.input_token_rate),
        short(rates.output_token_rate),
        short(rates.total_token_rate),
    )
}

/// What speculative decoding accepted, position by position.
fn acceptance(summary: &Summary, style: Style) -> String {
    if summary.speculation.is_empty() {
        return String::new();
    }
    let mut table = plain_table(style);
    table.set_header(["position", "n", "accepted"]);
    for entry in &summary.speculation {
        table.add_row([entry.position.to_string(), count(entry.n), percent(entry.mean)]);
    }
    right_align(&mut table, 0..);
    format!(
        "{}\n{}\n",
        style.paint(Tone::Heading, "Speculation accepted, by position in the draft"),
        trimmed(&table)
    )
}

pub(super) fn source_name(source: plimsoll_core::record::TokenSource) -> &'static str {
    use plimsoll_core::record::TokenSource;
    match source {
        TokenSource::Server => "server",
        TokenSource::Logprobs => "log probabilities",
        TokenSource::Tokenizer => "tokenizer",
        TokenSource::Chunks => "chunks (an estimate)",
        TokenSource::Unknown => "nobody",
        TokenSource::NoTokens => "none",
    }
}

/// Milliseconds, each percentile over its 95 % interval. Narrow terminals get fewer percentiles.
fn latencies(summary: &Summary, style: Style) -> String {
    let shown: &[f64] = match style.width {
        ..80 => &[50.0, 99.0],
        80..100 => &[50.0, 95.0, 99.0],
        100..120 => &[50.0, 90.0, 95.0, 99.0],
        _ => &[50.0, 75.0, 90.0, 95.0, 99.0, 99.9],
    };
    let mut table = plain_table(style);
    let names = ["ms", "n", "mean"].map(str::to_owned);
    let percentiles = shown.iter().map(|p| format!("p{p}"));
    table.set_header(names.into_iter().chain(percentiles).chain(["max".to_owned()]));
    let rows = times(summary);
    if rows.is_empty() {
        return "Latencies  none: no request succeeded in the measured window\n".to_owned();
    }
    for (name, metric) in rows {
        let cells = [name.to_owned(), count(metric.n), ms(metric.mean)];
        let percentiles = shown.iter().map(|p| percentile_cell(metric, *p));
        table.add_row(cells.into_iter().chain(percentiles).chain([ms(metric.max)]));
    }
    right_align(&mut table, 1..);
    let title = style.paint(Tone::Heading, "Latencies");
    let note = style
        .paint(Tone::Faint, "(95 % intervals by order statistics below; - where there are too few samples)");
    format!("{title}  {note}\n{}\n", trimmed(&table))
}

/// The times that there are, in the order of reports.
pub(super) fn times(summary: &Summary) -> Vec<(&'static str, &Distribution)> {
    TIMES
        .iter()
        .filter_map(|name| Some((*name, summary.metrics.get(*name)?)))
        .filter(|(name, metric)| metric.n > 0 && !repeats_another(summary, name, metric))
        .collect()
}

/// In a closed loop scheduled is sent, and without reasoning every token is visible: the same row twice says nothing.
fn repeats_another(summary: &Summary, name: &str, metric: &Distribution) -> bool {
    let original = match name {
        "response_time" => "latency",
        "ttft_scheduled" | "ttfvt" => "ttft",
        _ => return false,
    };
    summary.metrics.get(original) == Some(metric)
}

fn percentile_cell(metric: &Distribution, p: f64) -> String {
    let Some(Percentile { value: Some(value), low, high, .. }) =
        metric.percentiles.iter().find(|entry| entry.p == p)
    else {
        return "-".to_owned();
    };
    match (low, high) {
        (Some(low), Some(high)) => format!("{}\n{}..{}", ms(Some(*value)), ms(Some(*low)), ms(Some(*high))),
        _ => ms(Some(*value)),
    }
}

fn errors(summary: &Summary, style: Style) -> String {
    if summary.errors.is_empty() {
        return String::new();
    }
    let mut table = plain_table(style);
    table.set_header(["class", "status", "count", "from .. to", "for example"]);
    for class in &summary.errors {
        table.add_row([
            class.outcome.name().to_owned(),
            class.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            count(class.count),
            format!("{}..{} s", short(class.first), short(class.last)),
            printable(&class.example),
        ]);
    }
    format!("{}\n{}\n", style.paint(Tone::Heading, "Errors of the whole run"), trimmed(&table))
}

/// What a server sent, without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn health(summary: &Summary) -> String {
    if summary.run.simulated {
        return "Client     simulated: it takes no time of its own, and arrivals are exact\n".to_owned();
    }
    let health = &summary.health;
    let stamps = if health.kernel_timestamps { "the kernel" } else { "this process" };
    let lag = |name: &str, value: Option<f64>| value.map(|lag| format!("{name} p99 {} ms", ms(Some(lag))));
    let mut figures = vec![
        format!("busy {}", percent(health.busy_max)),
        format!("waiting for a core {}", percent(health.waiting_max)),
    ];
    if health.others_max >= 0.01 {
        figures.push(format!("other processes on its cores {}", percent(health.others_max)));
    }
    if health.stolen_max >= 0.01 {
        figures.push(format!("taken by the host {}", percent(health.stolen_max)));
    }
    figures.extend(lag("timer lag", health.timer_lag_p99));
    figures.extend(lag("read lag", health.read_lag_p99));
    figures.extend(lag("send lag", health.send_lag_p99));
    figures.push(format!("arrivals stamped by {stamps}"));
    if health.records_lost > 0 {
        figures.push(format!("{} records lost", count(health.records_lost)));
    }
    if health.prompts_late > 0 {
        figures.push(format!("{} prompts late", count(health.prompts_late)));
    }
    format!("Client     {}\n", figures.join(", "))
}

fn truth(summary: &Summary) -> String {
    let Some(truth) = &summary.truth else {
        return String::new();
    };
    let error = |metric: &Distribution| {
        format!("p50 {} ms, p99 {} ms", ms(metric.percentile(50.0)), ms(metric.percentile(99.0)))
    };
    format!(
        "Truth      first token measured minus stamped: {}; last token: {}\n",
        error(&truth.first_token_error),
        error(&truth.last_token_error)
    )
}

fn warnings(summary: &Summary, style: Style) -> String {
    let word = style.paint(Tone::Doubt, "warning:");
    summary.warnings.iter().map(|warning| format!("{word} {warning}\n")).collect()
}

/// The table without the spaces at the ends of its lines.
fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const FOLDER: &str = "runs/20260102T030405Z-run";

    fn plain(width: u16) -> Style {
        Style { width, color: false }
    }

    #[test]
    fn a_valid_run() {
        insta::assert_snapshot!(report(&fixture::valid(), FOLDER, plain(120)));
    }

    #[test]
    fn an_invalid_run_on_a_narrow_terminal() {
        insta::assert_snapshot!(report(&fixture::invalid(), FOLDER, plain(72)));
    }

    #[test]
    fn a_run_without_answers() {
        insta::assert_snapshot!(report(&fixture::nothing_answered(), FOLDER, plain(100)));
    }

    #[test]
    fn a_servers_text_cannot_command_the_terminal() {
        let mut summary = fixture::valid();
        summary.errors[0].example = "\x1b[2Jgone\r\n".to_owned();
        let text = report(&summary, FOLDER, plain(100));
        assert!(text.contains("gone") && !text.contains('\x1b') && !text.contains('\r'), "{text}");
    }

    #[test]
    fn bytes_and_items_stand_where_there_are_no_tokens() {
        let mut summary = fixture::not_streamed();
        summary.run.without_tokens = true;
        summary.run.items_per_request = Some(8.0);
        summary.rates.item_rate = Some(800.0);
        summary.window.measured = 10.0;
        (summary.counts.bytes_sent, summary.counts.bytes_received) = (5_000_000, 900);
        let text = report(&summary, FOLDER, plain(100));
        assert!(text.contains("; items 800.0/s, 8 in a request"), "{text}");
        assert!(text.contains("Bytes      sent 5.00 MB (500 kB/s), received 900 B (90 B/s)"), "{text}");
        assert!(!text.contains("Tokens  "), "{text}");
    }

    #[test]
    fn colour_changes_no_word() {
        let colored = report(&fixture::invalid(), FOLDER, Style { width: 100, color: true });
        assert!(colored.contains("\x1b[1;31mINVALID\x1b[0m"));
        let mut stripped = colored;
        for code in ["1;32", "1;31", "1;33", "1", "2", "0"] {
            stripped = stripped.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(stripped, report(&fixture::invalid(), FOLDER, plain(100)));
    }

    #[test]
    fn what_only_some_servers_tell_has_its_own_lines() {
        use plimsoll_core::summary::Acceptance;
        let mut summary = fixture::valid();
        let style = plain(100);
        let without = report(&summary, "r", style);
        assert!(!without.contains("Bytes") && !without.contains("Speculation") && without.contains("out "));
        (summary.counts.bytes_sent, summary.counts.bytes_received) = (1_500, 32_044);
        summary.speculation =
            vec![Acceptance { position: 1, n: 9, mean: 0.75 }, Acceptance { position: 2, n: 9, mean: 0.5 }];
        summary.tokens.sources.clear();
        let with = report(&summary, "r", style);
        assert!(with.contains("Bytes      sent 1.50 kB (") && with.contains("received 32.0 kB ("), "{with}");
        let (_, table) = with.split_once("Speculation accepted").unwrap();
        assert!(table.contains("75.0 %") && table.contains("50.0 %"), "{table}");
        assert!(!with.contains(", out "), "an answer without tokens has none to report: {with}");
    }
}
