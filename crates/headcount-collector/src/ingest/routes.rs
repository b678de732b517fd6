//! Paths and methods of the ingest endpoints. No layer stands before them: speed matters here.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::{native, operation, universal};
use crate::app::Collector;

/// The ingest endpoints. A wrong method is answered 405 with `Allow`.
pub(crate) fn router(collector: Arc<Collector>) -> Router {
    Router::new()
        .route("/collect", get(universal::collect).post(universal::collect))
        .route("/batch", post(universal::collect))
        .route(
            "/debug/collect",
            get(universal::debug).post(universal::debug),
        )
        .route("/api/v1/batch", post(native::batch))
        .route("/healthz", get(operation::healthz))
        .route("/readyz", get(operation::readyz))
        .route("/metrics", get(operation::metrics))
        .route("/openapi.json", get(operation::openapi))
        .with_state(collector)
}
