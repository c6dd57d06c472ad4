//! Options of `plimsoll plan lint`.

use std::path::PathBuf;

use clap::Args;
use plimsoll_plan::lint::Version;

use super::values::ColorName;

/// `plimsoll plan lint`.
#[derive(Debug, Args)]
#[command(after_long_help = LINT_EXAMPLES, after_help = "`plimsoll plan lint --help` explains everything, with examples.")]
pub(crate) struct LintArgs {
    /// Manifests, each with any number of documents; - is stdin
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    pub(crate) files: Vec<PathBuf>,
    /// The Kubernetes that they are for: 1.33. Without it the latest
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes_version: Option<Version>,
    /// What a replica carries of a metric within its objectives, by the name of the metric or the trigger:
    /// vllm_in_flight=53.6; repeatable
    #[arg(long = "capacity", value_name = "METRIC=NUMBER", value_parser = capacity)]
    pub(crate) capacities: Vec<(String, f64)>,
    /// List the rules, and why there is each
    #[arg(long, conflicts_with_all = ["files", "json"])]
    pub(crate) rules: bool,
    /// Print JSON in place of the text
    #[arg(long)]
    pub(crate) json: bool,
    /// When to colour the output
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorName,
}

fn capacity(text: &str) -> Result<(String, f64), String> {
    let wrong = || format!("`{text}` is no capacity: write METRIC=NUMBER, such as vllm_in_flight=53.6");
    let (name, number) = text.split_once('=').ok_or_else(wrong)?;
    let number = number.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    match (name.trim(), number) {
        ("", _) | (_, None) => Err(wrong()),
        (name, Some(number)) => Ok((name.to_owned(), number)),
    }
}

pub(crate) const LINT_ABOUT: &str = "\
Looks for traps in manifests of autoscalers that no schema knows: HorizontalPodAutoscalers, KEDA's ScaledObjects, KServe's \
InferenceServices and LLMInferenceServices, Knative's Services, and rules of prometheus-adapter. Each finding has its line, \
and what to do. Documents of other kinds are left alone. Give files that belong together in one call: two autoscalers of one \
workload are found across files.";

const LINT_EXAMPLES: &str = "\
Examples:
  All manifests of a folder, for an older cluster
    plimsoll plan lint --kubernetes-version 1.31 deploy/*.yaml
  What Helm renders, with what one replica was measured to carry
    helm template . | plimsoll plan lint --capacity vllm_in_flight=53.6 -
  What is looked for
    plimsoll plan lint --rules

Exit codes: 0 nothing found; 2 a file cannot be read; 99 something found.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_read_or_refused() {
        assert_eq!(capacity("rps=14.5"), Ok(("rps".to_owned(), 14.5)));
        for text in ["rps", "=3", "rps=", "rps=-1", "rps=inf", "rps=many"] {
            assert!(capacity(text).is_err(), "{text}");
        }
    }
}
