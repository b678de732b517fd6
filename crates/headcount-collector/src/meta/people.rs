//! Users and what each may do in which project. Knows nothing of sessions and pages.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::audit::{Actor, Entry};
use super::{Meta, MetaError, projects};
use crate::store::ProjectNumber;

/// The longest address that mail can be sent to.
const EMAIL_BYTES: usize = 254;

/// Sessions are numbered from 1.
const NO_SESSION: i64 = 0;

/// Number of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub i64);

/// What a member may do in a project; the table is in `access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads everything and changes settings.
    Manager,
    /// Reads everything.
    Viewer,
    /// Reads what concerns the namespaces of own apps.
    Author,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Manager, Self::Viewer, Self::Author];

    /// The word used on the command line and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Viewer => "viewer",
            Self::Author => "author",
        }
    }

    /// The role with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub has_password: bool,
    /// Manager of every project, also of those made later.
    pub all_projects: bool,
}

/// A user's place in one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub role: Role,
    /// Apps an author may see; empty for the other roles.
    pub namespaces: Vec<String>,
}

/// A project a user may open, for lists and menus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectOfUser {
    pub number: ProjectNumber,
    pub slug: String,
    pub name: String,
    pub membership: Membership,
    /// Whether it has a public page.
    pub is_public: bool,
}

/// Who to let into a project.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub email: String,
    /// Slug of the project.
    pub project: String,
    pub role: Role,
    pub namespaces: Vec<String>,
    /// From `password::hash`; without it the user signs in by link.
    pub password_hash: Option<String>,
}

impl Meta {
    /// Lets somebody into a project, making the user where the address is new. For a member it
    /// sets role, namespaces and (if given) password anew: the way back in for who lost a password.
    /// A new password ends all sessions of the user.
    ///
    /// # Errors
    /// `Unknown` for the project, `Invalid` for an unusable address, or namespaces that do not fit
    /// the role.
    pub fn create_user(
        &self,
        new: &NewMember,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<User, MetaError> {
        let email = checked_email(&new.email)?;
        check_namespaces(new.role, &new.namespaces)?;
        self.write(|tx| {
            let project = projects::number_of(tx, &new.project)?
                .ok_or_else(|| projects::unknown(&new.project))?;
            let id = insert_user(tx, email, now)?;
            if let Some(hash) = &new.password_hash {
                set_password_hash(tx, id, hash)?;
                end_sessions_but(tx, id, NO_SESSION)?;
            }
            put_member(tx, id, project, now, new)?;
            let subject = format!("{email}: {}", new.role.word());
            Entry::new(actor, "member.set", &subject)
                .of(project)
                .write(tx, now)?;
            read_user(tx, id)
        })
    }

    /// User and password hash for an e-mail address; `None` when there is none or it is disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub fn credentials(&self, email: &str) -> Result<Option<(User, Option<String>)>, MetaError> {
        let db = self.db();
        let found = db
            .prepare_cached(
                "SELECT id, password_hash
                 FROM users
                 WHERE email = ?1
                 AND disabled_ms IS NULL",
            )?
            .query_row([email.trim()], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
            .optional()?;
        found
            .map(|(id, hash)| Ok((read_user(&db, id)?, hash)))
            .transpose()
    }

    /// Replaces a password, ends every session of the user but `keep`, and voids unused links.
    ///
    /// # Errors
    /// When the database fails.
    pub fn change_password(
        &self,
        user: &User,
        hash: &str,
        keep_session: i64,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            set_password_hash(tx, user.id, hash)?;
            end_sessions_but(tx, user.id, keep_session)?;
            Entry::new(
                &Actor::User(user.email.clone()),
                "password.change",
                &user.email,
            )
            .write(tx, now)
        })
    }

    /// Gives a user another e-mail address.
    ///
    /// # Errors
    /// `Invalid` when the address cannot be used or belongs to somebody else.
    pub fn change_email(&self, user: &User, email: &str, now: Timestamp) -> Result<(), MetaError> {
        let email = checked_email(email)?;
        self.write(|tx| {
            let taken: bool = tx.query_row(
                "SELECT EXISTS (
                     SELECT 1
                     FROM users
                     WHERE email = ?1
                     AND id <> ?2
                 )",
                params![email, user.id.0],
                |row| row.get(0),
            )?;
            if taken {
                let text = "another account has that e-mail address";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            tx.execute(
                "UPDATE users
                 SET email = ?1
                 WHERE id = ?2",
                params![email, user.id.0],
            )?;
            Entry::new(&Actor::User(user.email.clone()), "email.change", email).write(tx, now)
        })
    }

    /// What a user may do in a project; `None` when they are no member.
    ///
    /// # Errors
    /// When the database fails.
    pub fn membership(
        &self,
        user: &User,
        project: ProjectNumber,
    ) -> Result<Option<Membership>, MetaError> {
        let mut of_user = self.projects_of(user)?;
        of_user.retain(|of_user| of_user.number == project);
        Ok(of_user.pop().map(|of_user| of_user.membership))
    }

    /// The projects a user may open, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn projects_of(&self, user: &User) -> Result<Vec<ProjectOfUser>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT projects.number, projects.slug, projects.name, members.role,
                EXISTS (SELECT 1 FROM publications WHERE project = projects.number)
             FROM projects
             LEFT JOIN members ON members.project = projects.number
             AND members.user = ?1
             WHERE projects.closed_ms IS NULL
             AND (?2 OR members.role IS NOT NULL)
             ORDER BY projects.name COLLATE NOCASE, projects.number",
        )?;
        let mut rows = statement.query(params![user.id.0, user.all_projects])?;
        let mut projects = Vec::new();
        while let Some(row) = rows.next()? {
            let number = ProjectNumber(row.get(0)?);
            let role = role_of(user, row.get(3)?)?;
            let namespaces = match role {
                Role::Author => namespaces_of(&db, user.id, number)?,
                Role::Manager | Role::Viewer => Vec::new(),
            };
            projects.push(ProjectOfUser {
                number,
                slug: row.get(1)?,
                name: row.get(2)?,
                membership: Membership { role, namespaces },
                is_public: row.get(4)?,
            });
        }
        Ok(projects)
    }
}

