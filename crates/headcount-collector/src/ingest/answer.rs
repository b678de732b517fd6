//! The answers of the ingest endpoints, byte for byte as their clients know them.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use headcount_protocol::universal::GIF;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::body::BodyError;
use super::writer::WriteError;
use crate::metrics::Metrics;

/// Pause that a sender is asked to make when the collector cannot write.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// `/collect` and `/batch`, whatever came.
pub(super) fn gif() -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(&GIF)));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/gif"),
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "Mon, 01 Jan 1990 00:00:00 GMT"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `/mp/collect`, whatever came.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// JSON of which nothing may be cached.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(Serialize)]
struct Failure<'a> {
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    message: &'a str,
}

/// An error with a stable code and a sentence for people.
pub(super) fn failure(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Failure {
        error: Reason { code, message },
    };
    // Two strings can always be written as JSON.
    json(status, serde_json::to_vec(&body).unwrap_or_default())
}

/// The answer to a key that names no project.
pub(super) fn unknown_key(message: &str) -> Response {
    let mut response = failure(StatusCode::UNAUTHORIZED, "unknown_key", message);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// An error after which the sender shall come again.
pub(super) fn later(status: StatusCode, code: &str, message: &str, wait: Duration) -> Response {
    let mut response = failure(status, code, message);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// The answer to a body that was not read.
pub(super) fn not_read(error: BodyError, metrics: &Metrics) -> Response {
    match error {
        BodyError::TooLarge => {
            metrics.unavailable("body_too_large");
            failure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is larger than this collector takes",
            )
        }
        BodyError::TooSlow => {
            metrics.unavailable("body_too_slow");
            let mut response = failure(
                StatusCode::REQUEST_TIMEOUT,
                "too_slow",
                "the body did not arrive in time",
            );
            // What is left of it would be taken for the next request.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        BodyError::NoRoom => {
            metrics.unavailable("no_room_for_body");
            later(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many bodies are being received",
                RETRY,
            )
        }
        BodyError::Broken => failure(
            StatusCode::BAD_REQUEST,
            "broken_body",
            "the body ended early",
        ),
        BodyError::NotPacked => failure(
            StatusCode::BAD_REQUEST,
            "bad_encoding",
            "the body is not encoded as Content-Encoding says; gzip and identity are taken",
        ),
    }
}

/// The answer to a request that could not be stored.
pub(super) fn not_written(error: WriteError, metrics: &Metrics) -> Response {
    metrics.unavailable(error.code());
    later(
        StatusCode::SERVICE_UNAVAILABLE,
        error.code(),
        &error.to_string(),
        RETRY,
    )
}
