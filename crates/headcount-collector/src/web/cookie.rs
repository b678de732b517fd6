//! Cookies: read, set, removed.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::meta::sessions::LIFETIME;

/// The cookies there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Token of the session.
    Session,
    /// What forms of nobody in particular are bound to.
    Form,
    /// Token of a sign-in that waits for its second factor.
    Step,
    /// Marks a browser that signed in before.
    Device,
    /// State of a sign-in at a provider.
    #[cfg(feature = "oidc")]
    Provider,
    /// The share links whose password was told.
    Share,
}

impl Cookie {
    /// Over https the prefix has browsers refuse a cookie that another host or http set.
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-headcount",
            (Self::Session, false) => "headcount",
            (Self::Form, true) => "__Host-headcount-form",
            (Self::Form, false) => "headcount-form",
            (Self::Step, true) => "__Host-headcount-step",
            (Self::Step, false) => "headcount-step",
            (Self::Device, true) => "__Host-headcount-device",
            (Self::Device, false) => "headcount-device",
            #[cfg(feature = "oidc")]
            (Self::Provider, true) => "__Host-headcount-provider",
            #[cfg(feature = "oidc")]
            (Self::Provider, false) => "headcount-provider",
            (Self::Share, true) => "__Host-headcount-share",
            (Self::Share, false) => "headcount-share",
        }
    }

    fn max_age_secs(self) -> i64 {
        const DAY: i64 = 86_400;
        match self {
            Self::Session => LIFETIME.as_secs(),
            Self::Form | Self::Share => DAY,
            Self::Step => 600,
            #[cfg(feature = "oidc")]
            Self::Provider => 600,
            // Browsers keep none longer.
            Self::Device => 400 * DAY,
        }
    }

    /// What the request carries under it.
    pub(super) fn value(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let values = headers.get_all(COOKIE).iter();
        let pairs = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name(https));
        values.next().map(|(_, value)| value)
    }

    /// `Set-Cookie` with a value of letters, digits and full stops.
    pub(super) fn set(self, value: &str, https: bool) -> Option<HeaderValue> {
        self.cookie(value, self.max_age_secs(), https)
    }

    /// `Set-Cookie` that has the browser forget it.
    pub(super) fn remove(self, https: bool) -> Option<HeaderValue> {
        self.cookie("", 0, https)
    }

    fn cookie(self, value: &str, max_age_secs: i64, https: bool) -> Option<HeaderValue> {
        let name = self.name(https);
        let secure = if https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}"
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        let value = "a=b; xheadcount=no; headcount=plain; __Host-headcount=secure";
        headers.insert(COOKIE, HeaderValue::from_static(value));
        assert_eq!(Cookie::Session.value(&headers, false), Some("plain"));
        assert_eq!(Cookie::Session.value(&headers, true), Some("secure"));
        assert_eq!(Cookie::Session.value(&HeaderMap::new(), true), None);
    }

    #[test]
    fn attributes_keep_it_from_scripts_other_sites_and_plain_http() {
        let set = |https| {
            Cookie::Session
                .set("t", https)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            set(true),
            "__Host-headcount=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(!set(false).contains("Secure"));
    }
}
