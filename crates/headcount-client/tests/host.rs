//! The module as hosts and operators meet it: real files, real processes, real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "host/backoff.rs"]
mod backoff;
#[path = "host/collector.rs"]
mod collector;
#[path = "host/delivery.rs"]
mod delivery;
#[path = "host/fork.rs"]
mod fork;
#[path = "host/google.rs"]
mod google;
#[path = "host/install.rs"]
mod install;
#[path = "host/kill.rs"]
mod kill;
#[path = "host/off.rs"]
mod off;
