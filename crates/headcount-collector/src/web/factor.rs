//! The second factor: asked for when signing in, set up and taken off from one's own account.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;

use super::account::invalid_apart;
use super::cookie::Cookie;
use super::csrf::{FromOurPage, Signed};
use super::error::{PageError, redirect};
use super::login::{Asked, open_page, own_address, start_session};
use super::shell::{Shell, page};
use super::throttle::Source;
use super::viewer::Visitor;
use super::{Web, now};
use crate::meta::people::User;
use crate::meta::totp;

/// Modules of quiet zone that readers need around a code.
const QUIET: i32 = 4;

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    shell: Shell,
    problem: Option<String>,
    next: String,
}

#[derive(Template)]
#[template(path = "factor.html")]
struct FactorPage {
    shell: Shell,
    problem: Option<String>,
    /// Recovery codes, shown once when the factor was just switched on.
    fresh: Vec<String>,
    /// Recovery codes that are left, where a factor is on.
    left: Option<u32>,
    set_up: Option<SetUp>,
}

struct SetUp {
    /// Side of the picture in modules, and its dark ones as a path.
    side: i32,
    path: String,
    typed: String,
    address: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
    #[serde(default)]
    next: String,
}

/// `GET /login/code`.
pub(super) async fn show(
    State(web): State<Web>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    if waiting(&web, &headers).await?.is_none() {
        return Ok(redirect("/login"));
    }
    let next = asked.map(|Query(asked)| asked.next).unwrap_or_default();
    code_page(&web, &headers, own_address(&next).to_owned(), None)
}

/// `POST /login/code`.
pub(super) async fn sign_in(
    State(web): State<Web>,
    headers: HeaderMap,
    FromOurPage(given): FromOurPage<Code>,
) -> Result<Response, PageError> {
    let next = own_address(&given.next).to_owned();
    let Some((token, user)) = waiting(&web, &headers).await? else {
        return Ok(redirect("/login"));
    };
    // Who is here knows the password: nobody else can use these tries up.
    if let Err(seconds) = count(&web, &user) {
        let problem = format!("Too many codes. Wait {seconds} seconds.");
        let mut response = code_page(&web, &headers, next, Some(problem))?;
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
        return Ok(response);
    }
    let right = web.meta(move |meta| meta.end_pending(&token, &given.code, now()));
    if !right.await? {
        let problem = "The code is another one, or was used before.".to_owned();
        let mut response = code_page(&web, &headers, next, Some(problem))?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    }
    let mut response = start_session(&web, &headers, &user, &next).await?;
    if let Some(removed) = Cookie::Step.remove(web.https()) {
        response.headers_mut().append(SET_COOKIE, removed);
    }
    Ok(response)
}

/// `GET /account/factor`.
pub(super) async fn show_account(
    State(web): State<Web>,
    visitor: Visitor,
) -> Result<Response, PageError> {
    factor_page(&web, visitor, Ok(Vec::new())).await
}

/// `POST /account/factor`. The answer is the only one that shows the recovery codes.
pub(super) async fn switch_on(
    State(web): State<Web>,
    Signed { visitor, form }: Signed<Code>,
) -> Result<Response, PageError> {
    let (user, session) = (visitor.session.user.clone(), visitor.session.id);
    if let Err(seconds) = count(&web, &user) {
        return Err(PageError::TooMany(seconds));
    }
    let confirmed = web.meta(move |meta| {
        invalid_apart(meta.confirm_second_factor(&user, (&form.code, session), now()))
    });
    let fresh = confirmed.await?;
    factor_page(&web, visitor, fresh).await
}

/// `POST /account/factor/off`.
pub(super) async fn switch_off(
    State(web): State<Web>,
    Signed { visitor, form }: Signed<Code>,
) -> Result<Response, PageError> {
    let user = visitor.session.user.clone();
    if let Err(seconds) = count(&web, &user) {
        return Err(PageError::TooMany(seconds));
    }
    let off =
        web.meta(move |meta| invalid_apart(meta.take_off_second_factor(&user, &form.code, now())));
    match off.await? {
        Ok(()) => Ok(redirect("/account?done=factor")),
        Err(problem) => factor_page(&web, visitor, Err(problem)).await,
    }
}

/// Counts one try at the codes of a user.
fn count(web: &Web, user: &User) -> Result<(), u64> {
    let codes = Source::Known(blake3::hash(b"codes"));
    web.inner.sign_ins.count(&user.email, codes)
}

async fn waiting(web: &Web, headers: &HeaderMap) -> Result<Option<(String, User)>, PageError> {
    let Some(token) = Cookie::Step.value(headers, web.https()) else {
        return Ok(None);
    };
    let token = token.to_owned();
    let asked = token.clone();
    let user = web.meta(move |meta| meta.pending(&asked, now())).await?;
    Ok(user.map(|user| (token, user)))
}

fn code_page(
    web: &Web,
    headers: &HeaderMap,
    next: String,
    problem: Option<String>,
) -> Result<Response, PageError> {
    open_page(web, headers, "Second factor", |shell| {
        page(&CodePage {
            shell,
            problem,
            next,
        })
    })
}

async fn factor_page(
    web: &Web,
    visitor: Visitor,
    fresh: Result<Vec<String>, String>,
) -> Result<Response, PageError> {
    let (id, email) = (visitor.session.user.id, visitor.session.user.email.clone());
    let left = web.meta(move |meta| meta.second_factor(id)).await?;
    let set_up = match left {
        Some(_) => None,
        None => {
            let secret = web.meta(move |meta| meta.secret_to_set_up(id)).await?;
            Some(set_up(&secret, &email)?)
        }
    };
    let (fresh, problem) = match fresh {
        Ok(fresh) => (fresh, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let refused = problem.is_some();
    let mut response = page(&FactorPage {
        shell: visitor.shell("Second factor")?,
        problem,
        fresh,
        left,
        set_up,
    });
    if refused {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

fn set_up(secret: &[u8], email: &str) -> Result<SetUp, PageError> {
    let address = totp::address(secret, email);
    let picture = QrCode::encode_text(&address, QrCodeEcc::Medium);
    let picture = picture.map_err(|error| PageError::internal(&error))?;
    let size = picture.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| picture.get_module(*x, y)) {
            path.push_str(&format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    Ok(SetUp {
        side: size + 2 * QUIET,
        path,
        typed: totp::typed(secret),
        address,
    })
}
