//! The audit log: who changed what and when. Entries are only ever added; no secrets in them.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Meta, MetaError};
use crate::erase::BY_INSTALL;
use crate::store::{Forget, ProjectNumber};

/// Who makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with access to the data folder.
    CommandLine,
    /// The server by itself.
    Server,
    /// A signed-in user, by e-mail address.
    User(String),
}

impl Actor {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::CommandLine => "command line",
            Self::Server => "server",
            Self::User(email) => email,
        }
    }
}

/// One line of the log as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    pub at_ms: i64,
    pub actor: String,
    /// `subject.verb`, as in `project.create`.
    pub action: String,
    /// What was changed: a slug, an e-mail address, a token's name.
    pub subject: String,
}

/// One line of the log to be written in the transaction of its change.
pub(super) struct Entry<'a> {
    actor: &'a Actor,
    action: &'static str,
    subject: &'a str,
    project: Option<ProjectNumber>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(actor: &'a Actor, action: &'static str, subject: &'a str) -> Self {
        Self {
            actor,
            action,
            subject,
            project: None,
        }
    }

    pub(super) fn of(mut self, project: ProjectNumber) -> Self {
        self.project = Some(project);
        self
    }

    pub(super) fn write(&self, tx: &Connection, now: Timestamp) -> Result<(), MetaError> {
        tx.prepare_cached(
            "INSERT INTO audit (at_ms, actor, action, project, subject)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            now.as_millisecond(),
            self.actor.text(),
            self.action,
            self.project.map(|project| project.0),
            self.subject,
        ])?;
        Ok(())
    }
}

impl Meta {
    /// Writes down that an install was erased, under its receipt: its name is nobody's business.
    /// Writing the same down again changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_erasure(&self, forget: &Forget, now_ms: i64) -> Result<(), MetaError> {
        let action = if forget.asked_by == BY_INSTALL {
            "install.forget"
        } else {
            "install.erase"
        };
        let subject = format!("{} events, receipt {}", forget.events, forget.receipt);
        self.db()
            .prepare_cached(
                "INSERT INTO audit (at_ms, actor, action, project, subject)
                 SELECT ?1, ?2, ?3, ?4, ?5
                 WHERE NOT EXISTS (
                     SELECT 1
                     FROM audit
                     WHERE project = ?4
                     AND action = ?3
                     AND subject = ?5
                 )",
            )?
            .execute(params![
                now_ms,
                forget.asked_by,
                action,
                forget.project.0,
                subject
            ])?;
        Ok(())
    }

    /// The newest `limit` changes of a project, or of everything, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_log(
        &self,
        project: Option<ProjectNumber>,
        limit: u32,
    ) -> Result<Vec<AuditLine>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT at_ms, actor, action, subject
             FROM audit
             WHERE ?1 IS NULL
             OR project = ?1
             ORDER BY id DESC
             LIMIT ?2",
        )?;
        let number = project.map(|project| project.0);
        let lines = statement.query_map(params![number, limit], |row| {
            Ok(AuditLine {
                at_ms: row.get(0)?,
                actor: row.get(1)?,
                action: row.get(2)?,
                subject: row.get(3)?,
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

/// Which lines of the log to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only lines whose actor, action or subject has this text in it; everything when empty.
    pub text: String,
    /// Only lines older than the one with this id.
    pub before: Option<i64>,
}

impl Meta {
    /// A page of a project's log, newest first, at most `limit` lines; with the id of each.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_page(
        &self,
        project: ProjectNumber,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<(i64, AuditLine)>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, at_ms, actor, action, subject
             FROM audit
             WHERE project = ?1
             AND (?2 IS NULL OR id < ?2)
             AND (?3 = ''
                 OR instr(lower(actor), ?3)
                 OR instr(lower(action), ?3)
                 OR instr(lower(subject), ?3))
             ORDER BY id DESC
             LIMIT ?4",
        )?;
        let text = filter.text.trim().to_lowercase();
        let lines = statement.query_map(params![project.0, filter.before, text, limit], |row| {
            let line = AuditLine {
                at_ms: row.get(1)?,
                actor: row.get(2)?,
                action: row.get(3)?,
                subject: row.get(4)?,
            };
            Ok((row.get(0)?, line))
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn a_change_is_written_down_with_who_what_and_when() {
        let (_dir, meta) = temporary();
        let first = project(&meta, "First");
        project(&meta, "Second");
        let log = meta.audit_log(Some(first.number), 10).unwrap();
        let line = AuditLine {
            at_ms: at(0).as_millisecond(),
            actor: "command line".to_owned(),
            action: "project.create".to_owned(),
            subject: "first".to_owned(),
        };
        assert_eq!(log, vec![line]);
        assert_eq!(meta.audit_log(None, 10).unwrap().len(), 2);
    }

    #[test]
    fn a_page_of_the_log_is_searched_and_read_on() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let mara = Actor::User("mara@a.example".to_owned());
        for name in ["First", "Second", "Third"] {
            meta.rename_project(one.number, name, &mara, at(1)).unwrap();
        }
        let page = |text: &str, before| {
            let text = text.to_owned();
            let filter = AuditFilter { text, before };
            meta.audit_page(one.number, &filter, 2).unwrap()
        };
        let subjects = |lines: &[(i64, AuditLine)]| -> Vec<String> {
            lines.iter().map(|(_, line)| line.subject.clone()).collect()
        };
        let newest = page("", None);
        assert_eq!(subjects(&newest), ["Third", "Second"]);
        let older = page("", Some(newest[1].0));
        assert_eq!(subjects(&older), ["First", "one"]);
        assert_eq!(subjects(&page("RENAME", Some(newest[1].0))), ["First"]);
        assert_eq!(subjects(&page("command", None)), ["one"]);
        assert!(page("%", None).is_empty());
    }
}