pub(super) fn read_user(db: &Connection, id: UserId) -> Result<User, MetaError> {
    Ok(db
        .prepare_cached(
            "SELECT id, email, password_hash IS NOT NULL, all_projects
             FROM users
             WHERE id = ?1",
        )?
        .query_row([id.0], user_of_row)?)
}

/// Reads id, email, has_password and all_projects from the first four columns.
pub(super) fn user_of_row(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        email: row.get(1)?,
        has_password: row.get(2)?,
        all_projects: row.get(3)?,
    })
}

/// The user with that address, made where there is none.
pub(super) fn insert_user(
    tx: &Connection,
    email: &str,
    now: Timestamp,
) -> Result<UserId, MetaError> {
    tx.execute(
        "INSERT INTO users (email, created_ms)
         VALUES (?1, ?2)
         ON CONFLICT (email) DO NOTHING",
        params![email, now.as_millisecond()],
    )?;
    Ok(tx.query_row(
        "SELECT id
         FROM users
         WHERE email = ?1",
        [email],
        |row| row.get(0).map(UserId),
    )?)
}

/// A new password voids links that were sent before it.
fn set_password_hash(tx: &Connection, user: UserId, hash: &str) -> Result<(), MetaError> {
    tx.execute(
        "UPDATE users
         SET password_hash = ?1
         WHERE id = ?2",
        params![hash, user.0],
    )?;
    tx.execute(
        "DELETE FROM links
         WHERE user = ?1",
        [user.0],
    )?;
    Ok(())
}

pub(super) fn end_sessions_but(tx: &Connection, user: UserId, kept: i64) -> Result<(), MetaError> {
    tx.execute(
        "DELETE FROM sessions
         WHERE user = ?1
         AND id <> ?2",
        params![user.0, kept],
    )?;
    Ok(())
}

pub(super) fn put_member(
    tx: &Connection,
    user: UserId,
    project: ProjectNumber,
    now: Timestamp,
    new: &NewMember,
) -> Result<(), MetaError> {
    tx.execute(
        "INSERT INTO members (user, project, role, created_ms)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (user, project) DO UPDATE
         SET role = excluded.role",
        params![user.0, project.0, new.role.word(), now.as_millisecond()],
    )?;
    tx.execute(
        "DELETE FROM member_namespaces
         WHERE user = ?1
         AND project = ?2",
        params![user.0, project.0],
    )?;
    for namespace in &new.namespaces {
        tx.execute(
            "INSERT INTO member_namespaces (user, project, namespace)
             VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![user.0, project.0, namespace.trim()],
        )?;
    }
    Ok(())
}

