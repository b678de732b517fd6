//! Sessions: who is signed in where. A token is kept as its hash only.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::people::{User, UserId, read_user, user_of_row};
use super::{Meta, MetaError, members, note_failure, secret};
use crate::store::ProjectNumber;

/// A session ends after this even when in use.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A session that was not used for this long is over.
const IDLE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Finer than this nobody needs to know when a session was last used; each note costs a write.
const SEEN_STEP: SignedDuration = SignedDuration::from_mins(5);

/// A session in use.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: i64,
    pub user: User,
}

/// A session in the list of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    pub id: i64,
    /// Browser family and system at sign-in.
    pub device: String,
    pub created_ms: i64,
    pub seen_ms: i64,
}

impl Meta {
    /// Starts a session and returns its token. The session of `replaced` ends: a token that was
    /// known before sign-in is worth nothing after it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_session(
        &self,
        user: UserId,
        device: &str,
        replaced: Option<&str>,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        let token = secret::token("")?;
        let now_ms = now.as_millisecond();
        self.write(|tx| {
            tx.execute(
                "DELETE FROM sessions
                 WHERE token_hash = ?1
                 OR expires_ms <= ?2
                 OR seen_ms <= ?3",
                params![
                    replaced.map(secret::hash),
                    now_ms,
                    (now - IDLE).as_millisecond()
                ],
            )?;
            tx.execute(
                "INSERT INTO sessions (token_hash, user, device, created_ms, seen_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
                params![
                    secret::hash(&token),
                    user.0,
                    device,
                    now_ms,
                    (now + LIFETIME).as_millisecond()
                ],
            )?;
            tx.execute(
                "UPDATE users
                 SET signed_in_ms = ?1
                 WHERE id = ?2",
                params![now_ms, user.0],
            )?;
            Ok(())
        })?;
        Ok(token)
    }

    /// The live session of a token.
    ///
    /// # Errors
    /// When the database fails.
    pub fn session(&self, token: &str, now: Timestamp) -> Result<Option<Session>, MetaError> {
        let db = self.db();
        let found = db
            .prepare_cached(
                "SELECT users.id, users.email, users.password_hash IS NOT NULL,
                     users.all_projects, sessions.id, sessions.seen_ms
                 FROM sessions
                 JOIN users ON users.id = sessions.user
                 WHERE sessions.token_hash = ?1
                 AND sessions.expires_ms > ?2
                 AND sessions.seen_ms > ?3
                 AND users.disabled_ms IS NULL",
            )?
            .query_row(
                params![
                    secret::hash(token),
                    now.as_millisecond(),
                    (now - IDLE).as_millisecond()
                ],
                |row| {
                    let user = user_of_row(row)?;
                    let session = Session {
                        id: row.get(4)?,
                        user,
                    };
                    Ok((session, row.get::<_, i64>(5)?))
                },
            )
            .optional()?;
        let Some((session, seen_ms)) = found else {
            return Ok(None);
        };
        if seen_ms < (now - SEEN_STEP).as_millisecond() {
            let noted = db.execute(
                "UPDATE sessions
                 SET seen_ms = ?1
                 WHERE id = ?2",
                params![now.as_millisecond(), session.id],
            );
            note_failure(noted);
        }
        Ok(Some(session))
    }

    /// The sessions of a user, last used first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<SessionLine>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, device, created_ms, seen_ms
             FROM sessions
             WHERE user = ?1
             AND expires_ms > ?2
             AND seen_ms > ?3
             ORDER BY seen_ms DESC, id DESC",
        )?;
        let idle_ms = (now - IDLE).as_millisecond();
        let lines = statement.query_map(params![user.0, now.as_millisecond(), idle_ms], |row| {
            Ok(SessionLine {
                id: row.get(0)?,
                device: row.get(1)?,
                created_ms: row.get(2)?,
                seen_ms: row.get(3)?,
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// Ends one session of a user; of nobody else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_session(&self, user: &User, id: i64, now: Timestamp) -> Result<(), MetaError> {
        self.write(|tx| {
            let ended = tx.execute(
                "DELETE FROM sessions
                 WHERE id = ?1
                 AND user = ?2",
                params![id, user.id.0],
            )?;
            if ended > 0 {
                let actor = Actor::User(user.email.clone());
                Entry::new(&actor, "session.end", &user.email).write(tx, now)?;
            }
            Ok(())
        })
    }

    /// Ends one session of a member of a project; one that ended meanwhile is no failure.
    ///
    /// # Errors
    /// `Unknown` for somebody who is no member, `Invalid` for an account `by` has no say over.
    pub fn end_session_of_member(
        &self,
        (project, user): (ProjectNumber, UserId),
        id: i64,
        by: &User,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let member = read_user(tx, user)?;
            members::require_say(tx, by, project, &member)?;
            let ended = tx.execute(
                "DELETE FROM sessions
                 WHERE id = ?1
                 AND user = ?2",
                params![id, user.0],
            )?;
            if ended > 0 {
                let actor = Actor::User(by.email.clone());
                Entry::new(&actor, "session.end", &member.email)
                    .of(project)
                    .write(tx, now)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::meta::people::Role;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    const DAY: i64 = 86_400;

    #[test]
    fn a_session_lives_until_it_expires_idles_or_is_ended() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let token = meta
            .open_session(user.id, "Firefox / Linux", None, at(0))
            .unwrap();
        let alive = |seconds| meta.session(&token, at(seconds)).unwrap().is_some();
        assert!(alive(1));
        assert!(meta.session("guess", at(1)).unwrap().is_none());
        for day in [10, 20, 29] {
            assert!(alive(day * DAY), "kept alive by use, day {day}");
        }
        assert!(!alive(31 * DAY), "thirty days are the end");
        let idle = meta.open_session(user.id, "", None, at(0)).unwrap();
        assert!(meta.session(&idle, at(15 * DAY)).unwrap().is_none());
    }

    #[test]
    fn a_session_ends_only_for_its_own_user_and_at_rotation() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let other = member(&meta, "c@d.example", "one", Role::Viewer);
        let token = meta.open_session(user.id, "", None, at(0)).unwrap();
        let session = meta.session(&token, at(1)).unwrap().unwrap();
        meta.end_session(&other, session.id, at(1)).unwrap();
        assert!(meta.session(&token, at(1)).unwrap().is_some());
        let next = meta.open_session(user.id, "", Some(&token), at(2)).unwrap();
        assert!(meta.session(&token, at(3)).unwrap().is_none());
        let rest = meta.sessions_of(user.id, at(3)).unwrap();
        assert_eq!(rest.len(), 1);
        meta.end_session(&user, rest[0].id, at(3)).unwrap();
        assert!(meta.session(&next, at(3)).unwrap().is_none());
    }

    #[test]
    fn a_manager_ends_one_session_of_a_member_and_of_nobody_else() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        project(&meta, "Two");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let ines = member(&meta, "ines@a.example", "one", Role::Viewer);
        let both = member(&meta, "both@a.example", "one", Role::Viewer);
        member(&meta, "both@a.example", "two", Role::Viewer);
        let open = |user| {
            let token = meta.open_session(user, "", None, at(0)).unwrap();
            let id = meta.session(&token, at(1)).unwrap().unwrap().id;
            (token, id)
        };
        let (lost, here, foreign) = (open(ines.id), open(ines.id), open(both.id));
        let end = |user, id| meta.end_session_of_member((one, user), id, &mara, at(2));
        end(ines.id, lost.1).unwrap();
        end(ines.id, lost.1).unwrap();
        // Under the wrong name it stays.
        end(ines.id, foreign.1).unwrap();
        assert!(end(both.id, foreign.1).is_err());
        let alive = |token: &str| meta.session(token, at(3)).unwrap().is_some();
        assert!(!alive(&lost.0) && alive(&here.0) && alive(&foreign.0));
        let log = meta.audit_log(Some(one), 9).unwrap();
        let ended = log.iter().filter(|line| line.action == "session.end");
        let ended: Vec<_> = ended.map(|line| line.subject.as_str()).collect();
        assert_eq!(ended, ["ines@a.example"]);
    }

    #[test]
    fn a_new_password_ends_the_other_sessions() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let here = meta.open_session(user.id, "", None, at(0)).unwrap();
        let there = meta.open_session(user.id, "", None, at(0)).unwrap();
        let session = meta.session(&here, at(1)).unwrap().unwrap();
        meta.change_password(&user, "hash", session.id, at(1))
            .unwrap();
        assert!(
            meta.session(&here, at(2))
                .unwrap()
                .unwrap()
                .user
                .has_password
        );
        assert!(meta.session(&there, at(2)).unwrap().is_none());
    }
}
