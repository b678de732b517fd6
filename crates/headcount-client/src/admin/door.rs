//! Signs in whoever knows a token that the program printed: for programs that have no accounts of their own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::answer::{PageError, html};
use super::form::Fields;
use super::guard::{cookie_value, hex, is_foreign};
use super::{ADMIN_PATH, Access, assets};
use crate::encode::random_id;

const SIGN_IN_PATH: &str = "/admin/analytics/sign-in/";
/// Where a signed-in browser is let out.
pub(super) const SIGN_OUT_PATH: &str = "/admin/analytics/sign-out/";
const COOKIE_NAME: &str = "headcount_operator";
const COOKIE_PATH: &str = "/admin/analytics/";
/// A working day; then the token is asked for again.
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// More browsers at once are not one operator's; the oldest is signed out.
const MOST_SESSIONS: usize = 32;
/// Wrong tokens are answered no faster than this, all callers together.
const WRONG_PAUSE: Duration = Duration::from_millis(500);

type Key = [u8; 32];

/// A door that opens for those who hold its token. Clones are the same door.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

struct Shared {
    token: String,
    /// What the one link of this door says; `None` once it was used.
    link: Mutex<Option<String>>,
    sessions: Mutex<VecDeque<Session>>,
    /// Held while a wrong token is answered.
    wrong: tokio::sync::Mutex<()>,
}

struct Session {
    /// Of the cookie only the hash is kept; hashes compare in constant time.
    key: blake3::Hash,
    until: Instant,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Door(..)")
    }
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}

impl Door {
    /// A door with a new random token of 32 characters and a link that opens it once.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            token: secret(),
            link: Mutex::new(Some(secret())),
            sessions: Mutex::default(),
            wrong: tokio::sync::Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The token, to be printed for the operator.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// Path and query of the link that signs in once; `None` when it was used.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        let link = self
            .shared
            .link
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        link.as_ref()
            .map(|code| format!("{SIGN_IN_PATH}?code={code}"))
    }

    /// Who sent a request, by its cookie; `path` is where they come back to after signing in.
    #[must_use]
    pub fn access(&self, headers: &HeaderMap, path: &str) -> Access {
        let known = cookie_value(headers, COOKIE_NAME).is_some_and(|value| self.knows(value));
        if known {
            return Access::Administrator("operator".to_owned());
        }
        Access::SignIn(format!("{SIGN_IN_PATH}?next={path}"))
    }

    fn knows(&self, cookie: &str) -> bool {
        let key = blake3::hash(cookie.as_bytes());
        let now = Instant::now();
        let mut sessions = self.sessions();
        sessions.retain(|session| session.until > now);
        sessions.iter().any(|session| session.key == key)
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, VecDeque<Session>> {
        let sessions = self.shared.sessions.lock();
        sessions.unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session; answers the cookie's value.
    fn admit(&self) -> String {
        let value = secret() + &secret();
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(Session {
            key: blake3::hash(value.as_bytes()),
            until: Instant::now() + SESSION_LIFE,
        });
        value
    }

    fn is_token(&self, given: &str) -> bool {
        same(given, &self.shared.token)
    }

    /// Whether this is the link that was printed; it opens once.
    fn takes(&self, code: &str) -> bool {
        let mut link = self
            .shared
            .link
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let right = link.as_deref().is_some_and(|known| same(code, known));
        if right {
            *link = None;
        }
        right
    }

    fn end(&self, cookie: &str) {
        let key = blake3::hash(cookie.as_bytes());
        self.sessions().retain(|session| session.key != key);
    }
}

/// Compares hashes, which takes the same time wherever two texts differ.
fn same(given: &str, known: &str) -> bool {
    let key = |text: &str| -> Key { *blake3::hash(text.trim().as_bytes()).as_bytes() };
    blake3::Hash::from(key(given)) == blake3::Hash::from(key(known))
}

/// 32 hexadecimal digits made from 244 random bits.
fn secret() -> String {
    let hash = blake3::hash(&[random_id(), random_id()].concat());
    hex(&hash.as_bytes()[..16])
}

#[derive(Template)]
#[template(path = "operator/sign_in.html")]
struct SignIn {
    css: &'static str,
    icon: &'static str,
    action: &'static str,
    next: String,
    problem: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    code: Option<String>,
    next: Option<String>,
}

/// Sign-in and sign-out.
pub(super) fn routes(door: Door) -> Router {
    Router::new()
        .route(SIGN_IN_PATH, get(show).post(enter))
        .route(SIGN_OUT_PATH, post(leave))
        .with_state(door)
}

/// `GET sign-in/`: the form; with the code of the link, straight in.
async fn show(State(door): State<Door>, Query(asked): Query<Asked>) -> Response {
    let problem = match &asked.code {
        Some(code) if door.takes(code) => return entered(&door, ADMIN_PATH),
        Some(_) => Some("This link was used before. Paste the token that the program printed."),
        None => None,
    };
    let status = match problem {
        Some(_) => StatusCode::FORBIDDEN,
        None => StatusCode::OK,
    };
    form(status, asked.next.as_deref(), problem)
}

/// `POST sign-in/`: the pasted token.
async fn enter(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if is_foreign(&headers) || !is_form {
        let why = "The request comes from another site, and signing in is done on this page only.";
        return PageError::Forbidden(why).into_response();
    }
    let fields = Fields::read(&body);
    let next = fields.get("next").map(str::to_owned);
    if door.is_token(fields.get("token").unwrap_or_default()) {
        return entered(&door, &safe(next.as_deref()));
    }
    let _turn = door.shared.wrong.lock().await;
    tokio::time::sleep(WRONG_PAUSE).await;
    let problem = "This is not the token. The program printed it when it started.";
    form(StatusCode::FORBIDDEN, next.as_deref(), Some(problem))
}

/// `POST sign-out/`.
async fn leave(State(door): State<Door>, headers: HeaderMap) -> Response {
    if is_foreign(&headers) {
        let why = "The request comes from another site.";
        return PageError::Forbidden(why).into_response();
    }
    if let Some(value) = cookie_value(&headers, COOKIE_NAME) {
        door.end(value);
    }
    let mut response = Redirect::to(SIGN_IN_PATH).into_response();
    set_cookie(&mut response, "", 0);
    response
}

fn entered(door: &Door, next: &str) -> Response {
    let value = door.admit();
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, &value, SESSION_LIFE.as_secs());
    response
}

