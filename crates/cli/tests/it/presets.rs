//! Simulated servers by the names of presets.

use plimsoll_core::record::Outcome;

use crate::program::{Place, count, deserved, wait_until};

#[test]
fn a_preset_is_a_target_with_nothing_else_running() {
    for target in ["-H sim://llama-3-8b-h100", "sim://llama-3-8b-h100?max_num_seqs=8"] {
        let place = Place::new();
        let line =
            format!("run {target} --qps 50 --qps-distribution exponential -p 32 -o 4 --max-requests 20");
        let ended = place.line(&line);
        let (summary, records) = (place.summary(), place.records());
        assert_eq!(ended.code, deserved(&summary), "{ended:?}");
        assert_eq!((records.len(), count(&records, Outcome::Ok)), (20, 20), "{target}");
        assert_eq!((summary.run.model.as_str(), summary.run.provider.as_str()), ("llama-3-8b", "vllm"));
        assert!(summary.truth.is_some(), "it stamps as the fixed grid does");
    }
}

#[test]
fn what_is_no_preset_is_told_before_anything_is_done() {
    let place = Place::new();
    for (line, excerpt) in [
        ("run sim://llama-3-8b-h10", "did you mean `llama-3-8b-h100`"),
        ("run sim://llama-3-8b-h100?ttft=5ms", "one of the fixed grid"),
        ("sim resnet50-t5", "did you mean `resnet50-t4`"),
        ("sim resnet50-t4?max_que_delay=5ms", "did you mean `max_queue_delay`"),
    ] {
        let ended = place.line(line);
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.stderr.contains(excerpt), "{line}: {}", ended.stderr);
    }
    assert!(place.results().is_empty());
}

#[test]
fn the_list_has_every_kind_of_preset() {
    let ended = Place::new().line("sim --list");
    assert_eq!(ended.code, Some(0));
    for name in ["llama-3-8b-h100", "mixtral-8x7b-", "resnet50-t4", "bert-base-a100"] {
        assert!(ended.stdout.lines().any(|line| line.trim_start().starts_with(name)), "{}", ended.stdout);
    }
}

#[test]
fn a_server_stopped_by_ctrl_c_leaves_a_complete_truth_file() {
    let place = Place::new();
    let server = place.start(&["sim", "sim://?ttft=1ms&itl=1ms&truth_file=truth.csv", "--port", "0"]);
    wait_until("the server's address", || server.stdout().ends_with('\n'));
    let url = server.stdout().trim().to_owned();
    let ended = place.run(&["run", &url, "-u", "2", "-p", "8", "-o", "10", "--max-requests", "30"]);
    assert_eq!(count(&place.records(), Outcome::Ok), 30, "{ended:?}");
    server.signal(libc::SIGINT);
    assert_eq!(server.wait().code, Some(0));
    assert_eq!(place.read("truth.csv").lines().count(), 1 + 30 * 10);
}
