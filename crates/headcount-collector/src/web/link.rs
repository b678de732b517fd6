//! One-time sign-in links. Looking at one shows a button, so that programs which preview links do
//! not use it up; the button signs in.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::csrf::FromOurPage;
use super::error::PageError;
use super::login::{Nothing, arrive, open_page};
use super::shell::{Shell, page};
use super::{Web, now};

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    shell: Shell,
    /// Whom the link signs in; `None` when it does not work any more.
    email: Option<String>,
}

/// `GET /login/link/{token}`.
pub(super) async fn show(
    State(web): State<Web>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let owner = web.meta(move |meta| meta.link_owner(&token, now())).await?;
    let Some(owner) = owner else {
        return Ok(over());
    };
    open_page(&web, &headers, "Sign in", |shell| {
        page(&LinkPage {
            shell,
            email: Some(owner.email),
        })
    })
}

/// `POST /login/link/{token}`.
pub(super) async fn sign_in(
    State(web): State<Web>,
    Path(token): Path<String>,
    headers: HeaderMap,
    FromOurPage(Nothing {}): FromOurPage<Nothing>,
) -> Result<Response, PageError> {
    let user = web.meta(move |meta| meta.use_link(&token, now())).await?;
    let Some(user) = user else {
        return Ok(over());
    };
    // Who has no password is led to where one is set.
    let next = if user.has_password { "/" } else { "/account" };
    arrive(&web, &headers, user, next).await
}

fn over() -> Response {
    let mut response = page(&LinkPage {
        shell: Shell::bare("This link is over"),
        email: None,
    });
    *response.status_mut() = StatusCode::GONE;
    response
}
