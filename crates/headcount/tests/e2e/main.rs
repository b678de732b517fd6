//! The real binary, end to end: real processes, real sockets, nothing but loopback. One test
//! program, since linking is slow.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on must stop, and what it measured is worth a line"
)]

mod agent;
mod agents;
mod backup;
mod captures;
mod crash;
mod demo;
mod erase;
mod findings;
mod fleet;
mod lifecycle;
mod memory;
mod people;
mod styles;
mod support;
mod transfer;
mod webhook;
