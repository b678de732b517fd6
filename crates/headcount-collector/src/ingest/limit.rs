//! How often one key may send from one network.

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::config::Limits;
use crate::network::Network;
use crate::store::ProjectNumber;

/// Senders remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 50_000;

/// Counts requests by project and network.
pub(crate) struct RateLimit {
    limiter: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
    /// Keys are hashed with a secret, so that nothing in memory tells an address.
    hasher: RandomState,
}

impl RateLimit {
    pub(crate) fn new(limits: &Limits) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(limits.requests_per_second))
            .allow_burst(positive(limits.request_burst));
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The time until the next one is allowed.
    pub(crate) fn check(&self, project: ProjectNumber, network: Network) -> Result<(), Duration> {
        let key = self.hasher.hash_one((project, network));
        self.limiter
            .check_key(&key)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets senders that could send a whole burst again; to be called now and then.
    pub(crate) fn forget_quiet(&self) {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use std::net::SocketAddr;

    #[test]
    fn each_project_and_network_has_its_own_burst() {
        let limit = RateLimit::new(&Limits {
            requests_per_second: 1,
            request_burst: 2,
            ..Limits::default()
        });
        let network = |last: u8| {
            let peer = SocketAddr::from(([192, 0, last, 1], 1));
            Network::of(peer, &HeaderMap::new(), None)
        };
        for _ in 0..2 {
            assert!(limit.check(ProjectNumber(1), network(1)).is_ok());
        }
        let wait = limit.check(ProjectNumber(1), network(1)).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        assert!(limit.check(ProjectNumber(2), network(1)).is_ok());
        assert!(limit.check(ProjectNumber(1), network(2)).is_ok());
    }
}
