//! Paths and methods of the ingest endpoints. No layer stands before them: speed matters here.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::{forget, ga4, native, operation, universal};
use crate::app::Collector;

type Endpoint = (&'static str, fn() -> MethodRouter<Arc<Collector>>);

const ENDPOINTS: [Endpoint; 11] = [
    ("/collect", || {
        get(universal::collect).post(universal::collect)
    }),
    ("/batch", || post(universal::collect)),
    ("/debug/collect", || {
        get(universal::debug).post(universal::debug)
    }),
    ("/mp/collect", || post(ga4::collect)),
    ("/debug/mp/collect", || post(ga4::debug)),
    ("/api/v1/batch", || post(native::batch)),
    ("/api/v1/forget", || post(forget::forget)),
    ("/healthz", || get(operation::healthz)),
    ("/readyz", || get(operation::readyz)),
    ("/metrics", || get(operation::metrics)),
    ("/openapi.json", || get(operation::openapi)),
];

/// The paths, for comparison with the description of the API.
#[cfg(test)]
pub(super) const PATHS: [&str; ENDPOINTS.len()] = {
    let mut paths = [""; ENDPOINTS.len()];
    let mut index = 0;
    while index < paths.len() {
        paths[index] = ENDPOINTS[index].0;
        index += 1;
    }
    paths
};

/// The ingest endpoints. A wrong method is answered 405 with `Allow`.
pub(crate) fn router(collector: Arc<Collector>) -> Router {
    ENDPOINTS
        .iter()
        .fold(Router::new(), |router, (path, endpoint)| {
            router.route(path, endpoint())
        })
        .with_state(collector)
}
