//! Slows password guessing down: by account and by where the tries come from. In memory only; an
//! address is never kept as it came.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A person mistypes a few times; then one try a minute leaves 1,440 guesses a day at an account.
const TRIES_OF_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const ACCOUNT_STEP: Duration = Duration::from_secs(60);

/// A whole office may sit behind one address.
const TRIES_OF_PLACE: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");
const PLACE_STEP: Duration = Duration::from_secs(5);

/// Above this many remembered keys those that are free again are forgotten.
const REMEMBERED: usize = 10_000;

pub(super) struct SignInThrottle {
    accounts: DefaultKeyedRateLimiter<blake3::Hash>,
    places: DefaultKeyedRateLimiter<blake3::Hash>,
}

impl SignInThrottle {
    pub(super) fn new() -> Self {
        let quota = |step, tries| Quota::with_period(step).map(|quota| quota.allow_burst(tries));
        let limiter = |step, tries| {
            // A period above zero always makes a quota; the fallback is the same for a second.
            RateLimiter::keyed(quota(step, tries).unwrap_or(Quota::per_second(tries)))
        };
        Self {
            accounts: limiter(ACCOUNT_STEP, TRIES_OF_ACCOUNT),
            places: limiter(PLACE_STEP, TRIES_OF_PLACE),
        }
    }

    /// Counts one try.
    ///
    /// # Errors
    /// The number of seconds to wait when there were too many.
    pub(super) fn count(&self, email: &str, from: Option<IpAddr>) -> Result<(), u64> {
        if let Some(address) = from {
            let place = blake3::hash(&prefix(address));
            check(&self.places, &place)?;
        }
        let account = blake3::hash(email.trim().to_lowercase().as_bytes());
        check(&self.accounts, &account)
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

/// The network an address stands for: one host for IPv4, what a home is given for IPv6.
fn prefix(address: IpAddr) -> [u8; 8] {
    let mut prefix = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(v4) => prefix[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => prefix.copy_from_slice(&v6.octets()[..8]),
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let address = format!("2001:db8:1:2::{n:x}").parse().unwrap();
            let account = format!("{n}@b.example");
            refused += u32::from(throttle.count(&account, Some(address)).is_err());
        }
        assert!((9..=10).contains(&refused), "{refused}");
        let elsewhere = "2001:db8:1:3::1".parse().unwrap();
        assert_eq!(throttle.count("70@b.example", Some(elsewhere)), Ok(()));
    }
}
