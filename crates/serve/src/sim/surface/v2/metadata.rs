//! What the server says of itself and of its model.

use serde_json::{Value, json};

use super::tensor::{ModelTensors, Slot};
use crate::sim::flavour::Flavour;
use crate::sim::reply::Document;
use crate::sim::surface::About;

/// `GET /v2`.
pub(super) fn server(about: &About<'_>) -> Document {
    let name = if about.flavour() == Flavour::Kserve { "kserve" } else { "triton" };
    let extensions =
        ["model_configuration", "model_repository", "binary_tensor_data", "statistics", "generate"];
    json(json!({"name": name, "version": env!("CARGO_PKG_VERSION"), "extensions": extensions}))
}

/// `POST /v2/repository/index`.
pub(super) fn index(about: &About<'_>) -> Document {
    let state = if about.is_ready() { "READY" } else { "UNAVAILABLE" };
    json(json!([{"name": about.model(), "version": "1", "state": state, "reason": ""}]))
}

/// `GET /v2/models/{m}`.
pub(super) fn model(name: &str, about: &About<'_>) -> Document {
    let tensors = |tensors: &ModelTensors| -> Vec<Value> {
        let tensor =
            |slot: &Slot| json!({"name": slot.name, "datatype": slot.datatype.name(), "shape": slot.shape});
        tensors.0.iter().map(tensor).collect()
    };
    let options = &about.script.options;
    json(json!({
        "name": name,
        "versions": ["1"],
        "platform": "python",
        "inputs": tensors(&options.inputs),
        "outputs": tensors(&options.outputs),
    }))
}

/// `GET /v2/models/{m}/config`. The tensors stand with all their dimensions, so that there is no batch dimension to add.
pub(super) fn config(name: &str, about: &About<'_>) -> Document {
    let tensors = |tensors: &ModelTensors| -> Vec<Value> {
        let tensor = |slot: &Slot| json!({"name": slot.name, "data_type": slot.datatype.config_name(), "dims": slot.shape});
        tensors.0.iter().map(tensor).collect()
    };
    let options = &about.script.options;
    json(json!({
        "name": name,
        "platform": "",
        "backend": "python",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": 0,
        "input": tensors(&options.inputs),
        "output": tensors(&options.outputs),
    }))
}

/// `GET /v2/models/{m}/stats`: only what the engine knows.
pub(super) fn statistics(about: &About<'_>) -> Document {
    let state = about.state();
    let busy = u64::try_from(state.busy.as_nanos()).unwrap_or(u64::MAX);
    json(json!({"model_stats": [{
        "name": about.model(),
        "version": "1",
        "inference_count": state.items,
        "execution_count": state.steps,
        "inference_stats": {
            "success": {"count": about.stats.completed},
            "fail": {"count": about.stats.refused},
            "compute_infer": {"count": state.steps, "ns": busy},
        },
        "batch_stats": [],
    }]}))
}

fn json(body: Value) -> Document {
    Document::json(200, body.to_string())
}
