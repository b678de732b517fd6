//! Sign-ins that were begun: each is taken once, within some minutes, or forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::digest;

use super::Trouble;

/// Time to sign in at the provider.
const LIFETIME_MS: i64 = 600_000;
/// Sign-ins under way at one time: some hundred bytes each.
const MOST: usize = 10_000;
const RANDOM_BYTES: usize = 32;

/// One that was begun.
pub(super) struct Begun {
    pub(super) state: String,
    /// Binds the ID token to this sign-in.
    pub(super) nonce: String,
    /// Binds the code to us.
    pub(super) verifier: String,
    pub(super) next: String,
}

#[derive(Default)]
pub(super) struct Pending {
    begun: Mutex<HashMap<blake3::Hash, (i64, Begun)>>,
}

impl Begun {
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn new(next: &str) -> Result<Self, getrandom::Error> {
        Ok(Self {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.to_owned(),
        })
    }

    /// What the provider is told of the verifier (RFC 7636).
    pub(super) fn challenge(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.verifier.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(hash)
    }
}

impl Pending {
    /// # Errors
    /// `Busy` when too many are under way.
    pub(super) fn put(&self, begun: Begun, now_ms: i64) -> Result<(), Trouble> {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, (begun_ms, _)| is_fresh(*begun_ms, now_ms));
        }
        if kept.len() >= MOST {
            return Err(Trouble::Busy);
        }
        kept.insert(blake3::hash(begun.state.as_bytes()), (now_ms, begun));
        Ok(())
    }

    /// The sign-in of a state, which is then over.
    pub(super) fn take(&self, state: &str, now_ms: i64) -> Option<Begun> {
        let (begun_ms, begun) = self.lock().remove(&blake3::hash(state.as_bytes()))?;
        is_fresh(begun_ms, now_ms).then_some(begun)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<blake3::Hash, (i64, Begun)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(begun_ms: i64, now_ms: i64) -> bool {
    (0..LIFETIME_MS).contains(&(now_ms - begun_ms))
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_taken_once_and_in_time() {
        let pending = Pending::default();
        let put = |now_ms| {
            let begun = Begun::new("/").unwrap();
            let state = begun.state.clone();
            pending.put(begun, now_ms).unwrap();
            state
        };
        let state = put(0);
        assert!(pending.take("another", 1).is_none());
        assert!(pending.take(&state, 1).is_some());
        assert!(pending.take(&state, 1).is_none(), "twice");
        let late = put(0);
        assert!(pending.take(&late, LIFETIME_MS).is_none(), "too late");
    }

    #[test]
    fn a_flood_is_bounded_and_passes() {
        let pending = Pending::default();
        let put = |now_ms| pending.put(Begun::new("/").unwrap(), now_ms);
        for _ in 0..MOST {
            put(0).unwrap();
        }
        assert_eq!(put(1), Err(Trouble::Busy));
        assert_eq!(put(LIFETIME_MS), Ok(()));
    }

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let mut begun = Begun::new("/").unwrap();
        begun.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        assert_eq!(
            begun.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(begun.state.len() >= 43 && begun.state != begun.nonce);
    }
}
