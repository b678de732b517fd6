//! A small OpenID provider on loopback with real keys and signatures. It lies when it is told to.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::fault::{Answer, Fault, FaultServer, Request};

/// A key that signs nothing but tests: making one takes seconds.
const RSA_KEY: &str = include_str!("oidc/rsa_key.txt");

/// Client id and secret of the one client.
pub const CLIENT: (&str, &str) = ("headcount-client", "s3cret & long+enough");

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Rs256,
    Es256,
}

/// What is wrong with the next tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    Nothing,
    Nonce,
    NoNonce,
    Audience,
    /// For us and another client, without saying who asked.
    Audiences,
    Party,
    Issuer,
    Expired,
    Future,
    /// `alg: none` and no signature.
    Unsigned,
    /// `alg: HS256`, with the public key as its secret.
    PublicKeyAsSecret,
    /// Signed by a key that is not published, under the name of one that is.
    ForeignKey,
    /// A claim changed after signing.
    Altered,
    Unverified,
    NoEmail,
    /// Another `iss` beside the code (RFC 9207).
    MixUp,
}

/// A running provider; stops when dropped.
pub struct Provider {
    server: FaultServer,
    shared: Arc<Shared>,
}

struct Shared {
    settings: Mutex<Settings>,
    /// Code to what it was given for; each is good once.
    codes: Mutex<HashMap<String, Asked>>,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    foreign: EcdsaKeyPair,
}

struct Settings {
    email: String,
    signing: Signing,
    lie: Lie,
    /// Changes with every change of keys.
    generation: u32,
}

struct Asked {
    nonce: String,
    challenge: String,
    redirect: String,
}

impl Provider {
    /// Starts a provider at which `email` is signed in.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    ///
    /// # Panics
    /// When the system gives no random bytes.
    pub fn start(email: &str) -> io::Result<Self> {
        let settings = Settings {
            email: email.to_owned(),
            signing: Signing::Rs256,
            lie: Lie::Nothing,
            generation: 1,
        };
        let der: String = RSA_KEY.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(der).expect("the key is base64");
        let shared = Arc::new(Shared {
            settings: Mutex::new(settings),
            codes: Mutex::default(),
            rsa: RsaKeyPair::from_pkcs8(&der).expect("the key is PKCS 8"),
            ec: fresh_key(),
            foreign: fresh_key(),
        });
        let of_server = Arc::clone(&shared);
        let server =
            FaultServer::with_handler(Vec::new(), move |request| of_server.answer(request))?;
        Ok(Self { server, shared })
    }

    /// Address and name of the provider.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.server.url()
    }

    /// Who is signed in from now on.
    pub fn set_email(&self, email: &str) {
        self.shared.settings().email = email.to_owned();
    }

    pub fn sign_with(&self, signing: Signing) {
        self.shared.settings().signing = signing;
    }

    /// What is wrong from now on.
    pub fn lie(&self, lie: Lie) {
        self.shared.settings().lie = lie;
    }

    /// Gives the keys other names, as a provider does that changes them.
    pub fn rename_keys(&self) {
        self.shared.settings().generation += 1;
    }

    /// Requests read so far, as `METHOD /path`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let requests = self.server.requests().into_iter();
        requests
            .map(|request| {
                let path = request.target.split('?').next().unwrap_or_default();
                format!("{} {path}", request.method)
            })
            .collect()
    }
}

fn fresh_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let way = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = EcdsaKeyPair::generate_pkcs8(way, &random).expect("the system gives random bytes");
    EcdsaKeyPair::from_pkcs8(way, der.as_ref(), &random).expect("it was just made")
}

impl Shared {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, HashMap<String, Asked>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Fault {
        let issuer = format!("http://{}", request.header("host").unwrap_or_default());
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        match (request.method.as_str(), path) {
            ("GET", "/.well-known/openid-configuration") => json_of(200, &metadata(&issuer)),
            ("GET", "/jwks") => json_of(200, &self.keys()),
            ("GET", "/authorize") => self.authorize(&issuer, query),
            ("POST", "/token") => self.token(&issuer, request),
            _ => Answer::status(404),
        }
        .into()
    }

    fn authorize(&self, issuer: &str, query: &str) -> Answer {
        let fields = fields(query);
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let right = field("response_type") == "code"
            && field("client_id") == CLIENT.0
            && field("code_challenge_method") == "S256"
            && field("scope").split(' ').any(|scope| scope == "openid");
        if !right {
            return json_of(400, &json!({ "error": "invalid_request" }));
        }
        let mut bytes = [0; 16];
        ring::rand::SecureRandom::fill(&SystemRandom::new(), &mut bytes)
            .expect("the system gives random bytes");
        let code = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let iss = match self.settings().lie {
            Lie::MixUp => "https://other.example",
            _ => issuer,
        };
        let address = format!(
            "{}?code={code}&state={}&iss={iss}",
            field("redirect_uri"),
            field("state")
        );
        let asked = Asked {
            nonce: field("nonce"),
            challenge: field("code_challenge"),
            redirect: field("redirect_uri"),
        };
        self.codes().insert(code, asked);
        Answer::status(302).header("Location", &address)
    }

