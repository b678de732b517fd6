//! Second factors: set up, asked for at sign-in, taken off. Sign-ins that wait for one are here, too.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::people::{User, UserId, read_user};
use super::{Meta, MetaError, secret, totp};

/// Codes for the day the device is gone.
const RECOVERY_CODES: usize = 10;

/// Long enough to find the phone.
const PENDING: SignedDuration = SignedDuration::from_mins(10);

/// Wrong codes before one has to begin again with the password.
const TRIES: u32 = 5;

impl Meta {
    /// Whether a user is asked for a second factor, and how many recovery codes are left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn second_factor(&self, user: UserId) -> Result<Option<u32>, MetaError> {
        let db = self.db();
        if confirmed(&db, user)?.is_none() {
            return Ok(None);
        }
        Ok(Some(db.query_row(
            "SELECT count(*)
             FROM recovery_codes
             WHERE user = ?1",
            [user.0],
            |row| row.get(0),
        )?))
    }

    /// The secret of a factor that is being set up: the same one until it is confirmed.
    ///
    /// # Errors
    /// `Invalid` when a factor is on already.
    pub fn secret_to_set_up(&self, user: UserId) -> Result<Vec<u8>, MetaError> {
        let mut fresh = vec![0; totp::SECRET_BYTES];
        getrandom::fill(&mut fresh)?;
        self.write(|tx| {
            if confirmed(tx, user)?.is_some() {
                let text = "a second factor is on already";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            tx.execute(
                "INSERT INTO second_factors (user, secret)
                 VALUES (?1, ?2)
                 ON CONFLICT DO NOTHING",
                params![user.0, fresh],
            )?;
            Ok(tx.query_row(
                "SELECT secret
                 FROM second_factors
                 WHERE user = ?1",
                [user.0],
                |row| row.get(0),
            )?)
        })
    }

    /// Switches the factor on with a first code and returns the recovery codes: this answer is the
    /// only place that ever shows them. Ends every other session of the user.
    ///
    /// # Errors
    /// `Invalid` when the code is wrong or nothing was set up.
    pub fn confirm_second_factor(
        &self,
        user: &User,
        (code, keep_session): (&str, i64),
        now: Timestamp,
    ) -> Result<Vec<String>, MetaError> {
        let codes: Vec<String> = (0..RECOVERY_CODES)
            .map(|_| secret::recovery_code())
            .collect::<Result<_, _>>()?;
        self.write(|tx| {
            let kept: Option<Vec<u8>> = tx
                .query_row(
                    "SELECT secret
                     FROM second_factors
                     WHERE user = ?1
                     AND confirmed_ms IS NULL",
                    [user.id.0],
                    |row| row.get(0),
                )
                .optional()?;
            let step = kept.and_then(|kept| totp::step_of(&kept, code, 0, now));
            let step = step.ok_or_else(|| {
                MetaError::Invalid(
                    "the code is another one; is the device's clock right?".to_owned(),
                )
            })?;
            tx.execute(
                "UPDATE second_factors
                 SET confirmed_ms = ?1, last_step = ?2
                 WHERE user = ?3",
                params![now.as_millisecond(), step, user.id.0],
            )?;
            for code in &codes {
                tx.execute(
                    "INSERT INTO recovery_codes (user, code_hash)
                     VALUES (?1, ?2)",
                    params![user.id.0, secret::hash(code)],
                )?;
            }
            super::people::end_sessions_but(tx, user.id, keep_session)?;
            Entry::new(
                &Actor::User(user.email.clone()),
                "second_factor.on",
                &user.email,
            )
            .write(tx, now)
        })?;
        Ok(codes)
    }

    /// Whether a code (of the device, or a recovery code) is the user's. It is used up by that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn use_code(&self, user: &User, code: &str, now: Timestamp) -> Result<bool, MetaError> {
        self.write(|tx| use_code(tx, user, code, now))
    }

    /// Takes the factor off with a code of it.
    ///
    /// # Errors
    /// `Invalid` when the code is wrong.
    pub fn take_off_second_factor(
        &self,
        user: &User,
        code: &str,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            if !use_code(tx, user, code, now)? {
                let text = "the code is another one, or was used before";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            remove(tx, user.id)?;
            Entry::new(
                &Actor::User(user.email.clone()),
                "second_factor.off",
                &user.email,
            )
            .write(tx, now)
        })
    }

    /// Takes the factor of an account off without a code, for who lost device and recovery codes.
    ///
    /// # Errors
    /// `Unknown` when no account has that address.
    pub fn reset_second_factor(
        &self,
        email: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let (user, _) = self.credentials(email)?.ok_or_else(|| MetaError::Unknown {
            what: "account",
            value: email.to_owned(),
        })?;
        self.write(|tx| {
            remove(tx, user.id)?;
            Entry::new(actor, "second_factor.reset", &user.email).write(tx, now)
        })
    }

    /// Notes a sign-in that waits for its second factor and returns its token.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_pending(&self, user: UserId, now: Timestamp) -> Result<String, MetaError> {
        let token = secret::token("")?;
        self.write(|tx| {
            tx.execute(
                "DELETE FROM pending_sign_ins
                 WHERE expires_ms <= ?1",
                [now.as_millisecond()],
            )?;
            tx.execute(
                "INSERT INTO pending_sign_ins (token_hash, user, expires_ms)
                 VALUES (?1, ?2, ?3)",
                params![
                    secret::hash(&token),
                    user.0,
                    (now + PENDING).as_millisecond()
                ],
            )?;
            Ok(())
        })?;
        Ok(token)
    }

    /// Whose sign-in waits under a token.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pending(&self, token: &str, now: Timestamp) -> Result<Option<User>, MetaError> {
        pending(&self.db(), token, now)
    }

    /// Ends a waiting sign-in with a code; `false` where it is wrong. After some wrong ones nothing
    /// waits any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_pending(&self, token: &str, code: &str, now: Timestamp) -> Result<bool, MetaError> {
        self.write(|tx| {
            let Some(user) = pending(tx, token, now)? else {
                return Ok(false);
            };
            let right = use_code(tx, &user, code, now)?;
            let statement = if right {
                "DELETE FROM pending_sign_ins
                 WHERE token_hash = ?1"
            } else {
                "UPDATE pending_sign_ins
                 SET tries = tries + 1
                 WHERE token_hash = ?1"
            };
            tx.execute(statement, [secret::hash(token)])?;
            Ok(right)
        })
    }

    /// The key that marks browsers known from an earlier sign-in; made at its first use.
    ///
    /// # Errors
    /// When the database fails.
    pub fn device_key(&self) -> Result<[u8; 32], MetaError> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)?;
        self.write(|tx| {
            tx.execute(
                "INSERT INTO device_key (id, key)
                 VALUES (1, ?1)
                 ON CONFLICT DO NOTHING",
                [fresh],
            )?;
            Ok(tx.query_row("SELECT key FROM device_key", [], |row| row.get(0))?)
        })
    }
}

