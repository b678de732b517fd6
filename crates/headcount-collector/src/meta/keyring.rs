//! The keys that name projects, cached for ingest and kept fresh. Knows nothing of people.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::{MetaError, secret};
use crate::store::ProjectNumber;

/// How long a cached keyring is trusted: a key another process made or revoked counts within this.
const TRUSTED_FOR: Duration = Duration::from_millis(500);

/// Looks at the file that misses may cause in each `TRUSTED_FOR`. Beyond it a miss is believed, so
/// that a flood of garbage keys costs the database nothing.
const LOOKS_FOR_MISSES: u32 = 100;

/// The keys of all open projects at one moment.
#[derive(Debug, Default)]
pub struct Keyring {
    tracking_ids: FxHashMap<Box<str>, ProjectNumber>,
    measurement_ids: FxHashMap<Box<str>, MeasurementKey>,
    ingest_keys: FxHashMap<[u8; 32], ProjectNumber>,
    retention_days: FxHashMap<ProjectNumber, u32>,
}

/// What a measurement ID stands for.
#[derive(Clone)]
pub struct MeasurementKey {
    pub project: ProjectNumber,
    secret_hash: blake3::Hash,
}

impl std::fmt::Debug for MeasurementKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret stays out of logs, hashed or not.
        f.debug_struct("MeasurementKey")
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

impl MeasurementKey {
    /// Whether `secret` is the API secret; takes the same time wherever the two differ.
    pub fn accepts(&self, secret: &str) -> bool {
        blake3::hash(secret.as_bytes()) == self.secret_hash
    }
}

impl Keyring {
    /// Project of a tracking ID.
    pub fn tracking_id(&self, id: &str) -> Option<ProjectNumber> {
        self.tracking_ids.get(id).copied()
    }

    /// Project and secret of a measurement ID.
    pub fn measurement_id(&self, id: &str) -> Option<&MeasurementKey> {
        self.measurement_ids.get(id)
    }

    /// Project of an ingest key.
    pub fn ingest_key(&self, key: &str) -> Option<ProjectNumber> {
        self.ingest_hash(&secret::hash(key))
    }

    /// Days that raw events of a project are kept; `None` where the server's setting counts.
    pub fn retention_days(&self, project: ProjectNumber) -> Option<u32> {
        self.retention_days.get(&project).copied()
    }

    pub(super) fn ingest_hash(&self, hash: &[u8; 32]) -> Option<ProjectNumber> {
        self.ingest_keys.get(hash).copied()
    }

    fn load(db: &Connection) -> Result<Self, MetaError> {
        let mut keyring = Self::default();
        let mut statement = db.prepare_cached(
            "SELECT keys.kind, keys.key, keys.secret, keys.project
             FROM keys
             JOIN projects ON projects.number = keys.project
             WHERE keys.revoked_ms IS NULL
             AND projects.closed_ms IS NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            let secret: Option<String> = row.get(2)?;
            let project = ProjectNumber(row.get(3)?);
            match (row.get::<_, String>(0)?.as_str(), secret) {
                ("measurement_id", Some(secret)) => {
                    let secret_hash = blake3::hash(secret.as_bytes());
                    let key_of = MeasurementKey {
                        project,
                        secret_hash,
                    };
                    keyring.measurement_ids.insert(key.into(), key_of);
                }
                ("ingest_key", _) => {
                    keyring.ingest_keys.insert(secret::hash(&key), project);
                }
                _ => {
                    keyring.tracking_ids.insert(key.into(), project);
                }
            }
        }
        let mut statement = db.prepare_cached(
            "SELECT number, retention_days
             FROM projects
             WHERE retention_days IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let project = ProjectNumber(row.get(0)?);
            keyring.retention_days.insert(project, row.get(1)?);
        }
        Ok(keyring)
    }
}

/// Keeps the newest keyring and looks at the file when it may have changed.
pub(super) struct KeyCache {
    current: RwLock<Cached>,
    reader: Mutex<Reader>,
}

struct Cached {
    keyring: Arc<Keyring>,
    looked_at: Instant,
}

/// A connection that never writes: its `data_version` then changes with every commit of others.
struct Reader {
    db: Connection,
    data_version: i64,
    looks_left: u32,
}

