//! Style sheet, script and icon, compiled in. Their addresses hold a hash, so browsers keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::error::PageError;

/// Characters of the content's hash in an address.
const HASH_CHARACTERS: usize = 12;

struct Asset {
    path: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../static/headcount.css");
    Asset::new("headcount", "css", "text/css; charset=utf-8", bytes)
});

static JS: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../static/headcount.js");
    Asset::new("headcount", "js", "text/javascript; charset=utf-8", bytes)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../static/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", bytes)
});

/// Address of the style sheet.
pub(super) fn css() -> &'static str {
    &CSS.path
}

/// Address of the script.
pub(super) fn js() -> &'static str {
    &JS.path
}

/// Address of the icon.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// `GET /static/{file}`.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, PageError> {
    let path = format!("/static/{file}");
    let assets = [&CSS, &JS, &ICON];
    let asset = assets.iter().find(|asset| asset.path == path);
    let asset = asset.ok_or(PageError::NotFound)?;
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    let kind = HeaderValue::from_static(asset.content_type);
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, kept)], asset.bytes).into_response())
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = blake3::hash(bytes).to_hex();
        let hash = &hash[..HASH_CHARACTERS];
        Self {
            path: format!("/static/{name}.{hash}.{extension}"),
            content_type,
            bytes,
        }
    }
}
