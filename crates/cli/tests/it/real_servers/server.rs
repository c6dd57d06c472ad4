//! A server from `scripts/servers`, started for a test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plimsoll_core::record::{Outcome, Record};
use plimsoll_core::summary::ErrorClass;
use tempfile::TempDir;

use crate::program::{Ended, Place, count, wait_at_most};
use crate::servers::get;

/// The first start of a server installs it.
const PATIENCE: Duration = Duration::from_secs(900);

/// A server from `scripts/servers`. Its whole process group ends with this value.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// Starts the server and waits until it answers 200 at `health`.
    pub(crate) fn start(name: &str, health: &str) -> Self {
        Server::start_with(name, health, &[])
    }

    /// The same with further arguments for its script, which come after the port.
    pub(crate) fn start_with(name: &str, health: &str, arguments: &[&str]) -> Self {
        Server::launch(name, health, &[free_port()], arguments)
    }

    /// The same with a port for each of what the server opens, that of HTTP first.
    pub(crate) fn start_on(name: &str, health: &str, ports: &[u16]) -> Self {
        Server::launch(name, health, ports, &[])
    }

    fn launch(name: &str, health: &str, ports: &[u16], arguments: &[&str]) -> Self {
        let url = format!("http://127.0.0.1:{}", ports[0]);
        Server::start_until(name, ports, arguments, || matches!(get(&url, health), Ok((200, _))))
    }

    /// Starts a server that says in another way than by HTTP that it is ready.
    pub(crate) fn start_until(
        name: &str,
        ports: &[u16],
        arguments: &[&str],
        is_ready: impl FnMut() -> bool,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let output = File::create(&log).unwrap();
        let child = Command::new(scripts().join(name).join("run.sh"))
            .env("TMPDIR", folder.path())
            .args(ports.iter().map(u16::to_string))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server =
            Server { url: format!("http://127.0.0.1:{}", ports[0]), child, log, _folder: folder };
        server.wait_for(name, is_ready);
        server
    }

    /// Waits for something that takes a server that runs; one that has ended says why.
    pub(crate) fn wait_for(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        wait_at_most(PATIENCE, what, || {
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "no {what}: {}", self.log());
            is_so()
        });
    }

    /// Ends it by this signal, and waits until it has ended.
    pub(crate) fn end_by(mut self, signal: i32) {
        let id = i32::try_from(self.child.id()).unwrap();
        // SAFETY: a plain system call; the child has not been waited for, so its number is still its own.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
        let child = &mut self.child;
        wait_at_most(PATIENCE, "the server to end", || child.try_wait().unwrap().is_some());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// A figure of its Prometheus metrics.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (_, text) = get(&self.url, "/metrics").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap() as u64
    }

    /// Runs 40 requests, 4 at a time.
    pub(crate) fn ask_forty(&self, more: &str) -> (Ended, Vec<Record>, Place) {
        ask_forty(&self.url, more)
    }
}

/// The same at a URL: a server may have several.
pub(crate) fn ask_forty(url: &str, more: &str) -> (Ended, Vec<Record>, Place) {
    let place = Place::new();
    let line = format!("run {url} -u 4 -r 100000 --max-requests 40 {more}");
    let ended = place.line(&line);
    let records = place.records();
    assert_eq!((records.len(), count(&records, Outcome::Ok)), (40, 40), "{line}: {ended:?}");
    (ended, records, place)
}

/// Runs with nothing but a target, 4 users and an end, and returns the first line: what was found.
pub(crate) fn recognised(url: &str) -> String {
    let place = Place::new();
    let ended = place.line(&format!("run -H {url} -u 4 -r 100000 --max-requests 20"));
    let records = place.records();
    assert!(records.len() >= 20 && count(&records, Outcome::Ok) == records.len(), "{ended:?}");
    let found = ended.stderr.lines().find(|line| line.starts_with("found ")).unwrap_or_default();
    found.to_owned()
}

/// What a run that fails altogether says: each class of its errors in one line, `OUTCOME STATUS TEXT`.
pub(crate) fn complaints(line: &str) -> Vec<String> {
    let place = Place::new();
    let ended = place.line(&format!("{line} -u 4 -r 100000 --max-requests 8 -t 2s"));
    assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
    let class = |class: &ErrorClass| {
        let status = class.status.map(|status| format!(" {status}")).unwrap_or_default();
        format!("{}{status} {}", class.outcome.name(), class.example)
    };
    place.summary().errors.iter().map(class).collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).unwrap();
        // SAFETY: a plain system call; the group is our child's own, and the child has not been waited for.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        let _ = self.child.wait();
    }
}

/// Rounds of a comparison, and the most of them where other work of the machine disturbs it.
const ROUNDS: usize = 5;
const ROUNDS_MAX: usize = 20;

/// Says how two protocols of one server compare, and that neither takes half as long again as the other: more than that
/// would be the client's doing, for the model's work is the same.
///
/// Each is as fast as in the round that was disturbed least. A machine that is busy needs more rounds to leave each of them
/// alone once; a client that makes one slower makes it so in all of them.
pub(crate) fn assert_alike(what: &str, names: [&str; 2], lines: [&str; 2]) {
    let mut least = [f64::INFINITY; 2];
    let ratio = |least: [f64; 2]| least[0] / least[1];
    let alike = |least| (1.0 / 1.5..1.5).contains(&ratio(least));
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && alike(least) {
            break;
        }
        for (line, least) in lines.iter().zip(&mut least) {
            *least = least.min(median_latency(line, round));
        }
    }
    println!(
        "latency p50 on {what}: {} {:.2} ms, {} {:.2} ms, ratio {:.3}",
        names[0],
        least[0],
        names[1],
        least[1],
        ratio(least)
    );
    assert!(alike(least), "{what}: {names:?} {least:?} ms");
}

/// The median latency, milliseconds, of 50 requests by a command line, one at a time: no queue multiplies what else the
/// machine does.
fn median_latency(line: &str, seed: usize) -> f64 {
    let place = Place::new();
    let ended = place.line(&format!("{line} -u 1 --max-requests 50 --seed {seed}"));
    let records = place.records();
    let ok = count(&records, Outcome::Ok);
    assert!(ok == records.len() && ok >= 50, "{line}: {ended:?}");
    median(records.iter().filter_map(Record::latency).collect()) * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/servers")
}

/// The folder of the model that all servers share, with its tokenizer.
pub(crate) fn model() -> String {
    let script = "source ./common.sh && tiny_model && echo \"$MODEL\"";
    let output = Command::new("bash").args(["-euc", script]).current_dir(scripts()).output().unwrap();
    assert!(output.status.success(), "no model: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Whether the large servers are wanted; says so if not.
pub(crate) fn all_servers_wanted(name: &str) -> bool {
    let wanted = std::env::var("PLIMSOLL_TEST_ALL_SERVERS").is_ok_and(|value| value == "1");
    if !wanted {
        println!("not run: {name} is large; `./test --all-servers` runs it (PLIMSOLL_TEST_ALL_SERVERS=1)");
    }
    wanted
}
