//! The checks of an ID token, in the order of OpenID Connect Core 3.1.3.7. Pure.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::keys::{Algorithm, KeySet};
use super::{Trouble, from_base64};

/// Clocks of machines differ by so much.
const LEEWAY_SECONDS: f64 = 60.0;

/// No key of the provider fits the token.
pub(super) const UNKNOWN_KEY: &str = "it is signed with an unknown key";

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_seconds: i64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The address that a token vouches for.
///
/// # Errors
/// `Token` says which check it fails, `NoAddress` when it vouches for none.
pub(super) fn check(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<String, Trouble> {
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Trouble::Token("it has not three parts"));
    };
    let header: Header = read(head)?;
    let algorithm = Algorithm::of_word(&header.alg);
    let algorithm = algorithm.ok_or(Trouble::Token("it is not signed with RS256 or ES256"))?;
    if header.crit.is_some() {
        return Err(Trouble::Token("it asks for what we do not know"));
    }
    let signature = from_base64(signature).ok_or(Trouble::Token("its signature is no base64"))?;
    let signed = &token[..head.len() + 1 + body.len()];
    match keys.verify(
        (algorithm, header.kid.as_deref()),
        signed.as_bytes(),
        &signature,
    ) {
        None => return Err(Trouble::Token(UNKNOWN_KEY)),
        Some(false) => return Err(Trouble::Token("its signature is wrong")),
        Some(true) => {}
    }
    address(read(body)?, expected)
}

fn address(claims: Claims, expected: &Expected<'_>) -> Result<String, Trouble> {
    let now = expected.now_seconds as f64;
    let meant = match &claims.aud {
        Audience::One(client) => client == expected.client_id,
        Audience::Many(clients) => {
            let ours = clients.iter().any(|client| client == expected.client_id);
            // Who else it is for must not be who it was made for.
            let alone = clients.len() == 1 || claims.azp.is_some();
            ours && alone
        }
    };
    let party = claims.azp.as_deref();
    let checks = [
        (claims.iss == expected.issuer, "it is of another issuer"),
        (meant, "it is for another client"),
        (
            party.is_none_or(|party| party == expected.client_id),
            "it was made for another client",
        ),
        (claims.exp > now - LEEWAY_SECONDS, "it is expired"),
        (
            claims.iat < now + LEEWAY_SECONDS
                && claims.nbf.is_none_or(|from| from < now + LEEWAY_SECONDS),
            "it is not valid yet",
        ),
        (
            claims.nonce.as_deref() == Some(expected.nonce),
            "it belongs to another sign-in",
        ),
    ];
    if let Some((_, why)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(Trouble::Token(why));
    }
    // Some providers write the word instead of the value.
    let verified = matches!(&claims.email_verified, Some(Value::Bool(true)))
        || claims.email_verified.as_ref().and_then(Value::as_str) == Some("true");
    claims.email.filter(|_| verified).ok_or(Trouble::NoAddress)
}

fn read<T: DeserializeOwned>(part: &str) -> Result<T, Trouble> {
    let bytes = from_base64(part).ok_or(Trouble::Token("it is no base64"))?;
    serde_json::from_slice(&bytes).map_err(|_| Trouble::Token("it lacks what an ID token has"))
}
