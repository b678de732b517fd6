//! The collector as a library: takes hits, keeps them, answers questions about them.

pub mod meta;
pub mod query;
pub mod server;
pub mod store;
