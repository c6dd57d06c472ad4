//! What the server says of itself, whatever it looks like. All other paths belong to a surface.

use super::flavour::Flavour;
use super::surface::Refusal;

/// The server's own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /health`
    Health,
    /// `GET /__stats`
    Stats,
    /// `GET /metrics`, in the names of the served flavour.
    Metrics,
    /// `GET /dcgm/metrics`, in the names of the DCGM exporter.
    AcceleratorMetrics,
}

/// Finds the endpoint of a request; nothing if its path is none of them. Any base path may stand in front.
///
/// # Errors
/// 405 for another method.
pub(crate) fn route(method: &str, path: &str, flavour: Flavour) -> Result<Option<Route>, Refusal> {
    let route = match path {
        // Triton's and KServe's `/v2/health/...` end otherwise; text-generation-inference has its own answer.
        path if path.ends_with("/health") && flavour != Flavour::Tgi => Route::Health,
        path if path.ends_with("/__stats") => Route::Stats,
        path if path.ends_with("/dcgm/metrics") => Route::AcceleratorMetrics,
        path if path.ends_with("/metrics") => Route::Metrics,
        _ => return Ok(None),
    };
    if method == "GET" {
        Ok(Some(route))
    } else {
        Err(Refusal::new(405, "this path takes GET requests only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        for (path, flavour, expected) in [
            ("/health", Flavour::Vllm, Some(Route::Health)),
            ("/inference/health", Flavour::Triton, Some(Route::Health)),
            ("/health", Flavour::Tgi, None),
            ("/__stats", Flavour::Tgi, Some(Route::Stats)),
            ("/metrics", Flavour::Tgi, Some(Route::Metrics)),
            ("/dcgm/metrics", Flavour::Tgi, Some(Route::AcceleratorMetrics)),
            ("/v1/models", Flavour::Vllm, None),
            ("/v2/health/live", Flavour::Triton, None),
        ] {
            assert_eq!(route("GET", path, flavour), Ok(expected), "{path}");
        }
        assert_eq!(route("POST", "/health", Flavour::Vllm).unwrap_err().status, 405);
    }
}
