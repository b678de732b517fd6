//! Keeps other sites from acting through a visitor's browser: an origin check on everything that
//! changes something, and a token bound to the session in every form.

use axum::extract::{FromRequest, Request, State};
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Web;
use super::cookie::Cookie;
use super::error::PageError;
use super::forms::Fields;
use super::viewer::Visitor;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Separates form tokens from every other use of a session token.
const CONTEXT: &str = "headcount form token v1";

const TOKEN_BYTES: usize = 16;

/// A form sent by a signed-in visitor from one of our own pages.
pub struct Signed<T> {
    pub visitor: Visitor,
    pub form: T,
}

#[derive(Deserialize)]
struct WithToken<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    form: T,
}

impl<T: DeserializeOwned> FromRequest<Web> for Signed<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let visitor = Visitor::of(request.headers(), web, None).await?;
        let Fields(fields) = Fields::<WithToken<T>>::from_request(request, web).await?;
        if !belongs(&fields.csrf, visitor.token()) {
            let text = "the form is from another session: go back, load the page again and repeat";
            return Err(PageError::Forbidden(text.to_owned()));
        }
        Ok(Self {
            visitor,
            form: fields.form,
        })
    }
}

/// A form of nobody in particular, sent from one of our own pages: its token belongs to a cookie that
/// the page set, which other sites can neither read nor set.
pub(super) struct FromOurPage<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Web> for FromOurPage<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let cookie = Cookie::Form.value(request.headers(), web.https());
        let cookie = cookie.map(str::to_owned);
        let Fields(fields) = Fields::<WithToken<T>>::from_request(request, web).await?;
        let own = cookie.is_some_and(|cookie| belongs(&fields.csrf, &cookie));
        if !own {
            let text = "the form is too old, or the browser keeps no cookies: go back, load the page again and repeat";
            return Err(PageError::Forbidden(text.to_owned()));
        }
        Ok(Self(fields.form))
    }
}

/// The form token of a page for nobody in particular, and the cookie it belongs to where the browser
/// has none yet.
///
/// # Errors
/// `Internal` when the system gives no random bytes.
pub(super) fn token_of_page(
    headers: &HeaderMap,
    web: &Web,
) -> Result<(String, Option<HeaderValue>), PageError> {
    let failed = |error| PageError::internal(&error);
    if let Some(cookie) = Cookie::Form.value(headers, web.https()) {
        return Ok((form_token(cookie).map_err(failed)?, None));
    }
    let mut bytes = [0; 2 * TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(failed)?;
    let fresh: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let token = form_token(&fresh).map_err(failed)?;
    Ok((token, Cookie::Form.set(&fresh, web.https())))
}

/// Refuses what another site has a browser send to us.
pub(super) async fn refuse_foreign(
    State(web): State<Web>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes && is_foreign(request.headers(), web.public_origin()) {
        let text = "the request comes from another site, and changes are made from our own pages";
        return PageError::Forbidden(text.to_owned()).into_response();
    }
    next.run(request).await
}

/// A token for one rendered page. Each is masked differently: the length of compressed pages then
/// says nothing about it.
pub(super) fn form_token(session_token: &str) -> Result<String, getrandom::Error> {
    let mut mask = [0; TOKEN_BYTES];
    getrandom::fill(&mut mask)?;
    let bare = bare_token(session_token);
    let masked = mask.iter().zip(bare).map(|(mask, byte)| mask ^ byte);
    Ok(mask
        .iter()
        .copied()
        .chain(masked)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn belongs(given: &str, session_token: &str) -> bool {
    let Some(bytes) = from_hex(given) else {
        return false;
    };
    let (mask, masked) = bytes.split_at(TOKEN_BYTES);
    let given: Vec<u8> = mask
        .iter()
        .zip(masked)
        .map(|(mask, byte)| mask ^ byte)
        .collect();
    // Hashes compare in constant time.
    blake3::hash(&given) == blake3::hash(&bare_token(session_token))
}

fn bare_token(session_token: &str) -> [u8; TOKEN_BYTES] {
    let key = blake3::derive_key(CONTEXT, session_token.as_bytes());
    std::array::from_fn(|index| key[index])
}

fn from_hex(text: &str) -> Option<[u8; 2 * TOKEN_BYTES]> {
    let mut bytes = [0; 2 * TOKEN_BYTES];
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Browsers say where a request comes from; programs that say nothing carry no one's cookies.
fn is_foreign(headers: &HeaderMap, public_origin: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let Ok(origin) = origin.to_str() else {
        return true;
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    let is_host = host.is_some() && host == text(HOST);
    !is_host && public_origin != Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_one_session_and_is_never_the_same_twice() {
        let token = form_token("session").unwrap();
        assert!(belongs(&token, "session"));
        assert!(!belongs(&token, "another"));
        assert_ne!(token, form_token("session").unwrap());
        for broken in ["", "00", &"0".repeat(64), &"zz".repeat(32), &"ä".repeat(32)] {
            assert!(!belongs(broken, "session"), "{broken}");
        }
    }

    #[test]
    fn requests_of_other_sites_are_foreign() {
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], true),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "http://me:1")],
                true,
            ),
            (&[("origin", "http://me:1")], false),
            (&[("origin", "https://public.example")], false),
            (&[("origin", "http://evil.example")], true),
            (&[("origin", "null")], true),
        ];
        for (given, foreign) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("me:1"));
            for (name, value) in given {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            let found = is_foreign(&headers, Some("https://public.example"));
            assert_eq!(found, foreign, "{given:?}");
        }
    }
}
