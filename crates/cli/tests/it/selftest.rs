//! `plimsoll selftest` as a user meets it.

use crate::program::Place;

#[test]
fn a_process_of_the_users_choice_is_proven() {
    let ended = Place::new().line("selftest arrivals --rate 600 --arrival gamma --cv 2 -n 5000 --seed 3");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("PROVEN") && ended.stdout.contains("cv of the gaps"), "{ended:?}");
}

#[test]
fn no_such_process_is_bad_usage() {
    let place = Place::new();
    for line in [
        "selftest arrivals --arrival gamma",
        "selftest arrivals -n 5",
        "selftest arrivals --rate 0",
        "selftest --rungs 0",
        "selftest --json arrivals",
    ] {
        let ended = place.line(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
    }
}

#[test]
fn the_ladder_is_climbed_and_later_runs_are_warned_near_its_end() {
    let place = Place::new();
    let here = |args: &[&str]| {
        let mut command = place.command(args);
        command.env("PLIMSOLL_CACHE", place.path().join("cache"));
        place.start_command(command).wait()
    };
    let ended = here(&["selftest", "--rungs", "1", "--threads", "1"]);
    // How much the machine bears today is not the matter here.
    assert!([Some(0), Some(3)].contains(&ended.code), "{ended:?}");
    for part in ["50 streams: ", "000 requests/s: "] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    assert!(ended.stdout.contains("Trustworthy up to "), "{ended:?}");

    let mut kept: serde_json::Value = serde_json::from_str(&place.read("cache/ceiling.json")).unwrap();
    (kept["streams"], kept["requests_per_s"]) = (5.into(), 10.0.into());
    place.write("cache/ceiling.json", &kept.to_string());
    for (load, near) in [("-u 5", true), ("-u 4", false), ("--qps 9", true), ("--qps 8", false)] {
        let line =
            format!("run sim://?ttft=1ms&itl=1ms {load} -o 2 -t 100ms --threads 1 --no-report --no-progress");
        let ended = here(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.stderr.contains("cache/ceiling.json)"), near, "{load}: {ended:?}");
    }
}
