//! Gzip for pages, style sheet and script where the browser takes it. Never touches a stream.

use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, VARY,
};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::error::PageError;

/// Smaller answers fit one packet anyway.
const SMALLEST_BYTES: u64 = 1_000;

/// Larger answers go out as they are: compressing them would hold a thread too long.
const LARGEST_BYTES: u64 = 2 << 20;

const KINDS: [&str; 5] = [
    "text/html",
    "text/css",
    "text/javascript",
    "text/csv",
    "application/json",
];

/// Compresses an answer whose length is known and whose kind shrinks well.
pub(super) async fn pages(request: Request, next: Next) -> Response {
    let wanted = request.method() != Method::HEAD && takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_compressible(&response) {
        return response;
    }
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("accept-encoding"));
    if wanted {
        compressed(response).await
    } else {
        response
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let names = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    names
        .filter_map(|name| {
            let (name, weight) = name.split_once(';').unwrap_or((name, ""));
            let refused = weight.trim().strip_prefix("q=").map(str::parse) == Some(Ok(0.0));
            name.trim().eq_ignore_ascii_case("gzip").then_some(!refused)
        })
        .next()
        .unwrap_or(false)
}

fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or(kind).trim());
    let size = response.body().size_hint().exact();
    !headers.contains_key(CONTENT_ENCODING)
        && kind.is_some_and(|kind| KINDS.contains(&kind))
        && size.is_some_and(|size| (SMALLEST_BYTES..=LARGEST_BYTES).contains(&size))
}

async fn compressed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    // The whole answer lies in memory already, so there is nothing that could break off.
    let Ok(collected) = body.collect().await else {
        return PageError::Internal.into_response();
    };
    let plain = collected.to_bytes();
    let Ok(bytes) = gzip(&plain) else {
        return Response::from_parts(parts, Body::from(plain));
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(bytes))
}

fn gzip(plain: &Bytes) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_only_where_it_is_wanted() {
        let cases = [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
        ];
        for (value, taken) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(takes_gzip(&headers), taken, "{value}");
        }
    }
}
