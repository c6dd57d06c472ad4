//! Every command of the seed, every layer, every refusal.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use plimsoll_core::load::{
    Arrivals, ClosedLoop, ClosedShape, ConcurrencyCap, GapDistribution, OpenLoop, ThinkTime, WhenFull,
};
use plimsoll_core::spec::{Interface, PromptSource, Secret};
use plimsoll_core::time::Rate;

use super::*;
use crate::args::{Cli, Command, normalise_argv};

pub(super) fn context(env: &[(&str, &str)], folder: &Path) -> Context {
    Context {
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        folder: folder.to_owned(),
        presets: Presets::default(),
        options: Table::of_run,
        fresh_seed: 7,
        cores: 2,
    }
}

pub(super) fn resolve_in(args: &[&str], context: &Context) -> Result<Resolved, UsageError> {
    let argv = normalise_argv(["plimsoll", "run"].iter().chain(args).map(std::ffi::OsString::from));
    let matches = Cli::command().try_get_matches_from(&argv).map_err(|error| {
        UsageError(config::unknown_flag(&error, &argv).unwrap_or_else(|| error.to_string()))
    })?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| UsageError(error.to_string()))?;
    let Command::Run(typed) = cli.command else { panic!("not a run: {args:?}") };
    resolve(matches.subcommand_matches("run").unwrap(), &typed, context)
}

