//! One rung of the ladder: a short `plimsoll run` in a process of its own, against the server in this one.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use plimsoll_core::summary::Summary;
use plimsoll_serve::sim::{SimOptions, SimServer};

use crate::exit::Exit;
use crate::report::{ceiling, emit};
use crate::stored::ceiling::Rung;

/// Tries rungs, in a folder of its own that goes with it.
pub(super) struct Rungs {
    program: PathBuf,
    folder: PathBuf,
    threads: String,
}

impl Drop for Rungs {
    fn drop(&mut self) {
        // What is left behind lies among temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Rungs {
    /// Gets ready to try rungs with so many I/O threads.
    ///
    /// # Errors
    /// There is no room for temporary files, or this program cannot be found.
    pub(super) fn new(threads: u16) -> anyhow::Result<Self> {
        let folder = env::temp_dir().join(format!("plimsoll-selftest-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let program = env::current_exe().context("cannot find this program to start it again")?;
        Ok(Rungs { program, folder, threads: threads.to_string() })
    }

    /// Streams at once that begin together, a token every 10 ms in each.
    pub(super) fn streams(&self, streams: u32) -> anyhow::Result<Rung> {
        let load = ["-u", &streams.to_string(), "-r", "100000", "-o", "64", "-t", "1500ms"];
        let (summary, server_late) = self.measure("ttft=50ms&itl=10ms", &load)?;
        let error = summary.truth.as_ref().and_then(|truth| truth.first_token_error.percentile(99.0));
        let rung = Rung {
            load: streams,
            reached: summary.rates.output_token_rate,
            error_p99_ms: error.map(|seconds| seconds * 1e3),
            broken: broken(&summary),
            server_late,
        };
        emit::note(&ceiling::told("streams", &rung));
        Ok(rung)
    }

    /// Small requests per second, on a schedule.
    pub(super) fn rate(&self, rate: u32) -> anyhow::Result<Rung> {
        let load = ["--qps", &rate.to_string(), "--no-chat", "--no-stream", "-o", "1", "-t", "1s"];
        let (summary, server_late) = self.measure("ttft=0s&itl=0s", &load)?;
        let rung = Rung {
            load: rate,
            reached: summary.rates.completed_rate,
            error_p99_ms: summary.health.own_lag_p99.map(|seconds| seconds * 1e3),
            broken: broken(&summary),
            server_late,
        };
        emit::note(&ceiling::told("requests/s", &rung));
        Ok(rung)
    }

    /// Puts a load on a server that has just started, and says whether that server was late.
    fn measure(&self, server: &str, load: &[&str]) -> anyhow::Result<(Summary, bool)> {
        let options = SimOptions::parse(&format!("{server}&slots=100000"))?;
        let server = SimServer::start(options, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
            .context("cannot start the simulated server on 127.0.0.1")?;
        let url = format!("http://{}", server.address());
        let client = Command::new(&self.program)
            .args([
                "run",
                "--provider",
                "vllm",
                "-m",
                "sim",
                "-p",
                "8",
                "-s",
                "5",
                "-H",
                &url,
                "--threads",
                &self.threads,
            ])
            .args(["--json", "--no-progress", "--no-report", "--watch", "off", "--out", "runs"])
            .args(load)
            // The user's settings are for the user's runs.
            .env_clear()
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .context("cannot start this program again")?;
        let late = server.stop()?.lateness.is_bottleneck();
        let judged =
            [Exit::Passed, Exit::Invalid].map(|exit| Some(exit as i32)).contains(&client.status.code());
        if !judged {
            anyhow::bail!("a run of the ladder failed: {}", String::from_utf8_lossy(&client.stderr).trim());
        }
        let summary =
            serde_json::from_slice(&client.stdout).context("a run of the ladder said nothing of use")?;
        Ok((summary, late))
    }
}

/// Why a run cannot be trusted, if it cannot.
fn broken(summary: &Summary) -> Option<String> {
    let reason = summary.validity.reasons.first().cloned();
    if summary.validity.valid { None } else { Some(reason.unwrap_or_default()) }
}
