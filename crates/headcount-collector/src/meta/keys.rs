//! The keys senders name a project by: what they look like, making and revoking them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::revoke::Revocable;
use super::{Meta, MetaError, secret};
use crate::store::ProjectNumber;

/// Characters of an ingest key that lists and the audit log show.
const SHOWN_CHARACTERS: usize = 7;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Universal Analytics, `UA-…`.
    TrackingId,
    /// GA4, `G-…` with an API secret.
    MeasurementId,
    /// Native batches, `hc_…`.
    IngestKey,
}

impl KeyKind {
    /// All kinds, the one for new programs first.
    pub const ALL: [Self; 3] = [Self::IngestKey, Self::MeasurementId, Self::TrackingId];

    /// The word in the database and in forms.
    pub fn word(self) -> &'static str {
        match self {
            Self::TrackingId => "tracking_id",
            Self::MeasurementId => "measurement_id",
            Self::IngestKey => "ingest_key",
        }
    }

    /// The kind with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::TrackingId => "tracking ID",
            Self::MeasurementId => "measurement ID",
            Self::IngestKey => "ingest key",
        }
    }
}

/// A key of a project that is in use.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyLine {
    pub id: i64,
    pub kind: KeyKind,
    pub key: String,
    /// The API secret of a measurement ID.
    pub secret: Option<String>,
    pub created_ms: i64,
}

impl KeyLine {
    /// The key as it may stand in a log: ingest keys are cut.
    pub fn shown(&self) -> String {
        shown(self.kind, &self.key)
    }
}

impl Meta {
    /// The keys of a project that are in use, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keys_of(&self, project: ProjectNumber) -> Result<Vec<KeyLine>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, kind, key, secret, created_ms
             FROM keys
             WHERE project = ?1
             AND revoked_ms IS NULL
             ORDER BY id",
        )?;
        let mut rows = statement.query([project.0])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let word: String = row.get(1)?;
            let kind = KeyKind::of_word(&word).ok_or(MetaError::Unknown {
                what: "kind of key",
                value: word,
            })?;
            lines.push(KeyLine {
                id: row.get(0)?,
                kind,
                key: row.get(2)?,
                secret: row.get(3)?,
                created_ms: row.get(4)?,
            });
        }
        Ok(lines)
    }

    /// Makes one more key of a project: `given`, for an id that senders have already, or a fresh
    /// one. A measurement ID gets a fresh API secret.
    ///
    /// # Errors
    /// `Taken` when the id is in use, `Invalid` when it cannot be one.
    pub fn make_key(
        &self,
        (project, kind): (ProjectNumber, KeyKind),
        given: Option<&str>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let key = match (kind, given) {
            (KeyKind::IngestKey, Some(_)) => {
                let text = "an ingest key is always generated";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            (KeyKind::IngestKey, None) => secret::token("hc_")?,
            (_, Some(given)) => given.trim().to_owned(),
            (KeyKind::TrackingId, None) => secret::tracking_id()?,
            (KeyKind::MeasurementId, None) => secret::measurement_id()?,
        };
        check(kind, &key)?;
        let api_secret = match kind {
            KeyKind::MeasurementId => Some(secret::api_secret()?),
            KeyKind::TrackingId | KeyKind::IngestKey => None,
        };
        self.write(|tx| {
            insert(tx, (project, kind), (&key, api_secret.as_deref()), now)?;
            Entry::new(actor, "key.make", &named(kind, &key))
                .of(project)
                .write(tx, now)
        })
    }

    /// Revokes a key of a project: what it sends is refused from within a second. It is never given
    /// out again.
    ///
    /// # Errors
    /// `Unknown` when the project has no such key in use.
    pub fn revoke_key(
        &self,
        project: ProjectNumber,
        id: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.revoke(Revocable::Key, (project, id), (actor, now))
    }

    /// Gives a measurement ID a fresh API secret; the old one is refused from within a second.
    ///
    /// # Errors
    /// `Unknown` when the project has no such measurement ID in use.
    pub fn replace_secret(
        &self,
        project: ProjectNumber,
        id: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let fresh = secret::api_secret()?;
        self.write(|tx| {
            let key: Option<String> = tx
                .query_row(
                    "UPDATE keys
                     SET secret = ?1
                     WHERE id = ?2
                     AND project = ?3
                     AND kind = 'measurement_id'
                     AND revoked_ms IS NULL
                     RETURNING key",
                    params![fresh, id, project.0],
                    |row| row.get(0),
                )
                .optional()?;
            let key = key.ok_or_else(|| Revocable::Key.unknown(id))?;
            Entry::new(actor, "secret.replace", &key)
                .of(project)
                .write(tx, now)
        })
    }
}

