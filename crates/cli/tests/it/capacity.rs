//! `plimsoll capacity` as a user meets it, in simulated time: a search of an hour takes seconds.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll_core::certificate::Certificate;
use plimsoll_core::knee::Knees;
use plimsoll_core::search::{Ceiling, Doom};

use crate::frames::{Frames, hang};
use crate::program::{Ended, Place, Started, wait_until, words};
use crate::servers::{Sim, scripted};

/// Six places; an answer takes 80 ms and 31 times 8 ms, so that it can do about 18 requests a second.
const SERVER: &str = "sim://?ttft=80ms&itl=8ms&slots=6&jitter=0.2&seed=5&time=virtual";

fn search(place: &Place, line: &str) -> Ended {
    place.line(&format!("capacity {SERVER} -p 64 -o 32 --seed 3 -t 60s {line}"))
}

/// The folder of the only search.
fn folder(place: &Place) -> PathBuf {
    let mut found = fs::read_dir(place.path().join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let folder = found.next().unwrap();
    assert!(found.next().is_none());
    folder
}

fn certificate(place: &Place) -> Certificate {
    serde_json::from_str(&fs::read_to_string(folder(place).join("certificate.json")).unwrap()).unwrap()
}

#[test]
fn a_capacity_is_certified_and_told() {
    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --precision 10% --traffic 10 --max-rate 100");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let tier = &found.capacity.tiers[0];
    let (low, high) = (tier.low.unwrap(), tier.high.unwrap());
    assert!(low.confirmed && low.load < high.load && high.load < 1.3 * low.load, "{tier:?}");
    assert!((8.0..19.0).contains(&low.load), "{tier:?}");
    assert_eq!(tier.binding.as_deref(), Some("latency.p90<600ms"));
    assert_eq!(found.traffic.cv, Some(1.0));
    assert_eq!(found.slowdown, None, "this server completes as much however much is due");
    assert!((found.headroom[0].headroom - (low.load / 10.0 - 1.0)).abs() < 1e-12);
    for excerpt in ["CAPACITY: ", "bound by latency.p90<600ms", "p99 latency, ms", "Certificate runs/"] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
    // What is left out of each trial is enough, and percentiles have their intervals.
    assert!(!found.warm_up.unwrap().exceeds(), "{:?}", found.warm_up);
    assert!(found.trials.iter().any(|trial| trial.steady_after.is_some()));
    let p99 = found
        .trials
        .iter()
        .find_map(|trial| Some([trial.latency_p99_low?, trial.latency_p99?, trial.latency_p99_high?]));
    assert!(
        p99.unwrap().is_sorted() && ended.stdout.contains("its 95 % interval by order statistics"),
        "{p99:?}"
    );
    let lines = ended.stderr.lines().filter(|line| line.contains(" miss); ")).count();
    assert_eq!(lines, found.trials.len(), "a line for each trial: {}", ended.stderr);
    // A trial is a results folder like any other, and asks what no trial before it has asked.
    let trial = folder(&place).join("trials/002");
    let summary: plimsoll_core::summary::Summary =
        serde_json::from_str(&fs::read_to_string(trial.join("summary.json")).unwrap()).unwrap();
    assert!(summary.run.workload.contains("from request "), "{}", summary.run.workload);
    assert!(trial.join("records.parquet").is_file());
}

#[test]
fn a_search_that_was_interrupted_goes_on_and_says_the_same() {
    let place = Place::new();
    let line = "--slo latency.p90<600ms --precision 20%";
    assert_eq!(search(&place, line).code, Some(0));
    let whole = certificate(&place);
    let folder = folder(&place);
    fs::remove_file(folder.join("certificate.json")).unwrap();
    for number in 4..=whole.trials.len() {
        fs::remove_dir_all(folder.join(format!("trials/{number:03}"))).unwrap();
    }
    let resume = format!("{line} --resume {}", folder.display());
    let ended = search(&place, &resume);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("going on after 3 trials"), "{}", ended.stderr);
    let ends = |found: &Certificate| {
        let tier = &found.capacity.tiers[0];
        (tier.low.map(|low| low.load), tier.high.map(|high| high.load), found.trials.len())
    };
    assert_eq!(ends(&certificate(&place)), ends(&whole));
}

