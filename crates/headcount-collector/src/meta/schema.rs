//! The schema of the meta database, step by step. No queries here.

use std::path::Path;

use rusqlite::Connection;

use super::MetaError;
use crate::sqlite;

/// Step n brings the schema from n to n + 1. A landed step never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("001_start.sql"),
    include_str!("002_address.sql"),
    include_str!("003_people.sql"),
    include_str!("004_retention.sql"),
    include_str!("005_publications.sql"),
    include_str!("006_findings.sql"),
    include_str!("007_webhooks.sql"),
    include_str!("008_shares.sql"),
    include_str!("009_mutes.sql"),
];

/// A connection that never writes, on a file that `open` made.
pub(super) fn open_reader(path: &Path) -> Result<Connection, MetaError> {
    Ok(sqlite::open_reader(path)?)
}

/// Makes or migrates the meta database and opens it.
pub(super) fn open(path: &Path) -> Result<Connection, MetaError> {
    Ok(sqlite::open(path, MIGRATIONS)?)
}
