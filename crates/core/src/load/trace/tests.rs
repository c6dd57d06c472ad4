//! Tests of reading traces: each published layout, windows, speeds, and what is wrong with a trace.

use super::*;

const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
    2023-11-16 18:17:03.9799600,4808,10\r\n\
    2023-11-16 18:17:04.0319600,3180,8\r\n\
    2023-11-16 18:17:04.0781490,110,27";
const MOONCAKE: &str = r#"{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}

{"timestamp": 3000, "input_length": 7322, "output_length": 490, "hash_ids": [0, 14]}
"#;
const BURSTGPT: &str = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
    5,ChatGPT,472,18,490,Conversation log\n\
    45.5,\"GPT-4, new\",1087,,1317,Conversation log\n";
const VIDUR: &str =
    "\u{feff}arrived_at,num_prefill_tokens,num_decode_tokens\n0.25,374.0,44\n1e-05,396,109\n0.5,879,55\n";

fn parse(text: &str, options: &TraceOptions) -> Result<Trace, TraceError> {
    Trace::parse("t", text, options)
}

fn all(text: &str) -> Trace {
    parse(text, &TraceOptions::default()).expect("valid")
}

fn row(nanos: u64, input: u32, output: impl Into<Option<u32>>) -> TraceRow {
    TraceRow { at: Offset::from_nanos(nanos), input_tokens: Some(input), output_tokens: output.into() }
}

#[test]
fn published_layouts_are_known_by_their_columns() {
    for (text, layout, out_of_order, rows) in [
        (AZURE, "Azure", 0, vec![row(0, 4808, 10), row(52_000_000, 3180, 8), row(98_189_000, 110, 27)]),
        (MOONCAKE, "Mooncake", 0, vec![row(0, 6758, 500), row(3_000_000_000, 7322, 490)]),
        (BURSTGPT, "BurstGPT", 0, vec![row(0, 472, 18), row(40_500_000_000, 1087, None)]),
        (VIDUR, "Vidur", 1, vec![row(0, 396, 109), row(249_990_000, 374, 44), row(499_990_000, 879, 55)]),
    ] {
        let trace = all(text);
        assert_eq!((trace.layout, trace.out_of_order, trace.recorded), (layout, out_of_order, rows.len()));
        assert_eq!(trace.span, rows[rows.len() - 1].at.since(Offset::ZERO));
        assert_eq!(trace.rows, rows);
    }
}

#[test]
fn a_window_begins_at_zero_and_leaves_out_its_stop() {
    let text = "arrived_at,num_prefill_tokens,num_decode_tokens\n100,1,1\n110,2,2\n120,3,3\n130,4,4\n";
    let window = |start: Option<u64>, stop: Option<u64>, speed| {
        let [start, stop] = [start, stop].map(|secs| secs.map(Duration::from_secs));
        parse(text, &TraceOptions { speed, start, stop, ..TraceOptions::default() })
    };
    let at = |secs: f64, tokens| row((secs * 1e9) as u64, tokens, tokens);
    for (start, stop, speed, rows) in [
        (None, None, 1.0, vec![at(0.0, 1), at(10.0, 2), at(20.0, 3), at(30.0, 4)]),
        (Some(5), Some(30), 1.0, vec![at(5.0, 2), at(15.0, 3)]),
        (Some(10), None, 4.0, vec![at(0.0, 2), at(2.5, 3), at(5.0, 4)]),
        (None, Some(10), 0.5, vec![at(0.0, 1)]),
    ] {
        assert_eq!(window(start, stop, speed).expect("valid").rows, rows, "{start:?} {stop:?} {speed}");
    }
    let span = Duration::from_secs(30);
    assert_eq!(window(Some(40), None, 1.0), Err(TraceError::EmptyWindow { trace: "t".to_owned(), span }));
    let error = window(Some(10), Some(10), 1.0).expect_err("empty").to_string();
    assert!(error.contains("from 10s to 10s"), "{error}");
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(window(None, None, speed), Err(TraceError::Speed(_))), "{speed}");
    }
}

