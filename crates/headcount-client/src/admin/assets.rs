//! The style sheet, compiled in. Its address holds a hash, so browsers keep it. The pages need no script.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::answer::PageError;
use super::below;

const CSS: &str = include_str!("../../static/operator.css");
/// Characters of the content's hash in the address.
const HASH_CHARACTERS: usize = 12;

static CSS_PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = blake3::hash(CSS.as_bytes()).to_hex();
    below(&format!("static/operator.{}.css", &hash[..HASH_CHARACTERS]))
});

/// Address of the style sheet.
pub(super) fn css() -> &'static str {
    &CSS_PATH
}

/// `GET static/{file}`; open to everyone, the sign-in page needs it.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, PageError> {
    if below(&format!("static/{file}")) != *CSS_PATH {
        return Err(PageError::NotFound);
    }
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, CSS).into_response())
}
