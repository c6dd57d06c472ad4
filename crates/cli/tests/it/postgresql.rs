//! The PostgreSQL feed against the real PostgreSQL.

use std::fs;
use std::path::PathBuf;

use plimsoll_core::record::{Outcome, Record};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::program::{Ended, Place, count, deserved, wait_until, words};
use crate::real_servers::{Server, free_port};
use crate::servers::{Sim, nobody};

/// The password that `run.sh` gives the user postgres.
const PASSWORD: &str = "postgres";
const SIM: &str = "ttft=2ms&itl=1ms";

/// A database of its own. It ends with this value.
pub(crate) struct Database {
    pub(crate) port: u16,
    server: Option<Server>,
    data: TempDir,
    arguments: Vec<String>,
}

impl Database {
    pub(crate) fn start() -> Self {
        Database::start_with(&[])
    }

    /// The same with arguments of the server.
    fn start_with(arguments: &[&str]) -> Self {
        let mut database = Database {
            port: free_port(),
            server: None,
            data: tempfile::tempdir().unwrap(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        };
        database.begin();
        database
    }

    fn begin(&mut self) {
        let data = self.data.path().join("data");
        let mut arguments = vec![data.to_str().unwrap()];
        arguments.extend(self.arguments.iter().map(String::as_str));
        let url = self.url();
        let ready = || ask(&url, "SELECT 1").is_ok();
        self.server = Some(Server::start_until("postgresql", &[self.port], &arguments, ready));
    }

    /// Ends it at once, as a crash would.
    fn crash(&mut self) {
        self.server.take().unwrap().end_by(libc::SIGQUIT);
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// The rows of an answer, each value as text.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        ask(&self.url(), sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// The only value of an answer.
    fn one(&self, sql: &str) -> String {
        let rows = self.ask(sql);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}: {rows:?}");
        rows[0][0].clone().unwrap_or_default()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.end_by(libc::SIGQUIT);
        }
    }
}

fn ask(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let driver = tokio::spawn(connection);
        let answer = client.simple_query(sql).await?;
        drop(client);
        let _ = driver.await;
        let row = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(answer.into_iter().filter_map(row).collect())
    })
}

/// Runs a line of arguments with the database's password in the environment.
fn run(place: &Place, line: &str) -> Ended {
    let words = words(line);
    let mut command = place.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("PGPASSWORD", PASSWORD).env("USER", "ada");
    place.start_command(command).wait()
}

/// Every file that a run left, as text.
fn files(folder: &PathBuf) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()).collect()
}

