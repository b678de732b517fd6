//! Opens the meta database and brings it to the newest schema. No queries here.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::MetaError;

/// Another process may hold the write lock for one small transaction; five seconds is far more.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Step n brings `user_version` from n to n + 1. A landed step never changes.
const MIGRATIONS: &[&str] = &[include_str!("001_start.sql")];

/// Opens `path` in WAL mode with full syncs and runs the missing migrations.
pub(super) fn open(path: &Path) -> Result<Connection, MetaError> {
    let mut db = Connection::open(path)
        .map_err(|error| MetaError::Open(format!("{}: {error}", path.display())))?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut db)?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), MetaError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > MIGRATIONS.len() {
        return Err(MetaError::Open(format!(
            "it has schema {version}, this program knows up to {}: use the newer program",
            MIGRATIONS.len()
        )));
    }
    for step in &MIGRATIONS[version..] {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    tx.commit()?;
    Ok(())
}