fn resolved(args: &[&str]) -> Resolved {
    resolve_in(args, &context(&[], Path::new("/nonexistent")))
        .unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

fn refused(args: &[&str]) -> String {
    match resolve_in(args, &context(&[], Path::new("/nonexistent"))) {
        Ok(_) => panic!("accepted: {args:?}"),
        Err(error) => error.to_string(),
    }
}

/// The finished run against a server that calls itself `provider`.
fn spec(resolved: Resolved, provider: Provider) -> RunSpec {
    let provider = resolved.draft.target.provider.unwrap_or(provider);
    let model = resolved.draft.target.model.clone().unwrap_or_else(|| "first".to_owned());
    let url = resolved.draft.target.url.clone();
    resolved.draft.with_server(Server { url, provider, model }).unwrap()
}

fn rate(per_second: f64) -> Rate {
    Rate::try_from(per_second).unwrap()
}

fn users(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn steady(n: u32, per_second: f64) -> LoadModel {
    let shape = ClosedShape::Steady { spawn_rate: Some(rate(per_second)) };
    LoadModel::Closed(ClosedLoop { users: users(n), shape, think: ThinkTime::Zero })
}

fn constant(per_second: f64, cap: u32) -> LoadModel {
    LoadModel::Open(OpenLoop {
        arrivals: Arrivals::Process { rate: rate(per_second), gaps: GapDistribution::Constant },
        cap: Some(ConcurrencyCap { max: users(cap), when_full: WhenFull::Lag }),
    })
}

fn tokens(spec: &RunSpec) -> Option<u32> {
    match spec.workload.prompts {
        PromptSource::Corpus { corpus: Corpus::Verse, tokens, instruction: None } => Some(tokens),
        _ => None,
    }
}

#[test]
fn the_seeds_fixed_concurrency() {
    let run = spec(resolved(&["-u", "8", "-r", "2", "-p", "512", "-o", "128"]), Provider::Vllm);
    assert_eq!(run.load, steady(8, 2.0));
    assert_eq!((tokens(&run), run.workload.output.mean), (Some(512), 128));
    assert_eq!(run.target.url, "http://localhost:80".trim_end_matches(":80"));
    assert!(run.api.interface.is_chat() && run.api.stream && run.api.ignore_eos);
    assert_eq!((run.phases.measure, run.phases.warmup), (None, Duration::ZERO));
}

#[test]
fn the_seeds_fixed_rate() {
    let args = "-t 1min -u 100 -r 100 -p 512 -o 128 --stream --chat --qps 0.5 --summary-file results.csv";
    let args: Vec<&str> = args.split(' ').collect();
    let resolved = resolved(&args);
    assert_eq!(resolved.outputs.summary_file, Some("results.csv".into()));
    let run = spec(resolved, Provider::Openai);
    assert_eq!(run.load, constant(0.5, 100));
    assert_eq!(run.phases.measure, Some(Duration::from_secs(60)));
    assert!(run.api.interface.is_chat() && run.api.stream && !run.api.ignore_eos);
}

#[test]
fn the_seeds_hosted_models() {
    let common = ["-u", "1", "-p", "128", "-o", "200", "--api-key", "secret"];
    let inference = ["-H", "https://api.fireworks.ai/inference", "--model=accounts/x/models/y"];
    let run = spec(resolved(&[common.as_slice(), &inference].concat()), Provider::Openai);
    assert_eq!(run.target.provider, Provider::Fireworks);
    assert_eq!(run.target.url, "https://api.fireworks.ai/inference");
    assert_eq!(run.target.model, "accounts/x/models/y");
    assert_eq!(run.target.api_key, Some(Secret::new("secret")));
    let openai = ["-H", "https://api.openai.com", "--model=z", "--chat"];
    let run = spec(resolved(&[common.as_slice(), &openai].concat()), Provider::Vllm);
    assert_eq!((run.target.provider, run.api.interface.is_chat()), (Provider::Openai, true));
}

#[test]
fn the_seeds_triton() {
    let args = "-u 100 -r 100 --prompt-text Hello -o 100 --provider triton-infer -H http://localhost:8000 \
                --tokenizer DIR --qps 1";
    let args: Vec<&str> = args.split_whitespace().collect();
    let run = spec(resolved(&args), Provider::Vllm);
    assert_eq!(run.load, constant(1.0, 100));
    assert_eq!(run.workload.prompts, PromptSource::Text("Hello".to_owned()));
    assert_eq!(run.workload.tokenizer.as_deref(), Some("DIR"));
    assert_eq!(run.target.model, "ensemble");
    assert!(run.api.interface == Interface::Generate && !run.api.stream && run.api.keep_text);
}

#[test]
fn the_seeds_grafana_settings() {
    let folder = tempfile::tempdir().unwrap();
    let conf = "locustfile = load_test.py\nhost = http://localhost:80\nheadless = true\n\ntimescale = true\n\
                pghost = 127.0.0.1\npgport = 5432\npguser = postgres\npgpassword = password\n";
    std::fs::write(folder.path().join("locust-grafana.conf"), conf).unwrap();
    let args = ["--config", "locust-grafana.conf", "-u", "8", "-p", "512", "-o", "128"];
    let resolved = resolve_in(&args, &context(&[], folder.path())).unwrap();
    assert_eq!(resolved.warnings.len(), 1);
    assert!(resolved.warnings[0].contains("locustfile"), "{:?}", resolved.warnings);
    let output = resolved.outputs.postgres.clone().unwrap();
    assert_eq!(
        (output.settings.to_string(), output.plan.as_str()),
        ("127.0.0.1:5432/postgres".to_owned(), "run")
    );
    assert!(!format!("{output:?}").contains("Secret(\"password"), "{output:?}");
    let run = spec(resolved, Provider::Vllm);
    assert_eq!((run.load.clone(), tokens(&run)), (steady(8, 1.0), Some(512)));
}

#[test]
fn a_database_is_written_to_when_that_is_wished_and_not_because_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let with = |args: &[&str], env: &[(&str, &str)]| resolve_in(args, &context(env, folder.path()));
    let env = [("PGHOST", "db"), ("PGPASSWORD", "hunter2"), ("USER", "ada")];
    let unasked = with(&[], &env).unwrap();
    assert_eq!((unasked.outputs.postgres, unasked.warnings), (None, vec![]));
    let unused = with(&["--pghost", "db"], &[]).unwrap();
    assert!(unused.outputs.postgres.is_none() && unused.warnings[0].starts_with("--pghost has no effect"));

    let asked = with(&["--timescale", "--name", "a"], &env).unwrap().outputs.postgres.unwrap();
    assert_eq!((asked.settings.to_string(), asked.user.as_str()), ("db:5432/postgres".to_owned(), "ada"));
    let url = ["--postgres", "postgresql://me@h/d", "--override-plan-name", "p"];
    let asked = with(&url, &env).unwrap().outputs.postgres.unwrap();
    assert_eq!((asked.settings.to_string(), asked.plan.as_str()), ("h:5432/d".to_owned(), "p"));
    assert_eq!(asked.settings.password, Some(plimsoll_core::spec::Secret::new("hunter2")));

    for (more, why) in [
        (["--test-env", "production-eu"], "its column has 10 characters"),
        (["--test-version", "0123456789012345678901234567890123456"], "its column has 36 characters"),
        (["--override-plan-name", "a\0b"], "has a character 0"),
    ] {
        let error = with(&["--timescale", more[0], more[1]], &[]).unwrap_err().0;
        assert!(error.starts_with(more[0]) && error.contains(why), "{error}");
    }
}

#[test]
fn later_layers_win() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("plimsoll.toml"),
        "users = 2\nmax_tokens = 20\ntop-k = 2\nname = 'a'\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("extra.conf"), "max-tokens = 30\ntop_k: 3\nname = b # comment\n")
        .unwrap();
    let env = [
        ("TOP_K", "4"),
        ("PLIMSOLL_NAME", "c"),
        ("MODEL", "other"),
        ("PLIMSOLL_MODEL", "own"),
        ("API_KEY", ""),
    ];
    let context = context(&env, folder.path());
    let run = spec(resolve_in(&["--config", "extra.conf", "--name", "d"], &context).unwrap(), Provider::Vllm);
    assert_eq!(run.load, steady(2, 1.0));
    assert_eq!(run.workload.output.mean, 30);
    assert_eq!(run.api.top_k, Some(4));
    assert_eq!(run.target.model, "own");
    assert_eq!((run.name.as_str(), run.target.api_key), ("d", None));
}