/// Trials of two tests do not make one certificate.
#[test]
fn a_search_goes_on_with_its_own_trials_alone() {
    let place = Place::new();
    let (server, line) = (SERVER, "-p 64 -o 32 -t 60s --slo latency.p90<600ms --max-rate 2 --precision 20%");
    assert_eq!(search(&place, "--slo latency.p90<600ms --max-rate 2 --precision 20%").code, Some(0));
    let folder = folder(&place);
    let kept = || fs::read_dir(folder.join("trials")).unwrap().count();
    let trials = kept();
    let other = server.replace("ttft=80ms", "ttft=70ms");
    for (line, excerpt) in [
        (format!("{server} {line} --slo-set b:latency.p90<1s"), "--slo-set b was not given in that search"),
        (format!("{server} {line} --warmup 3s"), "--warmup was not given in that search, and is `3 s` now"),
        (format!("{server} {line} --seed 4"), "--seed was `3` in that search, and is `4` now"),
        (format!("{server} {line} --slo-confidence 0.9"), "--slo-confidence was `0.95`"),
        (format!("{other} {line}"), &format!("-H was `{server}` in that search, and is `{other}` now")),
        (format!("{server} {line} -m another"), "-m was `"),
        (format!("{server} {line} --no-stream"), "--api was `chat, streaming`"),
        (format!("{server} {line} --provider tgi"), "--provider was `"),
        (line.replace("20%", "30%").replace("-p 64", &format!("{server} -p 64")), "--precision was `0.2`"),
        (
            line.replace("600ms", "700ms").replace("-p 64", &format!("{server} -p 64")),
            "--slo was `latency.p90<600ms`",
        ),
        (line.replace("-o 32", &format!("{server} -o 33")), "workload was `"),
    ] {
        let refused = place.line(&format!("capacity {line} --resume {}", folder.display()));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{line}: {refused:?}");
        assert!(refused.stderr.contains(excerpt), "{line}: {refused:?}");
    }
    assert_eq!(kept(), trials, "nothing was tried");
    // The seed is that of the search, unless another is asked for.
    let again = place.line(&format!("capacity {server} {line} --resume {}", folder.display()));
    assert_eq!((again.code, certificate(&place).run.seed, kept()), (Some(0), 3, trials), "{again:?}");
}

#[test]
fn bad_endings_are_clear() {
    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<1ms --min-rate 0.5 --max-rate 50");
    assert_eq!(ended.code, Some(99), "{ended:?}");
    assert!(ended.stdout.contains("NOT SUSTAINABLE: at any load tried"), "{}", ended.stdout);
    assert!(matches!(certificate(&place).doom, Some(Doom::NotSustainable { .. })));

    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --max-rate 3 --precision 20%");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("CAPACITY: at least "), "{}", ended.stdout);
    assert_eq!(certificate(&place).capacity.tiers[0].ceiling, Some(Ceiling::GreatestAllowed));

    let place = Place::new();
    let ended = search(&place, "--slo latency.p90<600ms --budget 30s");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("NOT CERTIFIED: there is too little evidence"), "{}", ended.stdout);
    let seconds = certificate(&place).capacity.tiers[0].needs_seconds.unwrap();
    let said = format!("about {:.0} s more at the most promising load", seconds.ceil());
    assert!(ended.stdout.contains(&said), "{said}: {}", ended.stdout);
}