/// Secret and last step of a factor that is on.
fn confirmed(db: &Connection, user: UserId) -> Result<Option<(Vec<u8>, i64)>, MetaError> {
    Ok(db
        .prepare_cached(
            "SELECT secret, last_step
             FROM second_factors
             WHERE user = ?1
             AND confirmed_ms IS NOT NULL",
        )?
        .query_row([user.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

fn use_code(tx: &Connection, user: &User, code: &str, now: Timestamp) -> Result<bool, MetaError> {
    let Some((kept, last_step)) = confirmed(tx, user.id)? else {
        return Ok(false);
    };
    if let Some(step) = totp::step_of(&kept, code, last_step, now) {
        tx.execute(
            "UPDATE second_factors
             SET last_step = ?1
             WHERE user = ?2",
            params![step, user.id.0],
        )?;
        return Ok(true);
    }
    let plain: String = code.trim().to_lowercase();
    let used = tx.execute(
        "DELETE FROM recovery_codes
         WHERE user = ?1
         AND code_hash = ?2",
        params![user.id.0, secret::hash(&plain)],
    )?;
    if used > 0 {
        let actor = Actor::User(user.email.clone());
        Entry::new(&actor, "recovery_code.use", &user.email).write(tx, now)?;
    }
    Ok(used > 0)
}

fn remove(tx: &Connection, user: UserId) -> Result<(), MetaError> {
    for table in ["second_factors", "recovery_codes", "pending_sign_ins"] {
        tx.execute(
            &format!(
                "DELETE FROM {table}
                 WHERE user = ?1"
            ),
            [user.0],
        )?;
    }
    Ok(())
}

fn pending(db: &Connection, token: &str, now: Timestamp) -> Result<Option<User>, MetaError> {
    let user = db
        .prepare_cached(
            "SELECT pending_sign_ins.user
             FROM pending_sign_ins
             JOIN users ON users.id = pending_sign_ins.user
             WHERE token_hash = ?1
             AND tries < ?2
             AND expires_ms > ?3
             AND users.disabled_ms IS NULL",
        )?
        .query_row(
            params![secret::hash(token), TRIES, now.as_millisecond()],
            |row| row.get(0).map(UserId),
        )
        .optional()?;
    user.map(|user| read_user(db, user)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::Role;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    fn with_factor() -> (tempfile::TempDir, Meta, User, Vec<u8>, Vec<String>) {
        let (dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let kept = meta.secret_to_set_up(user.id).unwrap();
        let code = totp::code_at(&kept, at(0));
        let codes = meta
            .confirm_second_factor(&user, (&code, 0), at(0))
            .unwrap();
        (dir, meta, user, kept, codes)
    }

    #[test]
    fn a_factor_is_on_once_a_code_of_it_was_given() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let kept = meta.secret_to_set_up(user.id).unwrap();
        assert_eq!(meta.secret_to_set_up(user.id).unwrap(), kept);
        assert_eq!(meta.second_factor(user.id).unwrap(), None);
        assert!(
            !meta
                .use_code(&user, &totp::code_at(&kept, at(0)), at(0))
                .unwrap()
        );
        assert!(
            meta.confirm_second_factor(&user, ("000000", 0), at(0))
                .is_err()
        );
        let session = meta.open_session(user.id, "", None, at(0)).unwrap();
        let code = totp::code_at(&kept, at(0));
        meta.confirm_second_factor(&user, (&code, 0), at(0))
            .unwrap();
        assert_eq!(meta.second_factor(user.id).unwrap(), Some(10));
        assert!(meta.secret_to_set_up(user.id).is_err());
        assert!(meta.session(&session, at(1)).unwrap().is_none());
    }

    #[test]
    fn codes_and_recovery_codes_count_once() {
        let (_dir, meta, user, kept, recovery) = with_factor();
        let uses = |code: &str, second| meta.use_code(&user, code, at(second)).unwrap();
        assert!(
            !uses(&totp::code_at(&kept, at(0)), 1),
            "it confirmed the factor"
        );
        let next = totp::code_at(&kept, at(60));
        assert!(uses(&next, 60) && !uses(&next, 61));
        assert!(uses(&recovery[0].to_uppercase(), 61) && !uses(&recovery[0], 61));
        assert_eq!(meta.second_factor(user.id).unwrap(), Some(9));
        let stored: Vec<Vec<u8>> = {
            let db = meta.db();
            let mut all = db.prepare("SELECT code_hash FROM recovery_codes").unwrap();
            all.query_map([], |row| row.get(0))
                .unwrap()
                .map(Result::unwrap)
                .collect()
        };
        assert!(stored.iter().all(|hash| hash != recovery[1].as_bytes()));
        assert!(meta.take_off_second_factor(&user, "nope", at(62)).is_err());
        meta.take_off_second_factor(&user, &recovery[1], at(62))
            .unwrap();
        assert_eq!(meta.second_factor(user.id).unwrap(), None);
        assert!(!uses(&recovery[2], 63));
    }

    #[test]
    fn a_waiting_sign_in_ends_by_code_by_wrong_codes_or_by_time() {
        let (_dir, meta, user, kept, _) = with_factor();
        let open = || meta.open_pending(user.id, at(100)).unwrap();
        let one = open();
        assert_eq!(meta.pending(&one, at(101)).unwrap().as_ref(), Some(&user));
        let code = totp::code_at(&kept, at(101));
        assert!(meta.end_pending(&one, &code, at(101)).unwrap());
        assert!(meta.pending(&one, at(101)).unwrap().is_none());
        let two = open();
        for _ in 0..TRIES {
            assert!(!meta.end_pending(&two, &code, at(102)).unwrap(), "replayed");
        }
        assert!(meta.pending(&two, at(102)).unwrap().is_none());
        let right = totp::code_at(&kept, at(200));
        assert!(!meta.end_pending(&two, &right, at(200)).unwrap());
        let three = open();
        assert!(meta.pending(&three, at(100 + 600)).unwrap().is_none());
        let actor = Actor::CommandLine;
        meta.reset_second_factor("a@b.example", &actor, at(300))
            .unwrap();
        assert!(
            meta.reset_second_factor("nobody@b.example", &actor, at(300))
                .is_err()
        );
        assert!(meta.pending(&three, at(101)).unwrap().is_none());
    }

    #[test]
    fn the_device_key_stays() {
        let (_dir, meta) = temporary();
        assert_eq!(meta.device_key().unwrap(), meta.device_key().unwrap());
    }
}
