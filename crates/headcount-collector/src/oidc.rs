//! Signing in through an OpenID Connect provider: authorization code flow with PKCE. Knows no users and no
//! pages: it ends with an e-mail address that the provider vouches for.

mod keys;
mod pending;
#[cfg(test)]
mod tests;
mod token;

use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::outgoing::{self, Reach};
use keys::{KeySet, RawKeys};
use pending::{Begun, Pending};
use token::Expected;

/// Answers of a provider are small; more is none.
const MOST_BYTES: u64 = 1 << 20;
/// What a provider tells of itself is asked for again after this.
const METADATA_MS: i64 = 3_600_000;
/// Unknown keys make us look again, but no more often than this.
const KEYS_MS: i64 = 60_000;

/// How people sign in through a provider. `OidcConfig::new` checks it.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    label: String,
    admissions: Vec<Admission>,
}

/// A rule that lets in people whom nobody invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What stands behind the `@` of their addresses.
    pub domain: String,
    /// Slug of the project whose viewers they become.
    pub project: String,
}

impl OidcConfig {
    /// Settings of a provider; `issuer` is its address, https, or http on this machine.
    ///
    /// # Errors
    /// Says which part cannot be used.
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: Option<String>,
    ) -> Result<Self, String> {
        if !is_safe(issuer) || issuer.contains(['?', '#']) {
            return Err(format!(
                "the issuer {issuer} must be an address with https, without ? and #"
            ));
        }
        if client_id.is_empty() {
            return Err("the client id is missing".to_owned());
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.filter(|secret| !secret.is_empty()),
            label: "single sign-on".to_owned(),
            admissions: Vec::new(),
        })
    }

    /// Names the provider on the sign-in page's button.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    /// Adds rules that let in people whom nobody invited.
    #[must_use]
    pub fn admitting(mut self, admissions: Vec<Admission>) -> Self {
        self.admissions = admissions;
        self
    }
}

/// Why somebody is not signed in. The text is fit for the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// The provider cannot be asked, or answers what makes no sense.
    #[error("the provider cannot be asked right now: {0}")]
    Provider(String),
    /// The provider says no.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// No sign-in of this browser is under way.
    #[error("this sign-in is over, or was begun in another browser: begin again")]
    Stale,
    /// Too many have begun and not ended.
    #[error("too many sign-ins are under way: try again in some minutes")]
    Busy,
    /// What the provider sent proves nothing.
    #[error("what the provider sent cannot be trusted: {0}")]
    Token(&'static str),
    /// The provider does not vouch for an address.
    #[error("the provider does not vouch for your e-mail address")]
    NoAddress,
}

/// Where a browser is sent, and what it must bring back.
pub(crate) struct Start {
    pub(crate) address: String,
    pub(crate) state: String,
}

/// What the provider has the browser bring back.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Callback {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    error: Option<String>,
}

/// Who came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) email: String,
    /// Where they wanted to go.
    pub(crate) next: String,
}

/// What a provider tells of itself.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    error: Option<String>,
}

/// Something fetched, and when.
type Cached<T> = Mutex<Option<(i64, Arc<T>)>>;

/// A provider, and the sign-ins through it that are under way.
pub(crate) struct Provider {
    config: OidcConfig,
    agent: ureq::Agent,
    metadata: Cached<Metadata>,
    keys: Cached<KeySet>,
    pending: Pending,
}

