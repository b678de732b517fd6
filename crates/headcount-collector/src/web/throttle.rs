//! Slows password guessing down: by account and by where the tries come from. In memory only; an
//! address is never kept as it came.

use std::convert::Infallible;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Web;
use crate::network::Network;

/// A person mistypes a few times; then one try a minute leaves 1,440 guesses a day at an account.
const TRIES_OF_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const ACCOUNT_STEP: Duration = Duration::from_secs(60);

/// A whole office may sit behind one address.
const TRIES_OF_PLACE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");
const PLACE_STEP: Duration = Duration::from_secs(5);

/// Above this many remembered keys those that are free again are forgotten.
const REMEMBERED: usize = 10_000;

/// Where a try comes from.
pub(super) struct Sender(pub(super) Network);

pub(super) struct SignInThrottle {
    accounts: DefaultKeyedRateLimiter<blake3::Hash>,
    places: DefaultKeyedRateLimiter<Network>,
}

impl SignInThrottle {
    pub(super) fn new() -> Self {
        Self {
            accounts: RateLimiter::keyed(quota(ACCOUNT_STEP, TRIES_OF_ACCOUNT)),
            places: RateLimiter::keyed(quota(PLACE_STEP, TRIES_OF_PLACE)),
        }
    }

    /// Counts one try.
    ///
    /// # Errors
    /// The number of seconds to wait when there were too many.
    pub(super) fn count(&self, email: &str, from: Option<Network>) -> Result<(), u64> {
        if let Some(place) = from {
            check(&self.places, &place)?;
        }
        let account = blake3::hash(email.trim().to_lowercase().as_bytes());
        check(&self.accounts, &account)
    }
}

fn quota(step: Duration, tries: NonZeroU32) -> Quota {
    let quota = Quota::with_period(step);
    // Only a step of zero makes no quota, and the steps above are not.
    let quota = quota.unwrap_or(Quota::per_minute(tries));
    quota.allow_burst(tries)
}

impl FromRequestParts<Web> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self(web.collector().ingest.network(parts)))
    }
}

fn check<K: Clone + Eq + Hash>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), u64> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        wait.as_secs() + 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    fn network(peer: &str) -> Network {
        Network::of(peer.parse().unwrap(), &HeaderMap::new(), None)
    }

    #[test]
    fn an_account_is_closed_for_a_while_after_ten_tries() {
        let throttle = SignInThrottle::new();
        for _ in 0..10 {
            assert_eq!(throttle.count("a@b.example", None), Ok(()));
        }
        let wait = throttle.count(" A@b.example", None).unwrap_err();
        assert!((1..=61).contains(&wait), "{wait}");
        assert_eq!(throttle.count("other@b.example", None), Ok(()));
    }

    #[test]
    fn a_network_is_closed_whatever_accounts_it_tries() {
        let throttle = SignInThrottle::new();
        let mut refused = 0;
        for n in 0..70_u32 {
            let address = network(&format!("[2001:db8:1:2::{n:x}]:1"));
            let account = format!("{n}@b.example");
            refused += u32::from(throttle.count(&account, Some(address)).is_err());
        }
        assert!((9..=10).contains(&refused), "{refused}");
        let elsewhere = network("[2001:db8:1:3::1]:1");
        assert_eq!(throttle.count("70@b.example", Some(elsewhere)), Ok(()));
    }
}
