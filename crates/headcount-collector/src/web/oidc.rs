//! Signing in through the provider that the operator set: to it, and back from it. It opens accounts that
//! are known here; what they may do stays as their memberships say.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::cookie::Cookie;
use super::error::{PageError, redirect};
use super::login::{Asked, arrive, login_page, own_address};
use super::settings::origin;
use super::throttle::Sender;
use super::{Web, now};
use crate::meta::people::User;
use crate::oidc::{Callback, Provider, Trouble};

const BACK: &str = "/login/oidc/callback";

/// `GET /login/oidc?next=...`: to the provider.
pub(super) async fn begin(
    State(web): State<Web>,
    Sender(from): Sender,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let provider = provider(&web)?;
    if let Err(seconds) = web.inner.sign_ins.count_place(from) {
        return Err(PageError::TooMany(seconds));
    }
    let next = asked.map(|Query(asked)| asked.next).unwrap_or_default();
    let next = own_address(&next).to_owned();
    let back = format!("{}{BACK}", origin(&web, &headers));
    let begun = ask(&web, move || {
        provider.begin(&back, &next, now().as_millisecond())
    });
    match begun.await? {
        Ok(start) => {
            let mut response = redirect(&start.address);
            let cookie = Cookie::Provider.set(&start.state, web.https());
            let cookie = cookie.ok_or(PageError::Internal)?;
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(trouble) => refuse(&web, &headers, &trouble),
    }
}

/// `GET /login/oidc/callback`: back from the provider.
pub(super) async fn finish(
    State(web): State<Web>,
    headers: HeaderMap,
    callback: Result<Query<Callback>, QueryRejection>,
) -> Result<Response, PageError> {
    let provider = provider(&web)?;
    let callback = callback.map(|Query(callback)| callback).unwrap_or_default();
    let own_state = Cookie::Provider.value(&headers, web.https());
    let own_state = own_state.unwrap_or_default().to_owned();
    let back = format!("{}{BACK}", origin(&web, &headers));
    let asked = Arc::clone(&provider);
    let arrived = ask(&web, move || {
        asked.finish(&callback, (&own_state, &back), now().as_millisecond())
    });
    let arrived = match arrived.await? {
        Ok(arrived) => arrived,
        Err(trouble) => return refuse(&web, &headers, &trouble),
    };
    let Some(user) = user_of(&web, &provider, &arrived.email).await? else {
        let text = format!(
            "{} is not let in here. Ask a manager of your project to invite you.",
            arrived.email
        );
        let mut response = login_page(&web, &headers, (String::new(), "/".to_owned()), Some(text))?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return forget(response, &web);
    };
    let response = arrive(&web, &headers, user, &arrived.next).await?;
    forget(response, &web)
}

/// The account of an address, made where a rule says so.
async fn user_of(web: &Web, provider: &Provider, email: &str) -> Result<Option<User>, PageError> {
    let (email, project) = (email.to_owned(), provider.admits(email).map(str::to_owned));
    web.meta(move |meta| {
        let found = meta.credentials(&email)?;
        match (found, project) {
            (Some((user, _)), _) => Ok(Some(user)),
            (None, Some(project)) => meta.admit(&email, &project, now()),
            (None, None) => Ok(None),
        }
    })
    .await
}

fn provider(web: &Web) -> Result<Arc<Provider>, PageError> {
    web.inner.provider.clone().ok_or(PageError::NotFound)
}

/// Runs what waits for the provider, a few at once.
async fn ask<T: Send + 'static>(
    web: &Web,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PageError> {
    let place = web.inner.provider_calls.acquire().await;
    let done = super::blocking(move || Ok::<_, PageError>(work())).await;
    drop(place);
    done
}

/// The sign-in page with what went wrong.
fn refuse(web: &Web, headers: &HeaderMap, trouble: &Trouble) -> Result<Response, PageError> {
    tracing::warn!(%trouble, "a sign-in through the provider failed");
    let status = match trouble {
        Trouble::Provider(_) => StatusCode::BAD_GATEWAY,
        Trouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Trouble::Stale => StatusCode::BAD_REQUEST,
        Trouble::Refused(_) | Trouble::Token(_) | Trouble::NoAddress => StatusCode::UNAUTHORIZED,
    };
    let text = trouble.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    let text: String = first.into_iter().flatten().chain(letters).collect();
    let given = (String::new(), "/".to_owned());
    let mut response = login_page(web, headers, given, Some(format!("{text}.")))?;
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, 60.into());
    }
    forget(response, web)
}

fn forget(mut response: Response, web: &Web) -> Result<Response, PageError> {
    let removed = Cookie::Provider.remove(web.https());
    let removed = removed.ok_or(PageError::Internal)?;
    response.headers_mut().append(SET_COOKIE, removed);
    Ok(response)
}
