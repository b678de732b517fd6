//! Hits in: HTTP, keys, limits, decoding and the writer. Never reads what is stored.

pub mod writer;
