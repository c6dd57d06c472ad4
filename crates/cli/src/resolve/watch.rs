//! What is watched of the server, and when it is profiled.

use std::num::NonZeroU32;
use std::time::Duration;

use plimsoll_core::spec::Secret;
use plimsoll_drive::process::Process;
use url::Url;

use super::target::{TargetKind, header, take_credentials, without_credentials};
use crate::args::watch::WatchArgs;
use crate::exit::{UsageError, refuse};

/// What is watched, complete but for what is found beside the target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchDraft {
    /// Look for pages beside the target, and for what this machine tells where the target is on it.
    pub(crate) auto: bool,
    /// Pages that were named, without user and password, with the headers that each is asked with.
    pub(crate) pages: Vec<(String, Vec<(String, Secret)>)>,
    pub(crate) process: Option<Process>,
    pub(crate) interval: Duration,
    pub(crate) profile: Option<ProfileDraft>,
}

/// When a profiler is on, and how it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileDraft {
    pub(crate) how: Profiler,
    /// From the beginning of the measured window.
    pub(crate) at: Duration,
    pub(crate) length: Duration,
}

/// How a profiler is started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profiler {
    /// By commands of a shell; without the second one it stops by itself.
    Commands { start: String, stop: Option<String> },
    /// By asking the server.
    Server,
}

/// # Errors
/// A URL or header that is none, a process that is not there, or something that simulated time does not have.
pub(super) fn resolve(args: &WatchArgs, kind: &TargetKind) -> Result<WatchDraft, UsageError> {
    let headers = args.watch_header.iter().map(|text| header("--watch-header", text));
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    let (words, urls): (Vec<&str>, Vec<&str>) =
        args.watch.iter().map(String::as_str).partition(|text| matches!(*text, "auto" | "off"));
    let auto = match words.last() {
        Some(&"off") if words.contains(&"auto") => {
            refuse!("--watch auto and --watch off say opposite things: give one of them")
        }
        Some(&"auto") if words.contains(&"off") => {
            refuse!("--watch auto and --watch off say opposite things: give one of them")
        }
        word => word != Some(&"off"),
    };
    if urls.is_empty() && !headers.is_empty() {
        refuse!(
            "--watch-header is for the pages that --watch names: give one, such as --watch http://host:9400/metrics"
        );
    }
    let pages = urls.into_iter().map(|url| page(url, &headers)).collect::<Result<Vec<_>, _>>()?;
    let profile = profile(args);
    if matches!(kind, TargetKind::InProcess(_)) {
        let asked = [
            ("--watch", !pages.is_empty()),
            ("--watch-pid", args.watch_pid.is_some()),
            ("--profile-start-cmd", args.profile_start_cmd.is_some()),
            ("--profile-server", args.profile_server),
        ];
        if let Some((option, _)) = asked.into_iter().find(|(_, asked)| *asked) {
            refuse!("with time=virtual there is no server to be watched: leave out {option}");
        }
    }
    Ok(WatchDraft {
        auto: auto && !matches!(kind, TargetKind::InProcess(_)),
        pages,
        process: args.watch_pid.map(process).transpose()?,
        interval: args.watch_interval,
        profile,
    })
}

fn page(text: &str, headers: &[(String, Secret)]) -> Result<(String, Vec<(String, Secret)>), UsageError> {
    let shown = without_query(&without_credentials(text));
    let written = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&written).map_err(|error| {
        UsageError(format!("--watch: `{shown}` is no URL ({error}): write http://host:port/metrics"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        refuse!("--watch: `{shown}` is no page of metrics: write http://host:port/metrics, or auto, or off");
    }
    let authorised = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let mut headers = headers.to_vec();
    headers.extend(take_credentials(&mut url, authorised)?);
    url.set_fragment(None);
    Ok((url.to_string(), headers))
}

/// A query may have a token.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn process(pid: NonZeroU32) -> Result<Process, UsageError> {
    Process::find(pid).map_err(|error| {
        UsageError(format!(
            "--watch-pid {pid}: {error}; give the number of the server's process on this machine, as `pgrep -f NAME` \
             prints it"
        ))
    })
}

fn profile(args: &WatchArgs) -> Option<ProfileDraft> {
    let how = match (&args.profile_start_cmd, args.profile_server) {
        (Some(start), _) => Profiler::Commands { start: start.clone(), stop: args.profile_stop_cmd.clone() },
        (None, true) => Profiler::Server,
        (None, false) => return None,
    };
    Some(ProfileDraft { how, at: args.profile_at, length: args.profile_for })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(watch: &[&str]) -> WatchArgs {
        WatchArgs {
            watch: watch.iter().map(|text| (*text).to_owned()).collect(),
            watch_header: Vec::new(),
            watch_interval: Duration::from_secs(1),
            watch_pid: None,
            profile_start_cmd: None,
            profile_stop_cmd: None,
            profile_server: false,
            profile_at: Duration::ZERO,
            profile_for: Duration::from_secs(10),
        }
    }

    #[test]
    fn words_switch_the_search_and_urls_are_added() {
        for (watch, auto, pages) in [
            (vec![], true, vec![]),
            (vec!["off"], false, vec![]),
            (vec!["auto", "gpu:9400"], true, vec!["http://gpu:9400/"]),
            (vec!["off", "https://h/m?a=b#c"], false, vec!["https://h/m?a=b"]),
        ] {
            let draft = resolve(&args(&watch), &TargetKind::Http).unwrap();
            let found: Vec<&str> = draft.pages.iter().map(|(url, _)| url.as_str()).collect();
            assert_eq!((draft.auto, found), (auto, pages), "{watch:?}");
        }
        assert!(!resolve(&args(&[]), &TargetKind::InProcess(String::new())).unwrap().auto);
    }

    #[test]
    fn what_cannot_be_watched_is_refused_without_secrets() {
        for (watch, kind) in [
            (vec!["auto", "off"], TargetKind::Http),
            (vec!["ftp://user:secret@h"], TargetKind::Http),
            (vec!["http://user:secret@"], TargetKind::Http),
            (vec!["http://user:secret@h:99999/?token=secret"], TargetKind::Http),
            (vec!["http://h"], TargetKind::InProcess(String::new())),
        ] {
            let error = resolve(&args(&watch), &kind).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("--watch"), "{error}");
        }
        let alone = WatchArgs { watch_header: vec!["A: secret".to_owned()], ..args(&[]) };
        assert!(resolve(&alone, &TargetKind::Http).unwrap_err().to_string().contains("give one"));
        let gone = WatchArgs { watch_pid: NonZeroU32::new(u32::MAX - 1), ..args(&[]) };
        assert!(resolve(&gone, &TargetKind::Http).unwrap_err().to_string().contains("--watch-pid"));
    }

    #[test]
    fn a_user_in_the_url_becomes_a_header() {
        let draft = resolve(&args(&["http://user:word@h/metrics"]), &TargetKind::Http).unwrap();
        assert_eq!(draft.pages[0].0, "http://h/metrics");
        assert_eq!(draft.pages[0].1[0].0, "Authorization");
    }
}
