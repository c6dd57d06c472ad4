//! One object of a manifest, and which it is.

use crate::yaml::Node;

/// One object of a manifest.
pub(crate) struct Document {
    pub(super) file: String,
    pub(super) node: Node,
    pub(super) kind: Kind,
}

/// Which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hpa,
    ScaledObject,
    InferenceService,
    LlmInferenceService,
    /// Values or configuration of prometheus-adapter, or a ConfigMap with it.
    Adapter,
    /// A Service or Revision of Knative.
    Knative,
    Other,
}

impl Document {
    pub(super) fn new(file: &str, node: Node) -> Self {
        let group = node.text_at(&["apiVersion"]).unwrap_or_default().split('/').next().unwrap_or_default();
        let kind = match (group, node.text_at(&["kind"]).unwrap_or_default()) {
            ("autoscaling", "HorizontalPodAutoscaler") => Kind::Hpa,
            ("keda.sh", "ScaledObject") => Kind::ScaledObject,
            ("serving.kserve.io", "InferenceService") => Kind::InferenceService,
            ("serving.kserve.io", "LLMInferenceService") => Kind::LlmInferenceService,
            ("serving.knative.dev", "Service" | "Revision" | "Configuration") => Kind::Knative,
            ("", "") if node.get("rules").is_some() || node.get("externalRules").is_some() => Kind::Adapter,
            _ => Kind::Other,
        };
        Document { file: file.to_owned(), node, kind }
    }

    pub(super) fn is_known(&self) -> bool {
        self.kind != Kind::Other
    }

    pub(super) fn namespace(&self) -> &str {
        self.node.text_at(&["metadata", "namespace"]).unwrap_or("default")
    }

    pub(super) fn name(&self) -> &str {
        self.node.text_at(&["metadata", "name"]).unwrap_or_default()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&Node> {
        self.node.at(&["metadata", "annotations", name])
    }

    /// The annotation that every rule about KServe asks for.
    pub(super) fn autoscaler_class(&self) -> &str {
        self.annotation("serving.kserve.io/autoscalerClass").and_then(Node::text).unwrap_or("hpa")
    }

    /// Whether KServe leaves scaling to Knative. That is its own default, so only an annotation or the fields of the
    /// other mode say otherwise.
    pub(super) fn is_in_knative(&self) -> bool {
        match self.annotation("serving.kserve.io/deploymentMode").and_then(Node::text) {
            Some(mode) => mode == "Knative" || mode == "Serverless",
            None => self.annotation("serving.kserve.io/autoscalerClass").is_none(),
        }
    }
}
