//! What demo, tests and benchmarks share: simulated fleets, a faulty server, a clock set by hand.

pub mod clock;
pub mod fault;
pub mod fleet;
#[cfg(feature = "oidc")]
pub mod oidc;
