//! The session cookie: read, set, removed.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::meta::sessions::LIFETIME;

/// Over https: the prefix has browsers refuse a cookie that another host or http set.
const SECURE_NAME: &str = "__Host-headcount";
const PLAIN_NAME: &str = "headcount";

/// The session token a request carries.
pub(super) fn token(headers: &HeaderMap, https: bool) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter();
    let pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, _)| *name == self::name(https));
    tokens.next().map(|(_, token)| token)
}

/// `Set-Cookie` for a new session.
pub(super) fn set(token: &str, https: bool) -> Option<HeaderValue> {
    cookie(token, LIFETIME.as_secs(), https)
}

/// `Set-Cookie` that has the browser forget the session.
pub(super) fn remove(https: bool) -> Option<HeaderValue> {
    cookie("", 0, https)
}

/// Tokens are letters and digits, so there always is a value.
fn cookie(token: &str, max_age_secs: i64, https: bool) -> Option<HeaderValue> {
    let name = name(https);
    let secure = if https { "; Secure" } else { "" };
    HeaderValue::from_str(&format!(
        "{name}={token}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
}

fn name(https: bool) -> &'static str {
    if https { SECURE_NAME } else { PLAIN_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        let value = "a=b; xheadcount=no; headcount=plain; __Host-headcount=secure";
        headers.insert(COOKIE, HeaderValue::from_static(value));
        assert_eq!(token(&headers, false), Some("plain"));
        assert_eq!(token(&headers, true), Some("secure"));
        assert_eq!(token(&HeaderMap::new(), true), None);
    }

    #[test]
    fn attributes_keep_it_from_scripts_other_sites_and_plain_http() {
        let set = |https| set("t", https).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            set(true),
            "__Host-headcount=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(!set(false).contains("Secure"));
    }
}
