//! Browsers known from an earlier sign-in, by a cookie that only this server can make. It opens
//! nothing: it only keeps strangers who guess at an account from slowing its owner down.

use axum::http::HeaderMap;

use super::cookie::Cookie;
use super::error::PageError;
use super::throttle::Source;
use super::{Web, now};
use crate::network::Network;

const CONTEXT: &str = "headcount device v1";

/// Who tries to sign in to an account.
///
/// # Errors
/// When the meta database fails.
pub(super) async fn source(
    web: &Web,
    headers: &HeaderMap,
    email: &str,
    from: Network,
) -> Result<Source, PageError> {
    let stranger = Source::Stranger(from);
    let Some(cookie) = Cookie::Device.value(headers, web.https()) else {
        return Ok(stranger);
    };
    let Some((nonce, _)) = cookie.split_once('.') else {
        return Ok(stranger);
    };
    let key = web.meta(|meta| meta.device_key()).await?;
    let right =
        blake3::hash(mark(&key, email, nonce).as_bytes()) == blake3::hash(cookie.as_bytes());
    Ok(if right {
        Source::Known(blake3::hash(cookie.as_bytes()))
    } else {
        stranger
    })
}

/// The cookie's value for a browser that has just signed in.
///
/// # Errors
/// When the meta database fails.
pub(super) async fn fresh(web: &Web, email: &str) -> Result<String, PageError> {
    let key = web.meta(|meta| meta.device_key()).await?;
    // Only has to differ between browsers of one account.
    Ok(mark(&key, email, &now().as_nanosecond().to_string()))
}

fn mark(key: &[u8; 32], email: &str, nonce: &str) -> String {
    let key = blake3::derive_key(CONTEXT, key);
    let account = email.trim().to_lowercase();
    let hash = blake3::keyed_hash(&key, format!("{nonce}\n{account}").as_bytes());
    format!("{nonce}.{}", hash.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_for_one_account_and_one_server() {
        let mara = mark(&[1; 32], "mara@a.example", "7");
        assert_eq!(mara, mark(&[1; 32], " MARA@a.example", "7"));
        assert_ne!(mara, mark(&[1; 32], "eve@a.example", "7"));
        assert_ne!(mara, mark(&[2; 32], "mara@a.example", "7"));
        assert_ne!(mara, mark(&[1; 32], "mara@a.example", "8"));
    }
}
