//! Slows guessing down: by account and browser, and by where the tries come from. In memory only; an
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

/// A person mistypes a few times; then one try a minute leaves 1,440 guesses a day.
const TRIES: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const STEP: Duration = Duration::from_secs(60);

/// What strangers from everywhere together may try at an account. Browsers that signed in before do
/// not count here, so strangers keep nobody out.
const TRIES_OF_STRANGERS: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");

/// A whole office may sit behind one address.
const TRIES_OF_PLACE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");
const PLACE_STEP: Duration = Duration::from_secs(5);

/// Above this many remembered keys those that are free again are forgotten.
const REMEMBERED: usize = 10_000;

/// Where a try comes from.
pub(super) struct Sender(pub(super) Network);

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A browser that signed in to this account before, or is signed in to it.
    Known(blake3::Hash),
    /// Any other, by where it comes from.
    Stranger(Network),
}

pub(super) struct SignInThrottle {
    tries: DefaultKeyedRateLimiter<(blake3::Hash, Source)>,
    strangers: DefaultKeyedRateLimiter<blake3::Hash>,
    places: DefaultKeyedRateLimiter<Network>,
}

impl SignInThrottle {
    pub(super) fn new() -> Self {
        Self {
            tries: RateLimiter::keyed(quota(STEP, TRIES)),
            strangers: RateLimiter::keyed(quota(STEP, TRIES_OF_STRANGERS)),
            places: RateLimiter::keyed(quota(PLACE_STEP, TRIES_OF_PLACE)),
        }
    }

    /// Counts one try at an account, named by its address or by whatever else is guessed at.
    ///
    /// # Errors
    /// The number of seconds to wait when there were too many.
    pub(super) fn count(&self, account: &str, source: Source) -> Result<(), u64> {
        let account = blake3::hash(account.trim().to_lowercase().as_bytes());
        if let Source::Stranger(place) = source {
            check(&self.places, &place)?;
        }
        check(&self.tries, &(account, source))?;
        match source {
            Source::Stranger(_) => check(&self.strangers, &account),
            Source::Known(_) => Ok(()),
        }
    }

    /// Counts one try of nobody in particular by where it comes from.
    ///
    /// # Errors
    /// The number of seconds to wait when there were too many.
    #[cfg(feature = "oidc")]
    pub(super) fn count_place(&self, place: Network) -> Result<(), u64> {
        check(&self.places, &place)
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
    fn a_place_is_closed_for_an_account_after_ten_tries() {
        let throttle = SignInThrottle::new();
        let here = Source::Stranger(network("192.0.2.1:1"));
        for _ in 0..10 {
            assert_eq!(throttle.count("a@b.example", here), Ok(()));
        }
        let wait = throttle.count(" A@b.example", here).unwrap_err();
        assert!((1..=61).contains(&wait), "{wait}");
        assert_eq!(throttle.count("other@b.example", here), Ok(()));
        let elsewhere = Source::Stranger(network("198.51.100.1:1"));
        assert_eq!(throttle.count("a@b.example", elsewhere), Ok(()));
    }

    #[test]
    fn strangers_keep_nobody_out_of_a_browser_known_before() {
        let throttle = SignInThrottle::new();
        let mut refused = 0;
        for n in 0..150_u32 {
            let from = Source::Stranger(network(&format!("10.0.{n}.1:1")));
            refused += u32::from(throttle.count("a@b.example", from).is_err());
        }
        assert!((49..=50).contains(&refused), "{refused}");
        let known = Source::Known(blake3::hash(b"device"));
        for _ in 0..10 {
            assert_eq!(throttle.count("a@b.example", known), Ok(()));
        }
        assert!(throttle.count("a@b.example", known).is_err());
    }

    #[test]
    fn a_network_is_closed_whatever_accounts_it_tries() {
        let throttle = SignInThrottle::new();
        let mut refused = 0;
        for n in 0..70_u32 {
            let from = Source::Stranger(network(&format!("[2001:db8:1:2::{n:x}]:1")));
            let account = format!("{n}@b.example");
            refused += u32::from(throttle.count(&account, from).is_err());
        }
        assert!((9..=10).contains(&refused), "{refused}");
        let elsewhere = Source::Stranger(network("[2001:db8:1:3::1]:1"));
        assert_eq!(throttle.count("70@b.example", elsewhere), Ok(()));
    }
}
