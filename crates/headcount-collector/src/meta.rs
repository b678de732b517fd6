//! The meta database: projects, keys, people, sessions, tokens and the audit log. Never holds an event.

pub mod address;
#[cfg(feature = "oidc")]
pub mod admission;
pub mod audit;
pub mod breaks;
pub mod claims;
pub mod findings;
pub mod keyring;
pub mod keys;
pub mod links;
pub mod members;
pub mod password;
pub mod people;
pub mod projects;
pub mod publications;
pub mod retention;
pub mod second_factor;
pub mod sessions;
pub mod shares;
pub mod tokens;
pub mod totp;
pub mod views;
pub mod webhooks;

mod revoke;
mod schema;
mod secret;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use keyring::{KeyCache, Keyring, MeasurementKey};

use crate::store::ProjectNumber;

/// What can go wrong between us and the meta database; the text is fit for a terminal or a page.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The database could not be read or written.
    #[error("the meta database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file could not be opened or is of a newer version than this program.
    #[error(transparent)]
    Open(#[from] crate::error::Error),
    /// A value that must be unique is in use.
    #[error("the {what} {value} is in use by the project {owner}: choose another one")]
    Taken {
        what: &'static str,
        value: String,
        owner: String,
    },
    /// Nothing has that name.
    #[error("there is no {what} {value}")]
    Unknown { what: &'static str, value: String },
    /// A given value cannot be used; says why.
    #[error("{0}")]
    Invalid(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// A password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// A handle on the meta database of one data folder; cheap to clone.
///
/// Every call blocks for the time of a small SQLite statement (writes: one fsync). Other processes
/// may use the same file at the same time.
#[derive(Clone)]
pub struct Meta {
    inner: Arc<Inner>,
}

struct Inner {
    db: Mutex<Connection>,
    keys: KeyCache,
}

impl Meta {
    /// Opens `meta.sqlite` at `path`, making or migrating it where needed.
    ///
    /// # Errors
    /// When the file cannot be opened or comes from a newer version.
    pub fn open(path: &Path) -> Result<Self, MetaError> {
        let db = schema::open(path)?;
        let keys = KeyCache::open(schema::open_reader(path)?)?;
        let inner = Inner {
            db: Mutex::new(db),
            keys,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The keys of all open projects, at most half a second behind the file.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.inner.keys.current()
    }

    /// Project of a tracking ID (`UA-…`); a miss looks at the file again before it is believed.
    pub fn tracking_id(&self, id: &str) -> Option<ProjectNumber> {
        self.inner.keys.find(|keyring| keyring.tracking_id(id))
    }

    /// Project and secret of a measurement ID (`G-…`); a miss looks at the file again.
    pub fn measurement_id(&self, id: &str) -> Option<MeasurementKey> {
        self.inner
            .keys
            .find(|keyring| keyring.measurement_id(id).cloned())
    }

    /// Project of an ingest key (`hc_…`); a miss looks at the file again.
    pub fn ingest_key(&self, key: &str) -> Option<ProjectNumber> {
        let hash = secret::hash(key);
        self.inner.keys.find(|keyring| keyring.ingest_hash(&hash))
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held rolled its transaction back: the connection is sound.
        self.inner.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one immediate transaction and commits when it succeeds.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, MetaError>,
    ) -> Result<T, MetaError> {
        let mut db = self.db();
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }
}

/// A note of last use that cannot be written (full disk, long lock) keeps nobody out.
fn note_failure(noted: rusqlite::Result<usize>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "the last use of a session or token could not be noted");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::meta::audit::Actor;
    use crate::meta::projects::{NewProject, Project};
    use jiff::Timestamp;

    /// A meta database in a temporary folder.
    pub(crate) fn temporary() -> (tempfile::TempDir, Meta) {
        let dir = tempfile::tempdir().unwrap();
        let meta = Meta::open(&dir.path().join("meta.sqlite")).unwrap();
        (dir, meta)
    }

    /// A moment for tests: `seconds` after a fixed one.
    pub(crate) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Creates a project with generated ids.
    pub(crate) fn project(meta: &Meta, name: &str) -> Project {
        let new = NewProject {
            name: name.to_owned(),
            ..NewProject::default()
        };
        meta.create_project(&new, &Actor::CommandLine, at(0))
            .unwrap()
    }

    #[test]
    fn reopening_keeps_what_was_written() {
        let (dir, meta) = temporary();
        let made = project(&meta, "Alliance Auth");
        drop(meta);
        let again = Meta::open(&dir.path().join("meta.sqlite")).unwrap();
        assert_eq!(again.project("alliance-auth").unwrap(), made);
    }
}