fn set_cookie(response: &mut Response, value: &str, max_age_secs: u64) {
    let cookie = format!(
        "{COOKIE_NAME}={value}; Path={COOKIE_PATH}; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn form(status: StatusCode, next: Option<&str>, problem: Option<&'static str>) -> Response {
    let page = SignIn {
        css: assets::css(),
        icon: assets::icon(),
        action: SIGN_IN_PATH,
        next: safe(next),
        problem,
    };
    html(status, &page)
}

/// Where to go after signing in: a page of ours, whatever the address said.
fn safe(next: Option<&str>) -> String {
    let ours = next.filter(|path| path.starts_with(ADMIN_PATH) && path.parse::<Uri>().is_ok());
    ours.unwrap_or(ADMIN_PATH).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::COOKIE;

    fn asking(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers
    }

    #[test]
    fn a_link_opens_once_and_a_session_ends() {
        let door = Door::new();
        let link = door.link().unwrap();
        let code = link.split_once("code=").unwrap().1;
        assert!(!door.takes("x") && door.takes(code) && !door.takes(code));
        assert_eq!(door.link(), None);
        let value = door.admit();
        let mine = asking(&format!("a=b; {COOKIE_NAME}={value}"));
        assert!(matches!(door.access(&mine, "/x"), Access::Administrator(_)));
        door.end(&value);
        assert!(matches!(door.access(&mine, "/x"), Access::SignIn(_)));
    }

    #[test]
    fn sessions_are_bounded() {
        let door = Door::new();
        let first = door.admit();
        for _ in 0..MOST_SESSIONS {
            door.admit();
        }
        assert!(!door.knows(&first));
        assert_eq!(door.sessions().len(), MOST_SESSIONS);
    }

    #[test]
    fn only_our_own_pages_follow_a_sign_in() {
        for (next, kept) in [
            (Some("/admin/analytics/analyticstokens/1/change/"), true),
            (Some("//evil.example/"), false),
            (
                Some("https://evil.example/admin/analytics/analyticstokens/"),
                false,
            ),
            (Some("/admin/analytics/analyticstokens/\r\nx"), false),
            (None, false),
        ] {
            let found = safe(next);
            assert_eq!(Some(found.as_str()) == next, kept, "{next:?}");
            assert!(found.starts_with(ADMIN_PATH));
        }
    }
}
