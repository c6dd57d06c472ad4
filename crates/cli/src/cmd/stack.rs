//! `plimsoll stack`: Grafana, Prometheus and TimescaleDB with the dashboards, in containers.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use plimsoll_core::spec::Secret;

use crate::args::stack::{StackAction, StackArgs};
use crate::exit::Exit;
use crate::report::emit;
use crate::stack::{self, Keeping, RUN_FILE, StackFile};

/// Seconds that `compose up` waits for the services to be ready. What it downloads before takes as long as it takes, and
/// is shown.
const READY_WITHIN: &str = "180";

/// Runs the command.
///
/// # Errors
/// The files cannot be written, or there is nothing to start containers with.
pub(crate) fn run(args: &StackArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    match args.action {
        StackAction::Files => {
            write(folder)?;
            emit::result(&format!("{}\n", folder.display()))?;
        }
        StackAction::Up => {
            write(folder)?;
            let engine = engine(folder)?;
            emit::note(&format!(
                "starting the stack with {engine}; the first time it downloads three images"
            ));
            // Podman's own compose does not know how to wait.
            let wait: &[&str] =
                if engine == "docker" { &["--wait", "--wait-timeout", READY_WITHIN] } else { &[] };
            compose(engine, folder, &[&["up", "--detach"], wait].concat())?;
            emit::result(&ready(folder))?;
        }
        StackAction::Down { delete_data } => {
            let more: &[&str] = if delete_data { &["down", "--volumes"] } else { &["down"] };
            compose(engine(written(folder)?)?, folder, more)?;
        }
        StackAction::Status => compose(engine(written(folder)?)?, folder, &["ps"])?,
    }
    Ok(Exit::Passed.into())
}

/// What to do with a stack that runs.
fn ready(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Grafana: http://localhost:3000 (to look at; user admin has the password in {folder}/.env)\n\
         To feed it: plimsoll run --config {folder}/{RUN_FILE} …\n\
         The server's own metrics: name it in {folder}/targets/servers.yml\n"
    )
}

/// The folder, if it has the files of a stack.
fn written(folder: &Path) -> anyhow::Result<&Path> {
    match folder.join("compose.yaml").is_file() {
        true => Ok(folder),
        false => Err(anyhow!(
            "there is no stack in `{}`: name its folder with --folder, or start one with `plimsoll stack up`",
            folder.display()
        )),
    }
}

/// Writes all files; what is the user's stays as it is.
fn write(folder: &Path) -> anyhow::Result<()> {
    let secrets = stack::secrets(&password("GRAFANA_PASSWORD")?, &password("POSTGRES_PASSWORD")?);
    // Both have the same password: one of them alone would be another stack's.
    let mut files = stack::all();
    if !secrets.iter().all(|file| folder.join(&file.path).exists()) {
        files.extend(secrets);
    }
    for file in &files {
        write_file(folder, file)
            .with_context(|| format!("cannot write `{}`", folder.join(&file.path).display()))?;
    }
    Ok(())
}

fn write_file(folder: &Path, file: &StackFile) -> std::io::Result<()> {
    let path = folder.join(&file.path);
    if file.keeping == Keeping::Theirs && path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mode = if file.keeping == Keeping::Secret { 0o600 } else { 0o644 };
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    open.write_all(file.text.as_bytes())
}

/// The password in this environment variable, or a new one of 144 random bits.
fn password(variable: &str) -> anyhow::Result<Secret> {
    if let Ok(given) = std::env::var(variable)
        && !given.is_empty()
    {
        // It goes into a file of lines `NAME=value` and into TOML: what these would read otherwise is refused.
        let plain = given.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~+@%^*:,".contains(c));
        return match plain {
            true => Ok(Secret::new(given)),
            false => Err(anyhow!(
                "{variable} has characters beside letters, digits and -_.~+@%^*:, : choose another one"
            )),
        };
    }
    let mut bytes = [0; 18];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot draw a password from /dev/urandom")?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

/// The program whose `compose` works here.
fn engine(folder: &Path) -> anyhow::Result<&'static str> {
    let works = |engine: &&&str| {
        let asked = Command::new(engine).args(["compose", "version"]).stdin(Stdio::null()).output();
        asked.is_ok_and(|output| output.status.success())
    };
    ["docker", "podman"].iter().find(works).copied().with_context(|| {
        format!(
            "neither `docker compose` nor `podman compose` works here: install one of them (Debian and Ubuntu: \
             docker.io with docker-compose-v2, or podman with podman-compose). The files are in `{}`: what reads them \
             can also be run by hand",
            folder.display()
        )
    })
}

/// Runs `compose` in the folder; it shows its own progress.
fn compose(engine: &str, folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(engine)
        .arg("compose")
        .args(arguments)
        .current_dir(folder)
        .status()
        .with_context(|| format!("cannot run {engine}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(anyhow!(
            "`{engine} compose {}` failed in `{}`: see above",
            arguments.join(" "),
            folder.display()
        )),
    }
}
