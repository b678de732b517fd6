//! The people of a project as its managers see them: letting in, changing, letting out.
//!
//! A manager of one project must not come into others through its members. So sign-in links and the
//! ends of sessions are only for accounts that are in no project beyond those the manager manages.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::people::{Membership, NewMember, Role, User, UserId};
use super::people::{check_namespaces, checked_email, namespaces_of, put_member, read_user};
use super::people::{end_sessions_but, insert_user};
use super::{Meta, MetaError, links, projects};
use crate::store::ProjectNumber;

/// Sessions are numbered from 1.
const NO_SESSION: i64 = 0;

/// Somebody who may open a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub user: User,
    pub membership: Membership,
    /// When one of their sessions was last used.
    pub seen_ms: Option<i64>,
    /// Whether they have ever signed in.
    pub was_here: bool,
    /// Whether they are asked for a second factor.
    pub second_factor: bool,
}

/// What letting somebody in came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    pub user: User,
    /// Token of a one-time link; `None` for an account that the manager has no say over, whose owner
    /// signs in as always.
    pub link: Option<String>,
}

impl Meta {
    /// Everybody who may open a project, managers of all projects first, then by address.
    ///
    /// # Errors
    /// When the database fails.
    pub fn members_of(&self, project: ProjectNumber) -> Result<Vec<Member>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT users.id
             FROM users
             LEFT JOIN members ON members.user = users.id
             AND members.project = ?1
             WHERE users.disabled_ms IS NULL
             AND (users.all_projects OR members.role IS NOT NULL)
             ORDER BY users.all_projects DESC, users.email",
        )?;
        let ids = statement.query_map([project.0], |row| row.get(0).map(UserId))?;
        ids.map(|id| read_member(&db, project, id?)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// `Unknown` when the user is not in the project.
    pub fn member(&self, project: ProjectNumber, user: UserId) -> Result<Member, MetaError> {
        read_member(&self.db(), project, user)
    }

    /// Lets somebody into a project, or changes what a member may do; makes a one-time link where
    /// `by` has a say over the account.
    ///
    /// # Errors
    /// `Invalid` for an unusable address, namespaces that do not fit, or when no manager would be left.
    pub fn invite(&self, new: &NewMember, by: &User, now: Timestamp) -> Result<Invited, MetaError> {
        let email = checked_email(&new.email)?;
        check_namespaces(new.role, &new.namespaces)?;
        let actor = Actor::User(by.email.clone());
        self.write(|tx| {
            let project = projects::number_of(tx, &new.project)?
                .ok_or_else(|| projects::unknown(&new.project))?;
            let id = insert_user(tx, email, now)?;
            put_member(tx, id, project, now, new)?;
            keep_a_manager(tx, project)?;
            Entry::new(&actor, "member.invite", &told(email, new))
                .of(project)
                .write(tx, now)?;
            let link = if governs(tx, by, id)? && id != by.id {
                Some(links::insert_link(tx, id, now)?)
            } else {
                None
            };
            let user = read_user(tx, id)?;
            Ok(Invited { user, link })
        })
    }

    /// Changes role and namespaces of a member.
    ///
    /// # Errors
    /// `Unknown` for somebody who is no member, `Invalid` for namespaces that do not fit the role, or
    /// when no manager would be left.
    pub fn change_member(
        &self,
        (project, user): (ProjectNumber, UserId),
        membership: &Membership,
        by: &User,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        check_namespaces(membership.role, &membership.namespaces)?;
        self.write(|tx| {
            let member = read_user(tx, user)?;
            require_row(tx, project, &member)?;
            let new = NewMember {
                email: member.email.clone(),
                project: String::new(),
                role: membership.role,
                namespaces: membership.namespaces.clone(),
                password_hash: None,
            };
            put_member(tx, user, project, now, &new)?;
            keep_a_manager(tx, project)?;
            let actor = Actor::User(by.email.clone());
            Entry::new(&actor, "member.set", &told(&member.email, &new))
                .of(project)
                .write(tx, now)
        })
    }

    /// Lets a member out of a project. The account stays, without this project.
    ///
    /// # Errors
    /// `Unknown` for somebody who is no member, `Invalid` when no manager would be left.
    pub fn remove_member(
        &self,
        (project, user): (ProjectNumber, UserId),
        by: &User,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let member = read_user(tx, user)?;
            require_row(tx, project, &member)?;
            for table in ["claims", "saved_views", "members"] {
                tx.execute(
                    &format!(
                        "DELETE FROM {table}
                         WHERE user = ?1
                         AND project = ?2"
                    ),
                    params![user.0, project.0],
                )?;
            }
            keep_a_manager(tx, project)?;
            let actor = Actor::User(by.email.clone());
            Entry::new(&actor, "member.remove", &member.email)
                .of(project)
                .write(tx, now)
        })
    }

    /// A new one-time link for a member.
    ///
    /// # Errors
    /// `Unknown` for somebody who is no member, `Invalid` for an account `by` has no say over.
    pub fn link_for_member(
        &self,
        (project, user): (ProjectNumber, UserId),
        by: &User,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        self.write(|tx| {
            let member = read_user(tx, user)?;
            require_say(tx, by, project, &member)?;
            let actor = Actor::User(by.email.clone());
            Entry::new(&actor, "link.issue", &member.email)
                .of(project)
                .write(tx, now)?;
            links::insert_link(tx, user, now)
        })
    }

    /// Ends every session of a member.
    ///
    /// # Errors
    /// `Unknown` for somebody who is no member, `Invalid` for an account `by` has no say over.
    pub fn end_sessions_of_member(
        &self,
        (project, user): (ProjectNumber, UserId),
        by: &User,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let member = read_user(tx, user)?;
            require_say(tx, by, project, &member)?;
            end_sessions_but(tx, user, NO_SESSION)?;
            let actor = Actor::User(by.email.clone());
            Entry::new(&actor, "session.end_all", &member.email)
                .of(project)
                .write(tx, now)
        })
    }

    /// Whether `by` may act for the account: it is in no project that `by` does not manage.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_say_over(&self, by: &User, user: UserId) -> Result<bool, MetaError> {
        governs(&self.db(), by, user)
    }
}

