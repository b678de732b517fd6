//! The collector as a library: takes hits, keeps them, answers questions about them.

pub mod meta;
pub mod query;
pub mod reports;
pub mod server;
pub mod store;
