//! The style sheet and the icon, compiled in. Their addresses hold a hash, so browsers keep them. The pages need no script.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::answer::PageError;
use super::below;

/// Characters of the content's hash in the address.
const HASH_CHARACTERS: usize = 12;

/// One file that the pages load.
struct Asset {
    path: String,
    content_type: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, text: &'static str) -> Self {
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let file = format!("static/operator.{}.{extension}", &hash[..HASH_CHARACTERS]);
        Self {
            path: below(&file),
            content_type,
            text,
        }
    }
}

static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/operator.css");
    Asset::new("css", "text/css; charset=utf-8", text)
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../static/icon.svg");
    Asset::new("svg", "image/svg+xml", text)
});

/// Address of the style sheet.
pub(super) fn css() -> &'static str {
    &CSS.path
}

/// Address of the icon; without one, browsers ask the host for `/favicon.ico`.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// `GET static/{file}`; open to everyone, the sign-in page needs it.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, PageError> {
    let path = below(&format!("static/{file}"));
    let asset = [&CSS, &ICON].into_iter().find(|asset| asset.path == path);
    let asset = asset.ok_or(PageError::NotFound)?;
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.text).into_response())
}