fn role_of(user: &User, word: Option<String>) -> Result<Role, MetaError> {
    if user.all_projects {
        return Ok(Role::Manager);
    }
    let word = word.unwrap_or_default();
    Role::of_word(&word).ok_or(MetaError::Unknown {
        what: "role",
        value: word,
    })
}

pub(super) fn namespaces_of(
    db: &Connection,
    user: UserId,
    project: ProjectNumber,
) -> Result<Vec<String>, MetaError> {
    let mut statement = db.prepare_cached(
        "SELECT namespace
         FROM member_namespaces
         WHERE user = ?1
         AND project = ?2
         ORDER BY namespace",
    )?;
    let namespaces = statement.query_map(params![user.0, project.0], |row| row.get(0))?;
    Ok(namespaces.collect::<Result<_, _>>()?)
}

pub(super) fn checked_email(email: &str) -> Result<&str, MetaError> {
    let email = email.trim();
    let parts = email.split_once('@');
    let usable = email.len() <= EMAIL_BYTES
        && !email.chars().any(|c| c.is_control() || c.is_whitespace())
        && parts.is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !host.contains('@')
        });
    usable.then_some(email).ok_or_else(|| {
        MetaError::Invalid(format!(
            "{email:?} is no e-mail address like name@host.example"
        ))
    })
}

pub(super) fn check_namespaces(role: Role, namespaces: &[String]) -> Result<(), MetaError> {
    if namespaces
        .iter()
        .any(|namespace| namespace.trim().is_empty())
    {
        return Err(MetaError::Invalid("a namespace is not empty".to_owned()));
    }
    match (role, namespaces.is_empty()) {
        (Role::Manager | Role::Viewer, false) => Err(MetaError::Invalid(format!(
            "a {} sees every namespace: namespaces are for authors",
            role.word()
        ))),
        // An author without one sees nothing yet, and can prove an app to be theirs.
        (Role::Author, _) | (Role::Manager | Role::Viewer, true) => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    /// Lets `email` into `project` as `role`, authors with the namespace `memberaudit`.
    pub(crate) fn member(meta: &Meta, email: &str, project: &str, role: Role) -> User {
        let namespaces = match role {
            Role::Author => vec!["memberaudit".to_owned()],
            Role::Manager | Role::Viewer => Vec::new(),
        };
        let new = NewMember {
            email: email.to_owned(),
            project: project.to_owned(),
            role,
            namespaces,
            password_hash: None,
        };
        meta.create_user(&new, &Actor::CommandLine, at(0)).unwrap()
    }

    #[test]
    fn each_project_has_its_own_role() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let two = project(&meta, "Two");
        project(&meta, "Three");
        let user = member(&meta, "ines@a.example", "one", Role::Viewer);
        let same = member(&meta, "INES@a.example", "two", Role::Author);
        assert_eq!(user, same);
        let projects = meta.projects_of(&user).unwrap();
        let slugs: Vec<_> = projects.iter().map(|p| p.slug.as_str()).collect();
        assert_eq!(slugs, ["one", "two"]);
        let role = |number| meta.membership(&user, number).unwrap().unwrap();
        assert_eq!(role(one.number).role, Role::Viewer);
        assert_eq!(role(two.number).namespaces, ["memberaudit"]);
        member(&meta, "ines@a.example", "two", Role::Manager);
        assert_eq!(role(two.number).role, Role::Manager);
        assert!(role(two.number).namespaces.is_empty());
    }

    #[test]
    fn unusable_people_are_refused_with_the_reason() {
        let (_dir, meta) = temporary();
        project(&meta, "One");
        let new = |email: &str, role, namespaces: &[&str]| NewMember {
            email: email.to_owned(),
            project: "one".to_owned(),
            role,
            namespaces: namespaces.iter().map(|&n| n.to_owned()).collect(),
            password_hash: None,
        };
        let elsewhere = NewMember {
            project: "two".to_owned(),
            ..new("a@b.example", Role::Viewer, &[])
        };
        let cases = [
            (new("nobody", Role::Viewer, &[]), "no e-mail address"),
            (new("a b@c", Role::Viewer, &[]), "no e-mail address"),
            (
                new("a@b.example", Role::Viewer, &["x"]),
                "sees every namespace",
            ),
            (new("a@b.example", Role::Author, &[" "]), "is not empty"),
            (elsewhere, "no project two"),
        ];
        for (new, message) in cases {
            let error = meta
                .create_user(&new, &Actor::CommandLine, at(0))
                .unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
        assert_eq!(meta.credentials("a@b.example").unwrap(), None);
    }
}
