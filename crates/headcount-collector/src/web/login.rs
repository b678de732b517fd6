//! The sign-in page, signing in with a password, and signing out.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::cookie::Cookie;
use super::csrf::{self, FromOurPage, Signed};
use super::error::{PageError, redirect};
use super::shell::{Shell, page};
use super::throttle::Sender;
use super::viewer::Visitor;
use super::{Web, device, known, now};
use crate::meta::password;
use crate::meta::people::User;

/// An address to come back to that is longer than this is not kept.
const NEXT_BYTES: usize = 4_000;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    problem: Option<String>,
    email: String,
    next: String,
    /// Name of a provider and where signing in through it begins.
    provider: Option<(String, String)>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) next: String,
}

#[derive(Deserialize)]
pub(super) struct Given {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// A page for nobody in particular whose form is bound to a cookie.
///
/// # Errors
/// `Internal` when the system gives no random bytes.
pub(super) fn open_page(
    web: &Web,
    headers: &HeaderMap,
    title: &str,
    make: impl FnOnce(Shell) -> Response,
) -> Result<Response, PageError> {
    let (form_token, cookie) = csrf::token_of_page(headers, web)?;
    let mut response = make(Shell {
        form_token,
        ..Shell::bare(title)
    });
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) fn login_page(
    web: &Web,
    headers: &HeaderMap,
    (email, next): (String, String),
    problem: Option<String>,
) -> Result<Response, PageError> {
    let provider = web.provider_label().map(|label| {
        let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
        (label, format!("/login/oidc?next={next}"))
    });
    open_page(web, headers, "Sign in", |shell| {
        page(&LoginPage {
            shell,
            problem,
            email,
            next,
            provider,
        })
    })
}

/// `GET /login`.
pub(super) async fn show(
    State(web): State<Web>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    // A query that cannot be read names no page to come back to.
    let next = asked.map(|Query(asked)| asked.next).unwrap_or_default();
    match Visitor::of(&headers, &web, None).await {
        Ok(_) => Ok(redirect(own_address(&next))),
        Err(PageError::SignIn(_)) => {
            let next = own_address(&next).to_owned();
            login_page(&web, &headers, (String::new(), next), None)
        }
        Err(error) => Err(error),
    }
}

/// `POST /login`.
pub(super) async fn sign_in(
    State(web): State<Web>,
    Sender(from): Sender,
    headers: HeaderMap,
    FromOurPage(given): FromOurPage<Given>,
) -> Result<Response, PageError> {
    let next = own_address(&given.next).to_owned();
    let source = known::source(&web, &headers, &given.email, from).await?;
    if let Err(seconds) = web.inner.sign_ins.count(&given.email, source) {
        let problem = format!("Too many tries. Wait {seconds} seconds, or use a sign-in link.");
        let mut response = login_page(&web, &headers, (given.email, next), Some(problem))?;
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        return Ok(response);
    }
    let Some(user) = user_of(&web, &given.email, given.password).await? else {
        let problem = "E-mail and password do not belong together.".to_owned();
        let mut response = login_page(&web, &headers, (given.email, next), Some(problem))?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    arrive(&web, &headers, user, &next).await
}

/// Signs a user in, or asks for the second factor where there is one.
pub(super) async fn arrive(
    web: &Web,
    headers: &HeaderMap,
    user: User,
    next: &str,
) -> Result<Response, PageError> {
    let id = user.id;
    let factor = web.meta(move |meta| meta.second_factor(id)).await?;
    if factor.is_none() {
        return start_session(web, headers, &user, next).await;
    }
    let token = web.meta(move |meta| meta.open_pending(id, now())).await?;
    let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
    let mut response = redirect(&format!("/login/code?next={next}"));
    let cookie = Cookie::Step.set(&token, web.https());
    let cookie = cookie.ok_or(PageError::Internal)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /logout`.
pub(super) async fn sign_out(
    State(web): State<Web>,
    Signed { visitor, .. }: Signed<Nothing>,
) -> Result<Response, PageError> {
    let session = visitor.session;
    web.meta(move |meta| meta.end_session(&session.user, session.id, now()))
        .await?;
    let mut response = redirect("/login");
    if let Some(removed) = Cookie::Session.remove(web.https()) {
        response.headers_mut().append(SET_COOKIE, removed);
    }
    Ok(response)
}

/// Signs a user in with a fresh session in place of the one the browser had.
pub(super) async fn start_session(
    web: &Web,
    headers: &HeaderMap,
    user: &User,
    next: &str,
) -> Result<Response, PageError> {
    let (device, id) = (device::of(headers), user.id);
    let replaced = Cookie::Session.value(headers, web.https());
    let replaced = replaced.map(str::to_owned);
    let token = web
        .meta(move |meta| meta.open_session(id, &device, replaced.as_deref(), now()))
        .await?;
    let mark = known::fresh(web, &user.email).await?;
    let mut response = redirect(next);
    for (cookie, value) in [(Cookie::Session, token), (Cookie::Device, mark)] {
        let cookie = cookie.set(&value, web.https());
        let cookie = cookie.ok_or(PageError::Internal)?;
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn user_of(web: &Web, email: &str, given: String) -> Result<Option<User>, PageError> {
    let email = email.to_owned();
    let found = web.meta(move |meta| meta.credentials(&email)).await?;
    let (user, hash) = found.unzip();
    let hash = hash.flatten();
    let right = web
        .hash(move || password::verify(&given, hash.as_deref()))
        .await?;
    Ok(user.filter(|_| right))
}

/// `next` where it is an address of ours, else the start.
pub(super) fn own_address(next: &str) -> &str {
    // Browsers read `//host` and `/\host` as other sites, and skip control characters in between.
    let inside = next.starts_with('/')
        && !next[1..].starts_with(['/', '\\'])
        && next.len() <= NEXT_BYTES
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if inside { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_never_leaves_the_site() {
        let kept = [
            "/",
            "/projects/a",
            "/projects/a?range=7d&filter=app:x",
            "/a//b",
        ];
        for next in kept {
            assert_eq!(own_address(next), next);
        }
        let dropped = [
            "",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil.example",
            "/a\r\nset-cookie: x",
            "/ä",
        ];
        for next in dropped {
            assert_eq!(own_address(next), "/", "{next:?}");
        }
    }
}
