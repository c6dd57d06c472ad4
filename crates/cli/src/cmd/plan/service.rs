//! The service that is scaled, and its manifests on disk.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use plimsoll_drive::recorder::write_whole;
use plimsoll_plan::Capacity;
use plimsoll_plan::manifest::{Cpu, Engine, Manifest, Service};
use url::Url;

use crate::args::plan::PlanArgs;
use crate::exit::{UsageError, refuse};
use crate::report::emit;

/// The name of a service whose model has none.
const UNNAMED: &str = "model";

/// Checks the address of Prometheus. It goes into manifests, so it may hold no password; neither may an error.
///
/// # Errors
/// It is no address, or holds a password.
pub(super) fn check_address(text: &str) -> Result<(), UsageError> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
    match url {
        Some(url) if url.username().is_empty() && url.password().is_none() => Ok(()),
        Some(_) => refuse!(
            "--prometheus has a user or a password in it, and manifests are no place for them: leave them out, and use a \
             TriggerAuthentication of KEDA"
        ),
        None => refuse!("--prometheus is no URL: write one such as {}", Service::PROMETHEUS),
    }
}

/// The service, as far as it is known; nothing where no manifests are wanted or nobody says what is to be scaled.
pub(super) fn of(args: &PlanArgs, capacities: &[Capacity]) -> Option<Service> {
    let typed = &args.manifests;
    if typed.no_manifests {
        return None;
    }
    let capacity = capacities.first()?;
    let Some(engine) = typed.engine.or_else(|| engine_of(&capacity.provider, args.measure.host.as_deref()))
    else {
        emit::note(
            "no manifests: nothing says which server a replica runs; name it with --engine (vllm, triton, ...), or leave \
             this out with --no-manifests",
        );
        return None;
    };
    Some(Service {
        name: typed.service.clone().unwrap_or_else(|| name_of(&capacity.model)),
        namespace: typed.namespace.clone(),
        engine,
        model: capacity.model.clone(),
        model_format: typed.model_format.clone(),
        storage_uri: typed.storage_uri.clone(),
        prometheus: typed.prometheus.clone(),
        cpu: typed
            .cpu_at_capacity
            .zip(typed.cpu_request)
            .map(|(at_capacity, requested)| Cpu { at_capacity, requested }),
    })
}

/// The engine behind a provider. The simulated server shows vLLM's metrics unless it is asked for others.
fn engine_of(provider: &str, target: Option<&str>) -> Option<Engine> {
    match provider {
        "vllm" => Some(Engine::Vllm),
        "sglang" => Some(Engine::Sglang),
        "tgi" => Some(Engine::Tgi),
        "triton" | "triton-infer" | "triton-generate" | "triton-grpc" => Some(Engine::Triton),
        "torchserve" => Some(Engine::TorchServe),
        "kserve" | "kserve-v1" => Some(Engine::KServe),
        "openai" if target.is_some_and(|target| target.starts_with("sim:")) => Some(Engine::Vllm),
        _ => None,
    }
}

/// A name that Kubernetes takes, from that of a model: `meta-llama/Llama-3-8B` becomes `llama-3-8b`.
fn name_of(model: &str) -> String {
    let last = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let name: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(50).collect();
    let name = name.trim_matches('-');
    match name.chars().next() {
        None => UNNAMED.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{UNNAMED}-{name}"),
        Some(_) => name.to_owned(),
    }
}

/// Writes the manifests below `folder`.
///
/// # Errors
/// They cannot be written.
pub(super) fn write(folder: &Path, manifests: &[Manifest]) -> anyhow::Result<()> {
    for manifest in manifests {
        let file = folder.join(&manifest.name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        write_whole(&file, manifest.text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for (model, name) in [
            ("meta-llama/Llama-3-8B", "llama-3-8b"),
            ("resnet50", "resnet50"),
            ("7b_chat", "model-7b-chat"),
            ("", "model"),
            ("--", "model"),
        ] {
            assert_eq!(name_of(model), name);
        }
    }

    #[test]
    fn addresses_hold_no_passwords_and_errors_neither() {
        for url in ["nourl", "prometheus:9090", "ftp://p", "http://user:secret@p:9090"] {
            let error = check_address(url).unwrap_err().to_string();
            assert!(error.starts_with("--prometheus") && !error.contains("secret"), "{error}");
        }
        assert_eq!(check_address("https://p.monitoring:9090/path"), Ok(()));
    }

    #[test]
    fn engines_follow_from_providers() {
        assert_eq!(engine_of("triton-grpc", None), Some(Engine::Triton));
        assert_eq!(engine_of("openai", Some("sim://llama-3-8b-h100")), Some(Engine::Vllm));
        assert_eq!(engine_of("openai", Some("http://x")), None);
    }
}
