//! Stands before every page: asks the host who it is, refuses what other sites have a browser send, and checks
//! the token of every form before a handler sees it.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::answer::{PageError, Visitor};
use super::{Access, Desk};
use crate::encode::random_id;

/// Nothing but our own style sheet: no script at all, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";
const ALWAYS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A form of ours is a few kilobytes.
const MAX_FORM_BYTES: usize = 256 << 10;
/// Holds the secret that form tokens are made from.
const COOKIE_NAME: &str = "headcount_forms";
const COOKIE_PATH: &str = "/admin/analytics/";
/// Separates form tokens from every other use of the cookie's secret.
const CONTEXT: &str = "headcount operator form token v1";
const SECRET_BYTES: usize = 16;

const FOREIGN: &str =
    "The request comes from another site, and changes are made from these pages only.";
const NO_TOKEN: &str =
    "The form does not belong to this browser: go back, load the page again and repeat.";

/// Adds the headers that every answer carries; pages are kept by no cache.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Lets administrators through.
pub(super) async fn admit(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let name = match (desk.check)(&parts).await {
        Access::Administrator(name) => name,
        Access::SignIn(address) if reads => return Redirect::to(&address).into_response(),
        Access::SignIn(_) => {
            return PageError::Forbidden("You are not signed in.").into_response();
        }
        Access::Refused => {
            let why = "These pages are for the administrators of this program.";
            return PageError::Forbidden(why).into_response();
        }
    };
    let known = secret_of(&parts.headers);
    let secret = known.unwrap_or_else(new_secret);
    parts.extensions.insert(Visitor {
        name,
        form_token: form_token(&secret),
    });
    let body = if reads {
        body
    } else {
        match checked(&parts.headers, body, known.as_ref()).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        }
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if known.is_none()
        && let Ok(value) = HeaderValue::from_str(&cookie(&secret))
    {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

/// The body of a change, once its origin and its token are right.
async fn checked(
    headers: &HeaderMap,
    body: Body,
    secret: Option<&[u8; SECRET_BYTES]>,
) -> Result<Body, Response> {
    if is_foreign(headers) {
        return Err(PageError::Forbidden(FOREIGN).into_response());
    }
    let is_form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let Ok(bytes) = to_bytes(body, MAX_FORM_BYTES).await else {
        return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let given = super::form::field(&bytes, "csrf").unwrap_or_default();
    match secret {
        Some(secret) if belongs(&given, secret) => Ok(Body::from(bytes)),
        _ => Err(PageError::Forbidden(NO_TOKEN).into_response()),
    }
}

/// Browsers say where a request comes from; programs that say nothing carry no one's cookies.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let host = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    host.is_none() || host != text(HOST)
}

/// The value of a cookie.
pub(super) fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}

fn secret_of(headers: &HeaderMap) -> Option<[u8; SECRET_BYTES]> {
    from_hex(cookie_value(headers, COOKIE_NAME)?)
}

fn new_secret() -> [u8; SECRET_BYTES] {
    // A UUID has six bits that are no chance; hashing two of them leaves none to tell.
    let hash = blake3::hash(&[random_id(), random_id()].concat());
    std::array::from_fn(|index| hash.as_bytes()[index])
}

fn cookie(secret: &[u8; SECRET_BYTES]) -> String {
    let value = hex(secret);
    format!("{COOKIE_NAME}={value}; Path={COOKIE_PATH}; HttpOnly; SameSite=Strict")
}

/// A token for one rendered page. Each is masked differently: the length of compressed pages then says nothing.
pub(super) fn form_token(secret: &[u8; SECRET_BYTES]) -> String {
    let mask = new_secret();
    let bare = bare_token(secret);
    let masked: [u8; SECRET_BYTES] = std::array::from_fn(|index| mask[index] ^ bare[index]);
    hex(&mask) + &hex(&masked)
}

fn belongs(given: &str, secret: &[u8; SECRET_BYTES]) -> bool {
    let Some((mask, masked)) = given.split_at_checked(2 * SECRET_BYTES) else {
        return false;
    };
    let (Some(mask), Some(masked)) = (from_hex(mask), from_hex(masked)) else {
        return false;
    };
    let bare: [u8; SECRET_BYTES] = std::array::from_fn(|index| mask[index] ^ masked[index]);
    // Hashes compare in constant time.
    blake3::hash(&bare) == blake3::hash(&bare_token(secret))
}

fn bare_token(secret: &[u8; SECRET_BYTES]) -> [u8; SECRET_BYTES] {
    let key = blake3::derive_key(CONTEXT, secret);
    std::array::from_fn(|index| key[index])
}

/// Hexadecimal digits of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    if text.len() != 2 * SECRET_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; SECRET_BYTES];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_one_browser_and_is_never_the_same_twice() {
        let (mine, other) = (new_secret(), new_secret());
        let token = form_token(&mine);
        assert!(belongs(&token, &mine));
        assert!(!belongs(&token, &other));
        assert_ne!(token, form_token(&mine));
        for broken in ["", "00", &"0".repeat(64), &"zz".repeat(32), &"ä".repeat(32)] {
            assert!(!belongs(broken, &mine), "{broken}");
        }
    }

    #[test]
    fn requests_of_other_sites_are_foreign() {
        let cases: [(&[(&'static str, &'static str)], bool); 8] = [
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "http://me:1")],
                true,
            ),
            (&[("origin", "http://me:1")], false),
            (&[("origin", "http://evil.example")], true),
            (&[("origin", "null")], true),
        ];
        for (given, foreign) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("me:1"));
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign(&headers), foreign, "{given:?}");
        }
    }
}