impl KeyCache {
    pub(super) fn open(db: Connection) -> Result<Self, MetaError> {
        // Read before the keys: a commit in between is then seen at the next look.
        let data_version = data_version(&db)?;
        let keyring = Arc::new(Keyring::load(&db)?);
        let cached = Cached {
            keyring,
            looked_at: Instant::now(),
        };
        let reader = Reader {
            db,
            data_version,
            looks_left: LOOKS_FOR_MISSES,
        };
        Ok(Self {
            current: RwLock::new(cached),
            reader: Mutex::new(reader),
        })
    }

    /// The keyring, looked up anew when it is older than `TRUSTED_FOR`.
    pub(super) fn current(&self) -> Arc<Keyring> {
        if let Some(fresh) = self.fresh() {
            return fresh;
        }
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever held the lock before us may have looked already.
        if let Some(fresh) = self.fresh() {
            return fresh;
        }
        reader.looks_left = LOOKS_FOR_MISSES;
        self.look(&mut reader)
    }

    /// Asks the keyring; a "no" is asked again after a look at the file.
    pub(super) fn find<T>(&self, ask: impl Fn(&Keyring) -> Option<T>) -> Option<T> {
        ask(&self.current()).or_else(|| {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.looks_left = reader.looks_left.checked_sub(1)?;
            ask(&self.look(&mut reader))
        })
    }

    fn fresh(&self) -> Option<Arc<Keyring>> {
        let cached = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (cached.looked_at.elapsed() < TRUSTED_FOR).then(|| Arc::clone(&cached.keyring))
    }

    fn look(&self, reader: &mut Reader) -> Arc<Keyring> {
        let changed = reader.changed_keyring();
        let mut cached = self.current.write().unwrap_or_else(PoisonError::into_inner);
        match changed {
            Ok(Some(keyring)) => cached.keyring = Arc::new(keyring),
            Ok(None) => {}
            // Ingest goes on with the keys it knows; the next look tries again.
            Err(error) => tracing::warn!(%error, "the keys could not be read again"),
        }
        cached.looked_at = Instant::now();
        Arc::clone(&cached.keyring)
    }
}

impl Reader {
    fn changed_keyring(&mut self) -> Result<Option<Keyring>, MetaError> {
        let version = data_version(&self.db)?;
        if version == self.data_version {
            return Ok(None);
        }
        let keyring = Keyring::load(&self.db)?;
        self.data_version = version;
        Ok(Some(keyring))
    }
}

fn data_version(db: &Connection) -> Result<i64, MetaError> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Meta;
    use crate::meta::tests::{project, temporary};

    #[test]
    fn a_key_made_by_another_connection_is_found_at_once() {
        let (dir, server) = temporary();
        let other = Meta::open(&dir.path().join("meta.sqlite")).unwrap();
        assert_eq!(server.tracking_id("UA-1-1"), None);
        let made = project(&other, "Later");
        assert_eq!(server.tracking_id(&made.tracking_id), Some(made.number));
        assert_eq!(server.ingest_key(&made.ingest_key), Some(made.number));
        let key = server.measurement_id(&made.measurement_id).unwrap();
        assert_eq!(key.project, made.number);
        assert!(key.accepts(&made.api_secret));
        assert!(!key.accepts("guess"));
    }

    #[test]
    fn a_revoked_key_is_gone_within_a_second() {
        let (dir, server) = temporary();
        let made = project(&server, "Short");
        assert!(server.tracking_id(&made.tracking_id).is_some());
        let other = Meta::open(&dir.path().join("meta.sqlite")).unwrap();
        other
            .db()
            .execute("UPDATE keys SET revoked_ms = 1", [])
            .unwrap();
        let since = Instant::now();
        while server.tracking_id(&made.tracking_id).is_some() {
            assert!(since.elapsed() < Duration::from_secs(1));
            std::thread::yield_now();
        }
    }

    #[test]
    fn garbage_keys_cost_a_bounded_number_of_looks() {
        let (_dir, server) = temporary();
        let since = Instant::now();
        for n in 0..LOOKS_FOR_MISSES * 3 {
            assert_eq!(server.tracking_id(&format!("UA-{n}-1")), None);
        }
        let looks_left = server.inner.keys.reader.lock().unwrap().looks_left;
        // On a machine so slow that the budget was renewed there is nothing to see.
        assert!(looks_left == 0 || since.elapsed() >= TRUSTED_FOR);
    }
}
