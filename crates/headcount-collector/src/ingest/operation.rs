//! What operators and their tools ask: health, readiness, metrics, the description of the API.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::answer;
use crate::app::Collector;
use crate::metrics;

/// All endpoints of the contract, written by hand; a test compares it with the routes.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It takes hits.
pub(super) async fn readyz(State(collector): State<Arc<Collector>>) -> Response {
    let unready = |why: &str| {
        let text = format!("not ready: {why}\n");
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    };
    if !collector.writer.is_open() {
        return unready("shutting down");
    }
    let trouble = tokio::task::spawn_blocking(move || collector.writer.trouble()).await;
    match trouble {
        Ok(None) => "ready\n".into_response(),
        Ok(Some(trouble)) => unready(&format!("events cannot be written: {trouble}")),
        Err(_) => unready("the look at the writer ended early"),
    }
}

pub(super) async fn metrics(State(collector): State<Arc<Collector>>) -> Response {
    let text = collector.metrics.encode();
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

pub(super) async fn openapi() -> Response {
    answer::json(StatusCode::OK, OPENAPI)
}
