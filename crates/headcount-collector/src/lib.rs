//! The collector as a library: takes hits, keeps them, answers questions about them.

pub mod access;
pub mod app;
pub mod backup;
pub(crate) mod chart;
pub mod config;
pub mod erase;
pub mod error;
pub mod index;
pub mod ingest;
pub mod meta;
pub mod metrics;
mod network;
#[cfg(feature = "oidc")]
pub mod oidc;
mod outgoing;
pub mod privacy;
pub mod publication;
pub mod query;
pub mod reports;
pub mod server;
mod sqlite;
pub mod store;
pub mod transfer;
mod upkeep;
mod watch;
pub mod web;
mod webhook;