#[test]
fn a_pair_follows_the_latest_word() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plimsoll.toml"), "chat = false\nno-stream = true\nspin = true\n")
        .unwrap();
    let context = context(&[], folder.path());
    let run = |args: &[&str]| spec(resolve_in(args, &context).unwrap(), Provider::Vllm);
    let both = |run: RunSpec| (run.api.interface.is_chat(), run.api.stream, run.spin);
    assert_eq!(both(run(&[])), (false, false, true));
    assert_eq!(both(run(&["--chat", "--stream"])), (true, true, true));
    assert_eq!(both(run(&["--chat", "--no-chat"])), (false, false, true));
}

#[test]
fn targets_are_completed_and_cleaned() {
    for (typed, url) in [
        ("localhost:8000", "http://localhost:8000"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://localhost:8000/base/v1/", "http://localhost:8000/base"),
        ("[::1]:80", "http://[::1]"),
        ("http://me:p%40ss@localhost:1", "http://localhost:1"),
    ] {
        assert_eq!(resolved(&[typed]).draft.target.url, url, "{typed}");
        assert_eq!(resolved(&["-H", typed]).draft.target.url, url, "{typed}");
    }
    let login = resolved(&["http://me:p%40ss@localhost:1"]).draft.target.headers;
    assert_eq!(login, [("Authorization".to_owned(), Secret::new("Basic bWU6cEBzcw=="))]);
    for (typed, options) in [
        ("sim://?ttft=50ms", "?ttft=50ms"),
        ("sim://", ""),
        ("sim:", ""),
        ("sim://ttft=50ms", "ttft=50ms"),
        ("sim://llama-3-8b-h100", "llama-3-8b-h100"),
        ("sim://resnet50-t4?max_queue_delay=5ms", "resnet50-t4?max_queue_delay=5ms"),
    ] {
        assert_eq!(resolved(&[typed]).draft.target.kind, TargetKind::Sim(options.to_owned()));
        assert_eq!(resolved(&["-H", typed]).draft.target.kind, TargetKind::Sim(options.to_owned()));
    }
}

#[test]
fn a_simulated_server_runs_on_a_port_or_in_process() {
    let kind = |typed: &str| resolved(&[typed, "-t", "1h", "-u", "64"]).draft.target.kind;
    for (typed, options) in [
        ("sim://?time=virtual", "?"),
        ("sim://?ttft=1s&time=virtual&itl=2s", "?ttft=1s&itl=2s"),
        ("sim://llama-3-8b-h100?time=virtual", "llama-3-8b-h100?"),
    ] {
        assert_eq!(kind(typed), TargetKind::InProcess(options.to_owned()), "{typed}");
    }
    assert_eq!(kind("sim://?time=real&ttft=1s"), TargetKind::Sim("?ttft=1s".to_owned()));
    let simulated = |args: &[&str]| {
        let mut all = vec!["sim://?time=virtual"];
        all.extend(args);
        resolve_in(&all, &context(&[], Path::new("/nonexistent")))
    };
    let spec_threads = simulated(&["-t", "1h", "-u", "64"]).unwrap().draft.threads;
    assert_eq!(spec_threads, 1);
    for (args, excerpt) in [
        (&["-u", "2"][..], "needs an end"),
        (&["-t", "1h", "--threads", "2"], "leave --threads out"),
        (&["-t", "1h", "--spin"], "without --spin"),
        (&["-t", "1h", "--show-response"], "have no text"),
    ] {
        let error = simulated(args).unwrap_err().to_string();
        assert!(error.contains(excerpt), "{args:?}: {error}");
    }
    assert!(simulated(&["--stages", "10s:5"]).is_ok());
    for (typed, excerpt) in [("sim://?time=warp", "time=virtual"), ("sim://?time=real&time=real", "twice")] {
        let error = resolve_in(&[typed], &context(&[], Path::new("/nonexistent"))).unwrap_err().to_string();
        assert!(error.contains(excerpt), "{error}");
    }
}

#[test]
fn proxies_are_refused_for_targets_that_need_one() {
    let with = |env: &[(&str, &str)], args: &[&str]| {
        resolve_in(args, &context(env, Path::new("/nonexistent")))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let http = [("HTTP_PROXY", "http://proxy:3128")];
    assert!(with(&http, &["http://server:8000"]).unwrap_err().contains("--no-proxy"));
    assert_eq!(with(&http, &["https://server"]), Ok(()));
    assert_eq!(with(&http, &["http://server:8000", "--no-proxy"]), Ok(()));
    for loopback in ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000", "sim://"] {
        assert_eq!(with(&[("ALL_PROXY", "x")], &[loopback]), Ok(()), "{loopback}");
    }
    for (exceptions, reached) in
        [("server", true), (".internal, *", true), ("other,erver", false), ("server:80", true)]
    {
        let env = [http[0], ("NO_PROXY", exceptions)];
        assert_eq!(with(&env, &["http://server"]).is_ok(), reached, "{exceptions}");
    }
    assert_eq!(with(&[http[0], ("no_proxy", ".lab.net")], &["http://gpu.lab.net"]), Ok(()));
}

#[test]
fn open_loops() {
    let arrivals = |args: &[&str]| match spec(resolved(args), Provider::Vllm).load {
        LoadModel::Open(open) => (open.arrivals, open.cap),
        LoadModel::Closed(closed) => panic!("{closed:?}"),
    };
    let process = |gaps| Arrivals::Process { rate: rate(10.0), gaps };
    assert_eq!(
        arrivals(&["--rate", "600/m", "--arrival", "poisson"]),
        (process(GapDistribution::Poisson), None)
    );
    let gamma = ["--qps", "10", "--qps-distribution", "gamma", "--cv", "2"];
    assert_eq!(arrivals(&gamma).0, process(GapDistribution::Gamma { cv: 2.0 }));
    let shed = ["--qps", "10", "--max-concurrency", "5", "--when-full", "shed"];
    let cap = ConcurrencyCap { max: users(5), when_full: WhenFull::Shed };
    assert_eq!(arrivals(&shed), (process(GapDistribution::Constant), Some(cap)));
    let (stages, _) = arrivals(&["--stages", "30s:10", "--stages", "1m:0", "--start-rate", "1"]);
    let Arrivals::Stages { start, stages, .. } = stages else { panic!("{stages:?}") };
    assert_eq!((start, stages.len(), stages[1].target), (1.0, 2, 0.0));
    let replay = resolved(&["--trace", "t.csv", "--trace-speed", "2", "--trace-start", "1m"]);
    let trace = replay.trace.unwrap();
    assert_eq!((trace.speed, trace.start, trace.stop), (2.0, Some(Duration::from_secs(60)), None));
}

#[test]
fn defaults_that_depend_on_the_provider() {
    let form = |provider: &str, extra: &[&str]| {
        let args = [["--provider", provider].as_slice(), extra].concat();
        let run = spec(resolved(&args), Provider::Vllm);
        (run.api.interface.is_chat(), run.api.stream, run.api.ignore_eos)
    };
    assert_eq!(form("vllm", &[]), (true, true, true));
    assert_eq!(form("sglang", &["--no-stream"]), (true, false, true));
    assert_eq!(form("openai", &["--no-chat"]), (false, true, false));
    assert_eq!(form("together", &[]), (false, true, false));
    assert_eq!(form("tgi", &[]), (false, true, false));
    assert_eq!(form("triton-generate", &[]), (false, true, false));
    assert_eq!(form("triton-infer", &[]), (false, false, false));
}

#[test]
fn secrets_are_in_no_error_and_no_printed_config() {
    let args = ["-H", "http://me:hunter2@localhost", "--header", "X-Key: hunter2", "--print-config"];
    let shown = format!("{:?}", resolved(&args));
    assert!(!shown.contains("hunter2"), "{shown}");
    for args in [
        ["-H", "http://me:hunter2@local host"].as_slice(),
        &["-H", "http://me:hunter2@localhost?x=1"],
        &["-H", "ftp://me:hunter2@localhost"],
        &["http://me:hunter2@localhost", "-H", "http://me:hunter2@localhost"],
        &["--header", "hunter2"],
        &["--header", "X Key: hunter2"],
        &["--header", "X-Key: hunter2\r\nHost: a"],
        &["-k", "hunter2\nx"],
        &["-k", "hunter2", "-H", "http://me:hunter2@localhost"],
    ] {
        let error = refused(args);
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// Each line: what was typed, and what is answered.
#[test]
fn refusals() {
    let commands = "\
--provider vlm
--qsp 5
--qps 0
--qps NaN
--qps -1
--qps 5 --burst 2
--qps 5 --stages 1m:5
--burst 2 --ramping-time 60 -u 5
--ramping-time 60
--qps 5 --think-time 1s
-u 0
-o 0 --max-tokens-distribution normal
-o 100 --max-tokens-cap 5
-p 0
-t soon
-t 0
--cancel-rate 1.5
--qps 5 --arrival gamma
--cv 2
--arrival poisson
--max-concurrency 5
--qps 5 --when-full shed
--qps 5 -u 4 --max-concurrency 5
--stages 30s:0
--trace-speed 2
--header nocolon
--header =bad:x
--cert a.pem
--cacert /nonexistent/ca.pem
-H ftp://host
-H http://
-H http://localhost?x=1
sim://llama-3-8b-h10
sim://?max_num_seqs=64
--endpoint v1/x
--name a/b
-d limerick
-d @x.jsonl --prompt-text hello
--dataset-limit 5
--prompt-text @/nonexistent/prompt.txt
--provider vllm --force-min-tokens
--provider vllm --acceptance-probs-override [0.5]
--provider openai --first-visible-token --no-stream
--provider openai --no-chat --prompt-images-with-resolutions 64x64
--provider triton-infer --stream
--provider tgi --chat
--provider triton-generate --logprobs 1
--prompt-cache-max-len 600
--embeddings --chat
--api embeddings --stream
--embeddings-batch-size 4
--audio-seconds 5 --api images
--api transcriptions --audio-seconds 7200
--rerank --num-documents 2 --rerank-top-n 3
--api images --cancel-rate 0.5
--normalize
--provider anthropic --api chat
--html /nonexistent/report.html
--master
--processes -1
--config /nonexistent/x.toml";
    let answers: Vec<String> = commands
        .lines()
        .map(|line| {
            let error = refused(&line.split(' ').collect::<Vec<_>>());
            let error =
                error.split("\n\nUsage:").next().unwrap().split("\n\nFor more").next().unwrap().to_owned();
            format!("{line}\n    {}", error.trim().replace("\n\n", "\n").replace('\n', "\n    "))
        })
        .collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn requests_of_the_users_own_need_no_provider() {
    for args in [
        &["--path", "/x"][..],
        &["--provider", "http"],
        &["--provider", "rest"],
        &["--expect-status", "2xx", "-H", "https://api.openai.com"],
        &["--body", "{}"],
    ] {
        let run = spec(resolved(args), Provider::Vllm);
        assert_eq!((run.target.provider, run.api.interface), (Provider::Http, Interface::Http), "{args:?}");
        assert!(!run.api.stream && !run.api.keep_text, "{args:?}");
    }
}

fn own(args: &[&str]) -> (RunSpec, plimsoll_core::spec::HttpSpec) {
    let run = spec(resolved(args), Provider::Vllm);
    let PromptSource::Http(own) = run.workload.prompts.clone() else { panic!("{run:?}") };
    (run, own)
}

#[test]
fn method_path_and_headers_of_own_requests() {
    for (args, method, path, url) in [
        (&["--path", "/a?b={{c}}"][..], "GET", "/a?b={{c}}", "http://localhost"),
        (&["--provider", "http"], "GET", "/", "http://localhost"),
        (&["--body", "x", "-H", "http://h/predict"], "POST", "", "http://h/predict"),
        (&["--path", "?q=1", "-H", "http://h/predict/"], "GET", "?q=1", "http://h/predict"),
        (&["--path", "?q=1"], "GET", "/?q=1", "http://localhost"),
        (&["--method", "patch", "--endpoint", "/e"], "PATCH", "/e", "http://localhost"),
        // Nothing says that this is OpenAI's API, so the /v1 is the user's.
        (&["--path", "/x", "-H", "http://h/v1"], "GET", "/x", "http://h/v1"),
    ] {
        let (run, own) = own(args);
        assert_eq!((own.method.as_str(), own.path.as_str(), run.target.url.as_str()), (method, path, url));
    }
    let args =
        ["--body", "x", "--header", "X-A: {{id}}", "--header", "B: c", "--header", "content-type: t/u"];
    let (run, own) = own(&args);
    assert_eq!(own.headers, [("X-A".to_owned(), Secret::new("{{id}}"))]);
    assert_eq!(run.target.headers, [("B".to_owned(), Secret::new("c"))]);
    assert_eq!(own.content_type.as_deref(), Some("t/u"));
    // Elsewhere braces mean nothing.
    let run = spec(resolved(&["--header", "X-A: {{id}}"]), Provider::Vllm);
    assert_eq!(run.target.headers.len(), 1);
}