#[test]
fn every_request_is_a_row_and_its_figures_are_beside_it() {
    let (database, sim, place) =
        (Database::start(), Sim::start(&format!("{SIM}&error_rate=0.1")), Place::new());
    let ended = run(
        &place,
        &format!(
            "run {} -u 4 -r 100000 --max-requests 100 -o 4 --max-fail-ratio 1 --timescale --pghost 127.0.0.1 --pgport {} \
             --test-env ci --test-version 1.2 --description 'a test' --override-plan-name 'nightly run'",
            sim.url, database.port
        ),
    );
    let (records, summary) = (place.records(), place.summary());
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    assert_eq!(
        (summary.warnings.iter().any(|text| text.contains("PostgreSQL")), summary.feeds.len()),
        (false, 1)
    );
    assert_eq!((summary.feeds[0].sent, summary.feeds[0].lost), (records.len() as u64, 0));
    let ok = count(&records, Outcome::Ok);
    assert!(ok < records.len(), "the server answers some with errors");

    let requests = database.ask(
        "SELECT count(*), count(exception), sum(success), min(name), min(request_type), min(testplan), \
         count(DISTINCT context->>'request'), bool_and(url LIKE 'http://%/v1/chat/completions') \
         FROM request WHERE request_type <> 'METRIC'",
    );
    let (all, failed, ok_text) =
        (records.len().to_string(), (records.len() - ok).to_string(), ok.to_string());
    let expected = [&all, &failed, &ok_text, "/v1/chat/completions", "POST", "nightly run", &all, "t"];
    assert_eq!(requests, [expected.map(|text| Some(text.to_owned())).to_vec()]);
    let metrics = database.ask(
        "SELECT name, count(*)::int FROM request WHERE request_type = 'METRIC' GROUP BY name ORDER BY name",
    );
    let names: Vec<_> = metrics.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(
        names,
        [
            "cached_tokens",
            "completion_tokens",
            "generation_tokens",
            "latency_per_token",
            "num_tokens",
            "overall_latency_per_token",
            "prompt_tokens",
            "time_to_first_token",
            "total_latency",
        ]
    );
    assert!(metrics.iter().all(|row| row[1].as_ref() == Some(&ok_text)), "{metrics:?}");
    assert_eq!(database.one("SELECT max(response_time) FROM request WHERE name = 'num_tokens'"), "4");

    let mean = |of: fn(&Record) -> Option<f64>| {
        let values: Vec<f64> =
            records.iter().filter(|record| record.outcome == Outcome::Ok).filter_map(of).collect();
        values.iter().sum::<f64>() / values.len() as f64 * 1e3
    };
    for (name, mean) in
        [("time_to_first_token", mean(Record::ttft)), ("total_latency", mean(Record::latency))]
    {
        let stored = database.one(&format!("SELECT avg(response_time) FROM request WHERE name = '{name}'"));
        assert!((stored.parse::<f64>().unwrap() / mean - 1.0).abs() < 1e-9, "{name}: {stored}, {mean}");
    }

    let runs = database.ask(
        "SELECT testplan, num_clients, env, changeset_guid, description, username, requests, exit_code, \
         round(fail_ratio::numeric, 6), end_time > id, rps_avg > 0, resp_time_avg > 0 FROM testrun",
    );
    let ratio = format!("{:.6}", (records.len() - ok) as f64 / records.len() as f64);
    let code = ended.code.unwrap().to_string();
    let expected = ["nightly run", "4", "ci", "1.2", "a test", "ada", &all, &code, &ratio, "t", "t", "t"];
    assert_eq!(runs, [expected.map(|text| Some(text.to_owned())).to_vec()]);
    let events = database.ask("SELECT text FROM events ORDER BY time, text");
    let events: Vec<_> = events.into_iter().map(|row| row[0].clone().unwrap()).collect();
    let finished = format!("nightly run finished with exit code: {code}");
    assert_eq!(
        events,
        ["nightly run started by ada", "nightly run rampup complete, 4 users spawned", &finished]
    );
    let run = database.one("SELECT count(DISTINCT run_id) FROM (SELECT run_id FROM request UNION SELECT run_id FROM user_count UNION SELECT id FROM testrun) AS all_of_them");
    assert_eq!(run, "1");

    assert!(ended.stderr.contains("/d/plimsoll-postgresql?var-testplan=nightly%20run&from="), "{ended:?}");
}

#[test]
fn a_database_that_crashes_and_comes_back_has_every_request_once() {
    let (mut database, sim, place) = (Database::start(), Sim::start(SIM), Place::new());
    let args = ["run", &sim.url, "--qps", "50", "-o", "4", "--postgres", &database.url()];
    let started = place.start(&args);
    sim.wait_for("completed", 50);
    database.crash();
    let so_far = sim.stat("completed");
    sim.wait_for("completed", so_far + 50);
    database.begin();
    let rows = || database.one("SELECT count(*) FROM request WHERE request_type = 'POST'");
    wait_until("the rows of the time without a database", || rows().parse::<u64>().unwrap() > so_far + 50);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let (records, summary) = (place.records(), place.summary());
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    let all = records.len() as u64;
    assert_eq!((count(&records, Outcome::Ok), all), (records.len(), summary.counts.total));
    assert_eq!((summary.feeds[0].sent, summary.feeds[0].lost), (all, 0), "{:?}", summary.feeds);
    let all = all.to_string();
    let rows = database
        .ask("SELECT count(*), count(DISTINCT context->>'request') FROM request WHERE request_type = 'POST'");
    assert_eq!(rows, [vec![Some(all.clone()), Some(all)]]);
    assert_eq!(database.one("SELECT exit_code FROM testrun"), ended.code.unwrap().to_string());
}

