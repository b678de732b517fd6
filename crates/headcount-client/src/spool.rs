//! The spool: events that wait for delivery, in one SQLite file that all processes of an install share.

mod append;
mod caps;
mod claim;
#[cfg(test)]
mod model;
mod report;
mod settle;

pub(crate) use append::{Incoming, Source, append, count_loss, drained, forget_ring};
pub(crate) use caps::expire;
pub(crate) use claim::{Batch, Claim, Claimed, Waiting, claim, peek, trim};
pub use report::{DestinationStatus, Status, Stop};
pub(crate) use report::{LAST_DAILY_DAY, fact, set_fact};
pub(crate) use settle::{Note, Outcome, drop_feed, erase_waiting, settle};

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Error, OnPath, Result};
use crate::settings::{Feed, Settings};
use crate::state::{LOCK_WAIT, Lock, State};

const SCHEMA: &str = include_str!("spool/schema.sql");
const VERSION: i64 = 1;
/// SQLite without locks of its own: its locks are bookkeeping per process, which a fork breaks.
const VFS: &std::ffi::CStr = if cfg!(windows) {
    c"win32-none"
} else {
    c"unix-none"
};

/// Limits of what waits. The oldest events go first, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Most events.
    pub events: u64,
    /// Most bytes of events.
    pub bytes: u64,
    /// Longest wait.
    pub age: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            events: 100_000,
            bytes: 50_000_000,
            age: Duration::from_secs(14 * 24 * 3600),
        }
    }
}

/// An open spool. Every access takes the state folder's lock for one transaction.
pub struct Spool {
    state: State,
    path: PathBuf,
    connection: Connection,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Spool")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Spool {
    pub(crate) fn open_locked(state: &State, _lock: &Lock) -> Result<Self> {
        let path = state.spool_path();
        match open(&path) {
            Ok(connection) => Ok(Self {
                state: state.clone(),
                path,
                connection,
            }),
            Err(Error::Spool { source, .. }) if is_ruined(&source) => {
                // What is beyond reading is kept aside for a look; the install goes on counting.
                let aside = path.with_extension("damaged");
                std::fs::rename(&path, &aside).on("putting aside", &path)?;
                let connection = open(&path)?;
                let spool = Self {
                    state: state.clone(),
                    path,
                    connection,
                };
                let note = "INSERT OR REPLACE INTO facts VALUES ('replaced_damaged_at_ms', ?1)";
                spool
                    .connection
                    .execute(note, [crate::clock::now_ms()])
                    .map_err(|source| spool.failed(source))?;
                Ok(spool)
            }
            Err(error) => Err(error),
        }
    }

    /// Runs `work` in one transaction under the lock; what fails leaves no trace.
    pub(crate) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.transact_within(LOCK_WAIT, work)
    }

    pub(crate) fn transact_within<T>(
        &mut self,
        wait: Duration,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let lock = self.state.lock(wait)?;
        self.transact_locked(&lock, work)
    }

    pub(crate) fn transact_locked<T>(
        &mut self,
        _lock: &Lock,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let done = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|tx| {
                let value = work(&tx)?;
                tx.commit()?;
                Ok(value)
            });
        done.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Spool {
            path: self.path.clone(),
            source,
        }
    }

    /// Deletes what waits for feeds that are off and for tokens that are gone, counted.
    pub(crate) fn drop_unwanted(&mut self, lock: &Lock, settings: &Settings) -> Result<()> {
        self.transact_locked(lock, |tx| {
            let mut known = Vec::new();
            for token in &settings.tokens {
                known.push(token.id);
                for feed in Feed::ALL {
                    if settings.is_off() || !token.feeds.has(feed) {
                        settle::drop_feed(tx, token.id, feed)?;
                    }
                }
            }
            settle::drop_strangers(tx, &known)
        })
    }
}

fn open(path: &Path) -> Result<Connection> {
    let failed = |source| Error::Spool {
        path: path.to_owned(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !path.exists() {
        // Made here first so that it is readable for its owner alone.
        crate::ring::private_options()
            .create(true)
            .truncate(false)
            .open(path)
            .on("making", path)?;
    }
    let connection = Connection::open_with_flags_and_vfs(path, flags, VFS).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    if version != VERSION {
        return Err(Error::Damaged {
            path: path.to_owned(),
            reason: format!("it has layout {version}, this program knows {VERSION}"),
        });
    }
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // The journal is truncated, not removed: no change to the folder for each transaction.
    connection.pragma_update_and_check(None, "journal_mode", "TRUNCATE", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -4000)?;
    connection.set_prepared_statement_cache_capacity(48);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        let script = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;");
        connection.execute_batch(&script)?;
    }
    Ok(())
}

fn is_ruined(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
