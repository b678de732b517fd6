//! What a page answers when it cannot be shown, in the look of all pages. Nothing internal leaks.

use std::fmt::Display;

use askama::Template;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::shell::{Shell, page};
use crate::meta::MetaError;

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Signing in comes first; holds the address to come back to.
    #[error("sign in first")]
    SignIn(Option<String>),
    /// The request makes no sense; says what to change.
    #[error("{0}")]
    BadRequest(String),
    /// Signed in, but this is for others; says for whom.
    #[error("{0}")]
    Forbidden(String),
    /// There is nothing at this address, or nothing that this visitor may know of.
    #[error("there is no such page")]
    NotFound,
    /// The address takes other methods.
    #[error("{0}")]
    WrongMethod(String),
    /// The form is longer than any of ours.
    #[error("the form is too long")]
    TooLarge,
    /// The form did not arrive in time.
    #[error("the form took too long to arrive: send it again")]
    TooSlow,
    /// Too many tries; seconds to wait.
    #[error("too many tries: wait {0} seconds")]
    TooMany(u64),
    /// Our own failure, logged where it was made.
    #[error("something failed on our side; the server's log says what")]
    Internal,
}

impl PageError {
    /// Logs what failed and becomes a page that does not tell it.
    pub fn internal(error: &impl Display) -> Self {
        tracing::error!(%error, "a page failed");
        Self::Internal
    }

    /// Status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::SignIn(_) => "Sign in",
            Self::BadRequest(_) | Self::TooLarge | Self::TooSlow => "This cannot be answered",
            Self::Forbidden(_) => "Not for you",
            Self::NotFound => "Not found",
            Self::WrongMethod(_) => "Not this way",
            Self::TooMany(_) => "Too many tries",
            Self::Internal => "Our failure",
        }
    }
}

impl From<MetaError> for PageError {
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::Invalid(text) => Self::BadRequest(text),
            MetaError::Unknown { .. } => Self::NotFound,
            MetaError::Taken { .. } => Self::BadRequest(error.to_string()),
            MetaError::Database(_)
            | MetaError::Open(_)
            | MetaError::Random(_)
            | MetaError::Hash(_) => Self::internal(&error),
        }
    }
}

/// What a page of an error says; rides on its answer, for whoever knows the surroundings.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) title: &'static str,
    /// A sentence without its full stop.
    pub(super) text: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    text: String,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Self::SignIn(next) = &self {
            return redirect(&sign_in_address(next.as_deref()));
        }
        let text = self.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_uppercase());
        let text: String = first.into_iter().flatten().chain(letters).collect();
        let title = self.title();
        let mut response = page(&ErrorPage {
            shell: Shell::bare(title),
            text: text.clone(),
        });
        response.extensions_mut().insert(Told { title, text });
        *response.status_mut() = self.status();
        if let Self::TooMany(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Sends the browser to another page of ours, which it then asks for with GET.
pub fn redirect(address: &str) -> Response {
    // Addresses are ASCII by construction; anything else would be a bug, and the start is safe.
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response()
}

fn sign_in_address(next: Option<&str>) -> String {
    match next {
        Some(next) if next != "/" => {
            let next =
                percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
            format!("/login?next={next}")
        }
        _ => "/login".to_owned(),
    }
}