#[test]
fn a_database_that_is_lost_costs_rows_and_nothing_else() {
    let (mut database, sim, place) = (Database::start(), Sim::start(SIM), Place::new());
    let args = ["run", &sim.url, "--qps", "100", "-o", "4", "--postgres", &database.url()];
    let started = place.start(&args);
    sim.wait_for("completed", 100);
    database.crash();
    let so_far = sim.stat("completed");
    sim.wait_for("completed", so_far + 50);
    started.signal(libc::SIGINT);
    let ended = started.wait();
    let (records, summary) = (place.records(), place.summary());
    assert_eq!(ended.code, deserved(&summary), "{ended:?}");
    assert_eq!(count(&records, Outcome::Ok), records.len());
    let (feed, all) = (&summary.feeds[0], records.len() as u64);
    assert!(feed.lost > 0 && feed.sent + feed.lost == all, "{feed:?}");
    let warning = summary.warnings.iter().find(|text| text.contains("PostgreSQL")).unwrap();
    let lost = format!("lost {} of {all} requests: ", feed.lost);
    assert!(warning.contains(&lost) && warning.contains("onnection refused"), "{warning}");
    assert!(ended.stdout.contains(&lost), "{ended:?}");

    database.begin();
    let rows = database.one("SELECT count(*) FROM request WHERE request_type = 'POST'");
    assert_eq!(rows, feed.sent.to_string());
    let left = format!("{}{}{}", ended.stdout, ended.stderr, files(&place.result()));
    assert!(!left.contains(&format!(":{PASSWORD}@")), "the password is in nothing that the run left");
}

#[test]
fn what_cannot_be_written_to_ends_the_run_before_it_starts() {
    let (sim, place) = (Sim::start(SIM), Place::new());
    let port = nobody().rsplit(':').next().unwrap().to_owned();
    let refused = |line: &str| {
        let ended = run(&place, &format!("run {} -u 1 --max-requests 5 {line}", sim.url));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert_eq!((sim.stat("completed"), place.results().len()), (0, 0));
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        ended.stderr.lines().last().unwrap().to_owned()
    };
    let error = refused(&format!("--timescale --pghost 127.0.0.1 --pgport {port}"));
    assert!(
        error.starts_with(&format!("error: cannot write to PostgreSQL at 127.0.0.1:{port}/postgres: ")),
        "{error}"
    );
    assert!(error.contains("onnection refused") && error.contains("plimsoll stack up"), "{error}");

    let database = Database::start();
    let at = format!("127.0.0.1:{}", database.port);
    let error = refused(&format!("--postgres postgresql://postgres:hunter2@{at}"));
    assert!(error.contains("password authentication failed for user \"postgres\""), "{error}");
    let error = refused(&format!("--postgres postgresql://postgres:postgres@{at}?sslmode=require"));
    assert!(error.contains("TLS"), "{error}");

    database.ask("CREATE TABLE request (time timestamptz, run_id integer)");
    let error = refused(&format!("--postgres {}", database.url()));
    assert!(
        error.contains("the table request is not that of locust-plugins (run_id is int4, not timestamptz)"),
        "{error}"
    );
    database.ask("DROP TABLE request; ALTER TABLE user_count ALTER testplan TYPE varchar(30)");
    let error = refused(&format!("--postgres {} --name {}", database.url(), "n".repeat(31)));
    assert!(error.contains("is longer than the 30 characters of user_count.testplan"), "{error}");
}

#[test]
fn a_connection_is_encrypted_where_that_is_asked_for_and_the_certificate_checked() {
    let folder = tempfile::tempdir().unwrap();
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&cert, signed.cert.pem()).unwrap();
    fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(&key, mode).unwrap();
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let ssl = [format!("ssl_cert_file={cert}"), format!("ssl_key_file={key}")];
    let database =
        Database::start_with(&["-c", "ssl=on", "-c", &ssl[0], "-c", &ssl[1], "-c", "log_connections=on"]);
    let (sim, place) = (Sim::start(SIM), Place::new());
    let run = |more: &str| {
        let ended = run(
            &place,
            &format!(
                "run {} -u 1 --max-requests 3 --timescale --pghost 127.0.0.1 --pgport {} {more}",
                sim.url, database.port
            ),
        );
        (ended.code, ended.stderr)
    };
    let (code, stderr) = run("--pgsslmode verify-full");
    assert!(code == Some(1) && stderr.contains("certificate"), "{stderr}");
    for more in ["--pgsslmode require", &format!("--pgsslmode verify-full --pgsslrootcert {cert}")] {
        let (code, stderr) = run(more);
        assert!(matches!(code, Some(0 | 3)), "{more}: {stderr}");
    }
    wait_until("both runs to be there", || database.one("SELECT count(*) FROM testrun") == "2");
}