#[test]
fn a_replay_has_the_due_instants() {
    let trace = parse(AZURE, &TraceOptions { speed: 2.0, ..TraceOptions::default() }).expect("valid");
    let replay = trace.replay();
    assert_eq!(replay.due.to_vec(), [0, 26_000_000, 49_094_500].map(Offset::from_nanos));
    assert_eq!((replay.source.as_str(), replay.speed), ("t", 2.0));
}

#[test]
fn any_columns_will_do_if_they_are_named() {
    let options = |time: &str, unit| TraceOptions {
        time_column: Some(time.to_owned()),
        time_unit: unit,
        input_column: Some("in".to_owned()),
        ..TraceOptions::default()
    };
    let bare = |nanos, input| TraceRow {
        at: Offset::from_nanos(nanos),
        input_tokens: Some(input),
        output_tokens: None,
    };
    let csv = "in,when\n7,1000\n8,2500\n";
    let json = "{\"when\": \"2024-05-10T00:00:01Z\", \"in\": 7}\n{\"in\": 8, \"when\": \"2024-05-10T00:00:02.5Z\"}\n";
    for (text, unit) in [(csv, Some(TimeUnit::Millis)), (json, None), (json, Some(TimeUnit::Date))] {
        let trace = parse(text, &options("when", unit)).expect("valid");
        assert_eq!((trace.layout, trace.rows), ("custom", vec![bare(0, 7), bare(1_500_000_000, 8)]));
    }
    let error = parse(csv, &options("when", None)).expect_err("no unit").to_string();
    assert_eq!(
        error,
        "t:2: column `when` holds the bare number `1000`: say what it counts with --trace-time-unit (s, ms, us or ns)"
    );
    for (asked, says) in [
        ("When", "t:1: there is no column `When`; the columns are in, when: did you mean `when`?"),
        ("when_s", "t:1: there is no column `when_s`; the columns are in, when: did you mean `when`?"),
        ("clock", "t:1: there is no column `clock`; the columns are in, when: name one of them"),
    ] {
        assert_eq!(parse(csv, &options(asked, None)).expect_err(says).to_string(), says);
    }
}

#[test]
fn what_is_wrong_is_named_by_its_line() {
    let azure =
        |row: &str| format!("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,1\n{row}\n");
    let mooncake =
        |row: &str| format!("{}\n{row}\n", r#"{"timestamp": 0, "input_length": 1, "output_length": 1}"#);
    for (text, says) in [
        (String::new(), "t holds no requests"),
        ("\n\n".to_owned(), "t holds no requests"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n".to_owned(), "t holds no requests"),
        (
            "time,tokens\n1,2\n".to_owned(),
            "t:1: the columns time, tokens are no layout known here (Azure: TIMESTAMP,",
        ),
        (
            azure("later,1,1"),
            "t:3: column `TIMESTAMP` holds `later`, which is not a date and time such as 2023",
        ),
        (azure(",1,1"), "t:3: column `TIMESTAMP` holds ``, which is not a date"),
        (
            azure("2023-11-16 18:17:04,many,1"),
            "t:3: column `ContextTokens` holds `many`, which is not a number of",
        ),
        (azure("2023-11-16 18:17:04,1,-1"), "t:3: column `GeneratedTokens` holds `-1`"),
        (mooncake("{\"timestamp\": 1"), "t:2: not a JSON object ("),
        (mooncake("[1]"), "t:2: not a JSON object ("),
        (
            mooncake("\n{\"input_length\": 1}"),
            "t:3: column `timestamp` holds ``, which is not a number: correct or",
        ),
        (mooncake("{\"timestamp\": [1]}"), "t:2: column `timestamp` holds `[1]`"),
    ] {
        let error = parse(&text, &TraceOptions::default()).expect_err(says).to_string();
        assert!(error.starts_with(says), "{error}");
    }
}
