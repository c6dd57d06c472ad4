//! What a path asks for. Any base path may stand in front.

use super::reply::Refusal;

/// The endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Text,
    /// `POST /generate`, `POST /generate_stream` (TGI)
    Tgi { stream: bool },
    /// `POST /v2/models/{m}/generate`, `…/generate_stream` (Triton)
    TritonGenerate { model: String, stream: bool },
    /// `POST /v2/models/{m}/infer` (Triton, KServe)
    TritonInfer { model: String },
    /// `GET /v1/models`
    Models,
    /// `GET /health`
    Health,
    /// `GET /__stats`
    Stats,
    /// `GET /metrics`, in the names of the served flavour.
    Metrics,
    /// `GET /dcgm/metrics`, in the names of the DCGM exporter.
    AcceleratorMetrics,
}

/// Finds the endpoint of a request.
///
/// # Errors
/// 404 for an unknown path, 405 for a known path with another method.
pub(crate) fn route(method: &str, target: &str) -> Result<Route, Refusal> {
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let route = find(path).ok_or_else(|| unknown(path))?;
    let expected = match route {
        Route::Models | Route::Health | Route::Stats | Route::Metrics | Route::AcceleratorMetrics => "GET",
        _ => "POST",
    };
    if method == expected {
        Ok(route)
    } else {
        Err(Refusal::new(405, &format!("this path takes {expected} requests only")))
    }
}

fn find(path: &str) -> Option<Route> {
    if let Some((_, rest)) = path.rsplit_once("/v2/models/") {
        return triton(rest);
    }
    let fixed = [
        ("/v1/chat/completions", Route::Chat),
        ("/v1/completions", Route::Text),
        ("/v1/models", Route::Models),
        ("/generate", Route::Tgi { stream: false }),
        ("/generate_stream", Route::Tgi { stream: true }),
        ("/health", Route::Health),
        ("/__stats", Route::Stats),
        ("/dcgm/metrics", Route::AcceleratorMetrics),
        ("/metrics", Route::Metrics),
    ];
    fixed.into_iter().find(|(suffix, _)| path.ends_with(suffix)).map(|(_, route)| route)
}

/// Reads `{m}/infer` and `{m}/versions/{v}/infer`, and the same for `generate` and `generate_stream`.
fn triton(rest: &str) -> Option<Route> {
    let (model, verb) = match *rest.split('/').collect::<Vec<_>>().as_slice() {
        [model, verb] | [model, "versions", _, verb] if !model.is_empty() => (model.to_owned(), verb),
        _ => return None,
    };
    match verb {
        "infer" => Some(Route::TritonInfer { model }),
        "generate" => Some(Route::TritonGenerate { model, stream: false }),
        "generate_stream" => Some(Route::TritonGenerate { model, stream: true }),
        _ => None,
    }
}

fn unknown(path: &str) -> Refusal {
    let shown: String = path.chars().take(200).collect();
    Refusal::new(
        404,
        &format!("there is nothing at `{shown}`: try POST /v1/chat/completions or GET /v1/models"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        let model = || "m".to_owned();
        for (method, path, expected) in [
            ("POST", "/v1/chat/completions", Route::Chat),
            ("POST", "/inference/v1/chat/completions?x=y", Route::Chat),
            ("POST", "/a/b/v1/completions", Route::Text),
            ("POST", "/generate", Route::Tgi { stream: false }),
            ("POST", "/generate_stream", Route::Tgi { stream: true }),
            ("POST", "/v2/models/m/infer", Route::TritonInfer { model: model() }),
            ("POST", "/x/v2/models/m/versions/3/infer", Route::TritonInfer { model: model() }),
            ("POST", "/v2/models/m/generate", Route::TritonGenerate { model: model(), stream: false }),
            ("POST", "/v2/models/m/generate_stream", Route::TritonGenerate { model: model(), stream: true }),
            ("GET", "/inference/v1/models", Route::Models),
            ("GET", "/health", Route::Health),
            ("GET", "/__stats", Route::Stats),
            ("GET", "/metrics", Route::Metrics),
            ("GET", "/dcgm/metrics", Route::AcceleratorMetrics),
        ] {
            assert_eq!(route(method, path), Ok(expected), "{method} {path}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for (method, path, status) in [
            ("GET", "/", 404),
            ("POST", "/v1/chat", 404),
            ("POST", "/v2/models/m", 404),
            ("POST", "/v2/models//infer", 404),
            ("POST", "/v2/models/m/fly", 404),
            ("GET", "/v1/chat/completions", 405),
            ("POST", "/v1/models", 405),
        ] {
            assert_eq!(route(method, path).unwrap_err().status, status, "{method} {path}");
        }
    }
}