impl Provider {
    pub(crate) fn new(config: OidcConfig) -> Self {
        Self {
            config,
            // The operator chose it: it may well be in a private network.
            agent: outgoing::agent(Reach::Everything),
            metadata: Mutex::default(),
            keys: Mutex::default(),
            pending: Pending::default(),
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.config.label
    }

    /// The project that a rule lets an address into.
    pub(crate) fn admits(&self, email: &str) -> Option<&str> {
        let (_, domain) = email.rsplit_once('@')?;
        let rules = self.config.admissions.iter();
        let mut rules = rules.filter(|rule| rule.domain.eq_ignore_ascii_case(domain));
        rules.next().map(|rule| rule.project.as_str())
    }

    /// Begins a sign-in. May block on the provider.
    ///
    /// # Errors
    /// The provider cannot be asked, or too many are under way.
    pub(crate) fn begin(&self, back: &str, next: &str, now_ms: i64) -> Result<Start, Trouble> {
        let metadata = self.metadata(now_ms)?;
        let begun = Begun::new(next).map_err(|error| Trouble::Provider(error.to_string()))?;
        let query = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", back),
            ("scope", "openid email"),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &begun.challenge()),
            ("code_challenge_method", "S256"),
        ];
        let joint = if metadata.authorization_endpoint.contains('?') {
            '&'
        } else {
            '?'
        };
        let address = format!("{}{joint}{}", metadata.authorization_endpoint, form(&query));
        let state = begun.state.clone();
        self.pending.put(begun, now_ms)?;
        Ok(Start { address, state })
    }

    /// Ends a sign-in with what the browser brought back; `own_state` is what it was given at the
    /// beginning. Each state is good once, whatever comes of it. Blocks on the provider.
    ///
    /// # Errors
    /// Why nobody is signed in.
    pub(crate) fn finish(
        &self,
        callback: &Callback,
        (own_state, back): (&str, &str),
        now_ms: i64,
    ) -> Result<Arrived, Trouble> {
        // Both are random and long; the map compares hashes, so time tells nothing.
        if callback.state.is_empty() || callback.state != own_state {
            return Err(Trouble::Stale);
        }
        let begun = self.pending.take(&callback.state, now_ms);
        let begun = begun.ok_or(Trouble::Stale)?;
        if let Some(error) = &callback.error {
            return Err(Trouble::Refused(plain(error)));
        }
        // Another provider's answer slipped in (RFC 9207).
        if callback
            .iss
            .as_ref()
            .is_some_and(|iss| *iss != self.config.issuer)
        {
            return Err(Trouble::Token("it comes from another provider"));
        }
        let metadata = self.metadata(now_ms)?;
        let id_token = self.exchange(&metadata, &callback.code, (&begun, back))?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: &begun.nonce,
            now_seconds: now_ms.div_euclid(1_000),
        };
        let email = self.verified(&metadata, &id_token, (&expected, now_ms))?;
        Ok(Arrived {
            email,
            next: begun.next,
        })
    }

    /// Trades the code in for the ID token.
    fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        (begun, back): (&Begun, &str),
    ) -> Result<String, Trouble> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", &begun.verifier),
        ];
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let basic =
            methods.is_none_or(|methods| methods.iter().any(|way| way == "client_secret_basic"));
        let mut request = self
            .agent
            .post(&metadata.token_endpoint)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        match &self.config.client_secret {
            Some(secret) if basic => {
                let pair = format!("{}:{}", coded(&self.config.client_id), coded(secret));
                let pair = BASE64_STANDARD.encode(pair);
                request = request.header("authorization", format!("Basic {pair}"));
            }
            Some(secret) => fields.extend([
                ("client_id", self.config.client_id.as_str()),
                ("client_secret", secret.as_str()),
            ]),
            None => fields.push(("client_id", &self.config.client_id)),
        }
        let tokens: Tokens = answer(request.send(form(&fields)))?;
        if let Some(error) = tokens.error {
            return Err(Trouble::Refused(plain(&error)));
        }
        tokens
            .id_token
            .ok_or(Trouble::Token("there is no ID token"))
    }

    /// The verified address in an ID token, after every check.
    fn verified(
        &self,
        metadata: &Metadata,
        id_token: &str,
        (expected, now_ms): (&Expected<'_>, i64),
    ) -> Result<String, Trouble> {
        let keys = self.keys(metadata, now_ms, KEYS_MS * 60)?;
        match token::check(id_token, &keys, expected) {
            // Providers change their keys; look again, now and then.
            Err(Trouble::Token(token::UNKNOWN_KEY)) => {
                let keys = self.keys(metadata, now_ms, KEYS_MS)?;
                token::check(id_token, &keys, expected)
            }
            checked => checked,
        }
    }

    fn metadata(&self, now_ms: i64) -> Result<Arc<Metadata>, Trouble> {
        cached(&self.metadata, (now_ms, METADATA_MS), || {
            let issuer = self.config.issuer.trim_end_matches('/');
            let url = format!("{issuer}/.well-known/openid-configuration");
            let found: Metadata = answer(self.agent.get(url).call())?;
            if found.issuer != self.config.issuer {
                let text = format!("it calls itself {}", plain(&found.issuer));
                return Err(Trouble::Provider(text));
            }
            let ends = [
                &found.authorization_endpoint,
                &found.token_endpoint,
                &found.jwks_uri,
            ];
            if let Some(end) = ends.into_iter().find(|end| !is_safe(end)) {
                return Err(Trouble::Provider(format!("{} is no https", plain(end))));
            }
            Ok(found)
        })
    }

    fn keys(&self, metadata: &Metadata, now_ms: i64, good_ms: i64) -> Result<Arc<KeySet>, Trouble> {
        cached(&self.keys, (now_ms, good_ms), || {
            let raw: RawKeys = answer(self.agent.get(&metadata.jwks_uri).call())?;
            Ok(KeySet::new(raw))
        })
    }
}

/// What was fetched less than `good_ms` ago, else what `fetch` brings. No lock is held meanwhile.
fn cached<T>(
    kept: &Cached<T>,
    (now_ms, good_ms): (i64, i64),
    fetch: impl FnOnce() -> Result<T, Trouble>,
) -> Result<Arc<T>, Trouble> {
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((fetched_ms, found)) = lock().as_ref()
        && (0..good_ms).contains(&(now_ms - fetched_ms))
    {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(fetch()?);
    *lock() = Some((now_ms, Arc::clone(&found)));
    Ok(found)
}

/// The JSON of an answer. Token endpoints tell errors as JSON with 400.
fn answer<T: DeserializeOwned>(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, Trouble> {
    let mut answer = answer.map_err(|error| Trouble::Provider(error.to_string()))?;
    let status = answer.status().as_u16();
    if !matches!(status, 200 | 400 | 401) {
        return Err(Trouble::Provider(format!("it answered {status}")));
    }
    let body = answer.body_mut().with_config().limit(MOST_BYTES);
    let body = body
        .read_to_vec()
        .map_err(|error| Trouble::Provider(error.to_string()))?;
    serde_json::from_slice(&body)
        .map_err(|_| Trouble::Provider(format!("it answered {status} with no JSON of the kind")))
}

/// Whether an address is https, or http on this machine.
fn is_safe(address: &str) -> bool {
    let Ok(uri) = address.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = bare == "localhost"
        || bare
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    !host.is_empty()
        && match uri.scheme_str() {
            Some("https") => true,
            Some("http") => here,
            _ => false,
        }
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", coded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn coded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A foreign word as it may stand on a page: short, and of harmless letters.
fn plain(text: &str) -> String {
    let harmless = |letter: &char| letter.is_ascii_graphic() || *letter == ' ';
    text.chars().filter(harmless).take(100).collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}