fn told(email: &str, new: &NewMember) -> String {
    let role = new.role.word();
    if new.namespaces.is_empty() {
        return format!("{email}: {role}");
    }
    format!("{email}: {role} of {}", new.namespaces.join(", "))
}

fn read_member(db: &Connection, project: ProjectNumber, user: UserId) -> Result<Member, MetaError> {
    let unknown = || MetaError::Unknown {
        what: "member",
        value: user.0.to_string(),
    };
    let found: Option<(Option<String>, Option<i64>, bool, bool)> = db
        .prepare_cached(
            "SELECT members.role,
                 (SELECT max(seen_ms) FROM sessions WHERE sessions.user = users.id),
                 users.signed_in_ms IS NOT NULL,
                 EXISTS (
                     SELECT 1
                     FROM second_factors
                     WHERE second_factors.user = users.id
                     AND confirmed_ms IS NOT NULL
                 )
             FROM users
             LEFT JOIN members ON members.user = users.id
             AND members.project = ?2
             WHERE users.id = ?1
             AND (users.all_projects OR members.role IS NOT NULL)",
        )?
        .query_row(params![user.0, project.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let (word, seen_ms, was_here, second_factor) = found.ok_or_else(unknown)?;
    let account = read_user(db, user)?;
    let role = match word {
        _ if account.all_projects => Role::Manager,
        Some(word) => Role::of_word(&word).ok_or_else(unknown)?,
        None => return Err(unknown()),
    };
    let namespaces = match role {
        Role::Author => namespaces_of(db, user, project)?,
        Role::Manager | Role::Viewer => Vec::new(),
    };
    Ok(Member {
        user: account,
        membership: Membership { role, namespaces },
        seen_ms,
        was_here,
        second_factor,
    })
}

/// Managers of every project have no place in a single one that could be changed.
fn require_row(tx: &Connection, project: ProjectNumber, member: &User) -> Result<(), MetaError> {
    let there: bool = tx.query_row(
        "SELECT EXISTS (
             SELECT 1
             FROM members
             WHERE user = ?1
             AND project = ?2
         )",
        params![member.id.0, project.0],
        |row| row.get(0),
    )?;
    if there && !member.all_projects {
        return Ok(());
    }
    Err(MetaError::Unknown {
        what: "member",
        value: member.email.clone(),
    })
}

pub(super) fn require_say(
    tx: &Connection,
    by: &User,
    project: ProjectNumber,
    member: &User,
) -> Result<(), MetaError> {
    require_row(tx, project, member)?;
    if governs(tx, by, member.id)? {
        return Ok(());
    }
    let text = "the account is also in projects that you do not manage: its owner can do this";
    Err(MetaError::Invalid(text.to_owned()))
}

fn governs(db: &Connection, by: &User, user: UserId) -> Result<bool, MetaError> {
    if by.all_projects {
        return Ok(true);
    }
    Ok(db
        .prepare_cached(
            "SELECT NOT all_projects
             AND NOT EXISTS (
                 SELECT 1
                 FROM members AS theirs
                 WHERE theirs.user = users.id
                 AND NOT EXISTS (
                     SELECT 1
                     FROM members AS own
                     WHERE own.user = ?1
                     AND own.project = theirs.project
                     AND own.role = 'manager'
                 )
             )
             FROM users
             WHERE id = ?2",
        )?
        .query_row(params![by.id.0, user.0], |row| row.get(0))?)
}

/// Fails, and with it the change, when nobody could manage the project any more.
fn keep_a_manager(tx: &Connection, project: ProjectNumber) -> Result<(), MetaError> {
    let kept: bool = tx.query_row(
        "SELECT EXISTS (
             SELECT 1
             FROM users
             LEFT JOIN members ON members.user = users.id
             AND members.project = ?1
             WHERE users.disabled_ms IS NULL
             AND (users.all_projects OR members.role = 'manager')
         )",
        [project.0],
        |row| row.get(0),
    )?;
    if kept {
        return Ok(());
    }
    let text = "a project keeps at least one manager: make somebody else one first";
    Err(MetaError::Invalid(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    fn new(email: &str, role: Role, namespaces: &[&str]) -> NewMember {
        NewMember {
            email: email.to_owned(),
            project: "one".to_owned(),
            role,
            namespaces: namespaces.iter().map(|&n| n.to_owned()).collect(),
            password_hash: None,
        }
    }

    #[test]
    fn somebody_new_gets_a_link_and_a_place() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let erik = new("erik@a.example", Role::Author, &["memberaudit", "srp"]);
        let invited = meta.invite(&erik, &mara, at(1)).unwrap();
        let link = invited.link.unwrap();
        let found = meta.use_link(&link, at(2)).unwrap().unwrap();
        assert_eq!(found.email, "erik@a.example");
        let members = meta.members_of(one.number).unwrap();
        let lines: Vec<_> = members
            .iter()
            .map(|m| (m.user.email.as_str(), m.membership.role, m.was_here))
            .collect();
        assert_eq!(
            lines,
            [
                ("erik@a.example", Role::Author, false),
                ("mara@a.example", Role::Manager, false)
            ]
        );
        assert_eq!(members[0].membership.namespaces, ["memberaudit", "srp"]);
        let log = meta.audit_log(Some(one.number), 1).unwrap();
        assert_eq!(log[0].actor, "mara@a.example");
        assert_eq!(log[0].subject, "erik@a.example: author of memberaudit, srp");
    }

    #[test]
    fn a_manager_comes_into_no_other_project_through_its_members() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        project(&meta, "Two");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let ines = member(&meta, "ines@a.example", "two", Role::Manager);
        let first = meta.first_manager_link(at(0)).unwrap().unwrap();
        let owner = meta.use_link(&first, at(0)).unwrap().unwrap();
        // Letting them in gives no link to their accounts, and none can be made later.
        for email in [&ines.email, &owner.email] {
            let invited = meta.invite(&new(email, Role::Viewer, &[]), &mara, at(1));
            assert_eq!(invited.unwrap().link, None, "{email}");
        }
        for user in [ines.id, owner.id] {
            let place = (one.number, user);
            assert!(meta.link_for_member(place, &mara, at(2)).is_err());
            assert!(meta.end_sessions_of_member(place, &mara, at(2)).is_err());
        }
        // Who manages everything may.
        let place = (one.number, ines.id);
        assert!(meta.link_for_member(place, &owner, at(2)).is_ok());
        // Somebody who is in both, managed by the same person, is no stranger.
        member(&meta, "mara@a.example", "two", Role::Manager);
        assert!(meta.link_for_member(place, &mara, at(3)).is_ok());
        let nobody = (one.number, UserId(999));
        assert!(meta.member(one.number, nobody.1).is_err());
    }

    #[test]
    fn the_last_manager_stays() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let place = (one.number, mara.id);
        let viewer = Membership {
            role: Role::Viewer,
            namespaces: Vec::new(),
        };
        for refused in [
            meta.remove_member(place, &mara, at(1)),
            meta.change_member(place, &viewer, &mara, at(1)),
            meta.invite(&new("mara@a.example", Role::Viewer, &[]), &mara, at(1))
                .map(|_| ()),
        ] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("at least one manager"), "{text}");
        }
        let ines = member(&meta, "ines@a.example", "one", Role::Manager);
        meta.change_member(place, &viewer, &ines, at(2)).unwrap();
        meta.remove_member(place, &ines, at(3)).unwrap();
        assert_eq!(meta.members_of(one.number).unwrap().len(), 1);
        assert!(meta.remove_member(place, &ines, at(3)).is_err());
    }

    #[test]
    fn sessions_of_a_member_end() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let ines = member(&meta, "ines@a.example", "one", Role::Viewer);
        let token = meta.open_session(ines.id, "", None, at(0)).unwrap();
        meta.end_sessions_of_member((one.number, ines.id), &mara, at(1))
            .unwrap();
        assert!(meta.session(&token, at(1)).unwrap().is_none());
    }
}
