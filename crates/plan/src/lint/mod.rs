//! Lint for manifests of autoscalers: traps that no schema knows, each with its place and what to do.

mod adapter;
mod document;
mod hpa;
mod keda;
mod kserve;
mod query;
mod rules;
#[cfg(test)]
mod tests;
mod together;
mod triggers;
mod version;

use serde::Serialize;

pub use rules::{RULES, Rule};
pub use version::Version;

use crate::yaml::{self, Node, YamlError};
use document::Document;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is refused, or never does what it says.
    Error,
    /// It does something that hardly anybody wants.
    Warning,
}

impl Severity {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Something that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// How much it matters.
    pub severity: Severity,
    /// The rule, one of [`RULES`].
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub todo: String,
}

/// A file to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, for findings.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What is known besides the manifests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The Kubernetes that they are for; the latest where nobody said.
    pub kubernetes: Option<Version>,
    /// What a replica carries of a metric within its objectives, by the name of the metric or trigger.
    pub capacities: Vec<(String, f64)>,
}

/// A file that cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}: {error}")]
pub struct Unreadable {
    /// Its name.
    pub file: String,
    /// Why.
    pub error: YamlError,
}

/// What was found, and in how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// By file and line.
    pub findings: Vec<Finding>,
    /// Documents that lint knows.
    pub known: usize,
    /// Documents that it does not know, and left alone.
    pub unknown: usize,
}

/// Looks at all files, also at what they say together.
///
/// # Errors
/// One of them is not YAML.
pub fn lint(files: &[File], options: &Options) -> Result<Findings, Unreadable> {
    let mut documents = Vec::new();
    for file in files {
        let nodes = yaml::read(&file.text).map_err(|error| Unreadable { file: file.name.clone(), error })?;
        documents.extend(nodes.into_iter().flat_map(unpack).map(|node| Document::new(&file.name, node)));
    }
    let known = documents.iter().filter(|document| document.is_known()).count();
    let mut report = Report { findings: Vec::new(), options };
    for rule in RULES {
        rule.check(&documents, &mut report);
    }
    let mut findings = report.findings;
    findings.sort();
    findings.dedup();
    Ok(Findings { findings, known, unknown: documents.len() - known })
}

/// A `List` of Kubernetes is what it lists.
fn unpack(node: Node) -> Vec<Node> {
    match node.text_at(&["kind"]) {
        Some("List") => node.get("items").map(|items| items.items().to_vec()).unwrap_or_default(),
        _ => vec![node],
    }
}

/// Where rules put what they find.
pub(crate) struct Report<'a> {
    findings: Vec<Finding>,
    options: &'a Options,
}

impl Report<'_> {
    fn add(&mut self, rule: &Rule, document: &Document, line: usize, what: String, todo: &str) {
        let file = document.file.clone();
        let (severity, rule) = (rule.severity, rule.name);
        self.findings.push(Finding { file, line, severity, rule, what, todo: todo.to_owned() });
    }

    /// The Kubernetes that the manifests are for, if it is older than `version`.
    fn older_than(&self, version: Version) -> Option<Version> {
        self.options.kubernetes.filter(|ours| *ours < version)
    }
}