#[test]
fn users_tiers_and_usual_objectives_are_searched_too() {
    let place = Place::new();
    let ended = search(
        &place,
        "--search concurrency --slo-set a:latency.p90<600ms --slo-set b:latency.p90<1200ms --precision 20% --max-rate 64",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let low = |place: usize| found.capacity.tiers[place].low.unwrap().load;
    assert!(low(0) >= 6.0 && low(1) > low(0), "{:?}", found.capacity);
    assert_eq!(found.traffic.cv, None);

    let place = Place::new();
    let ended = search(&place, "--max-rate 2 --precision 20%");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no --slo was given: the objectives are ttft.p99<=2s"), "{}", ended.stderr);
    assert!(certificate(&place).method.default_objectives);
}

#[test]
fn what_makes_no_search_is_refused() {
    let place = Place::new();
    for (line, excerpt) in [
        ("--qps 5", "leave --qps out"),
        ("--slo qps>=5", "missed by every load below it"),
        ("--slo ttft.p99<1s --slo ttft.p99>2s", "contradict each other"),
        ("--slo-set a:latency.p90<1s;latency.p90>2s", "contradict each other"),
        ("--search concurrency --burst-check cv=2", "arrivals of an open loop"),
        ("--min-rate 9 --max-rate 3", "not below"),
        ("--precision 90%", "1% to 50%"),
        ("--slo-set gold", "a colon"),
        ("--slo-set a:latency.p90<1s --slo-set a:latency.p90<2s", "given twice"),
        ("--resume nowhere", "cannot read"),
    ] {
        let ended = search(&place, line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(excerpt), "{line}: {ended:?}");
    }
    assert_eq!(place.results().len(), 0);
}

#[test]
fn a_rate_limit_is_told_from_a_server_that_is_slow() {
    // What is beyond six at a time and two that wait is refused, as a gateway does.
    let place = Place::new();
    let limited = format!("capacity {SERVER}&queue=2&full=429");
    let ended = place.line(&format!(
        "{limited} -p 64 -o 32 --seed 3 -t 60s --slo latency.p90<2s --slo error_rate<5% --precision 20% --max-rate 60"
    ));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let tier = &found.capacity.tiers[0];
    assert_eq!(tier.binding.as_deref(), Some("error_rate<5%"), "{tier:?}");
    assert!(found.trials.iter().any(|trial| trial.rate_limited > 0), "{:?}", found.trials);
    let limit = found.rate_limit.unwrap();
    assert!(!limit.hides_the_server(), "its answers take longer by then: {limit:?}");
    let line = "refused with 429";
    assert!(ended.stdout.contains(line) && ended.stdout.contains("whose queue is full"), "{}", ended.stdout);
}

#[test]
fn a_rate_limit_in_front_of_a_server_is_what_is_found_and_said() {
    let place = Place::new();
    let line = "-p 64 -o 32 --seed 3 -t 60s --slo latency.p90<2s --precision 10% --max-rate 60 --qps-distribution constant";
    let ended = place.line(&format!("capacity {SERVER}&rate_limit=9&rate_burst=3 {line}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let limit = found.rate_limit.unwrap();
    assert!(limit.hides_the_server() && limit.from > 9.0, "{limit:?}");
    let through = limit.lets_through.unwrap();
    assert!((through - 9.0).abs() < 0.3, "{through}");
    assert_eq!(found.knees, Knees::default(), "nobody has seen the server itself");
    for excerpt in ["a rate limit in front of the server", "What the server can do is not known"] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
}

#[test]
fn a_burst_costs_capacity() {
    let place = Place::new();
    let line = "--slo latency.p50<500ms --precision 30% --max-rate 60 --burst-check cv=2";
    let ended = place.line(&format!("capacity {SERVER} -p 64 -o 32 --seed 3 -t 20s {line}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let burst = found.burst.unwrap();
    let cost = burst.cost[0].unwrap();
    assert!(burst.cv == 2.0 && !burst.trials.is_empty() && (0.05..0.9).contains(&cost), "{cost}");
    let low = found.capacity.tiers[0].low.unwrap().load;
    let bursty = burst.capacity.tiers[0].low.unwrap().load;
    assert!((cost - (1.0 - bursty / low)).abs() < 1e-12, "{bursty} of {low}");
    // The certificate is about the traffic that was asked for, not about the bursts after it.
    assert_eq!((found.traffic.arrivals.as_str(), found.traffic.cv), ("Poisson", Some(1.0)));
    assert!(ended.stdout.contains("Bursts     arrivals with a CV of 2"), "{}", ended.stdout);
}

#[test]
fn a_budget_is_for_the_bursts_too() {
    let place = Place::new();
    let line = "--slo latency.p90<600ms --precision 20% --max-rate 60 --burst-check cv=2 --budget 200s";
    let ended = place.line(&format!("capacity {SERVER} -p 64 -o 32 --seed 3 -t 60s {line}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let burst = found.burst.unwrap();
    let (search, bursts) = (found.capacity.seconds, burst.capacity.seconds);
    assert!(search <= 145.0 && bursts > 30.0 && search + bursts <= 205.0, "{search} s, then {bursts} s");
}

#[test]
fn a_load_at_which_a_rule_ends_the_trial_fails() {
    // Six at a time, and two that wait: the objective is about who is answered, the rule about who is not.
    let place = Place::new();
    let line = "-p 64 -o 32 --seed 3 -t 60s --slo latency.p50<2s --abort-on 'error_rate>20% over 5s' --precision 20%";
    let ended = place.line(&format!("capacity {SERVER}&queue=2 --max-rate 60 {line}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    let tier = &found.capacity.tiers[0];
    let stopped = found.trials.iter().filter(|trial| trial.stopped_by.is_some()).map(|trial| trial.load);
    let least = stopped.reduce(f64::min).unwrap_or_else(|| panic!("{:?}", found.trials));
    assert!(tier.low.unwrap().load < least && tier.high.unwrap().load <= least, "{tier:?}, {least}");
    assert_eq!(tier.binding.as_deref(), Some("error_rate>20% over 5s"));
    for excerpt in ["ended by --abort-on", "error_rate>20% over 5s: "] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
}

#[test]
fn a_warm_up_that_is_too_short_is_told() {
    let place = Place::new();
    let cold = format!("{SERVER}&starts_cold=true&warm_up=20s&warm_up_factor=1.5");
    let line = "-p 64 -o 32 --seed 3 -t 60s --slo latency.p90<3s --precision 20% --max-rate 4 --warmup 1s";
    let ended = place.line(&format!("capacity {cold} {line}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warm_up = certificate(&place).warm_up.unwrap();
    assert!(warm_up.exceeds() && (19.0..23.0).contains(&warm_up.seconds), "{warm_up:?}");
    for excerpt in ["trials became steady late, after 2", "give --warmup 2"] {
        assert!(ended.stdout.contains(excerpt), "{excerpt}: {}", ended.stdout);
    }
}

/// Each on a server in simulated time, with where it has its knees.
#[test]
fn objectives_on_streams_and_on_whole_answers_are_searched() {
    for (server, line, bound) in [
        (
            "sim://llama-3-8b-h100?max_num_seqs=8&time=virtual",
            "-p 512 -o 64 --slo ttft.p90<250ms --slo tpot.p90<30ms --slo 'ttft<400ms & tpot<40ms @ 90%'",
            "t",
        ),
        (SERVER, "-p 64 -o 32 --no-stream --slo latency.p90<700ms", "latency.p90<700ms"),
    ] {
        let place = Place::new();
        let ended = place.line(&format!("capacity {server} {line} --seed 3 -t 60s --precision 20%"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let found = certificate(&place);
        let tier = &found.capacity.tiers[0];
        let (low, high) = (tier.low.unwrap().load, tier.high.unwrap().load);
        assert!(low < high && high < 1.5 * low, "{tier:?}");
        assert!(tier.binding.as_deref().is_some_and(|binding| binding.starts_with(bound)), "{tier:?}");
        let knees = found.knees;
        assert!(knees.power.is_some() || knees.saturation.is_some(), "{knees:?}");
        assert!(ended.stdout.contains("Knees      "), "{}", ended.stdout);
    }
}

#[test]
fn a_server_that_dies_ends_the_search() {
    // One is killed. The other crashes as one does behind a proxy: every connection is accepted, and reset.
    let servers = ["ttft=5ms&itl=1ms&slots=4", "ttft=5ms&itl=1ms&slots=4&crash_after=400"].map(Sim::start);
    let places = [Place::new(), Place::new()];
    let searches: Vec<Started> =
        places.iter().zip(&servers).map(|(place, server)| search_of(place, server)).collect();
    wait_until("the search to begin", || searches[0].stderr().contains("a request of one user takes"));
    let [killed, _crashed] = servers;
    drop(killed);
    for (started, place) in searches.into_iter().zip(&places) {
        is_told_to_be_gone(&started.wait(), place);
    }
}

fn search_of(place: &Place, server: &Sim) -> Started {
    let options = "-p 16 -o 4 -t 1s --warmup 50ms --slo latency.p90<1s --max-rate 2000";
    place.start_line(&format!("capacity -H {} {options}", server.url))
}

fn is_told_to_be_gone(ended: &Ended, place: &Place) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("SERVER GONE: "), "{ended:?}");
    let found = certificate(place);
    assert!(matches!(found.doom, Some(Doom::ServerGone { .. })), "{:?}", found.doom);
    let unanswered = found.trials.iter().filter(|trial| trial.throughput == 0.0).count();
    assert!(unanswered <= 2, "no more is asked of a server that is gone: {:?}", found.trials);
}

#[test]
fn a_server_without_answers_is_waited_for_within_the_budget() {
    // They accept every connection, and say nothing of what they are asked until the client has gone; by gRPC only that
    // they do not tell what the model takes.
    let metadata = AtomicBool::new(false);
    let servers = [
        ("--provider openai -p 16 -o 4", scripted(hang)),
        ("--provider openai -p 16 -o 4 --http 2", scripted(|stream| Frames::accept(stream)?.hang())),
        (
            "--provider triton-grpc --shape x:2:FP32",
            scripted(move |stream| {
                let mut frames = Frames::accept(stream)?;
                let id = frames.request()?;
                if !metadata.swap(true, Ordering::Relaxed) {
                    frames.trailers(id, &[("grpc-status", "12")])?;
                }
                frames.hang()
            }),
        ),
    ];
    let places = servers.each_ref().map(|_| Place::new());
    let searches = places.iter().zip(&servers).map(|(place, (asked, url))| {
        let line = "-m m --slo latency.p90<1s --budget 2500ms --no-report";
        place.start_line(&format!("capacity -H {url} {asked} {line}"))
    });
    for started in searches.collect::<Vec<Started>>() {
        let ended = started.wait();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        for excerpt in
            ["waiting up to 2.5s for its first answer", "no load is sustainable (no answer in 2.5s)"]
        {
            assert!(ended.stderr.contains(excerpt), "{excerpt}: {ended:?}");
        }
    }
}

#[test]
fn files_and_environment_set_the_options_of_the_search_too() {
    let place = Place::new();
    place.write("plimsoll.toml", "max-rate = 3\nprecision = '40%'\nslo = 'latency.p90<600ms'\n");
    let line = words(&format!("capacity {SERVER} -p 64 -o 32 --seed 3 -t 60s"));
    let mut command = place.command(&line.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("PLIMSOLL_PRECISION", "20%");
    let ended = place.start_command(command).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = certificate(&place);
    assert_eq!((found.method.precision, found.trials.iter().all(|trial| trial.load <= 3.0)), (0.2, true));
    assert_eq!(found.capacity.tiers[0].ceiling, Some(Ceiling::GreatestAllowed));

    let printed = search(&place, "--traffic 2 --print-config");
    for excerpt in ["max-rate = 3 ", "# plimsoll.toml, line 1", "traffic = 2 ", "precision = \"40%\""] {
        assert!(printed.stdout.contains(excerpt), "{excerpt}: {}", printed.stdout);
    }
    // A run reads the same file, and leaves alone what is not its own.
    let run = place.line("run sim://?ttft=5ms&time=virtual --max-requests 5 --print-config");
    assert_eq!((run.code, run.stdout.contains("max-rate")), (Some(0), false), "{run:?}");
    place.write("plimsoll.toml", "precision = '90%'\n");
    let refused = search(&place, "");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("plimsoll.toml, line 1: ") && refused.stderr.contains("1% to 50%"),
        "{refused:?}"
    );
}
