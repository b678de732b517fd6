//! Tokens for the reports API. A token is kept as its hash only and shown once.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::revoke::Revocable;
use super::{Meta, MetaError, note_failure, projects, secret};
use crate::store::ProjectNumber;

/// Finer than this nobody needs to know when a token was last used; each note costs a write.
const USED_STEP: SignedDuration = SignedDuration::from_mins(5);

const NAME_CHARACTERS: usize = 100;

/// What a report token may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reports only.
    Reports,
    /// Reports and raw exports.
    Export,
}

impl Scope {
    /// The word used on the command line and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reports => "reports",
            Self::Export => "export",
        }
    }

    /// All scopes, the narrower first.
    pub const ALL: [Self; 2] = [Self::Reports, Self::Export];

    /// The scope with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// A valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportToken {
    pub project: ProjectNumber,
    pub scope: Scope,
}

/// A token in the list of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLine {
    pub id: i64,
    pub name: String,
    pub scope: Scope,
    pub created_ms: i64,
    pub last_used_ms: Option<i64>,
}

/// The token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Slug of the project.
    pub project: String,
    pub name: String,
    pub scope: Scope,
}

impl Meta {
    /// Makes a token (`hcr_…`); this answer is the only place that ever shows it.
    ///
    /// # Errors
    /// `Unknown` for the project, `Invalid` for an unusable name.
    pub fn create_token(
        &self,
        new: &NewToken,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
            return Err(MetaError::Invalid(format!(
                "a token's name has 1 to {NAME_CHARACTERS} characters"
            )));
        }
        let token = secret::token("hcr_")?;
        self.write(|tx| {
            let project = projects::number_of(tx, &new.project)?
                .ok_or_else(|| projects::unknown(&new.project))?;
            tx.execute(
                "INSERT INTO report_tokens (token_hash, project, name, scope, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    secret::hash(&token),
                    project.0,
                    name,
                    new.scope.word(),
                    now.as_millisecond()
                ],
            )?;
            Entry::new(actor, "token.create", name)
                .of(project)
                .write(tx, now)
        })?;
        Ok(token)
    }

    /// The tokens of a project that are in use, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tokens_of(&self, project: ProjectNumber) -> Result<Vec<TokenLine>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, name, scope, created_ms, last_used_ms
             FROM report_tokens
             WHERE project = ?1
             AND revoked_ms IS NULL
             ORDER BY id DESC",
        )?;
        let mut rows = statement.query([project.0])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(TokenLine {
                id: row.get(0)?,
                name: row.get(1)?,
                scope: scope_of(row.get(2)?)?,
                created_ms: row.get(3)?,
                last_used_ms: row.get(4)?,
            });
        }
        Ok(lines)
    }

    /// Revokes a token of a project; it opens nothing any more.
    ///
    /// # Errors
    /// `Unknown` when the project has no such token in use.
    pub fn revoke_token(
        &self,
        project: ProjectNumber,
        id: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.revoke(Revocable::ReportToken, (project, id), (actor, now))
    }

    /// What a token may read; `None` when it is unknown or revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token(&self, token: &str, now: Timestamp) -> Result<Option<ReportToken>, MetaError> {
        let db = self.db();
        let found: Option<(i64, u32, String, i64)> = db
            .prepare_cached(
                "SELECT id, project, scope, coalesce(last_used_ms, 0)
                 FROM report_tokens
                 WHERE token_hash = ?1
                 AND revoked_ms IS NULL",
            )?
            .query_row([secret::hash(token)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((id, project, word, used_ms)) = found else {
            return Ok(None);
        };
        if used_ms < (now - USED_STEP).as_millisecond() {
            let noted = db.execute(
                "UPDATE report_tokens
                 SET last_used_ms = ?1
                 WHERE id = ?2",
                params![now.as_millisecond(), id],
            );
            note_failure(noted);
        }
        let scope = scope_of(word)?;
        let project = ProjectNumber(project);
        Ok(Some(ReportToken { project, scope }))
    }
}

fn scope_of(word: String) -> Result<Scope, MetaError> {
    Scope::of_word(&word).ok_or(MetaError::Unknown {
        what: "scope",
        value: word,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn a_token_opens_its_project_until_it_is_revoked() {
        let (_dir, meta) = temporary();
        let made = project(&meta, "One");
        let new = NewToken {
            project: "one".to_owned(),
            name: "nightly".to_owned(),
            scope: Scope::Export,
        };
        let token = meta.create_token(&new, &Actor::CommandLine, at(0)).unwrap();
        assert!(token.starts_with("hcr_"));
        let opened = ReportToken {
            project: made.number,
            scope: Scope::Export,
        };
        assert_eq!(meta.token(&token, at(1)).unwrap(), Some(opened));
        assert_eq!(meta.token("hcr_guess", at(1)).unwrap(), None);
        let used: i64 = meta
            .db()
            .query_row("SELECT last_used_ms FROM report_tokens", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(used, at(1).as_millisecond());
        let lines = meta.tokens_of(made.number).unwrap();
        assert_eq!((lines.len(), lines[0].name.as_str()), (1, "nightly"));
        let other = project(&meta, "Two");
        let revoke = |of| meta.revoke_token(of, lines[0].id, &Actor::CommandLine, at(2));
        assert!(revoke(other.number).is_err());
        revoke(made.number).unwrap();
        assert!(revoke(made.number).is_err());
        assert_eq!(meta.token(&token, at(2)).unwrap(), None);
        assert!(meta.tokens_of(made.number).unwrap().is_empty());
    }
}
