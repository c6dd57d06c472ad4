//! `plimsoll stack`, with a program of the test's own in place of docker.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::program::{Ended, Place, words};
use crate::real_servers::scripts;

/// Runs a line with nothing in the PATH but the folder `bin`.
fn run(place: &Place, line: &str, env: &[(&str, &str)]) -> Ended {
    let words = words(line);
    let mut command = place.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("PATH", place.path().join("bin")).envs(env.iter().copied());
    place.start_command(command).wait()
}

/// Puts a script there that notes how it was called.
fn engine(place: &Place, name: &str, script: &str) {
    let path = place.path().join("bin").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(
        &path,
        format!("#!/bin/sh\necho \"{name} $*\" >> '{}/calls'\n{script}\n", place.path().display()),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The permissions of a file for its group and all others.
fn open_to_others(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o077
}

#[test]
fn files_are_written_and_what_is_the_users_stays() {
    let place = Place::new();
    let ended = run(&place, "stack files", &[("POSTGRES_PASSWORD", "hunter2")]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "plimsoll-stack\n", ""));
    let folder = place.path().join("plimsoll-stack");
    let (env, run_file) = (place.read("plimsoll-stack/.env"), place.read("plimsoll-stack/run.toml"));
    assert!(
        env.ends_with("\nPOSTGRES_PASSWORD=hunter2\n") && run_file.contains("pgpassword = \"hunter2\"\n")
    );
    assert_eq!((open_to_others(&folder.join(".env")), open_to_others(&folder.join("run.toml"))), (0, 0));
    let grafana = env.lines().next().unwrap().strip_prefix("GRAFANA_PASSWORD=").unwrap();
    assert_eq!(grafana.len(), 24, "144 random bits: {grafana}");
    place.write("plimsoll-stack/targets/servers.yml", "- targets: ['mine:8000']\n");
    place.write("plimsoll-stack/compose.yaml", "an older one\n");

    assert_eq!(run(&place, "stack files", &[]).code, Some(0));
    assert_eq!(place.read("plimsoll-stack/.env"), env, "data that are there have this password");
    assert_eq!(place.read("plimsoll-stack/targets/servers.yml"), "- targets: ['mine:8000']\n");
    assert!(place.read("plimsoll-stack/compose.yaml").contains("timescale/timescaledb:"));
    let shown = run(&place, "run --config plimsoll-stack/run.toml --print-config", &[]);
    assert!(shown.code == Some(0) && shown.stdout.contains("\ntimescale = true"), "{shown:?}");
    assert!(!shown.stdout.contains("hunter2"), "{shown:?}");

    let refused = run(&place, "stack files --folder other", &[("GRAFANA_PASSWORD", "a\nb")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("GRAFANA_PASSWORD has characters beside letters"), "{refused:?}");
}

#[test]
fn the_real_promtool_takes_its_configuration() {
    let place = Place::new();
    assert_eq!(run(&place, "stack files", &[]).code, Some(0));
    let file = place.path().join("plimsoll-stack/prometheus.yml");
    // The folder that it names is that of the container.
    let text = fs::read_to_string(&file).unwrap();
    let targets = place.path().join("plimsoll-stack/targets");
    fs::write(&file, text.replace("/etc/prometheus/targets", targets.to_str().unwrap())).unwrap();
    let output = Command::new(scripts().join("prometheus/run.sh"))
        .args(["promtool", "check", "config"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("valid prometheus config"), "{said}");
}

#[test]
fn the_stack_is_started_looked_at_and_stopped_by_compose() {
    let place = Place::new();
    // A docker without its plug-in, as Debian's own package is.
    engine(&place, "docker", "exit 1");
    engine(&place, "podman", "");
    let ended = run(&place, "stack up --folder here", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("http://localhost:3000") && ended.stdout.contains("--config here/run.toml")
    );
    for line in
        ["stack status --folder here", "stack down --folder here", "stack down --delete-data --folder here"]
    {
        let ended = run(&place, line, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    }
    let calls = place.read("calls");
    let calls: Vec<&str> = calls.lines().filter(|call| !call.ends_with(" compose version")).collect();
    assert_eq!(
        calls,
        [
            "podman compose up --detach",
            "podman compose ps",
            "podman compose down",
            "podman compose down --volumes"
        ]
    );

    let place = Place::new();
    engine(&place, "docker", "case $* in *up*) echo 'no daemon' >&2; exit 17;; esac");
    let ended = run(&place, "stack up", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("no daemon\n") && ended.stderr.contains("failed in `plimsoll-stack`"),
        "{ended:?}"
    );
    assert!(place.read("calls").ends_with("docker compose up --detach --wait --wait-timeout 180\n"));
}

#[test]
fn what_is_missing_is_said() {
    let place = Place::new();
    let ended = run(&place, "stack up", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("neither `docker compose` nor `podman compose` works here"), "{ended:?}");
    assert!(place.path().join("plimsoll-stack/compose.yaml").is_file());
    let ended = run(&place, "stack down --folder elsewhere", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there is no stack in `elsewhere`"), "{ended:?}");
}
