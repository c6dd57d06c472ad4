//! How a run is ended from outside, and what it leaves: once gently, twice at once, and without being asked.

use std::time::Duration;

use plimsoll_core::record::Outcome;
use plimsoll_core::seed::Seed;
use plimsoll_drive::recorder::RecordsFile;
use rand::RngExt as _;

use crate::program::{Place, count, deserved, records, wait_for_publications, wait_until};
use crate::servers::Sim;

#[test]
fn one_signal_drains_and_reports() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let (place, sim) = (Place::new(), Sim::start("ttft=50ms&itl=5ms"));
        let started = place.start(&["run", "-H", &sim.url, "-u", "4", "-r", "1000", "-p", "16", "-o", "40"]);
        sim.wait_for("requests", 8);
        started.signal(signal);
        let ended = started.wait();

        let (summary, records) = (place.summary(), place.records());
        assert_eq!(ended.code, deserved(&summary), "{ended:?}");
        assert_eq!(summary.run.ended, "interrupted");
        assert_eq!(records.len() as u64, sim.stat("requests"));
        assert_eq!(count(&records, Outcome::Ok), records.len(), "something was not drained: {ended:?}");
        assert!(ended.stderr.contains("stopping: waiting up to 60s for requests in flight"), "{ended:?}");
        assert!(ended.stdout.contains("= Summary ="), "{ended:?}");
    }
}

#[test]
fn a_drain_ends_at_its_limit() {
    let (place, sim) = (Place::new(), Sim::start("ttft=1h"));
    let started = place.start(&["run", "-H", &sim.url, "-u", "2", "-r", "1000", "-p", "16", "-s", "200ms"]);
    sim.wait_for("requests", 2);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let records = place.records();
    assert_eq!((records.len(), count(&records, Outcome::Unfinished)), (2, 2), "{ended:?}");
    assert_eq!(place.summary().counts.failed, 0);
}

#[test]
fn two_signals_end_at_once_with_files_intact() {
    let (place, sim) = (Place::new(), Sim::start("ttft=1h"));
    let started = place.start(&["run", "-H", &sim.url, "-u", "3", "-r", "1000", "-p", "16"]);
    sim.wait_for("requests", 3);
    started.signal(libc::SIGINT);
    wait_until("the first signal to be answered", || started.stderr().contains("stopping: "));
    started.signal(libc::SIGINT);
    let ended = started.wait();

    assert_eq!(ended.code, Some(130), "{ended:?}");
    let (summary, records) = (place.summary(), place.records());
    assert_eq!(summary.run.ended, "aborted");
    assert_eq!((records.len(), count(&records, Outcome::Unfinished)), (3, 3));
    assert_eq!(summary.counts.total, 3);
}

/// Instants at which a program is killed, and programs that run at the same time.
const KILLS: u64 = 20;
const AT_ONCE: u64 = 2;
/// The most that a kill may lose on a machine that has time for the recorder.
const LOST: Duration = Duration::from_secs(1);
/// Publications within [`LOST`]. Where the machine takes longer for them than that, the kill waits for them.
const PUBLICATIONS: usize = 2;

#[test]
fn a_killed_run_leaves_all_but_its_last_second() {
    std::thread::scope(|scope| {
        for lane in 0..AT_ONCE {
            scope.spawn(move || (lane..KILLS).step_by(AT_ONCE as usize).for_each(kill_at_a_random_instant));
        }
    });
}

fn kill_at_a_random_instant(number: u64) {
    let (place, sim) = (Place::new(), Sim::start("ttft=15ms&itl=1ms&jitter=0.5"));
    let wait: f64 = Seed(7).keyed("kill", number).random_range(0.0..1.5);
    let started = place.start(&["run", "-H", &sim.url, "-u", "2", "-r", "1000", "-p", "16", "-o", "4"]);
    sim.wait_for("completed", 1);
    let folder = place.result();
    std::thread::sleep(Duration::from_secs_f64(wait)); // the instant is what is tested
    let answered = sim.stat("completed");
    std::thread::scope(|scope| {
        scope.spawn(|| std::thread::sleep(LOST));
        wait_for_publications(&folder.join("records.parquet"), PUBLICATIONS);
    });
    started.signal(libc::SIGKILL);
    assert_eq!(started.wait().signal, Some(libc::SIGKILL));

    let kept = records(&folder);
    let ok = count(&kept, Outcome::Ok) as u64;
    assert!(ok >= answered, "kill {number}: {answered} were answered {LOST:?} before it, and {ok} are kept");
    assert_eq!(ok, kept.len() as u64, "kill {number}");
    // The other table is as whole; its columns are not those of records, which is said only once it could be opened.
    let series = RecordsFile::open(&folder.join("series.parquet")).unwrap_err().to_string();
    assert!(series.contains("lacks"), "kill {number}: {series}");
    assert!(folder.join("spec.toml").is_file());
}