    fn token(&self, issuer: &str, request: &Request) -> Answer {
        let coded = |text: &str| {
            let bytes = text.bytes().map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            });
            bytes.collect::<String>()
        };
        let pair = format!("{}:{}", coded(CLIENT.0), coded(CLIENT.1));
        let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
        if request.header("authorization") != Some(&basic) {
            return json_of(401, &json!({ "error": "invalid_client" }));
        }
        let fields = fields(&String::from_utf8_lossy(&request.body));
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let asked = self.codes().remove(field("code"));
        let asked = asked.filter(|asked| {
            let hash = digest::digest(&digest::SHA256, field("code_verifier").as_bytes());
            field("grant_type") == "authorization_code"
                && asked.redirect == field("redirect_uri")
                && asked.challenge == BASE64_URL_SAFE_NO_PAD.encode(hash)
        });
        match asked {
            Some(asked) => json_of(
                200,
                &json!({ "access_token": "x", "token_type": "Bearer", "id_token": self.signed(issuer, &asked) }),
            ),
            None => json_of(400, &json!({ "error": "invalid_grant" })),
        }
    }

    fn signed(&self, issuer: &str, asked: &Asked) -> String {
        let settings = self.settings();
        let claims = claims(issuer, asked, &settings);
        let (mut alg, kid) = match settings.signing {
            Signing::Rs256 => ("RS256", format!("rsa-{}", settings.generation)),
            Signing::Es256 => ("ES256", format!("ec-{}", settings.generation)),
        };
        let mut kid = kid;
        match settings.lie {
            Lie::Unsigned => alg = "none",
            Lie::PublicKeyAsSecret => alg = "HS256",
            Lie::ForeignKey => (alg, kid) = ("ES256", format!("ec-{}", settings.generation)),
            _ => {}
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({ "alg": alg, "kid": kid, "typ": "JWT" }));
        let message = format!("{head}.{}", part(&claims));
        let signature = self.signature(settings.lie, settings.signing, message.as_bytes());
        let message = if settings.lie == Lie::Altered {
            let mut altered = claims;
            altered["email"] = json!("somebody-else@a.example");
            format!("{head}.{}", part(&altered))
        } else {
            message
        };
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, lie: Lie, signing: Signing, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let by = |key: &EcdsaKeyPair| {
            let signature = key.sign(&random, message);
            signature.expect("a key signs").as_ref().to_vec()
        };
        match (lie, signing) {
            (Lie::Unsigned, _) => Vec::new(),
            (Lie::PublicKeyAsSecret, _) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.rsa.public_key().as_ref());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            (Lie::ForeignKey, _) => by(&self.foreign),
            (_, Signing::Es256) => by(&self.ec),
            (_, Signing::Rs256) => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a key signs");
                signature
            }
        }
    }

    fn keys(&self) -> Value {
        let generation = self.settings().generation;
        let coded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let rsa = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "oct", "kid": "odd", "k": "AA" },
            { "kty": "RSA", "kid": format!("rsa-{generation}"), "use": "sig", "alg": "RS256",
                "n": coded(&rsa.n), "e": coded(&rsa.e) },
            { "kty": "EC", "crv": "P-256", "kid": format!("ec-{generation}"), "use": "sig",
                "x": coded(&point[1..33]), "y": coded(&point[33..]) },
        ] })
    }
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
    })
}

fn claims(issuer: &str, asked: &Asked, settings: &Settings) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let mut claims = json!({
        "iss": issuer, "sub": "1", "aud": CLIENT.0, "iat": now, "exp": now + 300,
        "nonce": asked.nonce, "email": settings.email, "email_verified": true,
    });
    match settings.lie {
        Lie::Nonce => claims["nonce"] = json!("of-another-sign-in"),
        Lie::NoNonce => claims["nonce"] = Value::Null,
        Lie::Audience => claims["aud"] = json!(["another-client"]),
        Lie::Audiences => claims["aud"] = json!([CLIENT.0, "another-client"]),
        Lie::Party => claims["azp"] = json!("another-client"),
        Lie::Issuer => claims["iss"] = json!("https://other.example"),
        Lie::Expired => claims["exp"] = json!(now - 120),
        Lie::Future => claims["iat"] = json!(now + 3_600),
        Lie::Unverified => claims["email_verified"] = json!(false),
        Lie::NoEmail => claims["email"] = Value::Null,
        Lie::Nothing
        | Lie::Unsigned
        | Lie::PublicKeyAsSecret
        | Lie::ForeignKey
        | Lie::Altered
        | Lie::MixUp => {}
    }
    claims
}

fn json_of(status: u16, value: &Value) -> Answer {
    Answer::status(status)
        .header("Content-Type", "application/json")
        .body(value.to_string())
}

/// The fields of a query or form.
fn fields(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