pub(super) fn named(kind: KeyKind, key: &str) -> String {
    format!("{} {}", kind.label(), shown(kind, key))
}

fn shown(kind: KeyKind, key: &str) -> String {
    match kind {
        KeyKind::TrackingId | KeyKind::MeasurementId => key.to_owned(),
        KeyKind::IngestKey => {
            let start: String = key.chars().take(SHOWN_CHARACTERS).collect();
            format!("{start}…")
        }
    }
}

/// Writes a key.
///
/// # Errors
/// `Taken` when a project, also a closed one, has or had it.
pub(super) fn insert(
    tx: &Connection,
    (project, kind): (ProjectNumber, KeyKind),
    (key, api_secret): (&str, Option<&str>),
    now: Timestamp,
) -> Result<(), MetaError> {
    let owner = tx
        .query_row(
            "SELECT projects.slug
             FROM keys
             JOIN projects ON projects.number = keys.project
             WHERE keys.kind = ?1
             AND keys.key = ?2",
            params![kind.word(), key],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(owner) = owner {
        let value = key.to_owned();
        let what = kind.label();
        return Err(MetaError::Taken { what, value, owner });
    }
    tx.execute(
        "INSERT INTO keys (project, kind, key, secret, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            project.0,
            kind.word(),
            key,
            api_secret,
            now.as_millisecond()
        ],
    )?;
    Ok(())
}

