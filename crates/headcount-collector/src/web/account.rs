//! A visitor's own account: address, password, and where they are signed in.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::csrf::Signed;
use super::error::{PageError, redirect};
use super::login::Nothing;
use super::shell::{Shell, page};
use super::throttle::Source;
use super::viewer::Visitor;
use super::{Web, now};
use crate::meta::{MetaError, password};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    problem: Option<String>,
    done: Option<&'static str>,
    email: String,
    has_password: bool,
    /// Name of a provider to sign in through.
    provider: Option<String>,
    /// Recovery codes that are left, where a second factor is on.
    factor: Option<u32>,
    sessions: Vec<Line>,
}

struct Line {
    id: i64,
    device: String,
    created: String,
    seen: String,
    here: bool,
}

#[derive(Deserialize)]
pub(super) struct Email {
    email: String,
}

#[derive(Deserialize)]
pub(super) struct Passwords {
    #[serde(default)]
    current: String,
    password: String,
}

/// `GET /account`.
pub(super) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let done = match query.as_deref() {
        Some("done=email") => Some("The address is saved."),
        Some("done=password") => Some("The password is saved. You are signed out everywhere else."),
        Some("done=factor") => Some("The second factor is off."),
        Some("done=session") => Some("That session is over."),
        _ => None,
    };
    account_page(&web, visitor, done, None).await
}

/// `POST /account/email`.
pub(super) async fn change_email(
    State(web): State<Web>,
    Signed { visitor, form }: Signed<Email>,
) -> Result<Response, PageError> {
    let user = visitor.session.user.clone();
    let changed = web
        .meta(move |meta| invalid_apart(meta.change_email(&user, &form.email, now())))
        .await?;
    match changed {
        Ok(()) => Ok(redirect("/account?done=email")),
        Err(problem) => account_page(&web, visitor, None, Some(problem)).await,
    }
}

/// `POST /account/password`.
pub(super) async fn change_password(
    State(web): State<Web>,
    Signed { visitor, form }: Signed<Passwords>,
) -> Result<Response, PageError> {
    let user = visitor.session.user.clone();
    // Guessing the current password from a stolen session is as slow as signing in.
    let source = Source::Known(blake3::hash(visitor.token().as_bytes()));
    if let Err(seconds) = web.inner.sign_ins.count(&user.email, source) {
        return Err(PageError::TooMany(seconds));
    }
    let email = user.email.clone();
    let found = web.meta(move |meta| meta.credentials(&email)).await?;
    let kept = found.and_then(|(_, hash)| hash);
    let checked = web
        .hash(move || {
            if kept.is_some() && !password::verify(&form.current, kept.as_deref()) {
                let text = "the current password is another one";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            password::hash(&form.password, &user.email)
        })
        .await?;
    match invalid_apart(checked)? {
        Ok(hash) => {
            let session = visitor.session;
            web.meta(move |meta| meta.change_password(&session.user, &hash, session.id, now()))
                .await?;
            Ok(redirect("/account?done=password"))
        }
        Err(problem) => account_page(&web, visitor, None, Some(problem)).await,
    }
}

/// `POST /account/sessions/{id}/end`.
pub(super) async fn end_session(
    State(web): State<Web>,
    id: Result<Path<i64>, PathRejection>,
    Signed { visitor, .. }: Signed<Nothing>,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(|_| PageError::NotFound)?;
    let user = visitor.session.user;
    web.meta(move |meta| meta.end_session(&user, id, now()))
        .await?;
    Ok(redirect("/account?done=session"))
}

async fn account_page(
    web: &Web,
    visitor: Visitor,
    done: Option<&'static str>,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let (user, here) = (visitor.session.user.clone(), visitor.session.id);
    let id = user.id;
    let lines = web.meta(move |meta| meta.sessions_of(id, now())).await?;
    let factor = web.meta(move |meta| meta.second_factor(id)).await?;
    let lines = lines.into_iter().map(|line| Line {
        id: line.id,
        device: line.device,
        created: moment(line.created_ms),
        seen: moment(line.seen_ms),
        here: line.id == here,
    });
    let refused = problem.is_some();
    let mut response = page(&AccountPage {
        shell: visitor.shell("Your account")?,
        problem,
        done,
        email: user.email,
        has_password: user.has_password,
        provider: web.provider_label(),
        factor,
        sessions: lines.collect(),
    });
    if refused {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// What the visitor can mend is shown on the page itself, as a sentence.
pub(super) fn invalid_apart<T>(
    outcome: Result<T, MetaError>,
) -> Result<Result<T, String>, PageError> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(MetaError::Invalid(text)) => Ok(Err(format!("That does not work: {text}."))),
        Err(error) => Err(error.into()),
    }
}

fn moment(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map(|at| at.strftime("%-d %b %Y, %H:%M").to_string())
        .unwrap_or_default()
}
