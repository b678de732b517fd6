//! Share links: what somebody without an account sees by one. A link that ended, was revoked or never
//! was is not found, all alike; its secret is never logged.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::cookie::Cookie;
use super::csrf::FromOurPage;
use super::error::{PageError, redirect};
use super::login::open_page;
use super::overview::shared::Shared;
use super::shell::{Shell, page};
use super::throttle::{Sender, Source};
use super::{Web, api, blocking, now};
use crate::meta::password;
use crate::meta::shares::Share;

/// Separates what the cookie says from every other use of a secret.
const CONTEXT: &str = "headcount share link unlocked v1";
/// Links whose passwords a browser is known to have told; the oldest is forgotten first.
const UNLOCKED: usize = 8;
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

#[derive(Template)]
#[template(path = "share_password.html")]
struct PasswordPage {
    shell: Shell,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Given {
    password: String,
}

/// `GET /share/{secret}`.
pub(super) async fn show(
    State(web): State<Web>,
    Path(secret): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    hidden(shown(&web, secret, query, &headers).await)
}

async fn shown(
    web: &Web,
    secret: String,
    query: String,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let share = find(web, &secret).await?;
    if !unlocked(web, headers, (&secret, &share)) {
        return password_page(web, headers, None);
    }
    read(web, (secret, share), query, Shared::page).await
}

/// `GET /share/{secret}/{file}`: `apps.csv`, `installs.json` and so on.
pub(super) async fn file(
    State(web): State<Web>,
    Path((secret, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    hidden(told(&web, (secret, file), query, &headers).await)
}

async fn told(
    web: &Web,
    (secret, file): (String, String),
    query: String,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let share = find(web, &secret).await?;
    if !unlocked(web, headers, (&secret, &share)) {
        return Ok(redirect(&format!("/share/{secret}")));
    }
    let (name, csv) = match file.rsplit_once('.') {
        Some((name, "csv")) => (name.to_owned(), true),
        Some((name, "json")) => (name.to_owned(), false),
        _ => return Err(PageError::NotFound),
    };
    let answer = move |shared: &Shared| {
        let table = shared.table(&name)?;
        Ok(if csv {
            api::csv_answer(&table)
        } else {
            api::json_answer(StatusCode::OK, &table.json())
        })
    };
    read(web, (secret, share), query, answer).await
}

/// `POST /share/{secret}`: the password of a link.
pub(super) async fn unlock(
    State(web): State<Web>,
    (Path(secret), RawQuery(query)): (Path<String>, RawQuery),
    Sender(from): Sender,
    headers: HeaderMap,
    form: Result<FromOurPage<Given>, PageError>,
) -> Response {
    let try_it = async {
        let share = find(&web, &secret).await?;
        let FromOurPage(given) = form?;
        let back = query.map_or_else(String::new, |query| format!("?{query}"));
        let back = format!("/share/{secret}{back}");
        let Some(hash) = share.password_hash.clone() else {
            return Ok(redirect(&back));
        };
        let what = format!("share link {}", share.id);
        if let Err(seconds) = web.inner.sign_ins.count(&what, Source::Stranger(from)) {
            let problem = format!("Too many tries. Wait {seconds} seconds.");
            let mut response = password_page(&web, &headers, Some(problem))?;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        let right = web
            .hash(move || password::verify(&given.password, Some(&hash)))
            .await?;
        if !right {
            let problem = "That is not the password.".to_owned();
            let mut response = password_page(&web, &headers, Some(problem))?;
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return Ok(response);
        }
        let mut response = redirect(&back);
        let cookie = Cookie::Share.set(&remember(&web, &headers, &secret, &share), web.https());
        let cookie = cookie.ok_or(PageError::Internal)?;
        response.headers_mut().append(SET_COOKIE, cookie);
        Ok(response)
    };
    hidden(try_it.await)
}

async fn find(web: &Web, secret: &str) -> Result<Share, PageError> {
    let secret = secret.to_owned();
    let found = web.meta(move |meta| meta.share(&secret, now())).await?;
    found.ok_or(PageError::NotFound)
}

/// Answers from what the link shows, and notes that it was used.
async fn read(
    web: &Web,
    (secret, share): (String, Share),
    query: String,
    answer: impl FnOnce(&Shared) -> Result<Response, crate::reports::ReportError> + Send + 'static,
) -> Result<Response, PageError> {
    let collector = Arc::clone(web.collector());
    let work = move || {
        collector.meta.note_share_use(share.id, now());
        let address = format!("/share/{secret}");
        let shared = Shared::open(&collector, share, (address, &query))?;
        answer(&shared)
    };
    blocking::<_, crate::reports::ReportError>(work).await
}

/// The form's own answers tell browsers' `Origin`; without it the form would be refused.
fn password_page(
    web: &Web,
    headers: &HeaderMap,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let mut response = open_page(web, headers, "Shared view", |shell| {
        page(&PasswordPage { shell, problem })
    })?;
    let own = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(REFERRER_POLICY, own);
    Ok(response)
}

/// Whether the link asks for no password, or the browser told it.
fn unlocked(web: &Web, headers: &HeaderMap, (secret, share): (&str, &Share)) -> bool {
    let Some(hash) = &share.password_hash else {
        return true;
    };
    let wanted = blake3::hash(proof(secret, hash).as_bytes());
    let known = Cookie::Share.value(headers, web.https()).unwrap_or("");
    // Hashes compare in constant time.
    known
        .split('.')
        .any(|known| blake3::hash(known.as_bytes()) == wanted)
}

/// The value of the cookie once the password of a link is told.
fn remember(web: &Web, headers: &HeaderMap, secret: &str, share: &Share) -> String {
    let hash = share.password_hash.as_deref().unwrap_or_default();
    let fresh = proof(secret, hash);
    let known = Cookie::Share.value(headers, web.https()).unwrap_or("");
    let known = known
        .split('.')
        .filter(|known| !known.is_empty() && *known != fresh);
    let all: Vec<&str> = std::iter::once(fresh.as_str())
        .chain(known)
        .take(UNLOCKED)
        .collect();
    all.join(".")
}

/// What only somebody can have who told the password: it needs the link and the kept hash, whose salt
/// nobody outside knows.
fn proof(secret: &str, password_hash: &str) -> String {
    let material = format!("{secret}\n{password_hash}");
    let key = blake3::derive_key(CONTEXT, material.as_bytes());
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps an answer out of search engines, and its address out of what other sites are told.
fn hidden(answer: Result<Response, PageError>) -> Response {
    let mut response = answer.unwrap_or_else(PageError::into_response);
    let headers = response.headers_mut();
    headers.insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
    headers
        .entry(REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
    response
}
