//! Which addresses a webhook may have. Pure; what a name leads to is checked when it is connected to.

use std::net::IpAddr;

use http::Uri;

use crate::outgoing::is_public;

const LONGEST_BYTES: usize = 2_000;

/// Checks an address as a manager gives it and returns it as it is kept.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn check(given: &str, private: bool) -> Result<String, String> {
    let given = given.trim();
    if given.len() > LONGEST_BYTES {
        return Err(format!("an address has at most {LONGEST_BYTES} characters"));
    }
    if given.contains('#') {
        return Err("leave out what follows #: it is never sent".to_owned());
    }
    let uri: Uri = given
        .parse()
        .map_err(|_| "this is no address such as https://example.org/hook".to_owned())?;
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let (Some(scheme), Some(host), Some(authority)) = (uri.scheme_str(), uri.host(), authority)
    else {
        return Err("this is no address such as https://example.org/hook".to_owned());
    };
    if authority.contains('@') {
        return Err("an address holds no user name: check the signature instead".to_owned());
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let literal: Option<IpAddr> = bare.parse().ok();
    let loopback = literal.map_or_else(
        || bare.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    );
    if scheme != "https" && !(scheme == "http" && loopback) {
        return Err("it must begin with https://; http only leads to this machine".to_owned());
    }
    if !private && (loopback || literal.is_some_and(|address| !is_public(address))) {
        return Err(
            "it leads to a private address, and whoever runs the server does not allow that (--private-webhooks)"
                .to_owned(),
        );
    }
    Ok(given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_may_be_posted_to_are_taken() {
        let good = [
            "https://example.org",
            "https://example.org:8443/hook?x=1",
            "https://[2606:4700::1111]/",
        ];
        for address in good {
            assert_eq!(check(address, false), Ok(address.to_owned()));
        }
        let private = [
            "http://127.0.0.1:9/hook",
            "http://localhost:9/",
            "http://[::1]/",
            "https://192.168.1.5/",
            "https://[fd00::1]/",
        ];
        for address in private {
            assert!(check(address, false).is_err(), "{address}");
            assert_eq!(check(address, true), Ok(address.to_owned()));
        }
        let bad = [
            "",
            "example.org",
            "/hook",
            "ftp://example.org/",
            "http://example.org/",
            "http://192.168.1.5/",
            "http://localhost.example.org/",
            "https://user:word@example.org/",
            "https://example.org/#part",
            "https://exa mple.org/",
            "javascript:alert(1)",
        ];
        for address in bad {
            assert!(check(address, true).is_err(), "{address}");
        }
        assert!(check(&format!("https://a.example/{}", "x".repeat(2_000)), true).is_err());
    }
}
