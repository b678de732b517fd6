//! The keys of a provider, and whether one of them made a signature. Only RS256 and ES256; which of them
//! is the key's affair, never the token's.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::from_base64;

/// More keys than any provider has.
const MOST_KEYS: usize = 64;
const P256_BYTES: usize = 32;

/// A key set as it is published (RFC 7517). Keys that we cannot use may look like anything.
#[derive(Deserialize)]
pub(super) struct RawKeys {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// An algorithm that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed, as `0x04 || x || y`.
    P256(Vec<u8>),
}

struct Key {
    kid: Option<String>,
    material: Material,
}

/// The usable keys of a set.
pub(super) struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    pub(super) fn new(raw: RawKeys) -> Self {
        let keys = raw.keys.into_iter().take(MOST_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Self {
            keys: keys.filter_map(usable).collect(),
        }
    }

    /// Whether a key of that name and kind made the signature; `None` when there is no such key.
    pub(super) fn verify(
        &self,
        (algorithm, kid): (Algorithm, Option<&str>),
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let fitting = |key: &&Key| {
            let named = kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid));
            named && key.material.algorithm() == algorithm
        };
        let mut fitting = self.keys.iter().filter(fitting).peekable();
        fitting.peek()?;
        Some(fitting.any(|key| key.material.verify(message, signature)))
    }
}

fn usable(raw: RawKey) -> Option<Key> {
    if raw.purpose.is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |text: &Option<String>| from_base64(text.as_ref()?);
    let material = match raw.kty.as_str() {
        "RSA" => Material::Rsa {
            n: bytes(&raw.n)?,
            e: bytes(&raw.e)?,
        },
        "EC" if raw.crv.as_deref() == Some("P-256") => {
            let (x, y) = (bytes(&raw.x)?, bytes(&raw.y)?);
            if x.len() != P256_BYTES || y.len() != P256_BYTES {
                return None;
            }
            Material::P256([&[4], x.as_slice(), y.as_slice()].concat())
        }
        _ => return None,
    };
    let own = raw.alg.as_deref().map(Algorithm::of_word);
    if own.is_some_and(|own| own != Some(material.algorithm())) {
        return None;
    }
    Some(Key {
        kid: raw.kid,
        material,
    })
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signed example of RFC 7515, appendix A.3, with its key.
    #[test]
    fn the_example_of_the_standard_is_verified() {
        let set = |alg: &str| {
            let key = serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": "a", "alg": alg,
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
            let odd = serde_json::json!({ "kty": "oct", "k": 5 });
            KeySet::new(RawKeys {
                keys: vec![odd, key],
            })
        };
        let message = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = from_base64(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        )
        .unwrap();
        let verify = |set: &KeySet, algorithm, kid, message: &str| {
            set.verify((algorithm, kid), message.as_bytes(), &signature)
        };
        let keys = set("ES256");
        assert_eq!(verify(&keys, Algorithm::Es256, None, message), Some(true));
        assert_eq!(
            verify(&keys, Algorithm::Es256, Some("a"), message),
            Some(true)
        );
        assert_eq!(verify(&keys, Algorithm::Es256, Some("b"), message), None);
        assert_eq!(verify(&keys, Algorithm::Rs256, None, message), None);
        assert_eq!(
            verify(&keys, Algorithm::Es256, None, &message[1..]),
            Some(false)
        );
        assert_eq!(verify(&set("ES384"), Algorithm::Es256, None, message), None);
    }
}
