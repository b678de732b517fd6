//! Accounts that a rule of the operator makes, for people whom nobody invited.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::audit::{Actor, Entry};
use super::people::{NewMember, Role, User, checked_email, insert_user, put_member, read_user};
use super::{Meta, MetaError, projects};

impl Meta {
    /// Lets an unknown address into a project as a viewer. An address that was ever known is left as it
    /// is: whoever was let out, or in with another role, stays so.
    ///
    /// # Errors
    /// `Unknown` for the project, `Invalid` for an unusable address.
    pub fn admit(
        &self,
        email: &str,
        project: &str,
        now: Timestamp,
    ) -> Result<Option<User>, MetaError> {
        let email = checked_email(email)?;
        self.write(|tx| {
            let number =
                projects::number_of(tx, project)?.ok_or_else(|| projects::unknown(project))?;
            let known: Option<i64> = tx
                .query_row("SELECT id FROM users WHERE email = ?1", [email], |row| {
                    row.get(0)
                })
                .optional()?;
            if known.is_some() {
                return Ok(None);
            }
            let new = NewMember {
                email: email.to_owned(),
                project: project.to_owned(),
                role: Role::Viewer,
                namespaces: Vec::new(),
                password_hash: None,
            };
            let id = insert_user(tx, email, now)?;
            put_member(tx, id, number, now, &new)?;
            Entry::new(&Actor::Server, "member.admit", email)
                .of(number)
                .write(tx, now)?;
            read_user(tx, id).map(Some)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn a_rule_lets_in_whom_nobody_ever_knew() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let user = meta.admit("ines@a.example", "one", at(0)).unwrap().unwrap();
        let projects = meta.projects_of(&user).unwrap();
        assert_eq!(projects[0].membership.role, Role::Viewer);
        meta.remove_member((one.number, user.id), &mara, at(1))
            .unwrap();
        assert_eq!(meta.admit("INES@a.example", "one", at(2)).unwrap(), None);
        assert_eq!(meta.admit("mara@a.example", "one", at(2)).unwrap(), None);
        assert!(meta.admit("x@a.example", "none", at(2)).is_err());
        assert!(meta.projects_of(&user).unwrap().is_empty());
    }
}