/// Key and secret; both empty where every key of that kind was revoked.
pub(super) fn newest(
    db: &Connection,
    number: ProjectNumber,
    kind: KeyKind,
) -> Result<(String, String), MetaError> {
    let found = db
        .prepare_cached(
            "SELECT key, coalesce(secret, '')
             FROM keys
             WHERE project = ?1
             AND kind = ?2
             AND revoked_ms IS NULL
             ORDER BY id DESC
             LIMIT 1",
        )?
        .query_row(params![number.0, kind.word()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Whether a key of that kind can look like that.
///
/// # Errors
/// `Invalid` shows one that can.
pub(super) fn check(kind: KeyKind, key: &str) -> Result<(), MetaError> {
    let problem = match kind {
        KeyKind::TrackingId if !is_tracking_id(key) => {
            format!("{key:?} is no tracking ID: it looks like UA-12345678-1")
        }
        KeyKind::MeasurementId if !is_measurement_id(key) => format!(
            "{key:?} is no measurement ID: it looks like G-ABC123DEF4 (or a Firebase app ID)"
        ),
        KeyKind::TrackingId | KeyKind::MeasurementId | KeyKind::IngestKey => return Ok(()),
    };
    Err(MetaError::Invalid(problem))
}

/// Whether an API secret can look like that.
///
/// # Errors
/// `Invalid` says how it has to.
pub(super) fn check_secret(secret: &str) -> Result<(), MetaError> {
    if is_api_secret(secret) {
        return Ok(());
    }
    let text = "an API secret has 1 to 100 visible ASCII characters and no spaces";
    Err(MetaError::Invalid(text.to_owned()))
}

fn is_api_secret(secret: &str) -> bool {
    (1..=100).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_tracking_id(id: &str) -> bool {
    let digits = |part: &str| {
        (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    id.strip_prefix("UA-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(account, property)| digits(account) && digits(property))
}

/// A web stream's `G-ABC123DEF4`, or the `firebase_app_id` of an app stream in its place.
fn is_measurement_id(id: &str) -> bool {
    let word = |part: &str, longest: usize| {
        (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    id.strip_prefix("G-").is_some_and(|rest| word(rest, 20)) || is_firebase_app_id(id, word)
}

/// `1:123456789012:android:abcdef0123456789`.
fn is_firebase_app_id(id: &str, word: impl Fn(&str, usize) -> bool) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match id.split(':').collect::<Vec<_>>().as_slice() {
        [version, project, platform, app] => {
            word(version, 2)
                && word(project, 20)
                && digits(version)
                && digits(project)
                && word(platform, 20)
                && word(app, 64)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn keys_are_made_revoked_and_never_come_back() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let two = project(&meta, "Two");
        let actor = Actor::User("mara@a.example".to_owned());
        let make = |kind, given| meta.make_key((one.number, kind), given, &actor, at(1));
        for kind in KeyKind::ALL {
            make(kind, None).unwrap();
        }
        make(KeyKind::TrackingId, Some(" UA-9-9 ")).unwrap();
        let keys = meta.keys_of(one.number).unwrap();
        assert_eq!(keys.len(), 7);
        for line in &keys {
            assert_eq!(line.secret.is_some(), line.kind == KeyKind::MeasurementId);
        }
        assert_eq!(meta.tracking_id("UA-9-9"), Some(one.number));
        let given = keys.last().unwrap();
        let of_another = meta.revoke_key(two.number, given.id, &actor, at(2));
        assert!(matches!(of_another, Err(MetaError::Unknown { .. })));
        meta.revoke_key(one.number, given.id, &actor, at(2))
            .unwrap();
        assert!(
            meta.revoke_key(one.number, given.id, &actor, at(2))
                .is_err()
        );
        assert_eq!(meta.keys_of(one.number).unwrap().len(), 6);
        let again = make(KeyKind::TrackingId, Some("UA-9-9")).unwrap_err();
        assert!(again.to_string().contains("is in use by the project one"));
        for (kind, given) in [
            (KeyKind::TrackingId, "G-1"),
            (KeyKind::MeasurementId, "x"),
            (KeyKind::IngestKey, "hc_chosen"),
        ] {
            assert!(make(kind, Some(given)).is_err(), "{given}");
        }
        let log = meta.audit_log(Some(one.number), 2).unwrap();
        assert_eq!(log[0].action, "key.revoke");
        assert_eq!(log[0].subject, "tracking ID UA-9-9");
    }

    #[test]
    fn an_api_secret_is_replaced_and_ingest_keys_stay_out_of_the_log() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let keys = meta.keys_of(one.number).unwrap();
        let of_kind = |kind| keys.iter().find(|line| line.kind == kind).unwrap();
        let actor = Actor::CommandLine;
        let id = of_kind(KeyKind::MeasurementId).id;
        meta.replace_secret(one.number, id, &actor, at(1)).unwrap();
        let now = meta.project("one").unwrap();
        assert_ne!(now.api_secret, one.api_secret);
        assert_eq!(now.measurement_id, one.measurement_id);
        let ingest = of_kind(KeyKind::IngestKey);
        let wrong = meta.replace_secret(one.number, ingest.id, &actor, at(1));
        assert!(matches!(wrong, Err(MetaError::Unknown { .. })));
        meta.revoke_key(one.number, ingest.id, &actor, at(1))
            .unwrap();
        assert_eq!(meta.project("one").unwrap().ingest_key, "");
        for line in meta.audit_log(Some(one.number), 10).unwrap() {
            assert!(!line.subject.contains(&one.ingest_key), "{line:?}");
            assert!(!line.subject.contains(&now.api_secret), "{line:?}");
        }
    }
}
