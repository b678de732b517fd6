//! Forms on their way in: bounded in bytes and time, and refused in the look of all pages.

use std::time::Duration;

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::error::PageError;

/// The longest form of ours has an address, two passwords and a token.
const LONGEST_BYTES: usize = 32 * 1024;

/// A form of that size arrives within this on any line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fields of a form.
pub(super) struct Fields<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(error) => Err(PageError::BadRequest(error.body_text())),
        }
    }
}

/// Reads the whole body before anything else sees the request.
pub(super) async fn read(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BYTES).collect();
    let body = match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return PageError::TooLarge.into_response();
        }
        Ok(Err(_)) => {
            let text = "the form did not arrive whole: send it again";
            return PageError::BadRequest(text.to_owned()).into_response();
        }
        Err(_) => return PageError::TooSlow.into_response(),
    };
    next.run(Request::from_parts(parts, Body::from(body))).await
}
