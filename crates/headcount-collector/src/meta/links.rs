//! One-time sign-in links. A link is kept as the hash of its token and deleted by its use.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::people::{User, UserId, insert_user, read_user};
use super::{Meta, MetaError, secret};

/// Long enough for an invitation to be read after a weekend.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// The account of the first manager until they give it their own address.
pub const FIRST_MANAGER: &str = "manager@localhost";

impl Meta {
    /// Makes a one-time link for a user and returns its token: the page is `/login/link/TOKEN`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn issue_link(
        &self,
        user: &User,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        self.write(|tx| {
            Entry::new(actor, "link.issue", &user.email).write(tx, now)?;
            insert_link(tx, user.id, now)
        })
    }

    /// Token of a link for the first manager, as long as no manager has ever signed in; an older
    /// one that was never used is void then. The account manages every project.
    ///
    /// # Errors
    /// When the database fails.
    pub fn first_manager_link(&self, now: Timestamp) -> Result<Option<String>, MetaError> {
        self.write(|tx| {
            let manager_was_here: bool = tx.query_row(
                "SELECT EXISTS (
                     SELECT 1
                     FROM users
                     LEFT JOIN members ON members.user = users.id
                     WHERE users.signed_in_ms IS NOT NULL
                     AND (users.all_projects OR members.role = 'manager')
                 )",
                [],
                |row| row.get(0),
            )?;
            if manager_was_here {
                return Ok(None);
            }
            let user = insert_user(tx, FIRST_MANAGER, now)?;
            tx.execute(
                "UPDATE users
                 SET all_projects = 1
                 WHERE id = ?1",
                [user.0],
            )?;
            tx.execute(
                "DELETE FROM links
                 WHERE user = ?1",
                [user.0],
            )?;
            Entry::new(&Actor::Server, "link.issue", FIRST_MANAGER).write(tx, now)?;
            insert_link(tx, user, now).map(Some)
        })
    }

    /// Whom a link would sign in; looking does not use it up.
    ///
    /// # Errors
    /// When the database fails.
    pub fn link_owner(&self, token: &str, now: Timestamp) -> Result<Option<User>, MetaError> {
        let db = self.db();
        let user = db
            .prepare_cached(
                "SELECT links.user
                 FROM links
                 JOIN users ON users.id = links.user
                 WHERE links.token_hash = ?1
                 AND links.expires_ms > ?2
                 AND users.disabled_ms IS NULL",
            )?
            .query_row(params![secret::hash(token), now.as_millisecond()], |row| {
                row.get(0).map(UserId)
            })
            .optional()?;
        user.map(|user| read_user(&db, user)).transpose()
    }

    /// Uses a link up and says whom it signs in. Of several calls at once exactly one gets the user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn use_link(&self, token: &str, now: Timestamp) -> Result<Option<User>, MetaError> {
        self.write(|tx| {
            let user = tx
                .query_row(
                    "DELETE FROM links
                     WHERE token_hash = ?1
                     AND expires_ms > ?2
                     AND user IN (
                         SELECT id
                         FROM users
                         WHERE disabled_ms IS NULL
                     )
                     RETURNING user",
                    params![secret::hash(token), now.as_millisecond()],
                    |row| row.get(0).map(UserId),
                )
                .optional()?;
            user.map(|user| read_user(tx, user)).transpose()
        })
    }
}

pub(super) fn insert_link(
    tx: &rusqlite::Connection,
    user: UserId,
    now: Timestamp,
) -> Result<String, MetaError> {
    tx.execute(
        "DELETE FROM links
         WHERE expires_ms <= ?1",
        [now.as_millisecond()],
    )?;
    let token = secret::token("")?;
    tx.execute(
        "INSERT INTO links (token_hash, user, created_ms, expires_ms)
         VALUES (?1, ?2, ?3, ?4)",
        params![
            secret::hash(&token),
            user.0,
            now.as_millisecond(),
            (now + LIFETIME).as_millisecond()
        ],
    )?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::Role;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn of_many_uses_at_once_one_succeeds() {
        let (dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        for _ in 0..5 {
            let token = meta.issue_link(&user, &Actor::CommandLine, at(0)).unwrap();
            assert_eq!(
                meta.link_owner(&token, at(1)).unwrap().as_ref(),
                Some(&user)
            );
            let used: usize = std::thread::scope(|scope| {
                let uses: Vec<_> = (0..8)
                    .map(|_| {
                        let path = dir.path().join("meta.sqlite");
                        let token = token.as_str();
                        scope.spawn(move || {
                            let own = Meta::open(&path).unwrap();
                            usize::from(own.use_link(token, at(1)).unwrap().is_some())
                        })
                    })
                    .collect();
                uses.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert_eq!(used, 1);
            assert_eq!(meta.link_owner(&token, at(1)).unwrap(), None);
        }
    }

    #[test]
    fn a_link_expires_and_a_new_password_voids_it() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let user = member(&meta, "a@b.example", "one", Role::Viewer);
        let old = meta.issue_link(&user, &Actor::CommandLine, at(0)).unwrap();
        let end = 72 * 3600;
        assert!(meta.link_owner(&old, at(end - 1)).unwrap().is_some());
        assert!(meta.use_link(&old, at(end)).unwrap().is_none());
        let void = meta.issue_link(&user, &Actor::CommandLine, at(0)).unwrap();
        meta.change_password(&user, "hash", 0, at(0)).unwrap();
        assert!(meta.use_link(&void, at(1)).unwrap().is_none());
    }

    #[test]
    fn the_first_manager_gets_links_until_a_manager_signs_in() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let viewer = member(&meta, "a@b.example", "one", Role::Viewer);
        meta.open_session(viewer.id, "", None, at(0)).unwrap();
        let lost = meta.first_manager_link(at(0)).unwrap().unwrap();
        let token = meta.first_manager_link(at(1)).unwrap().unwrap();
        assert!(meta.use_link(&lost, at(2)).unwrap().is_none());
        let user = meta.use_link(&token, at(2)).unwrap().unwrap();
        assert!(user.all_projects);
        let made_later = project(&meta, "Later");
        let membership = meta.membership(&user, made_later.number).unwrap().unwrap();
        assert_eq!(membership.role, Role::Manager);
        meta.open_session(user.id, "", None, at(3)).unwrap();
        assert_eq!(meta.first_manager_link(at(4)).unwrap(), None);
    }
}
